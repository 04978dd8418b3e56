"""Structured logs. Modules ask for a logger; only an application's entry point configures where lines go."""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

import structlog

from tallystick.errors import InputError

SECRET_WORDS = ("password", "private_key", "secret", "mnemonic", "authorization")


def _say_nothing(*_: Any, **__: Any) -> None:
    pass


class _Logger:
    """Silent until an application configures logging: a library does not write on its user's terminal."""

    def __init__(self, name: str) -> None:
        self._logger = structlog.get_logger(module=name)

    def __getattr__(self, method: str) -> Any:
        return getattr(self._logger, method) if structlog.is_configured() else _say_nothing


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose events are `noun_verbed` with keys."""
    return cast(structlog.stdlib.BoundLogger, _Logger(name))


def _hide_secrets(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for key in event:
        if any(word in key.lower() for word in SECRET_WORDS):
            event[key] = "(hidden)"
    return event


def configure_logging(*, json: bool, level: str = "info") -> None:
    """Sends logs to stderr, one line each. Called once, by an entry point. Raises InputError for a level that is none."""
    levels = logging.getLevelNamesMapping()
    if level.upper() not in levels:
        raise InputError(f"{level!r} is no log level.", remedy="Choose debug, info, warning or error.")
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(levels[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
