"""What showing a fault costs on chain, as a real transaction from calldata to slash: `python -m scripts.bench_dispute [--small]`.

For MobileNetV2 and ResNet-50 (scripts/bench_models.py) and each of their opcodes, the step with the largest witness; the claim is wrong in
the element in its middle. Prints a table: gas in all, what the transaction's bytes cost at least (EIP-7623), and what went where.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts import compile_contracts
from scripts.dispute_cases import model_cases, small_cases, write_cases
from scripts.run_tests import PARTS, environment
from scripts.toolchain import ROOT

SCENES = "tests/contracts/test_trace_dispute_gas.py"
COLUMNS = ("gas", "floor", "calldata", "proofs", "element", "settlement", "witness_bytes", "one_by_one", "products")


def measure(folder: Path, small: bool) -> list[dict[str, Any]]:
    """Plays every case on a chain of its own. Raises SystemExit where one cannot be played."""
    given, out = folder / "cases.json", folder / "costs.json"
    write_cases(small_cases() if small else _all_cases(), given)
    compile_contracts.main()
    part = next(part for part in PARTS if part.name == "contracts")
    variables = {"TALLYSTICK_DISPUTE_CASES": str(given), "TALLYSTICK_DISPUTE_OUT": str(out)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "pytest-brownie", SCENES, "--network", "development", "-q"],
        cwd=ROOT,
        env={**environment(part), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not out.exists():
        sys.exit(f"The disputes cannot be played:\n{done.stdout[-4_000:]}\n{done.stderr[-2_000:]}")
    return list(json.loads(out.read_text()))


def _all_cases() -> Iterator[Any]:
    yield from small_cases()
    yield from model_cases()


def table(costs: Iterable[Mapping[str, Any]]) -> str:
    lines = [f"| step | {' | '.join(COLUMNS)} |", "|---" + "|---:" * len(COLUMNS) + "|"]
    lines += [f"| {row['name']} | {' | '.join(f'{row[column]:,}' for column in COLUMNS)} |" for row in costs]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the small programs alone: seconds instead of minutes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(Path(folder), options.small)))


if __name__ == "__main__":
    main()
