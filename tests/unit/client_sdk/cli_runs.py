"""Runs of the command in this process, away from the user's own settings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import structlog
from typer.testing import CliRunner, Result

from client_sdk.cli import app
from client_sdk.settings import FIELDS, PREFIX

CLEAN = {PREFIX + field.upper(): None for field in FIELDS}


def run(*arguments: str | Path, home: Path, environ: dict[str, str] | None = None, stdin: str | None = None) -> Result:
    """One command with a home folder of its own and a wide terminal, so that no sentence is broken."""
    surroundings: dict[str, str | None] = {**CLEAN, "COLUMNS": "300", f"{PREFIX}HOME": str(home), **(environ or {})}
    try:
        return CliRunner().invoke(app, [str(one) for one in arguments], env=surroundings, input=stdin)
    finally:
        # A command configures logging for its whole process; here that is the tests' process.
        structlog.reset_defaults()


def plain(text: str) -> str:
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def last_object(result: Result) -> dict[str, Any]:
    """The result of a run with `--json`."""
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found
