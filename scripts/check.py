"""What `make check` holds: lint, format, types, import rules, snapshots, sizes. Under a minute; all run, then it tells."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts import compile_contracts
from scripts.toolchain import ROOT

BIN = Path(sys.executable).parent

LANES = 2
"""Checks at once: the long ones wait for one core each."""

CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    ("types", [str(BIN / "mypy")]),
    ("imports", [str(BIN / "lint-imports"), "--no-cache"]),
    ("snapshots (ABI, OpenAPI, sizes)", [sys.executable, "-m", "scripts.export_snapshots", "--check"]),
    ("gas", [sys.executable, "-m", "scripts.gas", "--check"]),
    ("vectors", [sys.executable, "-m", "scripts.make_vectors", "--check"]),
    ("house rules", [sys.executable, "-m", "scripts.check_house"]),
)


@dataclass(frozen=True)
class Outcome:
    name: str
    output: str
    holds: bool
    seconds: float


def hold(check: tuple[str, list[str]]) -> Outcome:
    name, command = check
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Outcome(name, done.stdout + done.stderr, done.returncode == 0, time.monotonic() - started)


def main() -> None:
    broken = []
    compile_contracts.main()  # once, before two checks ask for it at the same time
    with ThreadPoolExecutor(LANES) as pool:
        for outcome in pool.map(hold, CHECKS):
            print(f"{'ok    ' if outcome.holds else 'BROKEN'} {outcome.name} ({outcome.seconds:.1f} s)", flush=True)
            if not outcome.holds:
                broken.append(outcome.name)
                print(outcome.output, flush=True)
    if broken:
        sys.exit(f"\n{len(broken)} of {len(CHECKS)} checks broken: {', '.join(broken)}")
    print(f"\nall {len(CHECKS)} checks hold")


if __name__ == "__main__":
    main()
