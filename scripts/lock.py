"""Resolves requirements.in into requirements.lock: hashes for every wheel, no registry's address.

`uv.lock` and pylock files name hosts, so the lock is a hashed requirements file instead.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.toolchain import ROOT

HEADER = "# Every dependency of every role, pinned and hashed. Regenerate with: make lock\n"
OPTIONS = "--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header"
# A pre-release only where requirements.in asks for one by name.
PRERELEASES = "--prerelease=if-necessary-or-explicit"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        made = Path(folder) / "made.lock"
        command: list[str | Path] = [
            python,
            "-m",
            "uv",
            "pip",
            "compile",
            *OPTIONS.split(),
            PRERELEASES,
            "requirements.in",
            "-o",
            made,
        ]
        subprocess.run(command, cwd=ROOT, check=True)
        text = made.read_text()
    if "://" in text:
        sys.exit("The resolved lock names a host; nothing was written.")
    (ROOT / "requirements.lock").write_text(HEADER + text)
    print(f"requirements.lock: {text.count('==')} pinned packages")


if __name__ == "__main__":
    main()
