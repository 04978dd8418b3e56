"""Between which integers the elements of a tensor lie, whatever a program's inputs are: intervals, step by step.

Sums of 32-bit integers need this. 8-bit operands bound a sum by their dtype alone, but one of softmax's exponentials stays below
2^31 only because its table does. Every rule gives an interval that is certain, none promises the narrowest.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tallystick.engine.constant_facts import ConstantFacts
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import (
    ArgMaxAttributes,
    ArithAttributes,
    ArithKind,
    DType,
    GatherAttributes,
    Lookup2Attributes,
    LookupAttributes,
    MaxPoolAttributes,
    ViewAttributes,
    Window,
)
from tallystick.engine.program import Program, Ref, RefKind, Step

F32_MOST = 1 << 62
"""Above what any saturation keeps, below what a 64-bit integer overflows at."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """Every integer from `low` to `high`."""

    low: int
    high: int

    @classmethod
    def of(cls, values: Iterable[int]) -> Interval:
        """The narrowest that holds all of `values`, of which there is at least one."""
        values = list(values)
        return cls(min(values), max(values))

    @staticmethod
    @functools.cache
    def whole(dtype: DType) -> Interval:
        return Interval(dtype.low, dtype.high)

    @property
    def size(self) -> int:
        """The largest absolute value."""
        return max(-self.low, self.high, 0)

    def joined(self, *others: Interval) -> Interval:
        every = (self, *others)
        return Interval(min(each.low for each in every), max(each.high for each in every))

    def saturated(self, dtype: DType) -> Interval:
        whole = Interval.whole(dtype)
        return Interval(*(min(max(end, whole.low), whole.high) for end in (self.low, self.high)))

    def minus(self, value: int) -> Interval:
        return Interval(self.low - value, self.high - value)


class Ranges:
    """The intervals of a program's tensors; `add` is called for each step in order."""

    def __init__(self, program: Program, facts: ConstantFacts) -> None:
        self._program, self._facts = program, facts
        self._steps: list[Interval] = []

    def of(self, ref: Ref) -> Interval:
        if ref.kind is RefKind.INPUT:
            return Interval.whole(self._program.inputs[ref.index].dtype)
        if ref.kind is RefKind.CONSTANT:
            return Interval(*self._facts.extent(ref.index))
        return self._steps[ref.index]

    def add(self, step: Step, sums: Interval | None = None) -> None:
        """`sums` is what a Dot step's exact sums lie between; other steps have none."""
        self._steps.append(self._result(step, sums).saturated(step.header.dtype))

    def _result(self, step: Step, sums: Interval | None) -> Interval:
        if sums is not None:
            return Interval.whole(step.header.dtype) if step.header.dtype is not DType.I32 else sums
        operands = [self.of(ref) for ref in step.operands]
        match step.attributes:
            case ArithAttributes():
                same = len(step.operands) > 1 and step.operands[0] == step.operands[1]
                result = arith_interval(step.attributes, operands, same=same)
            case LookupAttributes() | Lookup2Attributes():
                result = operands[-1]
            case ArgMaxAttributes():
                result = Interval(0, step.attributes.window.taps - 1)
            case MaxPoolAttributes():
                result = self._largest(step.attributes.window, step, operands[0])
            case ViewAttributes():
                result = operands[0].joined(Interval(step.attributes.fill, step.attributes.fill))
            case GatherAttributes():
                result = operands[0].joined(Interval(0, 0))
            case _:
                result = operands[0].joined(*operands[1:])
        return result

    def _largest(self, window: Window, step: Step, x: Interval) -> Interval:
        header = self._program.header(step.operands[0])
        if never_empty(window, header, step.header):
            return x
        return x.joined(Interval(header.dtype.low, header.dtype.low))


def never_empty(window: Window, x: TensorHeader, out: TensorHeader) -> bool:
    """Whether every window surely has a tap inside; False where that would need a closer look."""
    w = window
    axes = (
        (w.kernel_h, w.stride_h, w.pad_top, w.dilation_h, x.dims[1], out.dims[1]),
        (w.kernel_w, w.stride_w, w.pad_left, w.dilation_w, x.dims[2], out.dims[2]),
    )
    return all(
        pad <= (kernel - 1) * dilation and (pad == 0 or dilation <= size) and (places - 1) * stride - pad < size
        for kernel, stride, pad, dilation, size, places in axes
    )


# ---- Arith ------------------------------------------------------------------------------------------------------------


def _product(a: Interval, b: Interval) -> Interval:
    return Interval.of(x * y for x, y in itertools.product((a.low, a.high), (b.low, b.high)))


def _times(same: bool, a: Interval, b: Interval) -> Interval:
    product = _product(a, b)
    # A number times itself is not below 0, which no interval of its factors shows.
    return Interval(max(product.low, 0), product.high) if same else product


def _quotient(a: Interval, b: Interval) -> Interval:
    """Of division with any rounding to a neighbour; 0 where `b` is 0."""
    nearest = max(b.low, -b.high, 1)
    most = -(-a.size // nearest)
    one_sided = b.low >= 0
    return Interval(0 if a.low >= 0 and one_sided else -most, 0 if a.high <= 0 and one_sided else most)


def _requantised(zero: int, a: Interval, b: Interval) -> Interval:
    """Multipliers are above zero, so the product rises with `a`, and its ends are at the ends."""
    ends = []
    for acc, bits in itertools.product((a.low, a.high), (b.low, b.high)):
        multiplier = np.array(bits, np.int32).view(np.float32)
        with np.errstate(over="ignore", under="ignore"):
            product = float(np.rint(np.float32(acc) * multiplier))
        ends.append(int(min(max(product, -F32_MOST), F32_MOST)) + zero)
    return Interval.of(ends)


ARITH: dict[ArithKind, Callable[[int, bool, Sequence[Interval]], Interval]] = {
    ArithKind.ADD: lambda _, __, v: Interval(v[0].low + v[1].low, v[0].high + v[1].high),
    ArithKind.SUB: lambda _, __, v: Interval(v[0].low - v[1].high, v[0].high - v[1].low),
    ArithKind.MUL: lambda _, same, v: _times(same, v[0], v[1]),
    ArithKind.MUL_SHIFT: lambda s, same, v: _shifted(_times(same, v[0], v[1]), s),
    ArithKind.DIV: lambda s, _, v: _quotient(_scaled(v[0], s), v[1]),
    ArithKind.DIV_ROUND: lambda s, _, v: _quotient(_scaled(v[0], s), v[1]),
    ArithKind.MIN: lambda _, __, v: Interval(min(v[0].low, v[1].low), min(v[0].high, v[1].high)),
    ArithKind.MAX: lambda _, __, v: Interval(max(v[0].low, v[1].low), max(v[0].high, v[1].high)),
    ArithKind.LESS: lambda _, __, ___: Interval(0, 1),
    ArithKind.LESS_EQUAL: lambda _, __, ___: Interval(0, 1),
    ArithKind.EQUAL: lambda _, __, ___: Interval(0, 1),
    ArithKind.SELECT: lambda _, __, v: v[1].joined(v[2]),
    ArithKind.SQRT: lambda s, _, v: Interval(*(math.isqrt(max(end, 0) << s) for end in (v[0].low, v[0].high))),
}


def _shifted(product: Interval, shift: int) -> Interval:
    half = 1 << shift >> 1
    return Interval(product.low + half >> shift, product.high + half >> shift)


def _scaled(value: Interval, shift: int) -> Interval:
    return Interval(value.low << shift, value.high << shift)


def arith_interval(attributes: ArithAttributes, operands: Sequence[Interval], *, same: bool) -> Interval:
    """What an Arith step's results lie between, before saturation.

    Args:
        attributes: Of a known kind.
        operands: As many as the kind has.
        same: Whether the first two operands are one tensor. (Broadcast or not, equal dims then.)
    """
    kind = ArithKind(attributes.kind)
    if kind is ArithKind.REQUANTIZE:
        return _requantised(attributes.zero_y, *operands)
    return ARITH[kind](attributes.shift, same, operands)
