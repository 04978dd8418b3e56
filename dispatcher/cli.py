"""`tallystick dispatcher`: joined to the one command through an entry point."""

from __future__ import annotations

import asyncio
import getpass
import json
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.lifetime import Running, running_dispatcher
from dispatcher.settings import PREFIX, Settings, load_settings
from tallystick.logs import configure_logging

app = typer.Typer(
    help="Matches jobs to executors and tells what the chain says.", no_args_is_help=True, add_completion=False
)


@app.callback()
def dispatcher() -> None:
    """Matches jobs to executors and tells what the chain says."""


@app.command(help=f"Serve until stopped. Every option can also be set as {PREFIX}<OPTION>.")
def run(
    *,
    rpc: Annotated[str | None, typer.Option(help="URL of the chain's JSON-RPC endpoint.")] = None,
    deployment: Annotated[Path | None, typer.Option(help="Deployment record that names the contracts.")] = None,
    store: Annotated[str | None, typer.Option(help="Where manifests are: dir:/path or ipfs:/ip4/...")] = None,
    database: Annotated[str | None, typer.Option(help="SQLite file, or an SQLAlchemy URL. (dispatcher.db)")] = None,
    keystore: Annotated[Path | None, typer.Option(help="Encrypted key that signs offers.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the keystore's password.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes any free one. [8600]")] = None,
    confirmations: Annotated[int | None, typer.Option(help="Blocks until a fact counts as final. [1]")] = None,
    offer_seconds: Annotated[int | None, typer.Option(help="How long an offer stands. [20]")] = None,
    poll_seconds: Annotated[float | None, typer.Option(help="Rest between looks at the chain. [0.5]")] = None,
    rpc_timeout_seconds: Annotated[float | None, typer.Option(help="Longest wait for the endpoint. [10]")] = None,
    keeper: Annotated[bool | None, typer.Option("--keeper/--no-keeper", help="Call expire and refund.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Logs and the ready line as JSON.")] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    options = {name: value for name, value in locals().items() if name in Settings.model_fields}
    configure_logging(json=as_json, level=log_level)
    asyncio.run(_serve(load_settings(options), as_json))


async def _serve(settings: Settings, as_json: bool) -> None:
    async with running_dispatcher(settings, ask=getpass.getpass) as running:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.server.stop)
        _say_ready(running, as_json)
        await running.until_stopped()


def _say_ready(running: Running, as_json: bool) -> None:
    if as_json:
        said: dict[str, Any] = {"event": "ready", "url": running.url, "port": running.port, "address": running.address}
        print(json.dumps(said), flush=True)
    else:
        print(f"Dispatcher {running.address} at {running.url} (documentation at {running.url}/docs).", flush=True)
