"""How well a program agrees with the model that it was made of, on the creator's own data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tallystick.engine.compiler.float_runs import results, session
from tallystick.engine.compiler.graph import Array, Graph, Value
from tallystick.engine.executor import run
from tallystick.engine.order import order_image
from tallystick.engine.program import NUMPY_DTYPES, Program

MANY = 2


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Over `samples` inputs.

    Attributes:
        top1: Share of rows whose largest element is at the same place; None where a row is a single number.
        rms_error: Root of the mean square of the difference of reals; None where the result is integers.
        rms: Of the model's own results, to compare with.
        equal: Share of equal elements, where the result is integers.
    """

    samples: int
    top1: float | None
    rms_error: float | None
    rms: float | None
    equal: float | None


def integers_of(value: Value, array: Array) -> Array:
    """An input of the model as the integers that its program takes. Raises TensorError for NaN where order counts."""
    if array.dtype in (np.uint8, np.int8):
        return array
    if not value.is_float:
        return array.astype(np.uint8 if array.dtype == bool else np.int32)
    if value.quantisation is None:
        return order_image(array)
    return value.quantisation.quantise(array).astype(NUMPY_DTYPES[value.quantisation.dtype])


def reals_of(value: Value, array: Array) -> Array:
    """A program's result as what the model would give."""
    return array if value.quantisation is None or not value.is_float else value.quantisation.dequantise(array)


def measure_agreement(
    model: bytes,
    held: Graph,
    program: Program,
    samples: Sequence[Mapping[str, Array]],
    progress: Callable[[int, int], None] | None = None,
    *,
    exact: bool = False,
) -> Agreement:
    """Runs both on every sample. `model` is what onnxruntime runs, `held` says how inputs and result are held."""
    (name,) = held.outputs
    runner = session(model, exact=exact)
    theirs, ours = [], []
    for done, (sample, found) in enumerate(zip(samples, results(runner, [name], samples), strict=True)):
        inputs = [integers_of(held.values[each], sample[each]) for each in held.inputs]
        theirs.append(found[name])
        output = run(program, inputs, trace=False).output
        reals = np.issubdtype(found[name].dtype, np.floating)
        ours.append(reals_of(held.values[name], output) if reals else output)
        if progress:
            progress(done + 1, len(samples))
    return compare(np.stack(theirs), np.stack(ours))


def compare(theirs: Array, ours: Array) -> Agreement:
    """Results [samples, ...] of the model and of the program, both real numbers or both integers."""
    if not np.issubdtype(theirs.dtype, np.floating):
        return Agreement(len(theirs), None, None, None, float(np.mean(theirs == ours)))
    width = theirs.shape[-1] if theirs.ndim >= MANY else 1
    rows = [np.asarray(each, np.float64).reshape(-1, width) for each in (theirs, ours)]
    top1 = float(np.mean(rows[0].argmax(axis=1) == rows[1].argmax(axis=1))) if width > 1 else None
    error = float(np.sqrt(np.mean((rows[0] - rows[1]) ** 2)))
    return Agreement(len(theirs), top1, error, float(np.sqrt(np.mean(rows[0] ** 2))), None)
