"""Cases for requantisation: sums whose product with the multiplier lies at, just above or just below a half.

Sums of 2^20 to 2^31 by multipliers as small: one unit of the sum moves the product by less than single precision resolves, so some
products round to the half itself. Whoever multiplies in double precision, fuses the zero point in, or rounds halves up, is found out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tallystick.engine.conformance.case import BYTES, Case, CaseBuilder
from tallystick.engine.opcodes import DType, Window
from tallystick.engine.program import float_bits

OUTPUTS = 48


def _at_halves(rng: np.random.Generator, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """`count` sums and multipliers, the product about an integer and a half, of either sign; a few are powers of two."""
    size = 2.0 ** rng.uniform(20, 30.9, count)
    target = rng.integers(-100, 100, count) + 0.5
    multiplier = (np.abs(target) / size).astype(np.float32)
    multiplier[::5] = 2.0 ** np.rint(np.log2(multiplier[::5]))
    sums = np.rint(target / multiplier.astype(np.float64)).astype(np.int64)
    return np.clip(sums, -(2**31) + 70_000, 2**31 - 70_000), multiplier


def products_at_halves(y: DType) -> Callable[[np.random.Generator], Case]:
    """The bias is the sum; 256 rows move it by up to 255 * 2 units."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        for x in BYTES:
            sums, multiplier = _at_halves(rng, OUTPUTS)
            bits = float_bits(multiplier)
            weights = rng.integers(-2, 3, (OUTPUTS, 1)).astype(np.int8)
            held = builder.constant(np.stack([sums.astype(np.int32), bits], axis=-1))
            rows, image = cases.input(x, (256, 1)), cases.input(x, (1, 16, 16, 1))
            zeros = (cases.zero(x), 0, cases.zero(y))
            builder.scope = "a product at halves"
            ref = builder.matmul(rows, builder.constant(weights), held, zeros=zeros, dtype=y)
            cases.branch(ref, builder.scope)
            builder.scope = "a convolution at halves"
            filters = builder.constant(weights.reshape(OUTPUTS, 1, 1, 1))
            cases.branch(
                builder.conv(image, filters, held, Window(1, 1), (16, 16), zeros=zeros, dtype=y), builder.scope
            )
            wide = cases.input(x, (1, 9, 9, OUTPUTS))
            builder.scope = "a depthwise convolution at halves"
            filters = builder.constant(np.repeat(weights, 9, axis=1).reshape(OUTPUTS, 3, 3, 1))
            ref = builder.conv(wide, filters, held, Window(3, 3), (7, 7), groups=OUTPUTS, zeros=zeros, dtype=y)
            cases.branch(ref, builder.scope)
        return cases.case(f"requantisation at halves to {y.name}")

    return make


def sums_at_halves(y: DType) -> Callable[[np.random.Generator], Case]:
    """32-bit sums from tables: what averages and single steps of requantisation read."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        for sums, multiplier in (_at_halves(rng, 1) for _ in range(12)):
            near = (sums + np.arange(-128, 128)).astype(np.int32)
            wide = builder.lookup(cases.input(DType.U8, (1, 6, 6, 9)), near)
            zero = cases.zero(y)
            builder.scope = "an average at halves"
            bits = builder.constant(float_bits(multiplier))
            ref = builder.pool_sum(wide, Window(1, 1), (6, 6), bits, zeros=(0, zero), dtype=y)
            cases.branch(ref, builder.scope)
            builder.scope = "a requantisation at halves"
            cases.branch(builder.requantize(wide, multiplier, zero, y), builder.scope)
        return cases.case(f"sums at halves to {y.name}")

    return make


HALVES = (*(products_at_halves(y) for y in BYTES), *(sums_at_halves(y) for y in BYTES))
