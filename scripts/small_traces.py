"""Runs of small networks with random weights, made of steps directly: they need nothing but the engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.executor import run
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType, Window
from tallystick.engine.program import Ref, float_bits
from tallystick.engine.trace import Trace


def _weights(rng: np.random.Generator, *dims: int) -> Any:
    return rng.integers(-127, 128, dims).astype(np.int8)


class _Layers:
    """Layers of a network, 8 bits in and out."""

    def __init__(self, dims: tuple[int, ...], seed: int = 0) -> None:
        self.rng, self.builder, self.dims = np.random.default_rng(seed), ProgramBuilder(), dims
        self.x: Ref = self.builder.input(TensorHeader(DType.U8, dims), "image")

    def _params(self, outputs: int, products: int) -> Ref:
        multiplier = float_bits([1.0 / (74 * products**0.5)] * outputs)
        biases = self.rng.integers(-1000, 1000, outputs).astype(np.int32)
        return self.builder.constant(np.stack([biases, multiplier], axis=1))

    def conv(self, kernel: int, outputs: int, pad: int = 0) -> None:
        height, width, channels = self.builder.dims(self.x)[1:]
        w = self.builder.constant(_weights(self.rng, outputs, kernel, kernel, channels))
        size = (height + 2 * pad - kernel + 1, width + 2 * pad - kernel + 1)
        window, params = Window(kernel, kernel, 1, 1, pad, pad), self._params(outputs, kernel * kernel * channels)
        self.x = self.builder.conv(self.x, w, params, window, size, zeros=(128, 0, 128), dtype=DType.U8)

    def pool(self) -> None:
        height, width = self.builder.dims(self.x)[1:3]
        self.x = self.builder.max_pool(self.x, Window(2, 2, 2, 2), (height // 2, width // 2))

    def flatten(self) -> None:
        self.x = self.builder.reshape(self.x, (1, int(np.prod(self.builder.dims(self.x)))))

    def dense(self, outputs: int) -> None:
        inputs = self.builder.dims(self.x)[-1]
        w = self.builder.constant(_weights(self.rng, outputs, inputs))
        params = self._params(outputs, inputs)
        self.x = self.builder.matmul(self.x, w, params, zeros=(128, 0, 128), dtype=DType.U8)

    def trace(self) -> Trace:
        image = self.rng.integers(0, 256, self.dims).astype(np.uint8)
        return run(self.builder.build(self.x), [image])


def lenet() -> Trace:
    """Two 5x5 convolutions with pools, three dense layers, as LeNet-5 has them on 28x28."""
    layers = _Layers((1, 28, 28, 1))
    layers.conv(5, 6, pad=2)
    layers.pool()
    layers.conv(5, 16)
    layers.pool()
    layers.flatten()
    layers.dense(120)
    layers.dense(84)
    layers.dense(10)
    return layers.trace()


def three_convolutions() -> Trace:
    """3x3 over 32 channels, three times on 16x16."""
    layers = _Layers((1, 16, 16, 3))
    layers.conv(3, 32, pad=1)
    layers.conv(3, 32, pad=1)
    layers.conv(3, 32, pad=1)
    return layers.trace()


def two_tables(tensor_bytes: int) -> Trace:
    """A table over a tensor of that size, twice."""
    builder, rng = ProgramBuilder(), np.random.default_rng(1)
    at = builder.input(TensorHeader(DType.U8, (tensor_bytes,)), "x")
    for _ in range(2):
        at = builder.lookup(at, rng.permutation(256).astype(np.uint8))
    return run(builder.build(at), [rng.integers(0, 256, tensor_bytes).astype(np.uint8)])
