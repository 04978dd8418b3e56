"""Shapes of what convolutions, pools and Resize give."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tallystick.engine.compiler.simplify.inference_elements import ShapeRule
from tallystick.engine.compiler.simplify.operands import Operands, Shape
from tallystick.engine.compiler.simplify.pools import GLOBAL_POOLS, POOLS, pooled_shape, spans

_WEIGHTS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
_BIAS = {"Conv": 2, "QLinearConv": 8}
_SCALES_ARE_SECOND_BEFORE = 11


def _convolved(operands: Operands) -> list[Shape]:
    op, attributes = operands.node.op_type, operands.attributes
    shape, weights = operands.shape(), operands.shape(_WEIGHTS[op])
    group = attributes.get("group", 1)
    if len(shape) < 3 or len(weights) != len(shape) or shape[1] != weights[1] * group or weights[0] % group:
        raise operands.refusal(f"it convolves {shape} with weights of {weights} in {group} groups")
    kernel = tuple(attributes.get("kernel_shape") or weights[2:])
    if kernel != weights[2:]:
        raise operands.refusal(f"it has a kernel_shape of {kernel} and weights of {weights}")
    if op in _BIAS:
        operands.one_per(weights[0], _BIAS[op])
    found = spans(operands.node, shape, kernel, attributes)
    return [(shape[0], weights[0], *(span.out for span in found))]


def _pooled(operands: Operands) -> list[Shape]:
    # ONNX's definitions differ from opset to opset in how they round up; runtimes do not.
    return [pooled_shape(operands.node, operands.shape(), operands.attributes)] * 2


def _resized(operands: Operands) -> list[Shape]:
    shape = operands.shape()
    place = 1 if operands.since < _SCALES_ARE_SECOND_BEFORE else 2
    given = operands.attributes.get("axes")
    axes = operands.axes(range(len(shape)) if given is None else given, len(shape))
    scales = _numbers(operands, place)
    sizes = operands.integers(3, "sizes") or ()
    if len(scales or sizes) != len(axes) or (scales and sizes):
        raise operands.refusal(f"it has {len(scales)} scales and {len(sizes)} sizes for {len(axes)} axes")
    if not all(math.isfinite(scale) and scale > 0 for scale in scales) or any(size < 1 for size in sizes):
        raise operands.refusal(f"it has scales of {scales} or sizes of {sizes}", "They must be above zero.")
    found: Iterable[int]
    if sizes:
        found = _kept_ratio(operands, [shape[axis] for axis in axes], sizes)
    else:
        found = [
            math.floor(np.float32(shape[axis]) * np.float32(scale)) for axis, scale in zip(axes, scales, strict=True)
        ]
    result = list(shape)
    for axis, size in zip(axes, found, strict=True):
        result[axis] = size
    return [tuple(result)]


def _numbers(operands: Operands, place: int) -> tuple[float, ...]:
    return tuple(float(number) for number in operands.content(place)) if operands.has(place) else ()


def _kept_ratio(operands: Operands, old: list[int], sizes: Shape) -> Shape:
    policy = operands.attributes.get("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return sizes
    if 0 in old or policy not in ("not_larger", "not_smaller"):
        raise operands.refusal(f"it has a keep_aspect_ratio_policy of {policy[:40]!r} on {old}")
    ratios = [np.float32(size) / np.float32(dim) for size, dim in zip(sizes, old, strict=True)]
    ratio = min(ratios) if policy == "not_larger" else max(ratios)
    return tuple(math.floor(float(ratio * np.float32(dim)) + 0.5) for dim in old)


WINDOWS: dict[str, ShapeRule] = {
    **dict.fromkeys(_WEIGHTS, _convolved),
    **dict.fromkeys((*POOLS, *GLOBAL_POOLS), _pooled),
    "Resize": _resized,
}
