"""The self-test of a backend on the machine that is to use it: seeded programs of every opcode, compared with the reference bit for bit.

A library's kernels differ by processor, and some of them are not exact (they add pairs of products in 16 bits, round by adding a
half, fuse a product and a sum). So a backend is used on a machine only after it passed there; the report may be kept for as long as
the library, the processor and this package stay what they were.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tallystick.engine.backends import Backend
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.conformance.case import Case
from tallystick.engine.conformance.catalogue import CATALOGUE, Make
from tallystick.engine.program import Array

__all__ = ["Case", "ConformanceReport", "Failure", "conformance"]


@dataclasses.dataclass(frozen=True)
class Failure:
    """One tensor that is not what the reference has, or a case that could not be run.

    Attributes:
        case: Its name.
        what: Which step, how many elements, the first of them.
    """

    case: str
    what: str


@dataclasses.dataclass(frozen=True)
class ConformanceReport:
    """What a backend did with every case.

    Attributes:
        backend: Its name.
        cases: How many were run.
        steps: How many tensors were compared.
        failures: Empty where the backend may be used here.
    """

    backend: str
    cases: int
    steps: int
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


def conformance(
    backend: Backend,
    *,
    catalogue: Sequence[Make] = CATALOGUE,
    seed: int = 0,
    reference: Backend | None = None,
    progress: Callable[[str], None] | None = None,
) -> ConformanceReport:
    """Runs every case with and without keeping the steps, one input at a time and several.

    Args:
        backend: Under test.
        catalogue: What makes the cases; all of them by default.
        seed: Of the data.
        reference: By default numpy's.
        progress: Called with each case's name before it runs.
    """
    trusted = NumpyBackend() if reference is None else reference
    failures: list[Failure] = []
    count = steps = 0
    for make in catalogue:
        case = make(np.random.default_rng([seed, count]))
        if progress is not None:
            progress(case.name)
        failures += [Failure(case.name, what) for what in _differences(backend, trusted, case)]
        count, steps = count + 1, steps + len(case.program.steps)
    return ConformanceReport(backend.name, count, steps, tuple(failures))


def _differences(backend: Backend, trusted: Backend, case: Case) -> Iterable[str]:
    expected = trusted.prepare(case.program).run(case.inputs, keep=True)
    try:
        plan = backend.prepare(case.program)
        kept = plan.run(case.inputs, keep=True)
        alone = plan.run(case.inputs, keep=False)
        first = plan.run([array[:1] for array in case.inputs], keep=True)
    except Exception as failure:  # whatever a library throws is the finding
        return [f"{type(failure).__name__}: {failure}"]
    output = case.program.output
    found = [_difference(case, step, *pair) for step, pair in enumerate(zip(kept, expected, strict=True))]
    found.append(_difference(case, output, alone[output], expected[output]))
    for step, (got, want) in enumerate(zip(first, expected, strict=True)):
        found.append(_difference(case, step, got, None if want is None else want[:1]))
    return [what for what in found if what]


def _difference(case: Case, index: int, got: Array | None, want: Array | None) -> str:
    """What is wrong with one tensor, or nothing."""
    step = case.program.steps[index]
    where = f"step {index} ({step.opcode.name}{f' {step.name}' if step.name else ''}, {step.header})"
    if got is None or want is None:
        return f"{where} is missing"
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{where} is {got.dtype}{list(got.shape)} and not {want.dtype}{list(want.shape)}"
    wrong = np.argwhere(got != want)
    if not len(wrong):
        return ""
    place = tuple(wrong[0])
    return f"{where}: {len(wrong)} of {want.size} elements differ, the first at {list(map(int, place))}: {got[place]}, not {want[place]}"
