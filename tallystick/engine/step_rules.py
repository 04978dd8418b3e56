"""What each opcode asks of its operands and attributes, and the dtype and dims that its output then has.

Rules look at headers and attributes only, never at data, and take the same time whatever the numbers are. A rule that is broken
is a ModelError whose text starts in lower case: `validate` puts the step in front of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import (
    ArithAttributes,
    ArithKind,
    Attributes,
    ConcatAttributes,
    ConvAttributes,
    DType,
    GatherAttributes,
    MatMulAttributes,
    Opcode,
    PoolSumAttributes,
    ViewAttributes,
)
from tallystick.engine.program import MAX_STEP_INPUTS, Step
from tallystick.errors import ModelError

Headers = Sequence[TensorHeader]

MAX_REACH = 1 << 16
"""Of a window's stride, dilation and padding on each side, top and bottom: no model comes near, and every place fits 32 bits."""
MAX_SHIFT = 31
TABLE = 256
IMAGE_RANK = 4
NAMES_H = ("kernel_h", "stride_h", "dilation_h", "pad_top")
NAMES_W = ("kernel_w", "stride_w", "dilation_w", "pad_left")

SHIFTED = {ArithKind.MUL_SHIFT, ArithKind.DIV, ArithKind.DIV_ROUND, ArithKind.SQRT}
"""Arith kinds that the shift means something to."""

CONSTANT_OPERANDS: dict[Opcode, tuple[int, ...]] = {
    Opcode.CONV: (2,),
    Opcode.MATMUL: (2,),
    Opcode.POOL_SUM: (1,),
    Opcode.LOOKUP: (1,),
    Opcode.LOOKUP2: (2,),
}
"""Operands that must be constants, so that what they can do is known before any input is: params, multipliers, tables."""


def constant_operands(step: Step) -> tuple[int, ...]:
    """Places of the operands that must be constants."""
    attributes = step.attributes
    if isinstance(attributes, ArithAttributes) and attributes.kind == ArithKind.REQUANTIZE:
        return (1,)
    return tuple(place for place in CONSTANT_OPERANDS.get(step.opcode, ()) if place < len(step.operands))


# ---- guards -----------------------------------------------------------------------------------------------------------


def _need(holds: bool, clause: str, *values: object) -> None:
    """The values are spelled only where the rule is broken: spelling takes longer than all the checks."""
    if not holds:
        raise ModelError(clause.format(*values))


def _between(name: str, value: int, low: int, high: int) -> None:
    _need(low <= value <= high, "its {} is {}, outside {}..{}.", name, value, low, high)


def _is_byte(name: str, header: TensorHeader) -> None:
    _need(header.dtype is not DType.I32, "its {} is {}, and must be u8 or i8.", name, header)


def _is_i32(name: str, header: TensorHeader, *dims: tuple[int, ...]) -> None:
    if header.dtype is not DType.I32 or header.dims not in dims:
        raise ModelError(f"its {name} is {header}, and must be i32 of dims {_either(dims)}.")


def _either(dims: Iterable[tuple[int, ...]]) -> str:
    return " or ".join(str(list(each)) for each in dims)


def _zero(name: str, value: int, dtype: DType) -> None:
    _between(name, value, dtype.low, dtype.high)


def _requantised(requantize: int, zero_y: int, out: TensorHeader) -> None:
    _between("requantize", requantize, 0, 1)
    if requantize:
        _is_byte("requantised output", out)
        _zero("zero_y", zero_y, out.dtype)
    else:
        _need(out.dtype is DType.I32, "its output is {}, and exact sums are i32.", out)
        _between("zero_y of exact sums", zero_y, 0, 0)


def _window(attributes: Any, x: TensorHeader, out: TensorHeader) -> tuple[int, int]:
    """The output's height and width, which the opcode leaves open within bounds."""
    _need(len(x.dims) == IMAGE_RANK, "its image is {}, and must have the dims [N, H, W, C].", x)
    _need(len(out.dims) == IMAGE_RANK, "its output is {}, and must have the dims [N, H, W, C].", out)
    w = attributes.window
    axes = (
        (NAMES_H, w.kernel_h, w.stride_h, w.pad_top, w.dilation_h, x.dims[1], out.dims[1]),
        (NAMES_W, w.kernel_w, w.stride_w, w.pad_left, w.dilation_w, x.dims[2], out.dims[2]),
    )
    for names, kernel, stride, pad, dilation, size, places in axes:
        _between(names[0], kernel, 1, DType.I32.high)
        _between(names[1], stride, 1, MAX_REACH)
        _between(names[2], dilation, 1, MAX_REACH)
        _between(names[3], pad, 0, MAX_REACH)
        # Where the last window ends, counted from the input's end: what ONNX calls the padding at the end.
        behind = (places - 1) * stride - pad + (kernel - 1) * dilation + 1 - size
        _need(behind <= MAX_REACH, "its windows reach {} places behind the input, over {}.", behind, MAX_REACH)
    _need(w.taps <= DType.I32.high, "its window has {} taps, over 2^31 - 1.", w.taps)
    return out.dims[1], out.dims[2]


# ---- Dot --------------------------------------------------------------------------------------------------------------


def _conv(attributes: ConvAttributes, headers: Headers, out: TensorHeader) -> TensorHeader:
    x, w, params = headers
    height, width = _window(attributes, x, out)
    _is_byte("image", x)
    _is_byte("filter", w)
    groups, channels = attributes.groups, x.dims[3]
    _need(len(w.dims) == IMAGE_RANK, "its filter is {}, and must have the dims [O, kernel_h, kernel_w, C / groups].", w)
    outputs = w.dims[0]
    _between("groups", groups, 1, channels)
    _need(
        channels % groups == 0 and outputs % groups == 0,
        "its {} groups do not divide {} channels into {}.",
        groups,
        channels,
        outputs,
    )
    expected = (outputs, attributes.kernel_h, attributes.kernel_w, channels // groups)
    _need(w.dims == expected, "its filter is {}, and the attributes say dims {}.", w, expected)
    _is_i32("params", params, (outputs, 2))
    _zero("zero_x", attributes.zero_x, x.dtype)
    _zero("zero_w", attributes.zero_w, w.dtype)
    _requantised(attributes.requantize, attributes.zero_y, out)
    return TensorHeader(out.dtype, (x.dims[0], height, width, outputs))


def _matmul(attributes: MatMulAttributes, headers: Headers, out: TensorHeader) -> TensorHeader:
    a, b, params = headers
    _is_byte("left operand", a)
    _is_byte("right operand", b)
    _need(len(a.dims) >= 2 and len(b.dims) >= 2, "its operands are {} and {}; both need two dims.", a, b)
    _need(a.dims[-1] == b.dims[-1], "its operands {} and {} have different last dims.", a, b)
    _need(
        len(b.dims) == 2 or b.dims[:-2] == a.dims[:-2],
        "its right operand {} does not have the leading dims of {}.",
        b,
        a,
    )
    _is_i32("params", params, (b.dims[-2], 2), (1, 2))
    _zero("zero_a", attributes.zero_a, a.dtype)
    _zero("zero_b", attributes.zero_b, b.dtype)
    _requantised(attributes.requantize, attributes.zero_y, out)
    return TensorHeader(out.dtype, (*a.dims[:-1], b.dims[-2]))


def _pool_sum(attributes: PoolSumAttributes, headers: Headers, out: TensorHeader) -> TensorHeader:
    x = headers[0]
    height, width = _window(attributes, x, out)
    _zero("zero_x", attributes.zero_x, x.dtype)
    _requantised(attributes.requantize, attributes.zero_y, out)
    _need(
        len(headers) == 1 + attributes.requantize,
        "it has {} operands, and requantize is {}.",
        len(headers),
        attributes.requantize,
    )
    if attributes.requantize:
        _is_i32("table of multipliers", headers[1], (attributes.window.taps,))
    return TensorHeader(out.dtype, (x.dims[0], height, width, x.dims[3]))


# ---- Lookup, Window ---------------------------------------------------------------------------------------------------


def _lookup(_: Attributes, headers: Headers, __: TensorHeader) -> TensorHeader:
    x, table = headers
    _is_byte("operand", x)
    shapes = ((TABLE,), (x.dims[-1], TABLE)) if x.dims else ((TABLE,),)
    _need(
        table.dims in shapes,
        "its table is {}, and must have the dims [256] or [C, 256], C being the last of {}.",
        table,
        x,
    )
    return TensorHeader(table.dtype, x.dims)


def _lookup2(_: Attributes, headers: Headers, __: TensorHeader) -> TensorHeader:
    a, b, table = headers
    _is_byte("left operand", a)
    _is_byte("right operand", b)
    _need(table.dims == (TABLE * TABLE,), "its table is {}, and must have the dims [65536].", table)
    return TensorHeader(table.dtype, _broadcast((a, b)))


def _max_pool(attributes: Any, headers: Headers, out: TensorHeader) -> TensorHeader:
    return _windowed(attributes, headers[0], headers[0].dtype, out)


def _arg_max(attributes: Any, headers: Headers, out: TensorHeader) -> TensorHeader:
    return _windowed(attributes, headers[0], DType.I32, out)


def _windowed(attributes: Any, x: TensorHeader, dtype: DType, out: TensorHeader) -> TensorHeader:
    height, width = _window(attributes, x, out)
    return TensorHeader(dtype, (x.dims[0], height, width, x.dims[3]))


# ---- Map --------------------------------------------------------------------------------------------------------------


def _reshape(_: Attributes, headers: Headers, out: TensorHeader) -> TensorHeader:
    (x,) = headers
    _need(x.size == out.size, "it makes {} of {}, which has not as many elements.", out, x)
    return TensorHeader(x.dtype, out.dims)


def _view(attributes: ViewAttributes, headers: Headers, out: TensorHeader) -> TensorHeader:
    (x,) = headers
    rank = len(x.dims)
    _need(
        attributes.rank == rank == len(out.dims),
        "it has {} axes, but reads {} and gives {}.",
        attributes.rank,
        x,
        out,
    )
    _need(sorted(attributes.perm) == list(range(rank)), "its perm {} is no permutation.", attributes.perm)
    _zero("fill", attributes.fill, x.dtype)
    return TensorHeader(x.dtype, out.dims)


def _concat(attributes: ConcatAttributes, headers: Headers, _: TensorHeader) -> TensorHeader:
    first, axis = headers[0], attributes.axis
    _between("axis", axis, 0, len(first.dims) - 1)
    _need(
        len(attributes.offsets) == len(headers),
        "it has {} operands and {} offsets.",
        len(headers),
        len(attributes.offsets),
    )
    before, after, end = first.dims[:axis], first.dims[axis + 1 :], 0
    for place, (header, offset) in enumerate(zip(headers, attributes.offsets, strict=True)):
        dims = header.dims
        same = header.dtype is first.dtype and len(dims) == len(first.dims)
        same = same and dims[:axis] == before and dims[axis + 1 :] == after
        _need(same, "its operand {} is {}, which does not continue {} on axis {}.", place, header, first, axis)
        _need(offset == end, "its operand {} begins at {}, and the ones before it end at {}.", place, offset, end)
        end += dims[axis]
    return TensorHeader(first.dtype, (*before, end, *after))


def _gather(attributes: GatherAttributes, headers: Headers, _: TensorHeader) -> TensorHeader:
    data, indices = headers
    axis = attributes.axis
    _between("axis", axis, 0, len(data.dims) - 1)
    return TensorHeader(data.dtype, (*data.dims[:axis], *indices.dims, *data.dims[axis + 1 :]))


# ---- Arith ------------------------------------------------------------------------------------------------------------


def _arith(attributes: ArithAttributes, headers: Headers, out: TensorHeader) -> TensorHeader:
    kind = ArithKind(attributes.kind)
    _between("shift", attributes.shift, 0, MAX_SHIFT if kind in SHIFTED else 0)
    if kind is ArithKind.REQUANTIZE:
        _need(headers[1].dtype is DType.I32, "its multipliers are {}, and must be i32.", headers[1])
        _zero("zero_y", attributes.zero_y, out.dtype)
    else:
        _between(f"zero_y of {kind.name}", attributes.zero_y, 0, 0)
    return TensorHeader(out.dtype, _broadcast(headers))


def _broadcast(headers: Headers) -> tuple[int, ...]:
    try:
        return tuple(np.broadcast_shapes(*(header.dims for header in headers)))
    except ValueError:
        raise ModelError(f"its operands {' and '.join(map(str, headers))} do not broadcast.") from None


# ---- all --------------------------------------------------------------------------------------------------------------

RULES: dict[Opcode, tuple[Callable[[Any, Headers, TensorHeader], TensorHeader], tuple[int, int]]] = {
    Opcode.CONV: (_conv, (3, 3)),
    Opcode.MATMUL: (_matmul, (3, 3)),
    Opcode.POOL_SUM: (_pool_sum, (1, 2)),
    Opcode.LOOKUP: (_lookup, (2, 2)),
    Opcode.LOOKUP2: (_lookup2, (3, 3)),
    Opcode.MAX_POOL: (_max_pool, (1, 1)),
    Opcode.ARG_MAX: (_arg_max, (1, 1)),
    Opcode.RESHAPE: (_reshape, (1, 1)),
    Opcode.VIEW: (_view, (1, 1)),
    Opcode.CONCAT: (_concat, (1, MAX_STEP_INPUTS)),
    Opcode.GATHER: (_gather, (2, 2)),
    Opcode.ARITH: (_arith, (1, 3)),
}
"""For each opcode its rule, and the least and the most operands."""


def _operand_bounds(step: Step) -> tuple[int, int]:
    if isinstance(step.attributes, ArithAttributes):
        known = step.attributes.kind in set(ArithKind)
        _need(known, "there is no Arith kind {}.", step.attributes.kind)
        return (ArithKind(step.attributes.kind).operands,) * 2
    return RULES[step.opcode][1]


def check_step(step: Step, headers: Headers) -> None:
    """Whether a step is one that docs/determinism.md gives a meaning to. Constant time, but for CONCAT's operands.

    Args:
        step: Whose operands are there.
        headers: Of its operands.

    Raises:
        ModelError: it is not; the text lacks the step.
    """
    ints = step.attributes.to_ints() or (0,)
    for value in (min(ints), max(ints)):
        _between("attribute", value, DType.I32.low, DType.I32.high)
    low, high = _operand_bounds(step)
    _need(
        low <= len(headers) <= high,
        "it has {} operands, and {} has {} to {}.",
        len(headers),
        step.opcode.name,
        low,
        high,
    )
    expected = RULES[step.opcode][0](step.attributes, headers, step.header)
    _need(expected == step.header, "its output is {}, and the rule gives {}.", step.header, expected)
