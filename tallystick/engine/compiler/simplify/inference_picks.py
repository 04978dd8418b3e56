"""Shapes of what operators give that pick or place elements by index, and of constants that are made of a few numbers."""

from __future__ import annotations

import math

from tallystick.engine.compiler.simplify.inference_elements import ShapeRule
from tallystick.engine.compiler.simplify.operands import Operands, Shape


def _gathered(operands: Operands) -> list[Shape]:
    data, indices = operands.shape(), operands.shape(1)
    axis = operands.axis(operands.attributes.get("axis", 0), len(data))
    return [(*data[:axis], *indices, *data[axis + 1 :])]


def _gathered_elements(operands: Operands) -> list[Shape]:
    data, indices = operands.shape(), operands.shape(1)
    axis = operands.axis(operands.attributes.get("axis", 0), len(data))
    if len(indices) != len(data) or any(
        found > there for place, (found, there) in enumerate(zip(indices, data, strict=True)) if place != axis
    ):
        raise operands.refusal(f"it picks by indices of shape {indices} from {data}")
    return [indices]


def _gathered_parts(operands: Operands) -> list[Shape]:
    """GatherND."""
    data, indices, batch = operands.shape(), operands.shape(1), operands.attributes.get("batch_dims", 0)
    width = indices[-1] if indices else -1
    if not 0 <= batch < len(indices) or not 0 <= width <= len(data) - batch or data[:batch] != indices[:batch]:
        raise operands.refusal(f"it picks by indices of shape {indices} from {data}, {batch} dims of which are batches")
    return [(*indices[:-1], *data[batch + width :])]


def _scattered(operands: Operands) -> list[Shape]:
    data, indices, updates = operands.shape(), operands.shape(1), operands.shape(2)
    operands.axis(operands.attributes.get("axis", 0), len(data))
    if indices != updates or len(indices) != len(data):
        raise operands.refusal(f"it places {updates} by indices of shape {indices} into {data}")
    return [data]


def _scattered_parts(operands: Operands) -> list[Shape]:
    """ScatterND."""
    data, indices, updates = operands.shape(), operands.shape(1), operands.shape(2)
    width = indices[-1] if indices else -1
    if not 0 <= width <= len(data) or updates != (*indices[:-1], *data[width:]):
        raise operands.refusal(f"it places {updates} by indices of shape {indices} into {data}")
    return [data]


def _one_hot(operands: Operands) -> list[Shape]:
    indices, depth = operands.shape(), int(operands.scalar(1))
    axis = operands.axis(operands.attributes.get("axis", -1), len(indices) + 1)
    if depth < 1 or operands.shape(2) != (2,):
        raise operands.refusal(f"it has a depth of {depth} and values of shape {operands.shape(2)}")
    return [(*indices[:axis], depth, *indices[axis:])]


def _largest(operands: Operands) -> list[Shape]:
    """TopK."""
    shape, count = operands.shape(), int(operands.scalar(1))
    axis = operands.axis(operands.attributes.get("axis", -1), len(shape))
    if not 0 <= count <= shape[axis]:
        raise operands.refusal(f"it picks the {count} largest of {shape[axis]}")
    return [(*shape[:axis], count, *shape[axis + 1 :])] * 2


def _filled(operands: Operands) -> list[Shape]:
    """ConstantOfShape."""
    value = operands.attributes.get("value")
    if value is not None and value.size != 1:
        raise operands.refusal(f"its value has {value.size} elements instead of one")
    return [operands.integers(0, "shape") or ()]


def _counted(operands: Operands) -> list[Shape]:
    """Range. Integers are counted exactly."""
    start, limit, step = (operands.scalar(place) for place in range(3))
    if step == 0:
        raise operands.refusal("it counts in steps of 0")
    exact = all(isinstance(number, int) for number in (start, limit, step))
    count = -((start - limit) // step) if exact else math.ceil((limit - start) / step)
    return [(max(int(count), 0),)]


PICKS: dict[str, ShapeRule] = {
    "Gather": _gathered,
    "GatherElements": _gathered_elements,
    "GatherND": _gathered_parts,
    "ScatterElements": _scattered,
    "ScatterND": _scattered_parts,
    "OneHot": _one_hot,
    "TopK": _largest,
    "ConstantOfShape": _filled,
    "Range": _counted,
}
