"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from executor.settings import ColdSettings
from tallystick.logs import configure_logging

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]
Home = Annotated[Path | None, typer.Option(help="This agent's own folder. [~/.tallystick/executor]")]
KeptHome = Annotated[Path | None, typer.Option(help="An agent's folder: it then need not test the backends itself.")]
Rpc = Annotated[str | None, typer.Option(help="URL of the chain's JSON-RPC endpoint.")]
Record = Annotated[Path | None, typer.Option(help="Deployment record that names the contracts.")]
Operator = Annotated[str | None, typer.Option(help="Whose stake is locked, and who is paid.")]
HotKey = Annotated[Path | None, typer.Option(help="The agent's encrypted key; it needs gas money only.")]
ColdKey = Annotated[Path | None, typer.Option(help="The operator's own encrypted key.")]
ColdPassword = Annotated[Path | None, typer.Option(help="File with that key's password.")]
Region = Annotated[str | None, typer.Option(help="Where the machine stands, for example eu.")]
Price = Annotated[int | None, typer.Option(help="Least pay for a milestone, in the token's smallest unit. [0]")]


def cold_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Of a command's options those of the operator's own key. Begins the command's logging."""
    configure_logging(json=bool(given["as_json"]), level="warning")
    return {name: value for name, value in given.items() if name in ColdSettings.model_fields}
