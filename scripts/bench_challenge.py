"""What it takes to show that a claim is wrong, beside what others publish: `python -m scripts.bench_challenge [FOLDER ...]`.

A folder is what `tallystick model compile` makes; without one, the models of the published table are compiled: MobileNetV2's shape
(scripts/bench_models.py), ten convolutions on 3x32x32, and, where another project's files lie beside this one, LeNet and XGBoost.

Two things are told apart. Moves and time by the published formula: a window of 120 s, 30 s for each move after it, and the proof;
every move at its full window. And what was measured: from a claim with one random wrong element, carried on to the result, to a
verified witness, against the inference alone on the same backend and one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench_models import image, mobilenet_v2
from scripts.toolchain import ROOT
from tallystick.dispute.claims import honest_claim
from tallystick.dispute.faults import ElementFault, corrupt
from tallystick.dispute.findings import Agrees, Fault
from tallystick.dispute.levels import levels, moves
from tallystick.dispute.schedule import Schedule
from tallystick.dispute.search import examine
from tallystick.engine.backends import Backend
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.commitments import program_commitment
from tallystick.engine.compiler.compile import compile_model
from tallystick.engine.compiler.package import read_package
from tallystick.engine.costs import program_costs
from tallystick.engine.executor import run
from tallystick.engine.program import NUMPY_DTYPES, Array, Program

WINDOW, MOVE = 120, 30
GIVEN = ROOT.parent / "shared" / "data" / "models"
"""Other projects' files, which this one does not carry."""


@dataclass(frozen=True)
class Published:
    """zk-OPML's row: operators, moves with the proof, seconds by its formula with a rented prover."""

    operators: int
    moves: int
    seconds: int


PUBLISHED = {
    "XGBoost": Published(62, 13, 598),
    "LeNet": Published(12, 9, 494),
    "2d conv": Published(31, 11, 566),
    "MobileNetV2": Published(155, 17, 1_115),
}


@dataclass(frozen=True)
class Row:
    """One model on one backend. Seconds of wall time are medians; ratios are of pairs measured side by side."""

    model: str
    backend: str
    steps: int
    elements: int
    published: Published | None
    path_b_levels: int
    path_b_moves: int
    path_b_seconds: int
    worst_gas: int
    fault_gas: int
    inference_seconds: float
    fault_seconds: float
    worst_fault_seconds: float
    fault_ratio: float
    honest_seconds: float


# ---- models -----------------------------------------------------------------------------------------------------------


def bench_models() -> Iterator[tuple[str, Program]]:
    """Those of the published table that can be had."""
    if GIVEN.is_dir():
        flowers = np.random.default_rng(0).uniform(0, 8, (64, 4)).astype(np.float32)
        yield "XGBoost", compile_model(GIVEN / "xgboost.onnx", {"input": flowers}).program
        digits = np.random.default_rng(0).uniform(0, 1, (64, 1, 32, 32)).astype(np.float32)
        yield "LeNet", compile_model(GIVEN / "lenet_5.onnx", {"input": digits}).program
    from tests.support.small_networks import two_d_conv  # noqa: PLC0415  (a test's model, which is the published one's shape)

    images = np.random.default_rng(0).normal(0, 1, (16, 3, 32, 32)).astype(np.float32)
    yield "2d conv", compile_model(two_d_conv(), {"x": images}).program
    yield "MobileNetV2", compile_model(mobilenet_v2().SerializeToString(), {"image": image(1, 4)}).program


def backends() -> Iterator[Backend]:
    """One thread each."""
    yield NumpyBackend(threads=1)
    try:
        from tallystick.engine.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: PLC0415
    except ImportError:
        return
    yield OnnxRuntimeBackend(threads=1)


# ---- by formula -------------------------------------------------------------------------------------------------------


def path_b(program: Program) -> tuple[int, int, int]:
    """Levels, moves and seconds for the step whose tensor is largest."""
    most = max(step.header.byte_size for step in program.steps)
    deep = levels(len(program.steps), most)
    bound = Schedule(0, WINDOW, MOVE, MOVE, levels=deep).bound
    return deep, moves(len(program.steps), most), bound


# ---- measured ---------------------------------------------------------------------------------------------------------


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def random_inputs(program: Program, seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [
        rng.integers(header.dtype.low, header.dtype.high + 1, header.dims).astype(NUMPY_DTYPES[header.dtype])
        for header in program.inputs
    ]


def measure(model: str, program: Program, backend: Backend, rounds: int) -> Row:
    """Alternates inference, a look at a wrong claim, and one at an honest claim. One round is thrown away."""
    plan, commitment = backend.prepare(program), program_commitment(program)
    inputs, rng = random_inputs(program, 0), np.random.default_rng(1)
    trace = run(program, inputs, plan=plan)
    claim = honest_claim(trace)
    times: list[tuple[float, float, float]] = []
    gas = 0
    for _ in range(rounds + 1):
        step = int(rng.integers(len(program.steps)))
        false = corrupt(trace, ElementFault(step, int(rng.integers(program.steps[step].header.size))))
        alone, _ = timed(lambda: run(program, inputs, plan=plan, trace=False))
        fault_seconds, fault = timed(
            lambda: examine(program, inputs, false.claim, false.published, plan=plan, commitment=commitment)  # noqa: B023
        )
        honest_seconds, finding = timed(
            lambda: examine(program, inputs, claim, trace.tensors, plan=plan, commitment=commitment)
        )
        if not isinstance(fault, Fault) or fault.step != step or finding != Agrees():
            sys.exit(f"{model}: {fault} and {finding} where step {step} of one claim is wrong, and the other right")
        gas = max(gas, fault.gas)
        times.append((alone, fault_seconds, honest_seconds))
    return _row(model, program, backend.name, times[1:], gas)


def _row(model: str, program: Program, backend: str, times: Sequence[tuple[float, float, float]], gas: int) -> Row:
    deep, count, seconds = path_b(program)
    alone, faults, honest = (tuple(column) for column in zip(*times, strict=True))
    return Row(
        model=model,
        backend=backend,
        steps=len(program.steps),
        elements=sum(step.header.size for step in program.steps),
        published=PUBLISHED.get(model),
        path_b_levels=deep,
        path_b_moves=count,
        path_b_seconds=seconds,
        worst_gas=max(cost.gas for cost in program_costs(program)),
        fault_gas=gas,
        inference_seconds=statistics.median(alone),
        fault_seconds=statistics.median(faults),
        worst_fault_seconds=max(faults),
        fault_ratio=statistics.median(fault / own for own, fault in zip(alone, faults, strict=True)),
        honest_seconds=statistics.median(honest),
    )


# ---- tables -----------------------------------------------------------------------------------------------------------


def formula_table(rows: Sequence[Row]) -> str:
    """One line a model."""
    lines = [
        "| model | steps | zk-OPML: operators | moves | s | Path A: moves | s | Path B: levels | moves | s | gas of the worst step |",
        "|---" + "|---:" * 10 + "|",
    ]
    for row in {row.model: row for row in rows}.values():
        theirs = (
            (row.published.operators, row.published.moves, row.published.seconds) if row.published else ("", "", "")
        )
        ours = (1, WINDOW, row.path_b_levels, row.path_b_moves, row.path_b_seconds)
        cells = (row.model, row.steps, *theirs, *ours, row.worst_gas)
        lines.append(f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else cell for cell in cells)} |")
    return "\n".join(lines)


def measured_table(rows: Sequence[Row]) -> str:
    """One line a model and backend."""
    lines = [
        "| model | backend | elements | inference ms | fault found ms | the slowest ms | fault / inference | honest ms | most gas |",
        "|---|---" + "|---:" * 7 + "|",
    ]
    for row in rows:
        seconds = (row.inference_seconds, row.fault_seconds, row.worst_fault_seconds)
        first = " | ".join(f"{1000 * each:.1f}" for each in seconds)
        lines.append(
            f"| {row.model} | {row.backend} | {row.elements:,} | {first} | {row.fault_ratio:.2f} "
            f"| {1000 * row.honest_seconds:.1f} | {row.fault_gas:,} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="packages; by default the models of the published table")
    parser.add_argument("--rounds", type=int, default=25, help="wrong claims for each model and backend")
    parser.add_argument("--json", action="store_true", help="one object a line instead of tables")
    options = parser.parse_args()
    packages = ((folder.name, read_package(folder).program) for folder in options.folders)
    rows = [
        measure(model, program, backend, options.rounds)
        for model, program in (packages if options.folders else bench_models())
        for backend in backends()
    ]
    if options.json:
        print("\n".join(json.dumps(asdict(row)) for row in rows))
    else:
        print(f"{formula_table(rows)}\n\n{measured_table(rows)}")


if __name__ == "__main__":
    main()
