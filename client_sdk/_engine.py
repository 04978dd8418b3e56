"""The engine is an extra: it is loaded when it is first needed, and who lacks it is told what to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tallystick.errors import InputError


@contextmanager
def needs_engine(what: str = "This") -> Iterator[None]:
    """The import of what only the engine's extra brings.

    Args:
        what: Who needs it; begins a sentence.

    Raises:
        InputError: a module that the extra brings is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("tallystick", "client_sdk"):
            raise
        raise InputError(
            f"{what} needs the module {error.name!r}, which is not installed.",
            remedy="Run `pip install 'tallystick[engine]'`.",
        ) from error
