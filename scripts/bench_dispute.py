"""What disputes take, beside what others publish: `python -m scripts.bench_dispute [FOLDER ...] [--rounds N] [--no-chain] [--json]`.

A folder is what `tallystick model compile` makes; without one, the models of zk-OPML's table that can be had are taken, and
ResNet-50's shape (scripts/bench_models.py). `tallystick bench dispute` gives the same figures of one package.

Gas is of real transactions on a chain of its own, from the calldata to the slash: for each opcode the step whose fault costs
most to show. Time is told twice: by the published formula, every move at its full window; and as measured, from a claim
with one random wrong element, carried on to the result, to a verified witness, against the inference alone on the
same backend and one thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts import dispute_chain
from scripts.bench_models import image, mobilenet_v2, resnet50
from scripts.small_traces import lenet
from scripts.toolchain import ROOT
from tallystick.dispute.cases import FaultCase, dearest_cases
from tallystick.dispute.figures import PUBLISHED, DisputeFigures, Published, figures_of
from tallystick.dispute.timings import Timings, random_inputs, time_search
from tallystick.engine.backends import Backend
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.compiler.compile import compile_model
from tallystick.engine.compiler.package import read_package
from tallystick.engine.executor import run
from tallystick.engine.program import Program
from tallystick.engine.trace import Trace

GIVEN = ROOT.parent / "shared" / "data" / "models"
"""Other projects' files, which this one does not carry."""
TARGETS = {"LeNet": 150_000, "2d conv": 150_000, "MobileNetV2": 500_000, "ResNet-50": 600_000}
"""Gas of the worst step's fault."""
SEEK_TARGET = 5.0
"""Of finding and proving a fault, against the inference: MobileNetV2."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One model. `timings` by backend; `faults` as `scripts.dispute_chain` prints them, none without a chain."""

    model: str
    figures: DisputeFigures
    published: Published | None
    timings: dict[str, Timings]
    faults: list[dict[str, Any]]


# ---- models -----------------------------------------------------------------------------------------------------------


def bench_models() -> Iterator[tuple[str, Program]]:
    """Those of the published table that can be had, and ResNet-50."""
    samples = np.random.default_rng(0)
    if GIVEN.is_dir():
        flowers = samples.uniform(0, 8, (64, 4)).astype(np.float32)
        yield "XGBoost", compile_model(GIVEN / "xgboost.onnx", {"input": flowers}).program
        digits = samples.uniform(0, 1, (64, 1, 32, 32)).astype(np.float32)
        yield "LeNet", compile_model(GIVEN / "lenet_5.onnx", {"input": digits}).program
    else:
        yield "LeNet", lenet().program
    from tests.support.small_networks import two_d_conv  # noqa: PLC0415  (a test's model, of the published one's shape)

    images = samples.normal(0, 1, (16, 3, 32, 32)).astype(np.float32)
    yield "2d conv", compile_model(two_d_conv(), {"x": images}).program
    yield "MobileNetV2", compile_model(mobilenet_v2().SerializeToString(), {"image": image(1, 4)}).program
    yield "ResNet-50", compile_model(resnet50().SerializeToString(), {"image": image(1, 4)}).program


def backends() -> Iterator[Backend]:
    """One thread each."""
    yield NumpyBackend(threads=1)
    try:
        from tallystick.engine.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: PLC0415
    except ImportError:
        return
    yield OnnxRuntimeBackend(threads=1)


# ---- measuring --------------------------------------------------------------------------------------------------------


def measure_model(model: str, program: Program, rounds: int) -> tuple[Row, list[FaultCase]]:
    """All but what a chain says, and the cases that it is to play."""
    trace = run(program, random_inputs(program, 0))
    timings = {backend.name: _timed(trace, backend, rounds) for backend in backends()}
    row = Row(model, figures_of(program), PUBLISHED.get(model), timings, [])
    return row, dearest_cases(trace, prefix=f"{model}: ")


def _timed(trace: Trace, backend: Backend, rounds: int) -> Timings:
    return time_search(trace, backend.prepare(trace.program), rounds, time.perf_counter)


def measure(models: Iterator[tuple[str, Program]], rounds: int, chain: bool) -> tuple[list[Row], dict[str, Any]]:
    """Rows, and what the chain says of claims."""
    measured = [measure_model(model, program, rounds) for model, program in models]
    rows, cases = [row for row, _ in measured], [case for _, held in measured for case in held]
    if not chain:
        return rows, {}
    played = dispute_chain.play(cases)
    faults = iter(played.pop("faults"))
    return [
        dataclasses.replace(row, faults=[next(faults) for _ in held])
        for row, (_, held) in zip(rows, measured, strict=True)
    ], played


# ---- tables -----------------------------------------------------------------------------------------------------------


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]], words: int = 1) -> str:
    """Numbers to the right, behind the first columns of words."""
    ruler = "|" + "---|" * words + "---:|" * (len(columns) - words)
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    return "\n".join([f"| {' | '.join(columns)} |", ruler, *(f"| {' | '.join(row)} |" for row in cells)])


def formula_table(rows: Sequence[Row]) -> str:
    columns = ["model", "steps", "elements", "zk-OPML: operators", "moves", "s", "Path A: moves", "s"]
    columns += ["Path B: levels", "moves", "s"]
    return markdown(columns, [_formula(row) for row in rows])


def _formula(row: Row) -> list[Any]:
    figures, published = row.figures, row.published
    theirs = [published.operators, published.moves, published.seconds] if published else [""] * 3
    ours = [figures.path_a_moves, figures.path_a_seconds, figures.path_b_levels, figures.path_b_moves]
    return [row.model, figures.steps, figures.elements, *theirs, *ours, figures.path_b_seconds]


def worst_table(rows: Sequence[Row]) -> str:
    """Of each model the fault that cost most, and what no fault of it can exceed."""
    columns = [
        "model",
        "dearest fault, measured",
        "target",
        "",
        "of the cap",
        "any fault, at most",
        "its floor",
        "of the cap",
    ]
    return markdown(columns, [_worst(row) for row in rows])


def _worst(row: Row) -> list[Any]:
    gas, target = max((fault["gas"] for fault in row.faults), default=0), TARGETS.get(row.model, 0)
    verdict = "" if not (target and gas) else "met" if gas <= target else f"missed by {gas - target:,}"
    figures = row.figures
    measured = [gas or "", target or "", verdict, f"{gas / 2**24:.1%}"]
    return [row.model, *measured, figures.gas, figures.floor, f"{figures.cap_share:.1%}"]


def gas_table(rows: Sequence[Row]) -> str:
    names = ("gas", "floor", "calldata", "proofs", "element", "settlement", "witness_bytes", "products")
    faults = [[fault["name"], *(fault[name] for name in names)] for row in rows for fault in row.faults]
    return markdown(["step", *(name.replace("_", " ") for name in names)], faults)


def time_table(rows: Sequence[Row]) -> str:
    columns = ["model", "backend", "inference ms", "fault found ms", "the slowest ms", "fault / inference", "honest ms"]
    return markdown(columns, [_timing(row.model, *item) for row in rows for item in row.timings.items()], words=2)


def _timing(model: str, backend: str, timings: Timings) -> list[str]:
    seconds = (timings.inference_seconds, timings.fault_seconds, timings.slowest_seconds)
    first = [f"{1_000 * each:.1f}" for each in seconds]
    return [model, backend, *first, f"{timings.ratio:.2f}", f"{1_000 * timings.honest_seconds:.1f}"]


def claim_table(claims: dict[str, Any]) -> str:
    claim, plain, finalize = claims["claim_gas"], claims["plain_settlement_gas"], claims["finalize_gas"]
    rows = [
        ["claim a milestone optimistically", claim, f"{claim - plain:+,}"],
        ["claim it, and have it finalized", claim + finalize, f"{claim + finalize - plain:+,}"],
        ["plain settlement: claim and be paid, the proof's check left out", plain, ""],
    ]
    return markdown(["transaction", "gas", "over plain settlement"], rows)


def answer_table(rows: Sequence[Row], claims: dict[str, Any]) -> str:
    """What somebody is paid who is asked for everything, and what single answers cost."""
    columns = [
        "asked for everything of",
        "answers",
        "bytes",
        "fees, gas",
        "single answer, bytes",
        "gas",
        "fee, gas",
        "gain",
    ]
    single = [_answer(each) for each in claims["answers"]]
    whole = [
        [row.model, row.figures.all_answers, row.figures.all_answer_bytes, row.figures.all_fees_gas] for row in rows
    ]
    lines = max(len(single), len(whole))
    left, right = whole + [[""] * 4] * (lines - len(whole)), single + [[""] * 4] * (lines - len(single))
    return markdown(columns, [[*a, *b] for a, b in zip(left, right, strict=True)])


def _answer(each: dict[str, int]) -> list[Any]:
    return [each["answer_bytes"], each["answer_gas"], each["fee_gas"], each["fee_gas"] - each["answer_gas"]]


def to_markdown(rows: Sequence[Row], claims: dict[str, Any]) -> str:
    """All tables, under headings of the third level."""
    parts = ["### Moves and time, by the published formula", FORMULA_NOTE, formula_table(rows)]
    if claims:
        note = GAS_NOTE.format(before=claims["fault_before_the_judge_gas"])
        parts += ["### Gas of a fault, as a real transaction", note, worst_table(rows), gas_table(rows)]
        parts += ["### Gas of a claim", claim_table(claims)]
        parts += ["### What demands cost and bring", ANSWER_NOTE, answer_table(rows, claims)]
    parts += ["### Time on the wall, measured apart", TIME_NOTE, time_table(rows)]
    return "\n\n".join(parts)


def section(rounds: int) -> str:
    """The tables of the models of the published table, for docs/benchmarks.md."""
    said = f"`python -m scripts.bench_dispute --rounds {rounds}`; `tallystick bench dispute --model DIR` gives the same of any package."
    return f"## Disputes\n\n{said}\n\n{to_markdown(*measure(bench_models(), rounds, True))}"


FORMULA_NOTE = """The formula is zk-OPML's: a window of 120 s, then 30 s for each move, every move at its full time, and a rented prover's proof. Ours
bisects nothing: where the trace is published (Path A) a fault is one transaction inside the window; where it is withheld (Path B),
each level is a demand and an answer. zk-OPML's MobileNet row cannot have been a run on a chain: its input alone does not fit a transaction."""
GAS_NOTE = """From the calldata to the slash, on anvil with the rules of Prague; for each opcode the step that costs most to show. `floor` is the least that
the calldata costs whatever is done (EIP-7623), and the cap of a transaction is 16,777,216 (EIP-7825). No witness can save what a fault costs before the judge's own work (reading the
claim, ending the lock, dividing it, opening the job anew), by a judge that believes everybody: {before:,} gas."""
ANSWER_NOTE = """A demand pays 1.25 times what its answer is reckoned to cost, at its block's base fee and 1 gwei. "Everything" is every root and every leaf of
inputs, constants and trace, each of which can be asked for once. The single answers are real transactions: the roots of a trace, and 16 KiB of leaves."""
TIME_NOTE = """From a claim with everything that was published in memory, to a witness that was checked as the contract checks it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="packages; by default the models of the published table")
    parser.add_argument("--rounds", type=int, default=25, help="wrong claims for each model and backend")
    parser.add_argument("--no-chain", action="store_true", help="leave out what needs a chain")
    parser.add_argument("--json", action="store_true", help="one object a line instead of tables")
    options = parser.parse_args()
    packages = ((folder.name, read_package(folder).program) for folder in options.folders)
    models = packages if options.folders else bench_models()
    rows, claims = measure(models, options.rounds, not options.no_chain)
    if options.json:
        print("\n".join(json.dumps(dataclasses.asdict(row)) for row in rows))
    else:
        print(to_markdown(rows, claims))


if __name__ == "__main__":
    main()
