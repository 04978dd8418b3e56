"""RESHAPE, VIEW, CONCAT and MAX_POOL in ONNX's operators, for tensors whose first dim counts the batch too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from tallystick.engine.backends.onnxruntime_dots import Emit, pads_of, window_attributes
from tallystick.engine.backends.onnxruntime_graph import MICROSOFT, GraphWriter, folded
from tallystick.engine.kernels.site import Site, lifted_zero
from tallystick.engine.opcodes import ConcatAttributes, DType, MaxPoolAttributes, ViewAttributes
from tallystick.engine.program import Array

FEW_CHANNELS = 8
"""Fewer, and onnxruntime's pooling by channels has nothing to do at a time."""

_BEGINNING = -(2**62)
"""An end of a slice that goes backwards to the first element."""


def emit_reshape(site: Site) -> Emit | None:
    if site.constants[0] is not None:
        return None
    return lambda writer, operands: writer.reshape(operands[0], folded(site.dims))


def emit_concat(site: Site) -> Emit | None:
    axis = cast(ConcatAttributes, site.step.attributes).axis
    if axis == 0 or any(constant is not None for constant in site.constants):
        return None
    return lambda writer, operands: writer.node("Concat", operands, axis=axis)


def emit_max_pool(site: Site) -> Emit | None:
    header, window = site.headers[0], cast(MaxPoolAttributes, site.step.attributes).window
    pads = pads_of(window, (header.dims[1], header.dims[2]), (site.dims[1], site.dims[2]))
    unfit = pads is None or site.constants[0] is not None
    if unfit or header.dtype is DType.I32 or header.dims[3] < FEW_CHANNELS or not _every_window_reads(site, pads or []):
        return None
    shape = window_attributes(window, pads or [])
    return lambda writer, operands: writer.node("NhwcMaxPool", operands[:1], MICROSOFT, **shape)


def _every_window_reads(site: Site, pads: Sequence[int]) -> bool:
    """With dilation a window can straddle the image without reading it."""
    window = cast(MaxPoolAttributes, site.step.attributes).window
    return not any(pads) or (window.dilation_h == 1 and window.dilation_w == 1)


def emit_view(site: Site) -> Emit | None:
    """As Transpose, Slice, Pad and Expand, each where it is needed. None where the first axis takes part."""
    attributes = cast(ViewAttributes, site.step.attributes)
    before, after = site.headers[0].dims, site.dims
    fixed = attributes.rank > 0 and (attributes.perm[0], attributes.start[0], attributes.step[0]) == (0, 0, 1)
    if site.constants[0] is not None or not fixed or before[0] != after[0]:
        return None
    axes = [
        _Axis(before[attributes.perm[k]], attributes.start[k], attributes.step[k], after[k])
        for k in range(attributes.rank)
    ]
    if not all(axis.expressible for axis in axes):
        return None
    fill = lifted_zero(site.headers[0].dtype, attributes.fill)

    def emit(writer: GraphWriter, operands: Sequence[str]) -> str:
        y = operands[0]
        if attributes.perm != tuple(range(attributes.rank)):
            y = writer.node("Transpose", [y], perm=list(attributes.perm))
        y = _slice(writer, y, axes)
        y = _pad(writer, y, axes, np.array(fill, np.int32 if site.dtype is DType.I32 else np.uint8))
        if any(axis.step == 0 and axis.places > 1 for axis in axes):
            y = writer.node("Expand", [y, writer.ints([axis.places if axis.step == 0 else 1 for axis in axes])])
        return y

    return emit


class _Axis:
    """Places `start + step * o` for o below `places`, of an axis of `size`."""

    def __init__(self, size: int, start: int, step: int, places: int) -> None:
        self.size, self.start, self.step, self.places = size, start, step, places
        last = start + step * (places - 1)
        self.inside = min(start, last) >= 0 and max(start, last) < size
        self.before = max(0, -start) if step == 1 else 0
        self.behind = max(0, last + 1 - size) if step == 1 else 0
        self.first = max(start, 0)
        self.end = min(last + 1, size) if step >= 0 else last - 1 if last > 0 else _BEGINNING

    @property
    def expressible(self) -> bool:
        return self.inside or (self.step == 1 and self.start < self.size and self.start + self.places > 0)

    @property
    def whole(self) -> bool:
        return self.step == 1 and self.first == 0 and self.end == self.size


def _slice(writer: GraphWriter, x: str, axes: Sequence[_Axis]) -> str:
    cut = [k for k in range(1, len(axes)) if not axes[k].whole]
    if not cut:
        return x
    starts, ends = [axes[k].first for k in cut], [axes[k].end for k in cut]
    steps = [axes[k].step or 1 for k in cut]
    return writer.node("Slice", [x, *map(writer.ints, (starts, ends, cut, steps))])


def _pad(writer: GraphWriter, x: str, axes: Sequence[_Axis], fill: Array) -> str:
    pads = [axis.before for axis in axes] + [axis.behind for axis in axes]
    return writer.node("Pad", [x, writer.ints(pads), writer.constant(fill)]) if any(pads) else x
