"""How the commands speak: JSON for programs, words for people, errors with what to do next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import typer

from tallystick.errors import TallystickError


def guarded(as_json: bool, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a command's work. An error of ours ends it with exit code 1 and a sentence on standard error."""
    try:
        asyncio.run(work())
    except (TallystickError, ExceptionGroup) as raised:
        error = _reason(raised)
        if as_json:
            said = {"event": "failed", "error": type(error).__name__, "message": error.what, "remedy": error.remedy}
            typer.echo(json.dumps(said), err=True)
        else:
            typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None


def _reason(raised: Exception) -> TallystickError:
    """Why it ended. What ends one of several things at once comes as a group; a fault of the program comes as itself."""
    while isinstance(raised, ExceptionGroup):
        raised = raised.exceptions[0]
    if isinstance(raised, TallystickError):
        return raised
    raise raised


def print_json(said: dict[str, Any], *, pretty: bool = False) -> None:
    typer.echo(json.dumps(said, indent=2 if pretty else None))
