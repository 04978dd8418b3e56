"""Runs the suite, each part in a process of its own, on two cores side by side.

The contract suite needs Brownie's pytest plugin, which takes over a whole run; that alone is reason enough for
separate processes. Two lanes of them run side by side. Every part runs even when an earlier one failed, and the last line counts them all.
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
    Part("unit", ("tests/unit", "tests/packaging")),
    Part("contracts", ("-p", "pytest-brownie", "tests/contracts", "--network", "development"), under_brownie=True),
    Part("forge", module="scripts.forge_tests"),
    Part("integration", ("tests/integration",)),
    Part("e2e", ("tests/e2e",)),
)
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


def play_lane(lane: list[Part], options: argparse.Namespace, extra: list[str], *, prefixed: bool) -> list[Ran]:
    return [ran for part in lane if (ran := play(part, options, extra, prefixed=prefixed))]


def lanes_of(parts: tuple[Part, ...]) -> list[list[Part]]:
    """Two of about the same length. Not the contract suite in halves: Brownie writes the artifacts anew whenever it loads them,
    and two that load at once lose some (scripts/deployer.py waits for its turn)."""
    if len(parts) == 1 or (os.cpu_count() or 1) == 1:
        return [list(parts)]
    first = [part for part in parts if part.name in ("contracts", "e2e")]
    return [first, [part for part in parts if part not in first]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[part.name for part in PARTS])
    parser.add_argument("--long", action="store_true", help="longer random campaigns")
    options, extra = parser.parse_known_args()
    if options.long:
        os.environ["TALLYSTICK_TEST_LONG"] = "1"
    compile_contracts.main()
    parts = tuple(part for part in PARTS if options.only in (None, part.name))
    done: list[Ran] = []
    lanes = lanes_of(parts)
    with ThreadPoolExecutor(len(lanes)) as pool:
        one = partial(play_lane, options=options, extra=extra, prefixed=len(lanes) > 1)
        done += [ran for lane in pool.map(one, lanes) for ran in lane]
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
