"""Runs programs: inputs are checked, a backend computes, a trace comes back. Pure: the same inputs give the same bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.engine.backends import Backend, Plan
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.program import NUMPY_DTYPES, Array, Program
from tallystick.engine.trace import Trace
from tallystick.errors import TensorError


def check_inputs(program: Program, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """Copies of `inputs` in numpy's own byte order, so that nothing the caller does later changes the trace.

    Raises:
        TensorError: their number, or the dtype or dims of one, is not what the program takes.
    """
    if len(inputs) != len(program.inputs):
        raise TensorError(f"The program takes {len(program.inputs)} inputs, not {len(inputs)}.")
    for index, (array, header) in enumerate(zip(inputs, program.inputs, strict=True)):
        name = f" ({program.input_names[index]})" if index < len(program.input_names) else ""
        kind = NUMPY_DTYPES[header.dtype]
        if array.dtype.newbyteorder("=") != kind or tuple(array.shape) != header.dims:
            raise TensorError(
                f"Input {index}{name} is {array.dtype}{list(array.shape)}, and the program takes {kind}{list(header.dims)}.",
                remedy="Quantise it as the model's package says; there is no silent conversion.",
            )
    pairs = zip(inputs, program.inputs, strict=True)
    return tuple(np.array(array, NUMPY_DTYPES[header.dtype], order="C") for array, header in pairs)


def run(
    program: Program,
    inputs: Sequence[Array],
    *,
    trace: bool = True,
    backend: Backend | None = None,
    plan: Plan | None = None,
) -> Trace:
    """One run of a valid program.

    Args:
        program: What runs.
        inputs: One array [*dims] for each of its inputs.
        trace: Whether every step's output is kept; without, only the result is there, and memory stays small.
        backend: By default the reference.
        plan: The program as a backend prepared it, for callers that run it often; `backend` is not used then.

    Raises:
        TensorError: the inputs are not what the program takes.
    """
    return run_batch(program, [inputs], trace=trace, backend=backend, plan=plan)[0]


def run_batch(
    program: Program,
    items: Sequence[Sequence[Array]],
    *,
    trace: bool = True,
    backend: Backend | None = None,
    plan: Plan | None = None,
) -> list[Trace]:
    """Independent runs side by side; the arguments are those of `run`, with one sequence of inputs for each run.

    Every run's bits are those that it has alone. The memory of all of them is held at once.
    """
    checked = [check_inputs(program, inputs) for inputs in items]
    if not checked:
        return []
    if plan is None:
        plan = (backend or NumpyBackend()).prepare(program)
    if not program.inputs:  # nothing tells one run from another
        checked, copies = checked[:1], len(checked)
    else:
        copies = 1
    stacked = [np.stack(arrays) for arrays in zip(*checked, strict=True)]
    tensors = plan.run(stacked, keep=trace)
    traces = [
        Trace(program, inputs, tuple(None if tensor is None else tensor[item] for tensor in tensors))
        for item, inputs in enumerate(checked)
    ]
    return traces * copies
