"""Runs tests/forge: fuzz and invariant campaigns in process, thousands of calls a second.

python -m scripts.forge_tests                  a short campaign with the seed of foundry.toml, of code that compiles soon
python -m scripts.forge_tests --long           a million calls for each invariant function, of the code that is deployed
python -m scripts.forge_tests --seed 0x1       another seed
python -m scripts.forge_tests --match-test x -vvv    whatever is not ours is forge's: one test, with its calls

The last line counts like pytest's.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import dataclass, field

from scripts.toolchain import ROOT, SOLC, ToolMissingError, foundry_executable, tool_environment

TESTS = ROOT / "tests" / "forge"
PULSE_SECONDS = 20

_A_TEST = re.compile(r"^\s*function (test|invariant)", re.MULTILINE)
_CAMPAIGN = re.compile(r"\(runs: \d+, calls: (\d+), reverts: (\d+)\)")
_FUZZ = re.compile(r"^\[PASS\].*\(runs: (\d+), μ:")
_ROW = re.compile(r"^\|\s*(\w+)\s*\|\s*(\w+)\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*\d+\s*\|$")
_SUM = re.compile(r"(\d+) tests passed, (\d+) failed, (\d+) skipped")


@dataclass
class Report:
    """What forge's own words add up to, line by line."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    inputs: int = 0
    calls: int = 0
    refused: int = 0
    handlers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Calls, and refused calls, of each function that a campaign called."""
    _over: bool = False

    def read(self, line: str) -> None:
        self._over = self._over or line.startswith("Failing tests:")  # what follows was said before
        if self._over:
            return
        if campaign := _CAMPAIGN.search(line):
            self.calls += int(campaign[1])
            self.refused += int(campaign[2])
        elif fuzz := _FUZZ.search(line):
            self.inputs += int(fuzz[1])
        elif row := _ROW.match(line):
            name = f"{row[1]}.{row[2]}"
            calls, refused = self.handlers.get(name, (0, 0))
            self.handlers[name] = (calls + int(row[3]), refused + int(row[4]))
        elif total := _SUM.search(line):
            self.passed, self.failed, self.skipped = (int(number) for number in total.groups())

    def fruitless(self) -> list[str]:
        """Functions that were called and never once succeeded: what they try has not been tested."""
        return [name for name, (calls, refused) in sorted(self.handlers.items()) if calls == refused > 0]

    def counts(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def has_tests() -> bool:
    return any(_A_TEST.search(path.read_text()) for path in TESTS.rglob("*.sol"))


def committed_seed() -> str:
    with (ROOT / "foundry.toml").open("rb") as file:
        return str(tomllib.load(file)["profile"]["default"]["fuzz"]["seed"])


def _pulse(over: threading.Event, started: float) -> None:
    """Forge says nothing during a campaign; whoever waits should see that it is alive."""
    while not over.wait(PULSE_SECONDS):
        print(f"forge: {time.monotonic() - started:.0f} s", flush=True)


def run(seed: str, long: bool, extra: list[str]) -> tuple[int, Report]:
    """Forge's exit code, and what it found. Everything that forge prints is passed on at once."""
    if not SOLC.exists():
        raise ToolMissingError("solc", SOLC)
    environment = {**tool_environment(), "FOUNDRY_PROFILE": "long" if long else "short"}
    command = [str(foundry_executable("forge")), "test", "--fuzz-seed", seed, *extra]
    report, over = Report(), threading.Event()
    threading.Thread(target=_pulse, args=(over, time.monotonic()), daemon=True).start()
    try:
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                report.read(line.rstrip())
    finally:
        over.set()
    return process.returncode, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="a million calls for each invariant function")
    parser.add_argument("--seed", default=committed_seed(), help="%(default)s unless told")
    options, extra = parser.parse_known_args()
    if not has_tests():
        print(f"skipped: {TESTS.relative_to(ROOT)} has no tests\n{Report().counts()}")
        return
    started = time.monotonic()
    code, report = run(options.seed, options.long, extra)
    for name in report.fruitless():
        print(f"never once succeeded: {name} ({report.handlers[name][0]:,} calls)")
    print(
        f"seed {options.seed}: {report.calls:,} calls in campaigns ({report.refused:,} refused), "
        f"{report.inputs:,} fuzz inputs, {time.monotonic() - started:.0f} s"
    )
    print(report.counts())
    sys.exit(code)


if __name__ == "__main__":
    main()
