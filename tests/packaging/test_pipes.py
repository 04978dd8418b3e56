"""The command in a pipe whose reader leaves early."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TALLYSTICK = Path(sys.executable).parent / "tallystick"


def test_help_given_a_reader_that_leaves_early_says_nothing_about_it() -> None:
    done = subprocess.run(
        ["bash", "-c", f"for i in 1 2 3; do {TALLYSTICK} model register --help | true; done"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
