"""Nodes that move elements and compute nothing. Their result is held as the file or the calibration says; where that differs
from the operand, a table comes first."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.gathering import counted_from_front, gather_elements
from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.layouts import TO_LAST, in_layout
from tallystick.engine.compiler.lowering import Lowering, Rule
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.opcodes import ArithKind
from tallystick.engine.program import Ref


def _held(lowering: Lowering, node: Node, name: str, *, last: bool = False) -> Ref:
    """The operand, held as the result is; integers and truth values as they are."""
    if not lowering.value(name).is_float:
        return lowering.ref(name, node, last=last)
    return lowering.held_as(name, node, lowering.quantisation(node.outputs[0], node), last=last)


def lower_reshape(lowering: Lowering, node: Node) -> None:
    target = node.outputs[0]
    lowering.put(target, lowering.builder.reshape(_held(lowering, node, node.inputs[0]), lowering.value(target).shape))


def lower_transpose(lowering: Lowering, node: Node) -> None:
    x = _held(lowering, node, node.inputs[0])
    rank = len(lowering.builder.dims(x))
    perm = node.attributes.get("perm") or tuple(reversed(range(rank)))
    lowering.put(node.outputs[0], lowering.builder.transpose(x, tuple(perm)))


def lower_slice(lowering: Lowering, node: Node) -> None:
    """`starts` and `steps` for every axis; where it ends follows from the result's shape."""
    target = node.outputs[0]
    last = target in lowering.last
    x = _held(lowering, node, node.inputs[0], last=last)
    dims = in_layout(lowering.value(target).shape, last)
    starts, steps = (in_layout(node.attributes[key], last) for key in ("starts", "steps"))
    lowering.put(target, lowering.builder.view(x, dims, start=starts, step=steps))


def lower_pad(lowering: Lowering, node: Node) -> None:
    """With a constant, which is `value`: begins of all axes, then ends, in `pads`."""
    target = node.outputs[0]
    last = target in lowering.last
    x = _held(lowering, node, node.inputs[0], last=last)
    rank = len(lowering.value(target).shape)
    starts = in_layout([-int(pad) for pad in node.attributes["pads"][:rank]], last)
    fill = int(node.attributes.get("value", 0))
    if lowering.value(target).is_float:
        real = np.array([node.attributes.get("value", 0.0)], np.float64)
        fill = int(lowering.quantisation(target, node).quantise(real)[0])
    dims = in_layout(lowering.value(target).shape, last)
    lowering.put(target, lowering.builder.view(x, dims, start=starts, fill=fill))


def lower_expand(lowering: Lowering, node: Node) -> None:
    target = node.outputs[0]
    last = target in lowering.last
    x = _held(lowering, node, node.inputs[0], last=last)
    lowering.put(target, lowering.builder.broadcast(x, in_layout(lowering.value(target).shape, last)))


def lower_concat(lowering: Lowering, node: Node) -> None:
    target = node.outputs[0]
    last = target in lowering.last
    rank = len(lowering.value(target).shape)
    axis = int(node.attributes["axis"]) % rank
    parts = [_held(lowering, node, name, last=last) for name in node.inputs]
    lowering.put(target, lowering.builder.concat(parts, TO_LAST.index(axis) if last else axis))


def lower_gather(lowering: Lowering, node: Node) -> None:
    data_name, indices_name = node.inputs
    if lowering.value(indices_name).is_float:
        raise refuse(node, "its indices are real numbers", "Cast them to int64 in the model.")
    data = _held(lowering, node, data_name)
    rank = len(lowering.value(data_name).shape)
    axis = int(node.attributes.get("axis", 0)) % rank
    indices = lowering.ref(indices_name, node)
    lowering.put(node.outputs[0], lowering.builder.gather(data, indices, axis))


def lower_gather_elements(lowering: Lowering, node: Node) -> None:
    data_name, indices_name = node.inputs
    shape = lowering.value(data_name).shape
    axis = int(node.attributes.get("axis", 0)) % len(shape)
    data, indices = _held(lowering, node, data_name), lowering.ref(indices_name, node)
    indices = counted_from_front(lowering.builder, indices, shape[axis])
    places = lowering.value(indices_name).shape
    lowering.put(node.outputs[0], gather_elements(lowering.builder, data, indices, axis, places))


def lower_where(lowering: Lowering, node: Node) -> None:
    """Three operands that no table of two can hold: chosen as the integers that they are, under one quantisation."""
    target = node.outputs[0]
    last = target in lowering.last
    builder = lowering.builder
    condition = lowering.ref(node.inputs[0], node, last=last)
    a, b = (_held(lowering, node, name, last=last) for name in node.inputs[1:])
    dtype = builder.header(a).dtype
    lowering.put(target, builder.arith(ArithKind.SELECT, condition, a, b, dtype=dtype))


RULES: dict[str, Rule] = {
    "Concat": lower_concat,
    "Expand": lower_expand,
    "Gather": lower_gather,
    "GatherElements": lower_gather_elements,
    "Pad": lower_pad,
    "Reshape": lower_reshape,
    "Slice": lower_slice,
    "Transpose": lower_transpose,
}
