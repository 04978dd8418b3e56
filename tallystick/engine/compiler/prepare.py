"""Small rewrites that make every rule of lowering simpler."""

from __future__ import annotations

from tallystick.engine.compiler.elementwise import VARIADIC
from tallystick.engine.compiler.graph import Graph, Node, Value

PAIR = 2


def split_variadic(graph: Graph) -> Graph:
    """Max, Min and Sum of many tensors as a chain of pairs, since a table has two operands. In place; gives the graph."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.op in VARIADIC and node.domain == "" and len(node.inputs) > PAIR:
            nodes.extend(_chain(graph, node))
        else:
            nodes.append(node)
    graph.nodes = nodes
    return graph


def _chain(graph: Graph, node: Node) -> list[Node]:
    value = graph.values[node.outputs[0]]
    links, so_far = [], node.inputs[0]
    for name in node.inputs[1:-1]:
        link = graph.fresh(node.outputs[0])
        graph.values[link] = Value(value.shape, value.dtype)
        links.append(Node(node.op, [so_far, name], [link], {}, node.name))
        so_far = link
    return [*links, Node(node.op, [so_far, node.inputs[-1]], node.outputs, {}, node.name)]
