"""Shapes of what operators give that reduce axes."""

from __future__ import annotations

from tallystick.engine.compiler.simplify.inference_elements import ShapeRule
from tallystick.engine.compiler.simplify.operands import Operands, Shape
from tallystick.engine.compiler.simplify.reductions import COMPOSED, PLAIN


def _reduced(operands: Operands) -> list[Shape]:
    shape, given = operands.shape(), operands.integers(1, "axes") or ()
    if not given and operands.attributes.get("noop_with_empty_axes", 0) == 1:
        return [shape]
    # An axis that is named twice is reduced once.
    axes = {operands.axis(axis, len(shape)) for axis in given} or set(range(len(shape)))
    return [without(shape, axes, operands.attributes.get("keepdims", 1))]


def without(shape: Shape, axes: set[int], kept: int) -> Shape:
    """A shape after a reduction: the reduced axes of one place, or gone unless `kept` is 1, as runtimes read it."""
    return tuple(1 if axis in axes else dim for axis, dim in enumerate(shape) if kept == 1 or axis not in axes)


def _found(operands: Operands) -> list[Shape]:
    """ArgMax and ArgMin."""
    shape = operands.shape()
    axis = operands.axis(operands.attributes.get("axis", 0), len(shape))
    return [without(shape, {axis}, operands.attributes.get("keepdims", 1))]


AXES: dict[str, ShapeRule] = {
    **dict.fromkeys((*PLAIN, *COMPOSED, "ReduceProd"), _reduced),
    **dict.fromkeys(("ArgMax", "ArgMin"), _found),
}
