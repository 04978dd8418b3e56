"""Breaks each guarded rule of the contracts on purpose, and shows that some test fails for it.

python -m scripts.mutants                       every mutant
python -m scripts.mutants --only fault,pause    those whose name holds one of the words
python -m scripts.mutants --list                what there is
python -m scripts.mutants --write               also writes the table of docs/security.md

A mutant is one change of one line, in tests/mutants/mutants.json: the file, the text that is there once, and what stands in
its place. It is killed when one of the scenario files that it names has a test that fails; the same files pass on the
sources as they are, which the first run of each shows. A mutant that does not apply any more is an error.

Compiled without the IR pipeline, which takes a quarter of the time and changes no behaviour, in two trees side by side.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.run_tests import PARTS, environment
from scripts.toolchain import CACHE, ROOT

LIST = ROOT / "tests" / "mutants" / "mutants.json"
DOCUMENT = ROOT / "docs" / "security.md"
TREES = CACHE / "mutants"
WORKERS = 2
LINKED = (
    ".venv",
    "node_modules",
    "tallystick",
    "scripts",
    "dispatcher",
    "executor",
    "challenger",
    "client_sdk",
    "examples",
)
COPIED = ("contracts", "tests", "brownie-config.yaml", "package.json", "pyproject.toml")
FAILED_TEST = re.compile(r"^(?:FAILED|ERROR) \S*?::(\w+)", re.MULTILINE)
A_RUN_SECONDS = 900


@dataclass(frozen=True)
class Mutant:
    """One broken rule. `killers` are scenario files below tests/contracts."""

    name: str
    rule: str
    file: str
    old: str
    new: str
    killers: tuple[str, ...]

    def applied(self, source: str) -> str:
        """The source with the rule broken. Raises SystemExit where the place is not there exactly once."""
        if source.count(self.old) != 1:
            sys.exit(f"mutant {self.name!r}: {self.file} has its place {source.count(self.old)} times, not once")
        return source.replace(self.old, self.new)


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    killed_by: str | None
    seconds: float


def load() -> list[Mutant]:
    return [Mutant(**{**entry, "killers": tuple(entry["killers"])}) for entry in json.loads(LIST.read_text())]


def plant(place: int) -> Path:
    """A tree of its own, so that whoever works on the sources meanwhile sees nothing of it."""
    tree = TREES / f"tree{place}"  # Brownie takes no name that begins with a digit
    tree.mkdir(parents=True)
    for name in LINKED:
        (tree / name).symlink_to(ROOT / name, target_is_directory=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    settings = tree / "brownie-config.yaml"
    settings.write_text(settings.read_text().replace("viaIR: true", "viaIR: false"))
    (tree / ".cache").mkdir()
    for name in ("home", "ezkl-verifier", "test-proofs"):
        if (CACHE / name).exists():
            (tree / ".cache" / name).symlink_to(CACHE / name, target_is_directory=True)
    return tree


def play(tree: Path, files: Sequence[str]) -> str | None:
    """The first scenario test that fails in a tree, if any. Raises SystemExit where the run itself is what fails."""
    part = next(part for part in PARTS if part.name == "contracts")
    paths = [f"tests/contracts/{file}" for file in files]
    command = [sys.executable, "-m", "pytest", "-p", "pytest-brownie", *paths, "--network", "development"]
    done = subprocess.run(
        [*command, "-x", "-q", "-rfE", "-p", "no:cacheprovider"],
        cwd=tree,
        env=environment(part),
        capture_output=True,
        text=True,
        check=False,
        timeout=A_RUN_SECONDS,
    )
    output = done.stdout + done.stderr
    found = FAILED_TEST.search(output)
    if done.returncode and not found:
        sys.exit(f"{', '.join(files)} cannot be played:\n{output[-3_000:]}")
    return found[1] if done.returncode and found else None


def kill(tree: Path, mutant: Mutant) -> Verdict:
    path = tree / mutant.file
    source = path.read_text()
    started = time.monotonic()
    path.write_text(mutant.applied(source))
    try:
        killer = play(tree, mutant.killers)
    finally:
        path.write_text(source)
    return Verdict(mutant, killer, time.monotonic() - started)


def hunt(mutants: list[Mutant]) -> list[Verdict]:
    """A verdict on each, in the order of the list; progress as it comes."""
    shutil.rmtree(TREES, ignore_errors=True)
    trees: queue.Queue[Path] = queue.Queue()
    for place in range(WORKERS):
        trees.put(plant(place))
    count, said = 0, threading.Lock()

    def one(mutant: Mutant) -> Verdict:
        nonlocal count
        tree = trees.get()
        try:
            verdict = kill(tree, mutant)
        finally:
            trees.put(tree)
        fate = f"killed by {verdict.killed_by}" if verdict.killed_by else "SURVIVED"
        with said:
            count += 1
            print(f"{count}/{len(mutants)} {mutant.name}: {fate} ({verdict.seconds:.0f} s)", flush=True)
        return verdict

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, mutants))


def check_baseline(mutants: list[Mutant]) -> None:
    """On sources that nobody broke, all the files pass; else a failure would show nothing."""
    shutil.rmtree(TREES, ignore_errors=True)
    files = sorted({file for mutant in mutants for file in mutant.killers})
    print(f"{len(files)} scenario files on the sources as they are", flush=True)
    failure = play(plant(0), files)
    if failure:
        sys.exit(f"{failure} fails without any mutant")


def table(verdicts: list[Verdict]) -> str:
    rows = [
        f"| {v.mutant.rule} | `{Path(v.mutant.file).stem}` | {f'`{v.killed_by}`' if v.killed_by else '**survived**'} |"
        for v in verdicts
    ]
    return "\n".join(["| rule that was broken | in | first test that fails |", "|---|---|---|", *rows])


def write(verdicts: list[Verdict]) -> None:
    killed = sum(1 for v in verdicts if v.killed_by)
    said = f"{killed} of {len(verdicts)} mutants killed (`python -m scripts.mutants --write`).\n\n{table(verdicts)}"
    text = DOCUMENT.read_text()
    pattern = re.compile(r"(<!-- mutants -->\n).*?(\n<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        sys.exit("docs/security.md has no place for the table of mutants.")
    DOCUMENT.write_text(pattern.sub(lambda found: found[1] + said + found[2], text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="words, separated by commas")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true", help="write the table of docs/security.md")
    options = parser.parse_args()
    words = [word for word in options.only.split(",") if word]
    mutants = [mutant for mutant in load() if not words or any(word in mutant.name for word in words)]
    for mutant in mutants:
        mutant.applied((ROOT / mutant.file).read_text())
    if options.list:
        print("\n".join(f"{mutant.name}: {mutant.rule}" for mutant in mutants))
        return
    check_baseline(mutants)
    verdicts = hunt(mutants)
    survivors = [verdict.mutant.name for verdict in verdicts if not verdict.killed_by]
    if options.write:
        write(verdicts)
    print(f"{len(verdicts) - len(survivors)} passed, {len(survivors)} failed, 0 skipped")
    if survivors:
        sys.exit(f"survived: {', '.join(survivors)}")


if __name__ == "__main__":
    main()
