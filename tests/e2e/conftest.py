"""The demo, performed once, as the machine-readable lines that it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.toolchain import ROOT


class Performance:
    """Every line of one demo, with the steps by scene and name."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.lines = lines
        self.steps = {(line["scene"], line["step"]): line for line in lines if line["event"] == "step"}

    def table(self, title: str) -> list[dict[str, str]]:
        return next(line["rows"] for line in self.lines if line["event"] == "table" and line["title"].startswith(title))


@pytest.fixture(scope="session")
def performance(tmp_path_factory: pytest.TempPathFactory) -> Performance:
    folder: Path = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demo", "--json", "--folder", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-3000:]}"
    return Performance([json.loads(line) for line in done.stdout.splitlines()])
