"""The group of commands: each is loaded when it is chosen, and every error ends here."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tallystick.errors import InputError, TallystickError

AS_JSON = "client_sdk.as_json"
PLUGIN_GROUP = "tallystick.commands"

OWN = {
    "localnet": ("client_sdk.cli.localnet:app", "A whole market on this machine: start, stop, status."),
    "model": ("client_sdk.cli.model:app", "Register and compile models and look at them."),
    "job": ("client_sdk.cli.job:app", "Quote, fund, watch, audit, take results and receipts."),
    "bench": ("client_sdk.cli.bench:app", "What a model would cost, measured on this machine."),
    "wallet": ("client_sdk.cli.wallet:app", "Keys, balances, taking money home."),
}
ROLES = {
    "executor": "Run an executor: stake, announce, prove, earn.",
    "dispatcher": "Run a dispatcher: match jobs to executors.",
    "challenger": "Run a challenger: show that wrong claims are wrong, collect.",
}
"""What help says of the applications that join as plug-ins, so that it need not load them."""


class LazyGroup(TyperGroup):
    """Knows its commands by name and help; loads the chosen one."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._places = {name: place for name, (place, _) in OWN.items()}
        helps = {name: text for name, (_, text) in OWN.items()}
        for entry in importlib.metadata.entry_points(group=PLUGIN_GROUP):
            self._places[entry.name] = entry.value
            helps[entry.name] = ROLES.get(entry.name, f"Added by {entry.value.partition('.')[0]}.")
        self.commands.update({name: TyperGroup(name=name, help=helps[name]) for name in self._places})

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        """The stand-in that help shows is replaced by the command itself."""
        name = args[0]
        if name in self._places:
            self.commands[name] = _load(name, self._places.pop(name))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Remembers whether a program is listening, for errors that end here."""
        ctx.meta[AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Runs the command. An error says what happened, with which values, and what to do next; never a traceback."""
        try:
            return super().invoke(ctx)
        except (typer.TyperException, typer.Exit, typer.Abort):
            raise
        except BrokenPipeError as error:
            # Whoever read us, such as `head`, has had enough; the interpreter must not try to flush at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from error
        except TallystickError as error:
            if ctx.params.get("debug"):
                raise
            report(error, as_json=ctx.meta[AS_JSON])
            raise typer.Exit(1) from error
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            report(_unexpected(error), as_json=ctx.meta[AS_JSON])
            raise typer.Exit(1) from error


def report(error: TallystickError, *, as_json: bool) -> None:
    """One JSON object on standard output, or two lines on standard error."""
    if as_json:
        shown = {"error": type(error).__name__, "message": error.what, "remedy": error.remedy.strip()}
        sys.stdout.write(json.dumps(shown) + "\n")
        return
    typer.secho(f"Error: {error.what}", fg="red", err=True)
    if error.remedy:
        typer.echo(error.remedy.strip(), err=True)


def _unexpected(error: Exception) -> TallystickError:
    return TallystickError(
        f"Something that should not happen: {type(error).__name__}: {error}",
        remedy="Run the same with `tallystick --debug ...` and report what it shows.",
    )


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    try:
        app = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == module.partition(".")[0]:
            raise InputError(
                f"The command {name!r} is not installed: there is no {error.name}.", remedy="Install tallystick again."
            ) from error
        raise InputError(
            f"The command {name!r} needs the module {error.name!r}, which is not installed.",
            remedy=f"Run `pip install 'tallystick[{name}]'`.",
        ) from error
    command = get_command(app)
    command.name = name
    return command
