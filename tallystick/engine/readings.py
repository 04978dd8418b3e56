"""Which elements of which operands one output element is computed from.

Few contiguous ranges: of a convolution the channels of each tap, the filter, one row of params. Two stages at most: where
LOOKUP, LOOKUP2 and GATHER read next follows from what they read first.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import (
    Attributes,
    ConcatAttributes,
    ConvAttributes,
    GatherAttributes,
    MatMulAttributes,
    Opcode,
    PoolSumAttributes,
    ReshapeAttributes,
    ViewAttributes,
    Window,
)
from tallystick.engine.places import broadcast_index, index_at, place_of, taps_inside
from tallystick.engine.program import Step
from tallystick.errors import ModelError

Headers = Sequence[TensorHeader]
Values = Sequence[Sequence[int]]
"""For each operand, the elements that were read of it, in the order of the readings."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """`count` elements of one operand, from flat index `first` on."""

    operand: int
    first: int
    count: int = 1


Read = Callable[[Any, TensorHeader, Headers, int], Iterable[Reading]]
"""`(attributes, output's header, operands' headers, output's flat index) -> readings`."""


# ---- the first stage --------------------------------------------------------------------------------------------------


def taps_of(window: Window, out: TensorHeader, x: TensorHeader, index: int) -> list[tuple[int, int]]:
    """`(tap, flat index of its channel 0)` of each tap of the output element that lies inside `x`."""
    n, y, column, _ = place_of(index, out.dims)
    _, height, width, _ = x.dims
    taps = taps_inside(window, y, column, height, width)
    return [(tap, index_at((n, row, at, 0), x.dims)) for tap, row, at in taps]


def _conv(attributes: ConvAttributes, out: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    x, w, _ = headers
    outputs, channels, size = w.dims[0], w.dims[3], math.prod(w.dims[1:])
    o = index % outputs
    group = o // (outputs // attributes.groups)
    for _, start in taps_of(attributes.window, out, x, index):
        yield Reading(0, start + group * channels, channels)
    yield Reading(1, o * size, size)
    yield Reading(2, 2 * o, 2)


def _matmul(_: MatMulAttributes, __: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    a, b, params = headers
    m, k, n = a.dims[-2], a.dims[-1], b.dims[-2]
    # Of rank 2, b is the same for all leading places of a; otherwise both have the same leading dims.
    lead = index // (m * n) if len(b.dims) > 2 else 0
    yield Reading(0, index // n * k, k)
    yield Reading(1, (lead * n + index % n) * k, k)
    yield Reading(2, 2 * (index % n) if params.dims[0] > 1 else 0, 2)


def _window(attributes: Any, out: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    for _, start in taps_of(attributes.window, out, headers[0], index):
        yield Reading(0, start + index % out.dims[3])


def _pool_sum(attributes: PoolSumAttributes, out: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    taps = list(_window(attributes, out, headers, index))
    yield from taps
    if attributes.requantize and taps:
        yield Reading(1, len(taps) - 1)


def _reshape(_: ReshapeAttributes, __: TensorHeader, ___: Headers, index: int) -> Iterator[Reading]:
    yield Reading(0, index)


def _view(attributes: ViewAttributes, out: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    dims = headers[0].dims
    source = [0] * len(dims)
    axes = zip(attributes.perm, attributes.start, attributes.step, place_of(index, out.dims), strict=True)
    for axis, start, step, at in axes:
        source[axis] = start + step * at
    if all(0 <= at < dim for at, dim in zip(source, dims, strict=True)):
        yield Reading(0, index_at(source, dims))


def _concat(attributes: ConcatAttributes, out: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    place = place_of(index, out.dims)
    axis, offsets = attributes.axis, attributes.offsets
    operand = max(k for k, offset in enumerate(offsets) if offset <= place[axis])
    place[axis] -= offsets[operand]
    yield Reading(operand, index_at(place, headers[operand].dims))


def _elementwise(_: Attributes, out: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    for operand, header in enumerate(headers):
        yield Reading(operand, broadcast_index(index, out.dims, header.dims))


def _looked_up(attributes: Attributes, out: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    """Of all operands but the table, which is last."""
    return _elementwise(attributes, out, headers[:-1], index)


def _inner(axis: int, data: TensorHeader) -> int:
    """Elements of GATHER's data behind one place on its axis."""
    return math.prod(data.dims[axis + 1 :])


def _gather(attributes: GatherAttributes, _: TensorHeader, headers: Headers, index: int) -> Iterator[Reading]:
    data, indices = headers
    yield Reading(1, index // _inner(attributes.axis, data) % indices.size)


FIRST: dict[Opcode, Read] = {
    Opcode.CONV: _conv,
    Opcode.MATMUL: _matmul,
    Opcode.POOL_SUM: _pool_sum,
    Opcode.LOOKUP: _looked_up,
    Opcode.LOOKUP2: _looked_up,
    Opcode.MAX_POOL: _window,
    Opcode.ARG_MAX: _window,
    Opcode.RESHAPE: _reshape,
    Opcode.VIEW: _view,
    Opcode.CONCAT: _concat,
    Opcode.GATHER: _gather,
    Opcode.ARITH: _elementwise,
}


def first_readings(step: Step, headers: Headers, index: int) -> list[Reading]:
    """What is read before any value is known; ranges that touch are one.

    Args:
        step: Of a valid program.
        headers: Of its operands.
        index: Flat, of the output element.

    Raises:
        ModelError: the output has no element `index`.
    """
    if not 0 <= index < step.header.size:
        raise ModelError(f"A tensor {step.header} has no element {index}.")
    joined: list[Reading] = []
    for reading in FIRST[step.opcode](step.attributes, step.header, headers, index):
        last = joined[-1] if joined else None
        if last and last.operand == reading.operand and last.first + last.count == reading.first:
            joined[-1] = Reading(last.operand, last.first, last.count + reading.count)
        else:
            joined.append(reading)
    return joined


# ---- the second stage -------------------------------------------------------------------------------------------------


def _table_entry(out: TensorHeader, headers: Headers, index: int, values: Values) -> Reading:
    row = index % out.dims[-1] if len(headers[1].dims) == 2 else 0
    return Reading(1, 256 * row + (values[0][0] & 0xFF))


def _gathered(axis: int, headers: Headers, index: int, value: int) -> list[Reading]:
    data, indices = headers
    inner, dim = _inner(axis, data), data.dims[axis]
    at = value + dim if value < 0 else value
    outer = index // (inner * indices.size)
    return [Reading(0, (outer * dim + at) * inner + index % inner)] if 0 <= at < dim else []


def second_readings(step: Step, headers: Headers, index: int, values: Values) -> list[Reading]:
    """What is read once `values`, those of the first readings, are known. Of most steps nothing."""
    if step.opcode is Opcode.LOOKUP:
        return [_table_entry(step.header, headers, index, values)]
    if step.opcode is Opcode.LOOKUP2:
        return [Reading(2, 256 * (values[0][0] & 0xFF) + (values[1][0] & 0xFF))]
    if isinstance(step.attributes, GatherAttributes):
        return _gathered(step.attributes.axis, headers, index, values[1][0])
    return []
