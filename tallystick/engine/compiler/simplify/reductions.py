"""Rules for what works along axes: reductions (which keep their dims), ArgMax, Softmax (along the last axis)."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify.layout import axes_of
from tallystick.engine.compiler.simplify.rewriter import Rewriter, Shape, axis_of, elements

PLAIN = ("ReduceMax", "ReduceSum", "ReduceMean")
_COMPOSED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ReduceMin": (("Mirror",), ("Mirror",)),
    "ReduceSumSquare": (("Square",), ()),
    "ReduceL2": (("Square",), ("Sqrt",)),
    "ReduceL1": (("Abs",), ()),
    "ReduceLogSum": ((), ("Log",)),
}
"""What is done to every element before a ReduceSum (of ReduceMin: a ReduceMax), and to the results after it."""
COMPOSED = (*_COMPOSED, "ReduceLogSumExp")
_SOFTMAX_IS_FLAT_BEFORE = 13


def reduced(r: Rewriter, node: Node) -> None:
    x, result = node.inputs[0], node.outputs[0]
    shape = r.shape(x)
    every = tuple(range(len(shape)))
    stays = node.attributes.get("noop_with_empty_axes", 0) == 1
    axes = axes_of(r, node, 1, len(shape), () if stays else every)
    if not axes and not stays:
        axes = every  # an empty list is as good as none
    if node.op == "ReduceLogSumExp":
        _log_sum_exp(r, node, tuple(axis for axis in axes if shape[axis] > 1))
        return
    before, after = _COMPOSED.get(node.op, ((), ()))
    op = {"ReduceMin": "ReduceMax"}.get(node.op, node.op if node.op in PLAIN else "ReduceSum")
    for step in before:
        x = _step(r, step, x)
    axes = tuple(axis for axis in axes if shape[axis] > 1)
    kept = tuple(1 if axis in axes else dim for axis, dim in enumerate(shape))
    wanted = r.shape(result)
    x = r.resolve(x)
    if axes:
        direct = not after and wanted == kept
        x = r.emit(op, [x], kept, like=x, to=result if direct else "", axes=axes, keepdims=1)
        if direct:
            return
    for step in after:
        x = _step(r, step, x)
    r.reshape(x, wanted, result)


def _log_sum_exp(r: Rewriter, node: Node, axes: Shape) -> None:
    """Around the largest element, so that no power is above 1."""
    x, shape, wanted = r.resolve(node.inputs[0]), r.shape(node.inputs[0]), r.shape(node.outputs[0])
    if not axes:
        r.reshape(x, wanted, node.outputs[0])
        return
    kept = tuple(1 if axis in axes else dim for axis, dim in enumerate(shape))
    most = r.emit("ReduceMax", [x], kept, like=x, axes=axes, keepdims=1)
    powers = r.emit("Exp", [r.emit("Sub", [x, most], shape, like=x)], shape, like=x)
    total = r.emit("ReduceSum", [powers], kept, like=x, axes=axes, keepdims=1)
    result = r.emit("Add", [r.emit("Log", [total], kept, like=x), most], kept, like=x)
    r.reshape(result, wanted, node.outputs[0])


def _step(r: Rewriter, step: str, x: str) -> str:
    shape, kind = r.shape(x), r.dtype(x)
    if step == "Square":
        return r.emit("Mul", [x, x], shape, like=x)
    if step != "Mirror":
        return r.emit(step, [x], shape, like=x)
    # The order turned round. Of integers -1 - x, or the largest less x: -x would not fit where x is the least.
    if kind == np.bool_ or np.issubdtype(kind, np.floating):
        return r.emit("Not" if kind == np.bool_ else "Neg", [x], shape, like=x)
    middle = r.hold("mirror", np.iinfo(kind).max if kind.kind == "u" else -1, kind)
    return r.emit("Sub", [middle, x], shape, like=x)


def largest(r: Rewriter, node: Node) -> None:
    """ArgMax and ArgMin. A Softmax before an ArgMax along the same axis changes nothing."""
    if node.attributes.get("select_last_index", 0):
        raise refuse(node, "it picks the last of equals", "Export with select_last_index=0.")
    x, result = node.inputs[0], node.outputs[0]
    shape = r.shape(x)
    axis = axis_of(node.attributes["axis"], len(shape))
    if axis is None:
        raise refuse(node, f"it has an axis of {node.attributes['axis']} on {shape}")
    maker = r.makers.get(x)
    while maker is not None and maker.op in ("Softmax", "LogSoftmax", "Identity"):
        if maker.op != "Identity" and (node.op != "ArgMax" or softmax_axis(r, maker) != axis):
            break
        x = maker.inputs[0]
        maker = r.makers.get(x)
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    wanted = r.shape(result)
    name = r.emit(node.op, [x], kept, like=result, to=result if wanted == kept else "", axis=axis, keepdims=1)
    if wanted != kept:
        r.reshape(name, wanted, result)


def softmax_axis(r: Rewriter, node: Node) -> int | None:
    """The one axis that a Softmax works along, or None where it is flat over several."""
    shape = r.shape(node.inputs[0])
    flat = r.opset < _SOFTMAX_IS_FLAT_BEFORE
    axis = axis_of(node.attributes.get("axis", 1 if flat else -1), len(shape))
    if axis is None or (flat and elements(shape[axis + 1 :]) > 1):
        return None
    return axis


def softmaxed(r: Rewriter, node: Node) -> None:
    """Softmax and LogSoftmax."""
    x, result, shape = node.inputs[0], node.outputs[0], r.shape(node.inputs[0])
    axis = softmax_axis(r, node)
    last = len(shape) - 1
    perm = None
    if axis is None:
        place = axis_of(node.attributes.get("axis", 1), len(shape))
        if place is None or r.opset >= _SOFTMAX_IS_FLAT_BEFORE:
            raise refuse(node, f"it has an axis of {node.attributes.get('axis')} on {shape}")
        x = r.reshape(x, (elements(shape[:place]), elements(shape[place:])))
    elif axis != last:
        perm = tuple(last if place == axis else axis if place == last else place for place in range(last + 1))
        x = r.transpose(x, perm)
    inner: Shape = r.shape(x)
    direct = inner == shape and perm is None
    log = node.op == "LogSoftmax"
    x = r.emit("Softmax", [x], inner, like=x, to=result if direct and not log else "", axis=len(inner) - 1)
    if log:
        x = r.emit("Log", [x], inner, like=x, to=result if direct else "")
    if perm is not None:
        r.transpose(x, perm, result)
    elif not direct:
        r.reshape(x, shape, result)
