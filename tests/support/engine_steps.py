"""Programs of one step, run as a batch and compared with the oracle."""

import numpy as np
from engine_oracle import expected

from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.executor import run_batch
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES, Program, Ref, RefKind, Step, header_of

BYTES = (DType.U8, DType.I8)


def array_of(rng, dtype, dims, *, edges=0.3):
    """Any elements of the dtype, the ends of its range more often than chance has them."""
    values = rng.integers(dtype.low, dtype.high + 1, dims)
    at_ends = np.where(rng.random(dims) < 0.5, dtype.low, dtype.high)
    return np.asarray(np.where(rng.random(dims) < edges, at_ends, values), NUMPY_DTYPES[dtype])


def params_of(rng, outputs, multipliers, bias=10**6):
    bits = np.broadcast_to(np.asarray(multipliers, np.float32), (outputs,)).copy().view(np.int32)
    return np.stack([rng.integers(-bias, bias + 1, outputs).astype(np.int32), bits], axis=1)


def one_step(attributes, operands, live, header):
    """A program whose only step reads `operands`; those in `live` are its inputs, the others constants."""
    live, held = sorted(live), [k for k in range(len(operands)) if k not in live]
    refs = [
        Ref(RefKind.INPUT, live.index(k)) if k in live else Ref(RefKind.CONSTANT, held.index(k))
        for k in range(len(operands))
    ]
    inputs = tuple(header_of(operands[k]) for k in live)
    constants = tuple(np.array(operands[k], order="C") for k in held)
    return Program(inputs, constants, (Step(attributes, tuple(refs), header),), 0)


def assert_step(attributes, operands, live, dtype, dims, *, modes=("auto",)):
    """Each run of a batch of two, one with the live operands and one with them reversed, gives what the oracle gives."""
    header = TensorHeader(dtype, tuple(dims))
    program = one_step(attributes, operands, live, header)
    turned = [np.flip(operand).copy() if k in live else operand for k, operand in enumerate(operands)]
    items = [[items[k] for k in sorted(live)] for items in (operands, turned)]
    wanted = [expected(attributes, items, header) for items in (operands, turned)]
    for mode in modes:
        traces = run_batch(program, items, backend=NumpyBackend(mode))
        for trace, want in zip(traces, wanted, strict=True):
            assert trace.output.dtype == want.dtype
            assert trace.output.shape == want.shape
            np.testing.assert_array_equal(trace.output, want, err_msg=f"{attributes} {mode}")
