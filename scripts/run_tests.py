"""Runs the suite, each part in a process of its own, two of them side by side.

The contract suite needs Brownie's pytest plugin, which takes over a whole run; that alone is reason enough for
separate processes. Every part runs even when an earlier one failed, and the last line counts them all.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from scripts import compile_contracts
from scripts.toolchain import ROOT, foundry_executable, tool_environment


@dataclass(frozen=True)
class Part:
    name: str
    arguments: tuple[str, ...] = ()
    under_brownie: bool = False
    module: str = "pytest"
    """What Python runs. One that is not pytest prints its counts in the same words, last."""


PARTS = (
    Part("contracts", ("-p", "pytest-brownie", "tests/contracts", "--network", "development"), under_brownie=True),
    Part("unit", ("tests/unit", "tests/packaging")),
    Part("integration", ("tests/integration",)),
    Part("forge", module="scripts.forge_tests"),
    Part("e2e", ("tests/e2e",)),
)
"""In the order in which they start, whenever one of two has ended. The contract suite comes first, beside the one part that
never loads them: Brownie writes the artifacts anew whenever it loads them, and two that load at once lose some. Its plugin
takes no turns; others that load or read them do, see `compile_contracts.alone`.
"""
NOT_A_FAILURE = (0, 5)  # 5: pytest found nothing to run, for example under a -k that names one part's test


def environment(part: Part) -> dict[str, str]:
    base = tool_environment() if part.under_brownie else dict(os.environ)
    base["PATH"] = os.pathsep.join([str(foundry_executable("anvil").parent), base["PATH"]])
    return base


@dataclass(frozen=True)
class Ran:
    """What came of a part: exit code, outcomes by pytest's own words, seconds."""

    part: Part
    code: int
    counts: dict[str, int]
    seconds: float


def run(part: Part, extra: list[str], prefix: str) -> Ran:
    """One part; every line that it prints is passed on at once."""
    print(f"{prefix}== {part.name} ==", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", part.module, *part.arguments, *extra]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(part), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            print(f"{prefix}{line}", end="", flush=True)
            last = line if re.search(r"\d+ (passed|failed|error|skipped)", line) else last
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", last)}
    seconds = time.monotonic() - started
    print(f"{prefix}-- {part.name}: {seconds:.0f} s", flush=True)
    return Ran(part, process.returncode, counts, seconds)


def play(part: Part, options: argparse.Namespace, extra: list[str], *, prefixed: bool) -> Ran | None:
    """A part, unless what it was given is for pytest and it is not."""
    if part.module != "pytest" and extra and options.only is None:
        print(f"== {part.name} ==\nskipped: {' '.join(extra)} is for pytest", flush=True)
        return None
    long = ["--long"] if options.long and part.module != "pytest" else []
    return run(part, [*long, *extra], f"{part.name:11} | " if prefixed else "")


def play_all(parts: tuple[Part, ...], options: argparse.Namespace, extra: list[str]) -> list[Ran]:
    """One after another, two at a time where there are two cores. What each printed is told apart by its name then."""
    lanes = 2 if len(parts) > 1 and (os.cpu_count() or 1) > 1 else 1
    one = partial(play, options=options, extra=extra, prefixed=lanes > 1)
    with ThreadPoolExecutor(lanes) as pool:
        return [ran for ran in pool.map(one, parts) if ran]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[part.name for part in PARTS])
    parser.add_argument("--long", action="store_true", help="longer random campaigns")
    options, extra = parser.parse_known_args()
    if options.long:
        os.environ["TALLYSTICK_TEST_LONG"] = "1"
    compile_contracts.main()
    parts = tuple(part for part in PARTS if options.only in (None, part.name))
    done = play_all(parts, options, extra)
    totals: dict[str, int] = {}
    for ran in done:
        for word, count in ran.counts.items():
            totals[word] = totals.get(word, 0) + count
    broken = [ran.part.name for ran in done if ran.code not in NOT_A_FAILURE]
    failed = totals.get("failed", 0) + totals.get("error", 0) + totals.get("errors", 0)
    if broken:
        print(f"\nbroken: {', '.join(broken)}. Run one alone with: make test ARGS='--only {broken[0]}'")
    print(f"\n{totals.get('passed', 0)} passed, {max(failed, len(broken))} failed, {totals.get('skipped', 0)} skipped")
    sys.exit(1 if broken or not totals.get("passed") else 0)


if __name__ == "__main__":
    main()
