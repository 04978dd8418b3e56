"""Cases of many steps one after the other: what a backend fuses, splits or reuses memory for shows only there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tallystick.engine.conformance.case import Case, CaseBuilder
from tallystick.engine.opcodes import DType, Window
from tallystick.engine.program import NUMPY_DTYPES, Ref, float_bits


def _conv(cases: CaseBuilder, x: Ref, out: int, kernel: int, y: DType, *, stride: int = 1, groups: int = 1) -> Ref:
    builder = cases.program
    _, size, _, channels = builder.dims(x)
    terms = kernel * kernel * channels // groups
    weights = cases.values(DType.I8, (out, kernel, kernel, channels // groups))
    scale = cases.rng.uniform(0.5, 1.5, out) / (terms**0.5 * 75)
    bias = cases.rng.integers(-3000, 3000, out).astype(np.int32)
    held = np.stack([bias, float_bits(scale.astype(np.float32))], axis=-1)
    window = Window(kernel, kernel, stride, stride, kernel // 2, kernel // 2)
    places = (size - 1) // stride + 1
    middle = {DType.U8: 128, DType.I8: 0}
    zeros = (middle[builder.header(x).dtype], 0, middle[y])
    held_weights, held_params = builder.constant(weights), builder.constant(held)
    return builder.conv(x, held_weights, held_params, window, (places, places), groups=groups, zeros=zeros, dtype=y)


def residual_network(y: DType) -> Callable[[np.random.Generator], Case]:
    """Stem, two residual blocks with a gate, averages, classes."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        kind = NUMPY_DTYPES[y]
        a, b = (grid - 128 for grid in np.divmod(np.arange(65536), 256))
        order = (np.arange(65536) ^ 0x8080) if y is DType.I8 else np.arange(65536)
        shift = 0 if y is DType.I8 else 128
        total = np.clip(np.rint(0.6 * a + 0.7 * b) + shift, y.low, y.high).astype(kind)[order]
        gated = np.clip(np.rint(0.01 * a * b) + shift, y.low, y.high).astype(kind)[order]
        swish = cases.values(y, (256,))
        x = _conv(cases, cases.input(y, (1, 12, 12, 3)), 16, 3, y, stride=2)
        for _ in range(2):
            hidden = builder.lookup(_conv(cases, x, 40, 1, y), swish)
            hidden = _conv(cases, hidden, 40, 3, y, groups=40)
            gate = _conv(cases, _average(cases, hidden, y), 40, 1, y)
            hidden = builder.lookup2(hidden, gate, gated)
            x = builder.lookup2(x, _conv(cases, hidden, 16, 1, y), total)
        pooled = builder.reshape(_average(cases, x, y), (1, 16))
        held = np.stack([np.arange(10) * 99, float_bits(np.full(10, 0.01))], axis=-1).astype(np.int32)
        weights = builder.constant(cases.values(DType.I8, (10, 16)))
        cases.branch(builder.matmul(pooled, weights, builder.constant(held), zeros=(0, 0, 0), dtype=y), "classes")
        return cases.case(f"a residual network in {y.name}")

    return make


def _average(cases: CaseBuilder, x: Ref, y: DType) -> Ref:
    builder = cases.program
    _, height, width, _ = builder.dims(x)
    rows = builder.pool_sum(x, Window(1, width), (height, 1))
    bits = builder.constant(float_bits(np.full(height, 1 / (height * width))))
    return builder.pool_sum(rows, Window(height, 1), (1, 1), bits, dtype=y)


NETWORKS = tuple(residual_network(y) for y in (DType.U8, DType.I8))
