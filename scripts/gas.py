"""What each step of a job costs, beside what others publish.

python -m scripts.gas            measures and prints the table
python -m scripts.gas --write    also writes tests/snapshots/gas.json and the tables of docs/gas.md
python -m scripts.gas --check    prints what differs from the snapshot, and fails where something does
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts import compile_contracts
from scripts.run_tests import PARTS, environment
from scripts.toolchain import ROOT

SNAPSHOT = ROOT / "tests" / "snapshots" / "gas.json"
DOCUMENT = ROOT / "docs" / "gas.md"
SCENES = "tests/contracts/test_gas.py"
BATCH = 32


def tolerance(sentence: str, gas: int) -> float:
    """How far a figure may be from run to run. A byte of calldata that happens to be zero is 12 gas cheaper than another:
    signatures over times have other bytes in each run, and a proof has thousands of them. Everything else is exact."""
    if "EZKL" in sentence:
        return gas / 100
    return 150 if "signed" in sentence or "permit" in sentence.lower() else 0


@dataclass(frozen=True)
class Anchor:
    """The same kind of operation as somebody else publishes it."""

    sentence: str
    operation: str
    published: int
    target: int
    share: int = 1
    """How many operations the sentence's gas is for."""


ANCHORS = (
    Anchor("accept a job", "lock a request", 149_434, 130_000),
    Anchor("accept a job with the dispatcher's signed assignment", "lock a request", 149_434, 130_000),
    Anchor("claim and be paid for a milestone", "fulfil one request", 87_281, 80_000),
    Anchor("claim, be paid and complete a job of 1 milestone", "fulfil one request", 87_281, 80_000),
    Anchor(
        f"claim, be paid and complete {BATCH} jobs of 1 milestone, all together",
        f"fulfil {BATCH}, each",
        41_990,
        40_000,
        BATCH,
    ),
    Anchor("expire and slash", "slash an unfulfilled request", 101_892, 90_000),
    Anchor("deposit stake with a permit, the signer's second", "deposit with permit", 72_362, 70_000),
    Anchor("deposit stake with a permit, the signer's first", "deposit with permit", 72_362, 70_000),
    Anchor("deposit stake, an operator's first", "deposit, first (native coin)", 50_907, 0),
    Anchor("deposit stake, an operator's second", "deposit, second (native coin)", 33_807, 0),
    Anchor("create a job of 1 milestone", "submit a request (holds no deposit)", 46_054, 120_000),
)
"""Published: Boundless' own snapshots, previous ABI. Target: ours; 0 where we set none."""


def measure(only: str = "") -> dict[str, int]:
    """Gas by sentence, from real transactions on a chain of its own."""
    compile_contracts.main()
    part = next(part for part in PARTS if part.name == "contracts")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "gas.json"
        command = [sys.executable, "-m", "pytest", "-p", "pytest-brownie", SCENES, "--network", "development", "-q"]
        if only:
            command += ["-k", only]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**environment(part), "TALLYSTICK_GAS_OUT": str(out)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not out.exists():
            sys.exit(f"The scenes cannot be played:\n{done.stdout[-4_000:]}\n{done.stderr[-2_000:]}")
        return dict(json.loads(out.read_text()))


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    ruler = "|" + "|".join("---" if place == 0 else "---:" for place in range(len(columns))) + "|"
    return "\n".join([f"| {' | '.join(columns)} |", ruler, *(f"| {' | '.join(row)} |" for row in rows)])


def beside_anchors(gas: dict[str, int]) -> str:
    rows = []
    for anchor in ANCHORS:
        ours = round(gas[anchor.sentence] / anchor.share)
        verdict = "" if not anchor.target else "met" if ours <= anchor.target else f"missed by {ours - anchor.target:,}"
        goal = f"{anchor.target:,}" if anchor.target else ""
        name = anchor.sentence + (", each" if anchor.share > 1 else "")
        ratio = f"{ours / anchor.published:.2f}"
        rows.append([name, f"{ours:,}", f"{anchor.published:,}", ratio, goal, verdict, anchor.operation])
    return markdown(["here", "gas", "Boundless", "ratio", "target", "", "its operation"], rows)


def everything(gas: dict[str, int]) -> str:
    return markdown(["step", "gas"], [[sentence, f"{used:,}"] for sentence, used in gas.items()])


def _between(text: str, name: str, content: str) -> str:
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"docs/gas.md has no place for the table `{name}`.")
    return pattern.sub(lambda found: found[1] + content + found[2], text)


def document(gas: dict[str, int], text: str) -> str:
    """docs/gas.md with the tables of these figures."""
    return _between(_between(text, "anchors", beside_anchors(gas)), "steps", everything(gas))


def differences(measured: dict[str, int], known: dict[str, int]) -> list[str]:
    """Sentences about what is not as the snapshot has it."""
    said = []
    for sentence, used in measured.items():
        before = known.get(sentence)
        if before is None:
            said.append(f"{sentence}: {used:,}, not in the snapshot")
        elif abs(used - before) > tolerance(sentence, used):
            said.append(f"{sentence}: {used:,}, was {before:,} ({used - before:+,})")
    return said


def check() -> None:
    known = json.loads(SNAPSHOT.read_text())
    # A real proof takes longer to make than all else to measure; `make test` has those.
    said = differences(measure(only="not EZKL"), known)
    if document(known, DOCUMENT.read_text()) != DOCUMENT.read_text():
        said.append("docs/gas.md does not show the snapshot's figures")
    if said:
        sys.exit("\n".join([*said, "If that is meant: make gas ARGS=--write"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--write", action="store_true", help="write the snapshot and docs/gas.md")
    choice.add_argument("--check", action="store_true", help="fail where a figure differs from the snapshot")
    options = parser.parse_args()
    if options.check:
        check()
        return
    print("measuring real transactions (half a minute)", file=sys.stderr, flush=True)
    gas = measure()
    if options.write:
        SNAPSHOT.write_text(json.dumps(gas, indent=1) + "\n")
        DOCUMENT.write_text(document(gas, DOCUMENT.read_text()))
    print(f"{everything(gas)}\n\n{beside_anchors(gas)}")


if __name__ == "__main__":
    main()
