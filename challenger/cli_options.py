"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]
Home = Annotated[Path | None, typer.Option(help="This challenger's own folder. [~/.tallystick/challenger]")]
Rpc = Annotated[str | None, typer.Option(help="URL of the chain's JSON-RPC endpoint.")]
Record = Annotated[Path | None, typer.Option(help="Deployment record that names the contracts.")]
StorePlace = Annotated[str | None, typer.Option(help="Where artifacts are: dir:/path or ipfs:/ip4/...")]
HotKey = Annotated[Path | None, typer.Option(help="An encrypted key; it needs gas money only.")]
Password = Annotated[Path | None, typer.Option(help="File with the keystore's password.")]
StakeWorth = Annotated[int | None, typer.Option(help="What one stake token is worth, in a unit of your own.")]
NativeWorth = Annotated[int | None, typer.Option(help="What one native coin is worth, in that unit.")]
MinProfit = Annotated[int | None, typer.Option(help="Least profit after costs, in that unit. [0]")]
MaxDemandFees = Annotated[str | None, typer.Option(help="Most fees for asking about one claim, in native coins. [0.1]")]
Commit = Annotated[str | None, typer.Option(help="Say first that a witness is coming: auto, always, never. [auto]")]
Backend = Annotated[str | None, typer.Option(help="numpy, or auto: the fastest that is exact here. [numpy]")]
