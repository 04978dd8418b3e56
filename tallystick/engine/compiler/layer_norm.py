"""Layer normalisation in integers, over the last axis of an 8-bit tensor.

With K elements in a row, D their deviations from the mean times a whole factor F, and V the scaled sum of the squares of D:

    D = K * x - sum(x)    V = sum(D^2) / 2^(s + t) + e    n = D * 2^h / isqrt(V * 2^31)    y = n * gamma + beta

F is K, so that nothing is rounded before the square; RMS normalisation has D = x - zero and F = 1. All of it happens on the image
[rows, K, 1, 1], whose window is one row, with gamma and beta as [K, 1, 1].
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.graph import Array, Quantisation
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.program import Ref
from tallystick.errors import ModelError

MAX_WIDTH = 1 << 14
MOST = 2**31 - 1
MAX_SHIFT = 31
UNIT_BITS = 14.5
"""n is about 2^14.5 for one standard deviation. For the one element of 16,384 that differs it is 2^21.5."""
STEP_BITS = 12
"""Below one step of the output, while gamma and beta are applied."""


def layer_norm(  # noqa: PLR0917 - in the order of the operator's own inputs
    builder: ProgramBuilder,
    x: Ref,
    quantisation: Quantisation,
    gamma: Array,
    beta: Array | None,
    epsilon: float,
    out: Quantisation,
    *,
    rms: bool = False,
) -> Ref:
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta` over the last axis.

    Args:
        builder: Takes 11 to 15 steps.
        x: [..., K], u8 or i8.
        quantisation: Of x.
        gamma: [K] or one number, of either sign.
        beta: The same, or None.
        epsilon: At least 0. A row without variance gives beta, whatever epsilon is.
        out: How the result is held; u8 or i8.
        rms: Whether the mean is left out: `x / sqrt(mean(x^2) + epsilon)`.

    Returns:
        [..., K] of `out`'s dtype.

    Raises:
        ModelError: K is over 16,384, or epsilon, gamma or beta are out of all proportion to the scales.
    """
    dims = builder.dims(x)
    width = dims[-1]
    if width > MAX_WIDTH:
        raise ModelError(f"A normalisation over {width} elements is over the bound of {MAX_WIDTH}.")
    plan = _Plan.of(width, quantisation, epsilon, rms=rms)
    rows = builder.reshape(x, (max(1, math.prod(dims[:-1])), width, 1, 1))
    deviations = _deviations(builder, rows, quantisation.zero if rms else None)
    normal = builder.arith(
        ArithKind.DIV_ROUND, deviations, _spread(builder, deviations, plan), shift=plan.quotient_shift
    )
    return builder.reshape(_affine(builder, normal, unit=plan.unit, gamma=gamma, beta=beta, out=out), dims)


@dataclasses.dataclass(frozen=True)
class _Plan:
    """The shifts of one width.

    Attributes:
        block, blocks: Squares are summed in so many blocks of so many.
        square_shift: s, of each square.
        block_shift: t, of each block's sum; below 0 to the left, where squares are small and epsilon is a part of one.
        epsilon: e, what is added to V for epsilon.
        quotient_shift: h.
        unit: What n is where the result is 1.
    """

    block: int
    blocks: int
    square_shift: int
    block_shift: int
    epsilon: int
    quotient_shift: int
    unit: float

    @classmethod
    def of(cls, width: int, quantisation: Quantisation, epsilon: float, *, rms: bool) -> _Plan:
        """The smallest shifts with which no sum can leave 31 bits."""
        if not (math.isfinite(epsilon) and epsilon >= 0):
            raise ModelError(f"An epsilon of {epsilon} normalises nothing.")
        span = DType.U8.high
        block = width if width <= 64 else 32 if width <= 1024 else 64 if width <= 4096 else 256
        blocks = -(-width // block)
        factor = 1 if rms else width
        # D is at most 255 * F in size: x lies within 255 of the mean and of the zero point.
        most = (span * factor) ** 2
        extra = epsilon / float(quantisation.scale) ** 2 * factor**2 * width
        s, t = _shifts(most, extra, block, blocks)
        behind = (MAX_SHIFT - s - t) / 2
        h = min(MAX_SHIFT, max(0, round(UNIT_BITS + behind + math.log2(width) / 2)))
        return cls(block, blocks, s, t, round(extra / 2.0 ** (s + t)), h, 2.0 ** (h - behind) / math.sqrt(width))


def _shifts(most: int, extra: float, block: int, blocks: int) -> tuple[int, int]:
    """s, t for squares up to `most`: a block's sum fits 31 bits, and so does V with its part for epsilon."""
    s = t = 0
    while block * _rounded(most, s) > MOST:
        s += 1
    while blocks * _rounded(block * _rounded(most, s), t) + extra / 2.0 ** (s + t) > MOST:
        # A single block is not shifted after its sum: that would be a step for what the squares' shift does as well.
        s, t = (s, t + 1) if blocks > 1 and t < MAX_SHIFT else (s + 1, t)
    if s == t == 0 and extra:
        while (block * blocks * most + extra) * 2.0 ** (1 - t) <= MOST:
            t -= 1
    if s > MAX_SHIFT:
        raise ModelError(
            "The epsilon of a normalisation is beyond all variance that its input's scale has room for.",
            remedy="Calibrate with data that varies.",
        )
    return s, t


def _rounded(value: int, shift: int) -> int:
    return (value + (1 << shift >> 1)) >> shift


def _deviations(builder: ProgramBuilder, rows: Ref, zero: int | None) -> Ref:
    """D, at most 255 * 16,384 in size; a sum of x is as small."""
    if zero is not None:
        return builder.arith(ArithKind.SUB, rows, zero)
    width = builder.dims(rows)[1]
    total = builder.pool_sum(rows, Window(width, 1), (1, 1))
    return builder.arith(ArithKind.SUB, builder.arith(ArithKind.MUL, rows, width), total)


def _spread(builder: ProgramBuilder, deviations: Ref, plan: _Plan) -> Ref:
    """isqrt(V * 2^31), [rows, 1, 1, 1]; 0 only where V is, and then all of D is 0 or too small to count."""
    squares = builder.arith(ArithKind.MUL_SHIFT, deviations, deviations, shift=plan.square_shift)
    sums = builder.pool_sum(squares, Window(plan.block, 1, stride_h=plan.block), (plan.blocks, 1))
    if plan.block_shift < 0:
        sums = builder.arith(ArithKind.MUL, sums, 1 << -plan.block_shift)
    if plan.blocks > 1:
        if plan.block_shift > 0:
            sums = builder.arith(ArithKind.MUL_SHIFT, sums, 1, shift=plan.block_shift)
        sums = builder.pool_sum(sums, Window(plan.blocks, 1), (1, 1))
    if plan.epsilon:
        sums = builder.arith(ArithKind.ADD, sums, plan.epsilon)
    return builder.arith(ArithKind.SQRT, sums, shift=MAX_SHIFT)


def _affine(
    builder: ProgramBuilder,
    normal: Ref,
    *,
    unit: float,
    gamma: Array,
    beta: Array | None,
    out: Quantisation,
) -> Ref:
    """n * gamma + beta in 4,096ths of an output step, then whole steps, halves up. Gamma's sign is in its integers."""
    width = builder.dims(normal)[1]
    slopes = np.asarray(gamma, np.float64) / (unit * float(out.scale)) * 2.0**STEP_BITS
    offsets = (np.asarray(0.0 if beta is None else beta, np.float64) / float(out.scale) + out.zero) * 2.0**STEP_BITS
    largest = float(np.abs(slopes).max())
    if not (largest < 2.0**30 and float(np.abs(offsets).max()) < 2.0**30):
        raise ModelError(
            "Gamma or beta of a normalisation is over 2^18 steps of its output.", remedy="Calibrate again."
        )
    shift = min(MAX_SHIFT, 30 - math.frexp(largest)[1])
    weights = _by_channel(slopes * 2.0**shift, width)
    y = builder.arith(ArithKind.MUL_SHIFT, normal, builder.constant(weights), shift=shift)
    if np.any(offsets):
        y = builder.arith(ArithKind.ADD, y, builder.constant(_by_channel(offsets, width)))
    return builder.arith(ArithKind.MUL_SHIFT, y, 1, shift=STEP_BITS, dtype=out.dtype)


def _by_channel(values: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.int32]:
    """[K, 1, 1], or [1, 1, 1] where one number stands for all."""
    whole = np.rint(values).astype(np.int32).reshape(-1, 1, 1)
    if len(whole) not in (1, width):
        raise ModelError(f"A normalisation over {width} elements has {len(whole)} factors.")
    return whole
