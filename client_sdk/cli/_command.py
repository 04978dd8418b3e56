"""What every command of the client has in common: how it connects, how it shows, how it ends."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from client_sdk._client import AsyncClient
from client_sdk.cli._screen import Screen
from client_sdk.settings import ClientSettings, load_home, load_settings
from tallystick.chain.keys import keystore_address
from tallystick.errors import KeystoreError
from tallystick.ids import Address
from tallystick.logs import configure_logging

PANEL = "Connection (else TALLYSTICK_CLIENT_* or a local network)"


def _flag(text: str) -> Any:
    return Annotated[str | None, typer.Option(help=text, rich_help_panel=PANEL, show_default=False)]


FLAGS = {
    "rpc": _flag("URL of the chain's JSON-RPC endpoint."),
    "deployment": _flag("The market's deployment record."),
    "store": _flag("A folder, or the address of an IPFS daemon."),
    "dispatcher": _flag("URL of a dispatcher."),
    "keystore": _flag("Encrypted key of the account that signs."),
    "password_file": _flag("File that holds the keystore's password."),
    "home": _flag("Folder of jobs and transactions under way."),
}
JSON = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


@dataclass(frozen=True)
class Session:
    """One run of one command."""

    screen: Screen
    flags: dict[str, str | None]

    def settings(self) -> ClientSettings:
        """Raises InputError."""
        return load_settings(self.flags)

    def home(self) -> Path:
        """Where keys and jobs are kept; needs no network."""
        return load_home(self.flags.get("home"))

    def address(self) -> Address | None:
        """Whose keystore is named, without opening it."""
        keystore = self.settings().keystore
        return keystore_address(keystore) if keystore else None

    @asynccontextmanager
    async def client(self, *, sign: bool = False) -> AsyncIterator[AsyncClient]:
        """A connected client; with `sign`, one whose keystore is open. Raises as `AsyncClient.open`."""
        settings = self.settings()
        if sign and settings.keystore is None:
            raise KeystoreError(
                "This command signs, and no keystore is named.",
                remedy="Make one with `tallystick wallet new`, then give --keystore or set TALLYSTICK_CLIENT_KEYSTORE.",
            )
        if not sign:
            settings = replace(settings, keystore=None)
        async with AsyncClient.open(settings, ask=ask_secret if sys.stdin.isatty() else None) as client:
            yield client


def ask_secret(prompt: str) -> str:
    """Typed without being shown."""
    answer: str = typer.prompt(prompt.rstrip(": "), hide_input=True)
    return answer


def register(
    app: typer.Typer, function: Callable[..., Awaitable[None]], *, name: str | None = None, connects: bool = True
) -> None:
    """Adds `async def function(session, ...)` as a command, with the connection's flags and `--json`."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    flags = FLAGS if connects else {"home": FLAGS["home"]}
    added = [
        inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for flag, kind in flags.items()
    ]
    as_json = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JSON)
    kept = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters = [*kept, as_json, *added]

    def run(ctx: typer.Context, **values: Any) -> None:
        # Logs are for whoever looks for a fault; what a command has to say, it says itself.
        debug = ctx.find_root().params.get("debug", False)
        configure_logging(json=values["as_json"], level="debug" if debug else "error")
        session = Session(Screen(as_json=values.pop("as_json")), {flag: values.pop(flag) for flag in flags})
        asyncio.run(_run(function(session, **values)))

    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    run.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (context, *parameters)}
    run.__doc__ = function.__doc__
    app.command(name or function.__name__.strip("_"))(run)


async def _run(work: Awaitable[None]) -> None:
    await work
