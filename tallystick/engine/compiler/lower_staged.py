"""Operators of several integer stages: Softmax and LayerNormalization, whose arithmetic has files of its own."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.layer_norm import layer_norm
from tallystick.engine.compiler.lowering import Lowering, Rule
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.softmax import softmax
from tallystick.engine.program import Ref


def _swapped(lowering: Lowering, ref: Ref, axis: int) -> Ref:
    """The tensor with `axis` and the last one exchanged: its own inverse."""
    rank = len(lowering.builder.dims(ref))
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    return lowering.builder.transpose(ref, perm)


def lower_softmax(lowering: Lowering, node: Node) -> None:
    x, x_held = lowering.real_operand(node.inputs[0], node)
    target = node.outputs[0]
    axis = int(node.attributes.get("axis", -1)) % len(lowering.value(target).shape)
    rows = _swapped(lowering, x, axis)
    held = lowering.quantisation(target, node)
    ref = softmax(lowering.builder, rows, float(x_held.scale), held, log=node.op == "LogSoftmax")
    lowering.put(target, _swapped(lowering, ref, axis))


def lower_layer_norm(lowering: Lowering, node: Node) -> None:
    """Over the last axis, with constant gain and offset."""
    x, x_held = lowering.real_operand(node.inputs[0], node)
    target = node.outputs[0]
    rank = len(lowering.value(target).shape)
    if int(node.attributes.get("axis", -1)) % rank != rank - 1:
        raise refuse(node, "it normalises over more than the last axis", "Reshape its input so that one axis is left.")
    gain = lowering.graph.constant(node.inputs[1])
    if gain is None:
        raise refuse(node, "its gain is not constant", "Export the model with its weights inside.")
    offset = lowering.graph.constant(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    zeros = np.zeros(lowering.value(target).shape[-1])
    beta = zeros if offset is None else np.asarray(offset, np.float64)
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    held = lowering.quantisation(target, node)
    gamma = np.broadcast_to(np.asarray(gain, np.float64), zeros.shape)
    lowering.put(target, layer_norm(lowering.builder, x, x_held, gamma, beta, epsilon, held))


RULES: dict[str, Rule] = {
    "LayerNormalization": lower_layer_norm,
    "LogSoftmax": lower_softmax,
    "Softmax": lower_softmax,
}
