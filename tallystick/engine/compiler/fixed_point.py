"""Real numbers as 32-bit integers times a power of two, and functions of them by table.

A fixed-point tensor has `Quantisation(scale=2^-f, zero=0, dtype=I32)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.graph import Array, Quantisation
from tallystick.engine.opcodes import ArithKind, DType
from tallystick.engine.program import Ref
from tallystick.errors import ModelError

HEADROOM_BITS = 30
"""Of 31: what is added to a number within the bound has the last one to grow into."""
MAX_FRACTION_BITS = 24
"""More than single precision has below 1."""

PROBABILITY = Quantisation(np.float32(2.0**-8), 0, DType.U8)
"""How probabilities leave a program: 0 to 255/256."""

ENTRY_BITS = 8
SIGMOID_ENTRIES = 8193
SIGMOID_SPAN = (-16.0, 16.0)
"""Entries every 1/256, one of them at 0. Beyond +-16 the logistic function is within 2e-7 of 0 or 1."""

Function = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


def fraction_bits(bound: float) -> int:
    """The most bits f below the point with which numbers up to `bound`, times 2^f, stay under 2^30.

    Raises:
        ModelError: numbers of that size leave fewer than none, or are not finite.
    """
    if not math.isfinite(bound) or bound >= 2.0**HEADROOM_BITS:
        raise ModelError(f"Sums of leaves reach {bound:g}, beyond 32 bits.", remedy="Scale the model's targets down.")
    _, exponent = math.frexp(bound)
    return min(MAX_FRACTION_BITS, HEADROOM_BITS - exponent)


def fixed_point(bits: int) -> Quantisation:
    """With `bits` bits below the point."""
    return Quantisation(np.float32(2.0**-bits), 0, DType.I32)


def held_fixed(values: Array, bits: int) -> npt.NDArray[np.int32]:
    """Constants with `bits` bits below the point, in their shape."""
    return fixed_point(bits).quantise(values).astype(np.int32)


def shift_of(scale: float) -> int | None:
    """j where `scale` is 2^-j, j in 0..31; None otherwise."""
    mantissa, exponent = math.frexp(float(scale))
    return 1 - exponent if mantissa == 0.5 and 0 <= 1 - exponent <= 31 else None


def tabulate(
    builder: ProgramBuilder,
    x: Ref,
    scale: float,
    function: Function,
    *,
    span: tuple[float, float],
    entries: int,
    out: Quantisation,
) -> Ref:
    """`function` of a fixed-point tensor: its value at the nearest of `entries` equally spaced points.

    Args:
        builder: Takes four steps.
        x: i32, a real number being `x * scale`.
        scale: Of x, above zero.
        function: Of float64 arrays; constant, or near enough, outside the span.
        span: Its ends (low, high); numbers outside count as the nearer end.
        entries: At least 2. The error is half a spacing times the steepest slope, and the rounding to `out`.
        out: How the values are held.
    """
    low, high = span
    spacing = (high - low) / (entries - 1)
    # GATHER would count an index below 0 from the end, so both ends are clamped.
    place = builder.requantize(x, scale / spacing, -round(low / spacing), DType.I32)
    place = builder.arith(ArithKind.MAX, place, 0)
    place = builder.arith(ArithKind.MIN, place, entries - 1)
    # The zero point was rounded; the table counts from where it came to lie.
    points = (np.arange(entries, dtype=np.float64) + round(low / spacing)) * spacing
    kinds = {DType.U8: np.uint8, DType.I8: np.int8, DType.I32: np.int32}
    table = out.quantise(function(points)).astype(kinds[out.dtype])
    return builder.gather(builder.constant(table), place)


def logistic(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -x))


def sigmoid(builder: ProgramBuilder, x: Ref, scale: float, out: Quantisation = PROBABILITY) -> Ref:
    """The logistic function of a fixed-point tensor. Four steps; the error beside `out`'s rounding is at most 1/2048."""
    return tabulate(builder, x, scale, logistic, span=SIGMOID_SPAN, entries=SIGMOID_ENTRIES, out=out)


def fixed_sigmoid(builder: ProgramBuilder, x: Ref, bits: int, out_bits: int) -> Ref:
    """The same from fixed point to fixed point, with a slope for what lies between two entries. Ten steps, or four where x has
    no bits for that. The error is below 1e-6, so that whether it is above 1/2 follows the sign of x down to 4e-6."""
    if bits <= ENTRY_BITS:
        return sigmoid(builder, x, 2.0**-bits, fixed_point(out_bits))
    place = builder.requantize(x, 2.0 ** (ENTRY_BITS - bits), SIGMOID_ENTRIES // 2, DType.I32)
    place = builder.arith(ArithKind.MIN, builder.arith(ArithKind.MAX, place, 0), SIGMOID_ENTRIES - 1)
    p = logistic((np.arange(SIGMOID_ENTRIES, dtype=np.float64) - SIGMOID_ENTRIES // 2) * 2.0**-ENTRY_BITS)
    # Beyond the ends x lies any way from its entry: there nothing is added.
    slopes = np.where(np.abs(p - 0.5) < p[-1] - 0.5, p * (1 - p), 0.0)
    slope_bits = min(24, 31 - bits + out_bits)
    slope = builder.gather(builder.constant(held_fixed(slopes, slope_bits)), place)
    entry = builder.arith(
        ArithKind.MUL, builder.arith(ArithKind.SUB, place, SIGMOID_ENTRIES // 2), 1 << (bits - ENTRY_BITS)
    )
    rest = builder.arith(ArithKind.SUB, x, entry)
    rise = builder.arith(ArithKind.MUL_SHIFT, slope, rest, shift=slope_bits + bits - out_bits)
    values = builder.gather(builder.constant(held_fixed(p, out_bits)), place)
    return builder.arith(ArithKind.ADD, values, rise)
