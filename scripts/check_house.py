"""Rules of the house that no linter knows: sizes, module names, words, who may do what.

A rule without a check is a wish. Each function yields one sentence for each place that breaks its rule.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.toolchain import ROOT

MAX_PYTHON_LINES = 360
MAX_TEST_LINES = 500
MAX_SOLIDITY_LINES = 500
VAGUE_NAMES = {"utils", "helpers", "common", "misc"}
APPLICATIONS = ("dispatcher", "executor", "challenger", "client_sdk", "tallystick")

NEVER_COMMITTED = re.compile(
    r"(https?://|\"|@)[a-z.]*(pypi|npmjs|hosted|debian)[a-z.]*\.(org|com|io)(/|\"|$)|(^|[^.A-Za-z0-9_-])/(work|farm|root)/"
)


def tracked(*suffixes: str) -> list[Path]:
    """Files that git has or would have, below the root, with one of the suffixes."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / line for line in listing.splitlines() if line.endswith(suffixes) and (ROOT / line).exists()]


def place(path: Path, line: int = 0) -> str:
    return f"{path.relative_to(ROOT)}{f':{line}' if line else ''}"


def files_stay_small() -> Iterator[str]:
    for path in tracked(".py", ".sol"):
        lines = path.read_text().count("\n")
        in_tests = path.is_relative_to(ROOT / "tests")
        bound = MAX_SOLIDITY_LINES if path.suffix == ".sol" else MAX_TEST_LINES if in_tests else MAX_PYTHON_LINES
        if lines > bound:
            yield f"{place(path)} has {lines} lines, over {bound}: split it by noun"


def modules_have_names_that_say_something() -> Iterator[str]:
    for path in tracked(".py"):
        if path.stem in VAGUE_NAMES:
            yield f"{place(path)}: a module is named by a noun or a verb"


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


SEAMS = {
    "web3": ("tallystick/chain/",),
    "ezkl": ("tallystick/proving/ezkl.py",),
    "ipfshttpclient": ("tallystick/storage/ipfs.py",),
    "cid": ("tallystick/storage/cid.py",),
    "lark": ("tallystick/wire/requirements/",),
    "pynvml": ("executor/hardware.py",),
    "sqlalchemy": ("dispatcher/",),
    "apscheduler": ("dispatcher/scheduling/",),
    "numba": ("tallystick/engine/",),
    "llvmlite": ("tallystick/engine/",),
    "onnx": ("tallystick/engine/compiler/", "tallystick/engine/backends/", "tallystick/proving/"),
    "onnxruntime": ("tallystick/engine/compiler/", "tallystick/engine/backends/", "tallystick/proving/"),
    "torch": ("tallystick/engine/backends/",),
}
"""Where alone a library may be imported."""


def libraries_stay_behind_their_seam() -> Iterator[str]:
    for path in tracked(".py"):
        where = path.relative_to(ROOT).as_posix()
        if not where.startswith(APPLICATIONS):
            continue
        for module, line in imports(path):
            seams = SEAMS.get(module)
            if seams and not where.startswith(seams):
                yield f"{place(path, line)} imports {module}, which is the business of {' and '.join(seams)}"


def only_settings_read_the_environment() -> Iterator[str]:
    for path in tracked(".py"):
        where = path.relative_to(ROOT).as_posix()
        if not where.startswith(APPLICATIONS) or path.name == "settings.py":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"os\.(environ|getenv)", line) and "house:" not in line:
                yield f"{place(path, number)} reads the environment; only settings.py does"


def nothing_private_is_committed() -> Iterator[str]:
    for path in tracked(".py", ".sol", ".md", ".toml", ".yaml", ".json", ".lock", ".in", ".txt", "Makefile", "run"):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if NEVER_COMMITTED.search(line) and "NEVER_COMMITTED" not in line and path != Path(__file__):
                yield f"{place(path, number)} names a registry host or a path of one machine"


NOT_OUR_WORDS = {
    "task": "job",
    "bidder": "operator",
    "provider": "operator",
    "worker": "executor",
    "prover": "executor",
    "collateral": "stake",
    "penalty": "slash",
    "attempt": "round",
    "epoch": "round",
    "coordinator": "dispatcher",
    "customer": "creator",
    "escrowed": "remaining",
}
"""Words that a reader of other markets would expect, and ours for the same thing (docs/glossary.md)."""


def contracts_use_the_glossary() -> Iterator[str]:
    for path in tracked(".sol"):
        if not path.is_relative_to(ROOT / "contracts" / "interfaces"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = line.split("//")[0]
            for word in re.findall(r"[A-Za-z][a-z]+", code):
                if word.lower() in NOT_OUR_WORDS:
                    yield f"{place(path, number)} says {word!r}; the glossary's word is {NOT_OUR_WORDS[word.lower()]!r}"


RULES = (
    contracts_use_the_glossary,
    files_stay_small,
    modules_have_names_that_say_something,
    libraries_stay_behind_their_seam,
    only_settings_read_the_environment,
    nothing_private_is_committed,
)


def main() -> None:
    broken = [sentence for rule in RULES for sentence in rule()]
    if broken:
        sys.exit("\n".join(broken))
    print(f"{len(RULES)} house rules hold")


if __name__ == "__main__":
    main()
