"""Plays elements of random steps through the step checkers, and says where they differ from `tallystick.engine`.

python -m scripts.step_checkers                      the shared vectors, and 2,000 elements of each family
python -m scripts.step_checkers --count 100000       more of them
python -m scripts.step_checkers --seed 7             other ones
python -m scripts.step_checkers --gas                what an element of typical steps costs instead

Cases are written below .cache/steps, some thousand at a time, and forge plays them in process: tests/forge/steps/StepCases.sol.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from scripts.step_cases import (
    Case,
    Shown,
    all_headers,
    another_step,
    less_shown,
    more_shown,
    other_bytes,
    padded,
    requantize_case,
    shown,
)
from scripts.step_costs import typical_samples
from scripts.step_samples import Sample, StepSamples
from scripts.step_vectors import vector_cases
from scripts.toolchain import CACHE, ROOT, SOLC, ToolMissingError, foundry_executable, tool_environment
from tallystick.engine.opcodes import DType, Family

FOLDER = CACHE / "steps"
PLAYER = "tests/forge/steps/StepCases.sol:StepCases"
COUNT = 2_000
A_FILE = 5_000
"""Cases: some 20 MB."""
A_STEP = 20
"""Elements of one step at most."""
ROWS = 5_000
"""Requantisations, for each 2,000 elements."""


# ---- cases ------------------------------------------------------------------------------------------------------------


def random_cases(family: Family, rng: np.random.Generator) -> Iterator[Case]:
    """Without end. Most show what a checker needs; some more, some less, some of another step."""
    samples = StepSamples(rng)
    while True:
        sample = samples.make(family)
        data = padded(sample)
        for index in rng.integers(sample.step.header.size, size=min(A_STEP, sample.step.header.size)):
            yield _maybe_changed(rng, sample, shown(sample, data, int(index)))


def _maybe_changed(rng: np.random.Generator, sample: Sample, case: Shown) -> Case:
    dice = int(rng.integers(20))
    if dice < 2:
        return more_shown(rng, all_headers(sample, case)).case()
    if dice < 4:
        return less_shown(rng, case).case()
    if dice < 6:
        return another_step(rng, more_shown(rng, all_headers(sample, case))).case()
    if dice < 7:
        return other_bytes(rng, all_headers(sample, case))
    return case.case()


def requantisations(rng: np.random.Generator) -> Iterator[Case]:
    """As numpy's own single-precision numbers have it: ties, subnormals and the ends of their range more often than by chance."""
    while True:
        dtype = DType(int(rng.integers(1, 4)))
        acc = _accumulator(rng)
        bits = _multiplier_bits(rng, acc)
        zero = int(rng.integers(dtype.low, dtype.high + 1))
        with np.errstate(all="ignore"):
            product = np.float32(acc) * np.array(bits, np.uint32).view(np.float32)
        # Beyond 64 bits an integer says no more than its sign.
        whole = int(np.rint(np.float64(np.clip(product, np.float32(-(2.0**62)), np.float32(2.0**62)))))
        yield requantize_case(acc, bits, zero, int(dtype), min(max(whole + zero, dtype.low), dtype.high))


def _accumulator(rng: np.random.Generator) -> int:
    width = int(rng.integers(1, 33))
    acc = int(rng.integers(-(1 << (width - 1)), 1 << (width - 1)))
    near = int(rng.choice([0, 2**24, -(2**24), 2**25, 2**31 - 1, -(2**31), 2**30])) + int(rng.integers(-4, 5))
    return min(max(near, -(2**31)), 2**31 - 1) if rng.integers(4) == 0 else acc


def _multiplier_bits(rng: np.random.Generator, acc: int) -> int:
    choice = int(rng.integers(5))
    if choice == 0:
        return int(rng.integers(1, 0x7F7F_FFFF + 1))
    if choice == 1:  # powers of two and their neighbours: ties of the last rounding
        return (int(rng.integers(90, 130)) << 23) + int(rng.integers(-1, 2))
    if choice == 2:  # few bits: ties of the product
        return (int(rng.integers(90, 140)) << 23) | (int(rng.integers(1, 1 << 13)) << 10)
    if choice == 3:
        return int(rng.choice([1, 2, 0x7F_FFFF, 0x80_0000, 0x80_0001, 0x7F7F_FFFF, 0x7F00_0000]))
    target = float(np.float32(rng.integers(-600, 600) / 2.0 + 0.25 * rng.integers(0, 2)))
    return max(1, int(np.float32(abs(target) / max(abs(acc), 1) or 1e-3).view(np.uint32)))


# ---- forge ------------------------------------------------------------------------------------------------------------


def play(cases: Iterable[Case], name: str, function: str = "check(string)") -> dict[str, str]:
    """What forge returns for the cases, by name. Raises SystemExit, with forge's own words, where one comes out otherwise."""
    if not SOLC.exists():
        raise ToolMissingError("solc", SOLC)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.bin"
    path.write_bytes(b"".join(case.encode() for case in cases))
    try:
        return _script(path, function)
    finally:
        path.unlink()


def place_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _script(path: Path, function: str) -> dict[str, str]:
    place = place_of(path)
    command = [str(foundry_executable("forge")), "script", PLAYER, "--sig", function, place, "--json"]
    # An output of its own, because forge's campaigns may be compiling beside it, and of the checkers alone.
    own = {
        "FOUNDRY_OUT": f"{place_of(FOLDER)}/out",
        "FOUNDRY_CACHE_PATH": f"{place_of(FOLDER)}/cache",
        "FOUNDRY_SRC": "contracts/steps",
        "FOUNDRY_TEST": "tests/forge/steps",
        "FOUNDRY_SCRIPT": "tests/forge/steps",
    }
    environment = {**tool_environment(), **own}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    returned = next((answer["returns"] for answer in answers if answer.get("returns")), None)
    if done.returncode or returned is None:
        sys.exit(f"{path.stem}: forge refuses.\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return {name: item["value"] for name, item in returned.items()}


# ---- runs -------------------------------------------------------------------------------------------------------------


def play_all(count: int, seed: int) -> int:
    """Cases played: the shared vectors, `count` of each family, and requantisations. Raises SystemExit as `play` does."""
    total = _played(vector_cases(), "vectors")
    rows = ROWS * count // COUNT
    sources = {family.value: random_cases(family, np.random.default_rng([seed, k])) for k, family in enumerate(Family)}
    wanted = dict.fromkeys(sources, count)
    sources["Requantisation"] = requantisations(np.random.default_rng([seed, 99]))
    wanted["Requantisation"] = rows
    # Forge starts once for all families while there are few cases.
    while any(wanted.values()):
        batch: list[Case] = []
        for name, source in sources.items():
            take = min(wanted[name], max(1, A_FILE - len(batch)), A_FILE)
            batch.extend(islice(source, take))
            wanted[name] -= take
        total += _played(batch, f"seed-{seed}")
    return total


def _played(cases: Iterable[Case], name: str) -> int:
    started = time.monotonic()
    returned = play(cases, name)
    played, refused = int(returned["played"]), int(returned["refused"])
    print(
        f"{name}: {played:,} cases agree ({refused:,} of them refusals), {time.monotonic() - started:.0f} s", flush=True
    )
    return played


def print_gas() -> None:
    samples = typical_samples()
    cases, sizes = [], []
    for sample, index, _ in samples.values():
        case = shown(sample, padded(sample), index).case()
        cases.append(case)
        sizes.append(len(case.call))
    gas = json.loads(play(cases, "gas", "measure(string)")["gasUsed"])
    print(f"{'step':32} {'terms':>7} {'gas':>9} {'a term':>7} {'calldata':>9}")
    for (name, (_, _, terms)), used, size in zip(samples.items(), gas, sizes, strict=True):
        print(f"{name:32} {terms:7,} {used:9,} {used / terms:7.1f} {size:9,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help="elements of each family; %(default)s unless told")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="a new one unless told")
    parser.add_argument("--gas", action="store_true", help="print the gas of typical elements instead")
    options = parser.parse_args()
    if options.gas:
        print_gas()
        return
    print(f"seed {options.seed}", flush=True)
    print(f"{play_all(options.count, options.seed):,} cases agree")


if __name__ == "__main__":
    main()
