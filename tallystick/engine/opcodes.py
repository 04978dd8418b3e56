"""The steps of a program: five families, twelve opcodes, and what the attributes of each one mean.

Attributes are 32-bit integers, so that a contract reads the k-th at a fixed place. Each opcode has a frozen dataclass whose
fields are those integers in order; where their number varies, the last field is a tuple. docs/determinism.md gives the
arithmetic of every opcode.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Self

from tallystick.errors import ModelError

MAX_RANK = 8


class DType(enum.IntEnum):
    """Of the elements of a tensor. Values are what headers are hashed with."""

    U8 = 1
    I8 = 2
    I32 = 3

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return 4 if self is DType.I32 else 1

    @property
    def low(self) -> int:
        return {DType.U8: 0, DType.I8: -128, DType.I32: -(2**31)}[self]

    @property
    def high(self) -> int:
        return {DType.U8: 255, DType.I8: 127, DType.I32: 2**31 - 1}[self]


class Family(enum.Enum):
    """What one element of a step costs to check: a dot product, a table, a window, an index, an expression."""

    DOT = "Dot"
    LOOKUP = "Lookup"
    WINDOW = "Window"
    MAP = "Map"
    ARITH = "Arith"


class Opcode(enum.IntEnum):
    """Values are what steps are hashed with; a value is never given a second meaning."""

    CONV = 1
    MATMUL = 2
    POOL_SUM = 3
    LOOKUP = 16
    LOOKUP2 = 17
    MAX_POOL = 32
    ARG_MAX = 33
    RESHAPE = 48
    VIEW = 49
    CONCAT = 50
    GATHER = 51
    ARITH = 64

    @property
    def family(self) -> Family:
        return list(Family)[self.value >> 4]


class ArithKind(enum.IntEnum):
    """The expression of an ARITH step. Operands are widened to 64 bits, the result is saturated to the output's dtype."""

    ADD = 0
    SUB = 1
    MUL = 2
    MUL_SHIFT = 3
    DIV = 4
    DIV_ROUND = 5
    MIN = 6
    MAX = 7
    LESS = 8
    LESS_EQUAL = 9
    EQUAL = 10
    SELECT = 11
    SQRT = 12
    REQUANTIZE = 13

    @property
    def operands(self) -> int:
        return {ArithKind.SQRT: 1, ArithKind.SELECT: 3}.get(self, 2)


@dataclasses.dataclass(frozen=True)
class Attributes:
    """Base of the attributes of every opcode."""

    opcode: ClassVar[Opcode]

    def to_ints(self) -> tuple[int, ...]:
        """The integers that are hashed, in order."""
        flat: list[int] = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            flat.extend(value if isinstance(value, tuple) else (int(value),))
        return tuple(flat)

    @classmethod
    def from_ints(cls, ints: Sequence[int]) -> Self:
        """The inverse of `to_ints`. Raises ModelError where the count cannot be right."""
        fields = dataclasses.fields(cls)
        if len(ints) != len(fields):
            raise ModelError(f"{cls.opcode.name} has {len(fields)} attributes, not {len(ints)}.")
        return cls(*ints)


@dataclasses.dataclass(frozen=True)
class Window:
    """Where the taps of a two-dimensional window lie: tap (i, j) of output (y, x) reads input row
    `y * stride_h - pad_top + i * dilation_h` and column `x * stride_w - pad_left + j * dilation_w`.

    Taps outside the input take no part. Padding at the bottom and at the right follows from the output's shape.
    """

    kernel_h: int
    kernel_w: int
    stride_h: int = 1
    stride_w: int = 1
    pad_top: int = 0
    pad_left: int = 0
    dilation_h: int = 1
    dilation_w: int = 1

    @property
    def taps(self) -> int:
        return self.kernel_h * self.kernel_w


@dataclasses.dataclass(frozen=True)
class _Windowed(Attributes):
    """Opcodes whose attributes begin with a window."""

    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    dilation_h: int
    dilation_w: int

    @cached_property
    def window(self) -> Window:
        return Window(*self.to_ints()[:8])


@dataclasses.dataclass(frozen=True)
class ConvAttributes(_Windowed):
    """Inputs: x [N, H, W, C] u8/i8; w [O, kernel_h, kernel_w, C / groups] u8/i8; params [O, 2] i32 = (bias, multiplier's bits).

    `zero_x`, `zero_w`, `zero_y` are zero points. `requantize` is 1 for an 8-bit output, 0 for the exact sums as i32.
    """

    opcode = Opcode.CONV
    groups: int
    zero_x: int
    zero_w: int
    zero_y: int
    requantize: int


@dataclasses.dataclass(frozen=True)
class MatMulAttributes(Attributes):
    """Inputs: a [..., M, K] u8/i8; b [..., N, K] u8/i8 with the same leading dims, or [N, K]; params [N, 2] or [1, 2] i32."""

    opcode = Opcode.MATMUL
    zero_a: int
    zero_b: int
    zero_y: int
    requantize: int


@dataclasses.dataclass(frozen=True)
class PoolSumAttributes(_Windowed):
    """Inputs: x [N, H, W, C] of any dtype; where `requantize` is 1 also multipliers [taps] i32: entry n-1 holds the bits for
    outputs that n taps take part in."""

    opcode = Opcode.POOL_SUM
    zero_x: int
    zero_y: int
    requantize: int


@dataclasses.dataclass(frozen=True)
class LookupAttributes(Attributes):
    """Inputs: x u8/i8; table [256], or [C, 256] where C is x's last dim. The index is x's byte."""

    opcode = Opcode.LOOKUP


@dataclasses.dataclass(frozen=True)
class Lookup2Attributes(Attributes):
    """Inputs: a, b u8/i8, broadcast as numpy does; table [65536]. The index is a's byte times 256 plus b's."""

    opcode = Opcode.LOOKUP2


@dataclasses.dataclass(frozen=True)
class MaxPoolAttributes(_Windowed):
    """Input: x [N, H, W, C] of any dtype; the output has x's dtype."""

    opcode = Opcode.MAX_POOL


@dataclasses.dataclass(frozen=True)
class ArgMaxAttributes(_Windowed):
    """Input: x [N, H, W, C] of any dtype; the output is i32: `i * kernel_w + j` of the first largest tap."""

    opcode = Opcode.ARG_MAX


@dataclasses.dataclass(frozen=True)
class ReshapeAttributes(Attributes):
    """Input: x; the output has its elements in the same order under other dims."""

    opcode = Opcode.RESHAPE


@dataclasses.dataclass(frozen=True)
class ViewAttributes(Attributes):
    """Input: x of the output's rank r. Output place (o_0 .. o_r-1) reads, on axis `perm[k]` of x, `start[k] + step[k] * o_k`.

    A place outside x gives `fill`. `axes` is perm, start, step, r integers each: transposition, slice, padding, reversal,
    split and broadcast are all of this form.
    """

    opcode = Opcode.VIEW
    fill: int
    axes: tuple[int, ...]

    @classmethod
    def of(cls, perm: Sequence[int], start: Sequence[int], step: Sequence[int], fill: int = 0) -> ViewAttributes:
        return cls(fill, (*perm, *start, *step))

    @classmethod
    def from_ints(cls, ints: Sequence[int]) -> Self:
        if not ints or (len(ints) - 1) % 3:
            raise ModelError(f"VIEW has 1 + 3 * rank attributes, not {len(ints)}.")
        return cls(ints[0], tuple(ints[1:]))

    @property
    def rank(self) -> int:
        return len(self.axes) // 3

    @property
    def perm(self) -> tuple[int, ...]:
        return self.axes[: self.rank]

    @property
    def start(self) -> tuple[int, ...]:
        return self.axes[self.rank : 2 * self.rank]

    @property
    def step(self) -> tuple[int, ...]:
        return self.axes[2 * self.rank :]


@dataclasses.dataclass(frozen=True)
class ConcatAttributes(Attributes):
    """Inputs: one or more tensors of the output's dtype, equal but for `axis`. `offsets[k]` is where the k-th begins."""

    opcode = Opcode.CONCAT
    axis: int
    offsets: tuple[int, ...]

    @classmethod
    def from_ints(cls, ints: Sequence[int]) -> Self:
        if len(ints) < 2:
            raise ModelError(f"CONCAT has an axis and an offset for each input, not {len(ints)} attributes.")
        return cls(ints[0], tuple(ints[1:]))


@dataclasses.dataclass(frozen=True)
class GatherAttributes(Attributes):
    """Inputs: data; indices of any dtype. The output's dims are data's with `axis` replaced by those of the indices.

    An index below zero counts from the end, as ONNX has it; one that is still outside gives 0.
    """

    opcode = Opcode.GATHER
    axis: int


@dataclasses.dataclass(frozen=True)
class ArithAttributes(Attributes):
    """Inputs: one to three tensors of any dtype, broadcast as numpy does. `shift` is 0..31; `zero_y` is REQUANTIZE's."""

    opcode = Opcode.ARITH
    kind: int
    shift: int
    zero_y: int


ATTRIBUTES: dict[Opcode, type[Attributes]] = {
    cls.opcode: cls
    for cls in (
        ConvAttributes,
        MatMulAttributes,
        PoolSumAttributes,
        LookupAttributes,
        Lookup2Attributes,
        MaxPoolAttributes,
        ArgMaxAttributes,
        ReshapeAttributes,
        ViewAttributes,
        ConcatAttributes,
        GatherAttributes,
        ArithAttributes,
    )
}
