"""Compiles contracts/ into build/ with Brownie, and does nothing where nothing has changed.

Brownie looks for changes itself, but only after it has been imported and has read every artifact; one hash of the
sources is a hundred times faster, and this runs before every test, check and demo.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.toolchain import CACHE, ROOT, SOLC, ToolMissingError, tool_environment

ARTIFACTS = ROOT / "build" / "contracts"
STAMP = ROOT / "build" / "sources.sha256"
# Brownie keeps its state below HOME, so it runs in a child that has the checkout's.
_COMPILE = "import sys; from brownie import project; project.load(sys.argv[1])"


def fingerprint() -> str:
    """A hash of everything that the artifacts depend on: sources, compiler settings, the libraries' pinned versions."""
    settings = [ROOT / "brownie-config.yaml", ROOT / "package.json"]
    digest = hashlib.sha256()
    for path in [*settings, *sorted((ROOT / "contracts").rglob("*.sol"))]:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _is_current(wanted: str) -> bool:
    return STAMP.exists() and STAMP.read_text() == wanted and any(ARTIFACTS.glob("*.json"))


def _compile() -> None:
    if not SOLC.exists():
        raise ToolMissingError("solc", SOLC)
    done = subprocess.run(
        [sys.executable, "-c", _COMPILE, str(ROOT)],
        cwd=ROOT,
        env=tool_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"The contracts do not compile:\n{done.stdout}\n{done.stderr}")


@contextmanager
def alone() -> Iterator[None]:
    """The only one in this checkout that writes artifacts, until the block ends."""
    CACHE.mkdir(exist_ok=True)
    with Path(CACHE / "compile.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    wanted = fingerprint()
    # A test run and a demo may start together; the second one waits and finds the work done.
    with alone():
        if _is_current(wanted):
            return
        print("compiling contracts (half a minute, only after a change)", file=sys.stderr, flush=True)
        _compile()
        STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
