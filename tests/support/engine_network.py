"""A small image classifier with every family in it, large enough that BLAS shares its products out among threads.

As a command it prints the trace root of one input for each way of accumulating, for tests that compare processes.
"""

import sys

import numpy as np

from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.executor import run
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.program import float_bits

INPUT = TensorHeader(DType.U8, (1, 24, 24, 3))


def _params(b, rng, outputs, multiplier):
    bias = rng.integers(-2000, 2000, outputs).astype(np.int32)
    return b.constant(np.stack([bias, float_bits([multiplier] * outputs)], axis=1))


def _weights(b, rng, *dims):
    return b.constant(rng.integers(-127, 128, dims).astype(np.int8))


def network(seed=7):
    rng, b = np.random.default_rng(seed), ProgramBuilder()
    three = Window(3, 3, 1, 1, 1, 1)
    x = b.input(INPUT, "image")
    x = b.conv(
        x,
        _weights(b, rng, 32, 3, 3, 3),
        _params(b, rng, 32, 4e-4),
        three,
        (24, 24),
        zeros=(120, 0, 128),
        dtype=DType.U8,
    )
    y = b.conv(
        x,
        _weights(b, rng, 96, 1, 1, 32),
        _params(b, rng, 96, 3e-4),
        Window(1, 1),
        (24, 24),
        zeros=(128, 2, 0),
        dtype=DType.I8,
    )
    y = b.conv(
        y,
        _weights(b, rng, 96, 3, 3, 1),
        _params(b, rng, 96, 5e-4),
        three,
        (24, 24),
        groups=96,
        zeros=(0, 0, 128),
        dtype=DType.U8,
    )
    y = b.conv(
        y,
        _weights(b, rng, 32, 3, 3, 96),
        _params(b, rng, 32, 1e-4),
        three,
        (24, 24),
        zeros=(128, 0, 128),
        dtype=DType.U8,
    )
    x = b.lookup2(x, y, ((np.arange(65536) // 256 + np.arange(65536) % 256) // 2).astype(np.uint8))
    x = b.lookup(b.max_pool(x, Window(2, 2, 2, 2), (12, 12)), np.arange(255, -1, -1).astype(np.uint8))
    x = b.reshape(b.transpose(x, (0, 3, 1, 2)), (1, 32 * 144))
    # 4,608 terms leave single precision: this one is summed in parts, or in double.
    x = b.matmul(x, _weights(b, rng, 10, 32 * 144), _params(b, rng, 10, 2e-5), zeros=(100, 1, 0), dtype=DType.I8)
    powers = b.lookup(x, np.minimum(np.exp2(np.arange(256) % 128 / 8), 2**16).astype(np.int32))
    shares = b.arith(ArithKind.DIV_ROUND, powers, b.sum_last(powers), shift=8)
    return b.build(b.concat([shares, b.arg_max_last(x)], 1))


def image(seed):
    return np.random.default_rng(seed).integers(0, 256, INPUT.dims).astype(np.uint8)


if __name__ == "__main__":
    for mode in ("auto", "float32", "float64"):
        sys.stdout.write(
            run(network(), [image(1)], backend=NumpyBackend(mode, threads=None)).commit().trace_root.hex() + "\n"
        )
