"""Runs the suite in the order in which a failure is cheapest to learn, each part in a process of its own.

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
from dataclasses import dataclass

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


def run(part: Part, extra: list[str]) -> tuple[int, dict[str, int], float]:
    """Exit code, outcomes by pytest's own words, seconds."""
    print(f"\n== {part.name} ==", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", part.module, *part.arguments, *extra]
    # Streamed and read at once: a person sees progress, the sum at the end is the part's own.
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(part), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line if re.search(r"\d+ (passed|failed|error|skipped)", line) else last
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", last)}
    return process.returncode, counts, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[part.name for part in PARTS])
    parser.add_argument("--long", action="store_true", help="longer random campaigns")
    options, extra = parser.parse_known_args()
    if options.long:
        os.environ["TALLYSTICK_TEST_LONG"] = "1"
    compile_contracts.main()
    totals: dict[str, int] = {}
    broken = []
    for part in PARTS:
        if options.only not in (None, part.name):
            continue
        if part.module != "pytest" and extra and options.only is None:
            print(f"\n== {part.name} ==\nskipped: {' '.join(extra)} is for pytest", flush=True)
            continue
        long = ["--long"] if options.long and part.module != "pytest" else []
        code, counts, seconds = run(part, [*long, *extra])
        print(f"-- {part.name}: {seconds:.0f} s", flush=True)
        for word, count in counts.items():
            totals[word] = totals.get(word, 0) + count
        if code not in NOT_A_FAILURE:
            broken.append(part.name)
    failed = totals.get("failed", 0) + totals.get("error", 0) + totals.get("errors", 0)
    if broken:
        print(f"\nbroken: {', '.join(broken)}. Run one alone with: make test ARGS='--only {broken[0]}'")
    print(f"\n{totals.get('passed', 0)} passed, {max(failed, len(broken))} failed, {totals.get('skipped', 0)} skipped")
    sys.exit(1 if broken or not totals.get("passed") else 0)


if __name__ == "__main__":
    main()
