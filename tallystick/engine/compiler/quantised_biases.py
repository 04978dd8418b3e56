"""Constants of quantised products: moved as the file moves them, and biases only at the scale of the sums."""

from __future__ import annotations

import dataclasses

import numpy as np

from tallystick.engine.compiler.graph import Graph, Node, Value

PRODUCTS = {"Conv", "Gemm"}
CLOSE = 1e-5
"""Exporters compute a bias's scale as that of the operand times that of the weights; single precision may round elsewhere."""


def check_biases(graph: Graph) -> None:
    """Forgets the integers of a bias whose scale is not that of the sums: they are made again from its reals."""
    for node in graph.nodes:
        if node.op in PRODUCTS and node.domain == "" and len(node.inputs) > 2 and node.inputs[2]:
            name = node.inputs[2]
            bias = graph.values[name]
            if bias.held is not None and not _fits(graph, node, bias):
                node.inputs[2] = graph.fresh(f"{name}~reals")
                graph.values[node.inputs[2]] = dataclasses.replace(bias, held=None, quantisation=None)


def _fits(graph: Graph, node: Node, bias: Value) -> bool:
    x, weights = graph.values[node.inputs[0]].quantisation, graph.values[node.inputs[1]].held
    if x is None or weights is None or bias.held is None or bias.held.values.dtype != np.int32:
        return False
    wanted = np.float64(x.scale) * weights.scales.astype(np.float64)
    return bias.held.zero == 0 and bool(np.allclose(bias.held.scales.astype(np.float64), wanted, rtol=CLOSE, atol=0))


def move_constants(graph: Graph) -> None:
    """Transposed and reshaped constants, with the integers that hold them."""
    kept = []
    for node in graph.nodes:
        moved = _moved(graph, node)
        if moved is None:
            kept.append(node)
        else:
            graph.values[node.outputs[0]] = moved
    graph.nodes = kept


def _moved(graph: Graph, node: Node) -> Value | None:
    if node.op not in ("Transpose", "Reshape") or node.domain or node.outputs[0] in graph.outputs:
        return None
    value = graph.values[node.inputs[0]]
    if value.constant is None or value.held is None:
        return None
    held, one = value.held, value.held.scales.size == 1
    if node.op == "Transpose":
        rank = value.constant.ndim
        perm = tuple(node.attributes.get("perm") or reversed(range(rank)))
        axis = 0 if one else perm.index(held.axis % rank)
        held = dataclasses.replace(held, values=held.values.transpose(perm).copy(), axis=axis)
        constant = value.constant.transpose(perm).copy()
    else:
        shape = graph.values[node.outputs[0]].shape
        axis = held.axis % max(value.constant.ndim, 1)
        if not one and value.constant.shape[: axis + 1] != shape[: axis + 1]:
            return None
        held = dataclasses.replace(held, values=held.values.reshape(shape))
        constant = value.constant.reshape(shape)
    return Value(constant.shape, value.dtype, constant, value.quantisation, held)
