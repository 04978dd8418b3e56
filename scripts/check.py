"""What `make check` holds: lint, format, types, import rules, snapshots, sizes. Under a minute; all run, then it tells."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from scripts.toolchain import ROOT

BIN = Path(sys.executable).parent

CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    ("types", [str(BIN / "mypy")]),
    ("imports", [str(BIN / "lint-imports"), "--no-cache"]),
    ("contracts compile", [sys.executable, "-m", "scripts.compile_contracts"]),
    ("snapshots (ABI, OpenAPI, sizes)", [sys.executable, "-m", "scripts.export_snapshots", "--check"]),
    ("gas", [sys.executable, "-m", "scripts.gas", "--check"]),
    ("vectors", [sys.executable, "-m", "scripts.make_vectors", "--check"]),
    ("house rules", [sys.executable, "-m", "scripts.check_house"]),
)


def main() -> None:
    broken = []
    for name, command in CHECKS:
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        mark = "ok    " if done.returncode == 0 else "BROKEN"
        print(f"{mark} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if done.returncode:
            broken.append(name)
            print(done.stdout + done.stderr, flush=True)
    if broken:
        sys.exit(f"\n{len(broken)} of {len(CHECKS)} checks broken: {', '.join(broken)}")
    print(f"\nall {len(CHECKS)} checks hold")


if __name__ == "__main__":
    main()
