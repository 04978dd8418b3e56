"""Softmax in integers: the largest of a row, differences from it, their exponentials by table, one sum, one division.

    d = max(x) - x            e = round(2^k * exp(-d * scale))            p = e / sum(e)

The zero point of x cancels. All of it happens on the image [rows, K, 1, 1], whose window is one row.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.fixed_point import held_fixed, shift_of
from tallystick.engine.compiler.graph import Quantisation
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.program import Ref
from tallystick.errors import ModelError

MAX_CLASSES = 1 << 16
"""Beyond it the rounding of exponentials could add up to more than a few steps of a probability."""
DIRECT_CLASSES = 1 << 10
"""Longer rows are taken in blocks, so that the table keeps bits below the point and a fault is cheap to show."""
MAX_EXPONENT_BITS = 30
PROBABILITY_BITS = 24
"""Of a quotient that is requantised: as many as single precision holds exactly."""
FINE_ENTRIES, FINE_SCALE = 1 << 12, 2.0**-8
"""Of a fixed-point x: exponentials of -16 to 0 every 1/256. exp(-16) is 1e-7."""
SUM_BITS = 31
FLOAT_BITS = 24
MIN_PLACE, MAX_PLACE = 608, 11586
"""In the table of logarithms; `_logarithm` derives them."""


def softmax(builder: ProgramBuilder, x: Ref, scale: float, out: Quantisation, *, log: bool = False) -> Ref:
    """Softmax, or its logarithm, over the last axis.

    Args:
        builder: Takes 7 to 17 steps.
        x: [..., K], 8-bit, or i32 with any zero point: a real number is `(x - zero) * scale`.
        scale: Of x.
        out: How the result is held; 2^-8 with zero 0 as u8 takes the fewest steps.
        log: Whether the result is the logarithm, by natural base.

    Returns:
        [..., K] of `out`'s dtype.

    Raises:
        ModelError: K is over 65,536.
    """
    dims = builder.dims(x)
    classes = dims[-1] if dims else 1
    if classes > MAX_CLASSES:
        raise ModelError(
            f"A softmax over {classes} classes is over the bound of {MAX_CLASSES}.",
            remedy="Leave it out: the largest score has the largest probability.",
        )
    rows = builder.reshape(x, (max(1, math.prod(dims[:-1])), classes, 1, 1))
    spread = _Spread(builder, rows, scale)
    result = _logarithm(builder, spread, out) if log else _probability(builder, spread, out)
    return builder.reshape(result, dims)


class _Spread:
    """Exponentials of a row's differences from its largest element, and their sum.

    Bounds: an exponential is at most 2^bits and a block has `block` of them, `block * 2^bits < 2^31`; a block's sum, shifted
    right by `shift`, is at most `2^(31 - shift)`, and there are `blocks` of them, `blocks <= 2^shift`.
    """

    def __init__(self, builder: ProgramBuilder, rows: Ref, scale: float) -> None:
        self.builder = builder
        self.classes = builder.dims(rows)[1]
        self.block = self.classes if self.classes <= DIRECT_CLASSES else 64 if self.classes <= 4096 else 256
        self.blocks = -(-self.classes // self.block)
        self.shift = (self.blocks - 1).bit_length()
        self.bits = min(MAX_EXPONENT_BITS, SUM_BITS - self.block.bit_length())
        self.window = Window(self.block, 1, stride_h=self.block)
        largest = builder.max_pool(rows, self.window, (self.blocks, 1))
        if self.blocks > 1:
            largest = builder.max_pool(largest, Window(self.blocks, 1), (1, 1))
        if builder.header(rows).dtype is DType.I32:
            self._take_fixed_point(largest, rows, scale)
        else:
            # Two bytes differ by 0 to 255: nothing is saturated.
            self.scale = float(scale)
            self.distance = builder.arith(ArithKind.SUB, largest, rows, dtype=DType.U8)
            self.entries = DType.U8.high + 1
        self.exponentials = self.table(self._exponential())

    def _take_fixed_point(self, largest: Ref, rows: Ref, scale: float) -> None:
        builder = self.builder
        self.scale, self.entries = FINE_SCALE, FINE_ENTRIES
        distance = builder.arith(ArithKind.SUB, largest, rows)
        distance = builder.requantize(distance, float(scale) / FINE_SCALE, 0, DType.I32)
        self.distance = builder.arith(ArithKind.MIN, distance, FINE_ENTRIES - 1)

    def reals(self) -> npt.NDArray[np.float64]:
        """How far below the largest each place of a table is; at least 0."""
        return np.arange(self.entries, dtype=np.float64) * self.scale

    def _exponential(self) -> npt.NDArray[np.int32]:
        table = np.rint(np.exp(-self.reals()) * 2.0**self.bits).astype(np.int32)
        if self.classes * 2**self.bits >> self.shift > 2**SUM_BITS or self.block * 2**self.bits >= 2**SUM_BITS:
            raise ModelError(f"The exponentials of {self.classes} classes do not fit 31 bits.")
        return table

    def table(self, entries: npt.NDArray[np.int32]) -> Ref:
        """A function of the distance."""
        if self.entries == DType.U8.high + 1:
            return self.builder.lookup(self.distance, entries)
        return self.builder.gather(self.builder.constant(entries), self.distance)

    def sum(self) -> Ref:
        """[rows, 1, 1, 1], in units of 2^(shift - bits); at least 2^(bits - shift), the largest element's own part."""
        builder = self.builder
        parts = builder.pool_sum(self.exponentials, self.window, (self.blocks, 1))
        if self.blocks == 1:
            return parts
        parts = builder.arith(ArithKind.MUL_SHIFT, parts, 1, shift=self.shift)
        return builder.pool_sum(parts, Window(self.blocks, 1), (1, 1))


def _probability(builder: ProgramBuilder, spread: _Spread, out: Quantisation) -> Ref:
    exact = shift_of(float(out.scale))
    bits = PROBABILITY_BITS if exact is None or exact < spread.shift else exact
    dtype = out.dtype if bits == exact and out.zero == 0 else DType.I32
    # e * 2^31 is below 2^61; where the sum lost `shift` bits, the quotient has as many fewer to gain.
    p = builder.arith(ArithKind.DIV_ROUND, spread.exponentials, spread.sum(), shift=bits - spread.shift, dtype=dtype)
    if bits != exact:
        return builder.requantize(p, 2.0**-bits / float(out.scale), out.zero, out.dtype)
    return p if out.zero == 0 else builder.arith(ArithKind.ADD, p, out.zero, dtype=out.dtype)


def _logarithm(builder: ProgramBuilder, spread: _Spread, out: Quantisation) -> Ref:
    """-d * scale - ln(s), the logarithm of the sum s by a table over its fourth root: a range of 2^17 becomes one of 20.

    With s < 2^31: a = isqrt(s * 2^31) < 2^31 and r = isqrt(a) < 2^15.5, so a place r / 4 is at most 11,585. s is at least
    2^(bits - shift) >= 2^14, so a place is at least 608, and half of one is 4 * 0.5 / 608 = 0.0033 of the logarithm.
    """
    root = builder.arith(ArithKind.SQRT, spread.sum(), shift=SUM_BITS)
    root = builder.arith(ArithKind.SQRT, root)
    place = builder.arith(ArithKind.MUL_SHIFT, root, 1, shift=2)
    sums = (np.arange(MAX_PLACE + 1).clip(1) * 4.0) ** 4 / 2.0**SUM_BITS
    logs = np.log(sums) - math.log(2.0) * (spread.bits - spread.shift)
    # Single precision holds the sum of both exactly while it stays within 24 bits.
    bound = float(spread.reals()[-1] + np.abs(logs[MIN_PLACE:]).max())
    fraction = max(0, min(20, FLOAT_BITS - math.ceil(math.log2(bound + 1.0))))
    total = builder.gather(builder.constant(held_fixed(-logs, fraction)), place)
    result = builder.arith(ArithKind.ADD, spread.table(held_fixed(-spread.reals(), fraction)), total)
    return builder.requantize(result, 2.0**-fraction / float(out.scale), out.zero, out.dtype)
