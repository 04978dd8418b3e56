"""Operators that onnxruntime computes on bytes become tables with its bits; operands of a move are held as its result is."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Array, Graph, Node, Quantisation, Value
from tallystick.engine.compiler.quantised_flow import is_move, moved_operands
from tallystick.engine.compiler.quantised_importing import DOMAIN, FLOAT, LOOKUP
from tallystick.engine.compiler.quantised_parameters import BYTES
from tallystick.engine.compiler.quantised_tables import (
    add_table,
    leaky_relu_table,
    multiply_table,
    requantising_table,
    sigmoid_table,
)

KINDS = set(BYTES.values())


def fold(graph: Graph) -> None:
    """In place, over a graph that says how values are held."""
    nodes = []
    for node in graph.nodes:
        nodes.extend(_folded(graph, node))
    graph.nodes = nodes


def _folded(graph: Graph, node: Node) -> list[Node]:
    if node.domain == "":
        if node.op in ("Add", "Mul"):
            return _binary(graph, node)
        if node.op in ("LeakyRelu", "Relu", "Sigmoid"):
            return _unary(graph, node)
        if node.op == "Where" or is_move(node):
            return _requantised(graph, node)
    return [node]


def _held(graph: Graph, name: str) -> Quantisation | None:
    held = graph.values[name].quantisation
    return held if held is not None and held.dtype in KINDS else None


def _lookup(node: Node, inputs: list[str], table: Array, outputs: list[str] | None = None) -> Node:
    op = LOOKUP if len(inputs) == 1 else "Lookup2"
    return Node(op, inputs, outputs or list(node.outputs), {"table": table.reshape(-1)}, node.name, DOMAIN)


def _unary(graph: Graph, node: Node) -> list[Node]:
    x, y = _held(graph, node.inputs[0]), _held(graph, node.outputs[0])
    if x is None or y is None or graph.values[node.inputs[0]].constant is not None:
        return [node]
    if node.op == "Sigmoid":
        return [_lookup(node, list(node.inputs), sigmoid_table(x, y))]
    slope = 0.0 if node.op == "Relu" else float(node.attributes.get("alpha", 0.01))
    return [_lookup(node, list(node.inputs), leaky_relu_table(x, y, slope))]


def _binary(graph: Graph, node: Node) -> list[Node]:
    first, second = node.inputs
    a, b, y = _held(graph, first), _held(graph, second), _held(graph, node.outputs[0])
    values = [graph.values[name] for name in node.inputs]
    if a is None or b is None or y is None or all(value.constant is not None for value in values):
        return [node]
    shape = graph.values[node.outputs[0]].shape
    table = (
        multiply_table(a, b, y)
        if node.op == "Mul"
        else add_table(a, b, y, a_repeats=repeats(values[0].shape, values[1].shape))
    )
    if first == second:
        return [_lookup(node, [first], np.ascontiguousarray(table.diagonal()))]
    for place, (one, other) in enumerate(((values[0], values[1]), (values[1], values[0]))):
        if one.constant is not None and one.constant.size == 1 and other.shape == shape:
            byte = _byte(one, a if place == 0 else b)
            return [_lookup(node, [node.inputs[1 - place]], table[byte] if place == 0 else table[:, byte].copy())]
    return [_lookup(node, [first, second], table)]


def repeats(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether onnxruntime takes `a` for the one that repeats: along the innermost axis of several places it has one number.

    Where both have one number in all, it takes the first.
    """
    rank = max(len(a), len(b))
    for one, other in zip(reversed((1,) * (rank - len(a)) + a), reversed((1,) * (rank - len(b)) + b), strict=True):
        if max(one, other) > 1:
            return one == 1
    return True


def _byte(value: Value, held: Quantisation) -> int:
    """The index of a constant's only number in a table."""
    return int(held.quantise(np.asarray(value.constant).reshape(-1))[0]) & 0xFF


def _requantised(graph: Graph, node: Node) -> list[Node]:
    """Operands are requantised before they move, which gives the bytes of moving reals and quantising those.

    Here and not in lowering, whose tables are made in double precision: where scales make ties, 2 to 4 % of their entries are
    others than onnxruntime's.
    """
    wanted = _held(graph, node.outputs[0])
    if wanted is None:
        return [node]
    names = node.inputs[1:] if node.op == "Where" else moved_operands(node)
    lookups, replaced = [], {}
    for name in names:
        have = _held(graph, name)
        if have is None or have == wanted or name in replaced or graph.values[name].constant is not None:
            continue
        target = graph.fresh(f"{name}~held")
        graph.values[target] = Value(graph.values[name].shape, FLOAT, None, wanted)
        lookups.append(_lookup(node, [name], requantising_table(have, wanted), [target]))
        replaced[name] = target
    node.inputs = [replaced.get(name, name) for name in node.inputs]
    return [*lookups, node]
