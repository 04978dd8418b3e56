"""The command line as it is, asked whether it has what a document names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer.main import get_command

from client_sdk.cli import app

HELP = "--help"
"""Of every command, without being among its parameters."""


def trouble_with(words: Sequence[str]) -> str | None:
    """What the command line does not have of `tallystick ...`; None where it has all of it.

    Only names are judged: commands as far as the line names them, and options.
    """
    command: Any = get_command(app)
    context = typer.Context(command)
    path, rest = [words[0]], list(words[1:])
    while rest and hasattr(command, "resolve_command"):
        if rest[0].startswith("-"):
            return _unknown_option(command, path, rest)
        if rest[0] not in command.list_commands(context):
            return f"{' '.join(path)} has no command {rest[0]!r}"
        name, command, rest = command.resolve_command(context, rest)
        context = typer.Context(command, parent=context)
        path.append(name)
    return _unknown_option(command, path, rest)


def options_of(*path: str) -> set[str]:
    """Every option of one command, for example `options_of("job", "fund")`."""
    return _options(_find(path))


def every_option() -> set[str]:
    return {option for command in _walk(get_command(app), None) for option in _options(command)}


def _unknown_option(command: Any, path: Sequence[str], words: Sequence[str]) -> str | None:
    named = {word.partition("=")[0] for word in words if word.startswith("--")}
    unknown = sorted(named - _options(command))
    return f"{' '.join(path)} has no option {unknown[0]}" if unknown else None


def _options(command: Any) -> set[str]:
    own = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return own | {HELP}


def _find(path: Sequence[str]) -> Any:
    command: Any = get_command(app)
    context = typer.Context(command)
    for name in path:
        _, command, _ = command.resolve_command(context, [name])
        context = typer.Context(command, parent=context)
    return command


def _walk(command: Any, parent: Any) -> Iterator[Any]:
    yield command
    context = typer.Context(command, parent=parent)
    for name in command.list_commands(context) if hasattr(command, "resolve_command") else ():
        yield from _walk(command.resolve_command(context, [name])[1], context)
