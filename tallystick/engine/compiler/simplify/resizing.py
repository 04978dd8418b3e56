"""Rules for Resize by nearest neighbours: whole factors repeat, others pick by constant indices."""

from __future__ import annotations

import math

import numpy as np

from tallystick.engine.compiler.graph import Array, Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify.rewriter import Rewriter

_REMEDY = "Use mode='nearest' with coordinate_transformation_mode 'asymmetric' or 'half_pixel'."


def resized(r: Rewriter, node: Node) -> None:
    if node.attributes.get("mode", "nearest") != "nearest" or node.attributes.get("antialias", 0):
        raise refuse(node, f"it interpolates in the mode {node.attributes.get('mode')!r}", _REMEDY)
    x, old, new = node.inputs[0], r.shape(node.inputs[0]), r.shape(node.outputs[0])
    factors = _factors(r, node, old, new)
    r.afford(8 * sum(new))  # several real numbers for each place, for a moment
    # An axis of as many places as before may still be read elsewhere, where its factor is not quite 1; but runtimes give back
    # the input itself where no axis has another number of places.
    picked = {
        axis: _sources(node, r.opset, before, after, factors[axis])
        for axis, (before, after) in enumerate(zip(old, new, strict=True))
        if before != after or (factors[axis] != 1 and old != new)
    }
    inner: list[int] = []
    outer: list[int] = []
    shape = list(old)
    for axis, before in enumerate(old):
        after = new[axis]
        repeats = axis in picked and after % before == 0
        if repeats and np.array_equal(picked[axis], np.arange(after) // (after // before)):
            inner += [before, 1]
            outer += [before, after // before]
            shape[axis] = after
            del picked[axis]
        else:
            inner.append(before)
            outer.append(before)
    x = r.reshape(r.expand(r.reshape(x, tuple(inner)), tuple(outer)), tuple(shape))
    for axis, places in picked.items():
        if np.array_equal(places, np.arange(old[axis])):
            continue
        shape[axis] = new[axis]
        x = r.emit("Gather", [x, r.hold(f"{x}:places", places)], tuple(shape), like=x, axis=axis)
    r.alias(node.outputs[0], x)


def _factors(r: Rewriter, node: Node, old: tuple[int, ...], new: tuple[int, ...]) -> list[float]:
    """Output places for each input place, by axis: as the file gives them, or from the shapes."""
    place = 1 if r.opset < 11 else 2
    scales = r.constant(node.inputs[place]) if len(node.inputs) > place and node.inputs[place] else None
    found = [after / before for before, after in zip(old, new, strict=True)]
    if scales is not None and scales.size:
        axes = node.attributes.get("axes", range(len(old)))
        if len(axes) != scales.size:
            raise refuse(node, f"it has {scales.size} scales for {len(axes)} axes")
        for axis, scale in zip(axes, scales.reshape(-1), strict=True):
            found[axis] = float(scale)
    return found


def _sources(node: Node, opset: int, size: int, out: int, factor: float) -> Array:
    """Which place of the input each place of the output shows."""
    mode = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    rounding = node.attributes.get("nearest_mode", "round_prefer_floor")
    if opset < 11:
        mode, rounding = "asymmetric", "floor"
    places = np.arange(out, dtype=np.float64)
    if mode == "asymmetric":
        found = places / factor
    elif mode == "half_pixel" or (mode == "pytorch_half_pixel" and out > 1):
        found = (places + 0.5) / factor - 0.5
    elif mode == "pytorch_half_pixel":
        found = places * 0
    elif mode == "align_corners":
        found = places * (size - 1) / (out - 1) if out > 1 else places * 0
    elif mode == "half_pixel_symmetric":
        middle = size / 2 * (1 - math.floor(size * factor) / (size * factor))
        found = middle + (places + 0.5) / factor - 0.5
    else:
        raise refuse(node, f"it has a coordinate_transformation_mode of {mode!r}", _REMEDY)
    rounded = {
        "round_prefer_floor": lambda: np.ceil(found - 0.5),
        "round_prefer_ceil": lambda: np.floor(found + 0.5),
        "floor": lambda: np.floor(found),
        "ceil": lambda: np.ceil(found),
    }.get(rounding)
    if rounded is None:
        raise refuse(node, f"it has a nearest_mode of {rounding!r}", _REMEDY)
    places_read: Array = np.clip(rounded(), 0, size - 1).astype(np.int64)
    return places_read
