"""RESHAPE, VIEW, CONCAT and GATHER: copies from computed places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from tallystick.engine.kernels.site import Kernel, Longs, Site
from tallystick.engine.opcodes import ConcatAttributes, GatherAttributes, ViewAttributes
from tallystick.engine.program import Array


def prepare_reshape(site: Site) -> Kernel:
    """The output shares the operand's memory."""
    return lambda operands: operands[0].reshape(len(operands[0]), *site.dims)


def _axis_slices(start: int, step: int, size: int, outputs: int) -> tuple[slice, slice] | None:
    """(outputs, inputs) of one axis for the places `start + step * o` inside 0..size-1; None where there are none."""
    if step == 0:
        return (slice(0, outputs), slice(start, start + 1)) if 0 <= start < size else None
    # The bounds of o by floor division, for either direction of reading.
    near, far = (0, size - 1) if step > 0 else (size - 1, 0)
    first, last = max(0, -((start - near) // step)), min(outputs - 1, (far - start) // step)
    if first > last:
        return None
    begin, end = start + step * first, start + step * last
    beyond = end + (1 if step > 0 else -1)
    return slice(first, last + 1), slice(begin, None if beyond < 0 else beyond, step)


def prepare_view(site: Site) -> Kernel:
    attributes = cast(ViewAttributes, site.step.attributes)
    dims = site.headers[0].dims
    perm = (0, *(axis + 1 for axis in attributes.perm))
    axes = [
        _axis_slices(attributes.start[k], attributes.step[k], dims[axis], site.dims[k])
        for k, axis in enumerate(attributes.perm)
    ]
    found = [pair for pair in axes if pair is not None]
    inside = len(found) == len(axes)
    outputs = (slice(None), *(pair[0] for pair in found))
    inputs = (slice(None), *(pair[1] for pair in found))
    full = inside and all(pair[0] == slice(0, size) for pair, size in zip(found, site.dims, strict=True))

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        if not full:
            out[...] = attributes.fill
        if inside:
            out[outputs] = operands[0].transpose(perm)[inputs]
        return out

    return kernel


def prepare_concat(site: Site) -> Kernel:
    attributes = cast(ConcatAttributes, site.step.attributes)
    before = (slice(None),) * (attributes.axis + 1)

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        # In the order of the offsets: where two claim a place, the one that begins later has it.
        for part, offset in zip(operands, attributes.offsets, strict=True):
            out[(*before, slice(offset, offset + part.shape[attributes.axis + 1]))] = part
        return out

    return kernel


def _places(indices: Array, size: int) -> tuple[Longs, Array | None]:
    """Indices from 0 to size - 1, and which of them stand for places outside; None for none."""
    places = np.array(indices, np.int64)
    places[places < 0] += size
    outside = (places < 0) | (places >= size)
    if not outside.any():
        return places, None
    places[outside] = 0
    return places, outside


def _take(data: Array, indices: Array, axis: int, out: Array) -> None:
    """numpy's `take` with the contract's indices; `out` has data's dims with `axis` replaced by the indices'."""
    places, outside = _places(indices, data.shape[axis])
    # Every index is inside, and this mode spares numpy a copy of the output.
    np.take(data, places, axis=axis, out=out, mode="clip")
    if outside is not None:
        out[(slice(None),) * axis + (outside,)] = 0


def prepare_gather(site: Site) -> Kernel:
    axis = cast(GatherAttributes, site.step.attributes).axis
    data, indices = site.constants

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        if indices is not None:
            _take(operands[0], indices, axis + 1, out)
        elif data is not None and axis == 0:
            _take(data, operands[1], 0, out)
        else:
            # The dots keep what is left of [B] an array.
            for item, source in enumerate(operands[0]):
                _take(source, operands[1][item, ...], axis, out[item, ...])
        return out

    return kernel
