"""Cases for sums of products: every pair of dtypes, weights at the ends of their range, long and short sums, ties, saturation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tallystick.engine.conformance.case import BYTES, Case, CaseBuilder
from tallystick.engine.opcodes import DType, Window
from tallystick.engine.program import Array, float_bits

LARGEST_SUM = 2**31 - 1
LARGEST_PRODUCT = 255 * 255

# channels, outputs, groups, kernel, stride, padding, dilation, size of the image
_CONVOLUTIONS = (
    (1, 1, 1, 1, 1, 0, 1, 4),
    (3, 7, 1, 3, 2, 1, 1, 9),
    (16, 16, 1, 1, 1, 0, 1, 7),
    (17, 33, 1, 1, 1, 0, 1, 5),
    (5, 3, 1, 5, 1, 2, 1, 8),
    (64, 40, 1, 3, 1, 1, 1, 6),
    (200, 9, 1, 2, 2, 0, 1, 6),
    (6, 4, 2, 3, 1, 1, 1, 7),
    (4, 8, 4, 3, 1, 1, 1, 7),
    (24, 24, 24, 3, 1, 1, 1, 9),
    (37, 37, 37, 5, 2, 2, 1, 9),
    (19, 19, 19, 7, 1, 3, 1, 8),
    (8, 8, 8, 3, 1, 2, 2, 9),
    (12, 5, 1, 3, 1, 2, 2, 9),
    (3, 6, 3, 1, 1, 0, 1, 6),
)


def _weights(cases: CaseBuilder, dtype: DType, rows: int, terms: int) -> list[tuple[str, Array]]:
    """[rows, terms] each, by name: what kernels that add in 16 bits or take pairs apart get wrong."""
    high, low = dtype.high, dtype.low
    pairs = np.resize(np.array([127, 1], np.int16), (rows, terms))
    ends = np.resize(np.array([high, high, low, low], np.int16), (rows, terms))
    kind = np.uint8 if dtype is DType.U8 else np.int8
    return [
        ("random", cases.values(dtype, (rows, terms))),
        ("all high", np.full((rows, terms), high, kind)),
        ("all low", np.full((rows, terms), low, kind)),
        ("pairs", pairs.astype(kind)),
        ("ends", ends.astype(kind)),
        ("seven bits", cases.rng.integers(max(low, -64), 65, (rows, terms)).astype(kind)),
    ]


def params(cases: CaseBuilder, outputs: int, terms: int) -> npt.NDArray[np.int32]:
    """[outputs, 2]: biases up to the largest sum; multipliers that keep the result in range, halve it exactly, saturate it, lose it."""
    typical = terms**0.5 * 60 * 60 / 60
    room = LARGEST_SUM - terms * LARGEST_PRODUCT
    bias = cases.rng.integers(-4000, 4001, outputs)
    multiplier = cases.rng.uniform(0.3, 3.0, outputs) / typical
    for place in range(outputs):
        match place % 6:
            case 1:
                multiplier[place] = 2.0 ** -int(np.log2(typical) + 1)
            case 2:
                bias[place], multiplier[place] = room, 100 / room
            case 3:
                bias[place], multiplier[place] = -room, 60 / room
            case 4:
                multiplier[place] = cases.rng.choice([1.0, 0.5, 1e-30, 1e30])
    return np.stack([bias.astype(np.int32), float_bits(multiplier.astype(np.float32))], axis=-1)


def convolutions(x: DType, w: DType, y: DType) -> Callable[[np.random.Generator], Case]:
    """All shapes of `_CONVOLUTIONS` with all kinds of weights."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        for shape in _CONVOLUTIONS:
            channels, outputs, groups, kernel, stride, pad, dilation, size = shape
            window = Window(kernel, kernel, stride, stride, pad, pad, dilation, dilation)
            places = (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
            image = cases.input(x, (1, size, size, channels))
            terms = kernel * kernel * channels // groups
            for name, weights in _weights(cases, w, outputs, terms):
                cases.program.scope = (
                    f"{name} weights, {channels} to {outputs} channels, {kernel}x{kernel}, {groups} groups"
                )
                ref = cases.program.conv(
                    image,
                    cases.program.constant(weights.reshape(outputs, kernel, kernel, channels // groups)),
                    cases.program.constant(params(cases, outputs, terms)),
                    window,
                    (places, places),
                    groups=groups,
                    zeros=_zeros(cases, x, w, y),
                    dtype=y,
                )
                cases.branch(ref, cases.program.scope)
        return cases.case(f"CONV {x.name} x {w.name} to {y.name}")

    return make


def _zeros(cases: CaseBuilder, x: DType, w: DType, y: DType) -> tuple[int, int, int]:
    symmetric = w is DType.I8 and cases.rng.random() < 0.5
    return cases.zero(x), 0 if symmetric else cases.zero(w), 0 if y is DType.I32 else cases.zero(y)


_PRODUCTS = ((1, 1, 1), (1, 2, 3), (1, 64, 17), (1, 1000, 40), (2, 5, 16), (5, 31, 33), (9, 300, 8), (33, 7, 1))


def products(a: DType, b: DType, y: DType) -> Callable[[np.random.Generator], Case]:
    """Rows by constant weights, of ranks 2 and 3; and stacks of matrices that are both computed."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        for rows, terms, outputs in _PRODUCTS:
            flat, deep = cases.input(a, (rows, terms)), cases.input(a, (1, rows, terms))
            for name, weights in _weights(cases, b, outputs, terms):
                builder.scope = f"{name} weights, [{rows}, {terms}] by {outputs}"
                for left in (flat, deep):
                    right, held = builder.constant(weights), builder.constant(params(cases, outputs, terms))
                    ref = builder.matmul(left, right, held, zeros=_zeros(cases, a, b, y), dtype=y)
                    cases.branch(ref, builder.scope)
            builder.scope = f"both computed, [{rows}, {terms}] by {outputs}"
            left, right = cases.input(a, (2, rows, terms)), cases.input(b, (2, outputs, terms))
            numbers = params(cases, 1, terms)
            numbers[:, 0] *= int(y is DType.I32)
            ref = builder.matmul(left, right, builder.constant(numbers), zeros=_zeros(cases, a, b, y), dtype=y)
            cases.branch(ref, builder.scope)
        return cases.case(f"MATMUL {a.name} x {b.name} to {y.name}")

    return make


_POOLS = (
    # channels, height, width, kernel, strides, padding
    (1, 6, 6, (2, 2), 2, 0),
    (9, 7, 7, (7, 7), 1, 0),
    (40, 7, 5, (7, 5), 1, 0),
    (33, 8, 8, (3, 3), 1, 1),
    (64, 9, 9, (3, 3), 2, 0),
    (3, 5, 5, (2, 3), 1, 1),
)


def pool_sums(x: DType) -> Callable[[np.random.Generator], Case]:
    """Exact and requantised; whole images also by rows first."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        for channels, height, width, kernel, stride, pad in _POOLS:
            window = Window(*kernel, stride, stride, pad, pad)
            out = tuple((size + 2 * pad - k) // stride + 1 for size, k in zip((height, width), kernel, strict=True))
            image = cases.input(DType.U8 if x is DType.I32 else x, (1, height, width, channels))
            if x is DType.I32:
                image = builder.lookup(image, np.arange(256, dtype=np.int32) * 9 - 800)
            builder.scope = f"{kernel[0]}x{kernel[1]} of {height}x{width}, {channels} channels"
            zero = 5 if x is DType.I32 else cases.zero(x)
            cases.branch(builder.pool_sum(image, window, (out[0], out[1]), zeros=(zero, 0)), builder.scope)
            counts = np.arange(1, window.taps + 1)
            for y, factor in ((DType.U8, 1.0), (DType.I8, 0.49)):
                bits = builder.constant(float_bits((np.float32(factor) / counts).astype(np.float32)))
                zeros = (zero, cases.zero(y))
                cases.branch(
                    builder.pool_sum(image, window, (out[0], out[1]), bits, zeros=zeros, dtype=y), builder.scope
                )
            rows = builder.pool_sum(image, Window(1, width), (height, 1), zeros=(zero, 0))
            bits = builder.constant(float_bits(np.full(height, np.float32(0.7 / (height * width)))))
            cases.branch(
                builder.pool_sum(rows, Window(height, 1), (1, 1), bits, zeros=(0, 3), dtype=DType.U8), "by rows"
            )
        return cases.case(f"POOL_SUM {x.name}")

    return make


DOTS = (
    *(convolutions(x, w, y) for x in BYTES for w in BYTES for y in (*BYTES, DType.I32)),
    *(products(a, b, y) for a in BYTES for b in BYTES for y in (*BYTES, DType.I32)),
    *(pool_sums(x) for x in DType),
)
