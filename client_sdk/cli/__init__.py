"""The one command, `tallystick`. Nothing heavy is imported before a command is chosen."""

from __future__ import annotations

from typing import Annotated

import typer

from client_sdk.cli._group import LazyGroup

app = typer.Typer(
    name="tallystick",
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Pay for machine learning that proves its results, or earn by running it.",
    epilog="Start here: tallystick localnet start",
)


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and everything that is logged.")] = False,
) -> None:
    """See the application's help. `--debug` is read by LazyGroup where errors end up."""


def main() -> None:
    """The console script."""
    app(prog_name="tallystick")
