"""How long a challenger takes, on this machine: from a claim with all that was published to a witness that holds.

Time comes from whoever asks, so nothing here knows a clock.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from tallystick.dispute.claims import Claim, honest_claim
from tallystick.dispute.faults import ElementFault, corrupt
from tallystick.dispute.findings import Agrees, Fault, Finding
from tallystick.dispute.published import Item
from tallystick.dispute.search import examine
from tallystick.engine.backends import Plan
from tallystick.engine.commitments import ProgramCommitment, program_commitment
from tallystick.engine.executor import run
from tallystick.engine.program import NUMPY_DTYPES, Array, Program
from tallystick.engine.trace import Trace
from tallystick.errors import InputError

Clock = Callable[[], float]
"""Seconds, from any moment on."""
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Timings:
    """Of one program on one backend. Seconds are medians but for the slowest; the ratio is one of pairs measured side by side.

    Attributes:
        rounds: Wrong claims that were looked at.
        inference_seconds: The program alone, no trace kept.
        fault_seconds, slowest_seconds: From a wrong claim to a witness that was checked.
        ratio: The one over the other.
        honest_seconds: From a right claim to knowing that it is right.
        gas: The most that any of the witnesses may cost to show.
    """

    rounds: int
    inference_seconds: float
    fault_seconds: float
    slowest_seconds: float
    ratio: float
    honest_seconds: float
    gas: int


def random_inputs(program: Program, seed: int) -> list[Array]:
    """Arrays [*dims] for a program, any elements of their dtypes."""
    rng = np.random.default_rng(seed)
    return [
        rng.integers(header.dtype.low, header.dtype.high + 1, header.dims).astype(NUMPY_DTYPES[header.dtype])
        for header in program.inputs
    ]


def time_search(trace: Trace, plan: Plan, rounds: int, clock: Clock, *, seed: int = 1) -> Timings:
    """Measures looking at claims that are wrong in one element each, carried on to the result.

    One more round than asked for is run first and thrown away.

    Args:
        trace: Honest and whole.
        plan: The trace's program as a backend prepared it.
        rounds: At least 1.
        clock: Such as `time.perf_counter`.
        seed: Of the elements that are wrong.

    Raises:
        InputError: a look comes to something else than it must.
    """
    rng = np.random.default_rng(seed)
    commitment, steps = program_commitment(trace.program), trace.program.steps
    results = []
    for _ in range(rounds + 1):
        step = int(rng.integers(len(steps)))
        wrong = ElementFault(step, int(rng.integers(steps[step].header.size)))
        results.append(_round(trace, plan, commitment, wrong, clock))
    return _timings(results[1:])


_Round = tuple[float, float, float, int]
"""Seconds of inference, of a wrong claim and of a right one; gas."""


def _round(trace: Trace, plan: Plan, commitment: ProgramCommitment, wrong: ElementFault, clock: Clock) -> _Round:
    program = trace.program
    false, honest = corrupt(trace, wrong), honest_claim(trace)

    def look(claim: Claim, published: Sequence[Item | None]) -> Finding:
        return examine(program, trace.inputs, claim, published, plan=plan, commitment=commitment)

    alone, _ = timed(clock, lambda: run(program, trace.inputs, plan=plan, trace=False))
    fault_seconds, fault = timed(clock, lambda: look(false.claim, false.published))
    honest_seconds, finding = timed(clock, lambda: look(honest, trace.tensors))
    if not isinstance(fault, Fault) or fault.step != wrong.step or finding != Agrees():
        raise InputError(f"{fault} and {finding} were found where one claim is wrong by {wrong}, and the other right.")
    return alone, fault_seconds, honest_seconds, fault.gas


def timed(clock: Clock, work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what came of it."""
    started = clock()
    result = work()
    return clock() - started, result


def _timings(rounds: Sequence[_Round]) -> Timings:
    alone, faults, honest, gas = zip(*rounds, strict=True)
    return Timings(
        rounds=len(rounds),
        inference_seconds=statistics.median(alone),
        fault_seconds=statistics.median(faults),
        slowest_seconds=max(faults),
        ratio=statistics.median(fault / own for own, fault in zip(alone, faults, strict=True)),
        honest_seconds=statistics.median(honest),
        gas=max(gas),
    )
