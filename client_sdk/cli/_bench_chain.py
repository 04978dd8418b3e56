"""Disputes on a chain of this machine: handed over to the checkout's scripts, because contracts are deployed from their sources."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_sdk.cli.localnet import find_checkout
from tallystick.errors import InputError

if TYPE_CHECKING:
    from tallystick.dispute.cases import FaultCase

LONGEST_SECONDS = 600
"""Contracts may have to be compiled first."""


def play_on_chain(cases: Sequence[FaultCase]) -> tuple[dict[str, Any] | None, str]:
    """What `scripts.dispute_chain` measures, or None and why it measured nothing."""
    try:
        checkout = find_checkout(Path.cwd(), Path(__file__).resolve().parent)
    except InputError:
        return None, "there is no checkout with the contracts' sources here"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "scripts.dispute_chain"],
            cwd=checkout,
            input=json.dumps([case.to_json() for case in cases]),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return None, f"the chain was not through after {LONGEST_SECONDS} s"
    if done.returncode:
        return None, _last_line(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1])), ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "its process said nothing").rstrip(".")
