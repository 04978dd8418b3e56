"""Passes over a graph of plain operators: rewriting where a pattern is met, copying everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tallystick.engine.compiler.graph import Graph, Node
from tallystick.engine.compiler.simplify.rewriter import Rewriter

Attempt = Callable[[Rewriter, Node], bool]
"""Writes what takes a node's place and says True, or does nothing and says False."""


def run_pass(graph: Graph, attempts: Mapping[str, Attempt]) -> Graph:
    """The graph after one attempt at each node whose operator has one."""
    r = Rewriter(graph)
    for node in graph.nodes:
        r.begin(node)
        attempt = None if node.domain else attempts.get(node.op)
        if attempt is None or not attempt(r, node):
            r.write(_copy(node))
    return r.finish()


def _copy(node: Node) -> Node:
    return Node(node.op, list(node.inputs), list(node.outputs), node.attributes, node.name, node.domain)


def merge_equal(graph: Graph) -> Graph:
    """One node for all that do the same to the same tensors."""
    r = Rewriter(graph)
    seen: dict[tuple[object, ...], Node] = {}
    for node in graph.nodes:
        copy = _copy(node)
        inputs = tuple(r.resolve(name) for name in node.inputs)
        # Operators of other domains hold whole forests in their attributes; two of them are hardly ever equal.
        key = (node.op, inputs, repr(sorted(node.attributes.items()))) if not node.domain else (id(node),)
        first = seen.setdefault(key, copy)
        if first is copy or len(first.outputs) != len(node.outputs):
            r.write(copy)
            continue
        for name, other in zip(node.outputs, first.outputs, strict=True):
            r.alias(name, other)
    return r.finish()


def relayout(graph: Graph) -> Graph:
    """Reshapes and Transposes that follow one another become one, or none."""
    return run_pass(graph, {"Reshape": _reshape, "Transpose": _transpose})


def _reshape(r: Rewriter, node: Node) -> bool:
    r.reshape(node.inputs[0], r.shape(node.outputs[0]), node.outputs[0])
    return True


def _transpose(r: Rewriter, node: Node) -> bool:
    r.transpose(node.inputs[0], tuple(node.attributes["perm"]), node.outputs[0])
    return True
