"""Indices that are computed while a program runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.opcodes import ArithKind
from tallystick.engine.program import Ref


def counted_from_front(builder: ProgramBuilder, indices: Ref, size: int) -> Ref:
    """Indices of an axis of so many places, those below 0 counting from its end."""
    from_end = builder.arith(ArithKind.LESS, indices, 0)
    return builder.arith(ArithKind.ADD, indices, builder.arith(ArithKind.MUL, from_end, size))


def gather_elements(builder: ProgramBuilder, data: Ref, indices: Ref, axis: int, shape: Sequence[int]) -> Ref:
    """ONNX's GatherElements, as a gather from the flat data: place o of the result, which has the indices' `shape`, reads at the
    sum of its places times the data's strides, but for `axis`, whose place the indices give, from the front."""
    dims = builder.dims(data)
    strides = [math.prod(dims[place + 1 :]) for place in range(len(dims))]
    if strides[axis] != 1:
        indices = builder.arith(ArithKind.MUL, indices, strides[axis])
    lines = [
        np.arange(size, dtype=np.int64) * (strides[place] if place != axis else 0) for place, size in enumerate(shape)
    ]
    offsets = sum(line.reshape((-1,) + (1,) * (len(shape) - 1 - place)) for place, line in enumerate(lines))
    if np.any(offsets):
        indices = builder.arith(ArithKind.ADD, indices, builder.constant(np.asarray(offsets, np.int32)))
    return builder.gather(builder.reshape(data, (math.prod(dims),)), indices)
