"""How the real numbers of a tree model are held: as order images where they are only moved and compared, else in fixed point."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator

import numpy as np

from tallystick.engine.compiler.fixed_point import fraction_bits
from tallystick.engine.compiler.graph import Graph, Node, Value
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.trees import TREE_OPS


class Form(enum.Enum):
    """Of a tensor: order images of reals, fixed-point reals, or integers and truth values."""

    IMAGE = "image"
    REAL = "real"
    WHOLE = "whole"


COMPARISONS = ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal")
_MOVES = ("Gather", "GatherElements", "Reshape", "Slice", "Transpose", "Expand")


def moved(node: Node) -> list[str]:
    """Operands of which the result's elements are copies; none for an operator that computes."""
    if node.op in _MOVES:
        return node.inputs[:1]
    if node.op == "Concat":
        return list(node.inputs)
    return node.inputs[1:3] if node.op == "Where" else []


def is_trees(node: Node) -> bool:
    return node.op in TREE_OPS and node.domain == "ai.onnx.ml"


class Forms:
    """`of[name]` is every form in which something reads the tensor; empty where nothing does."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._computed: set[str] = set()
        for node in graph.nodes:
            sources = moved(node)
            if not sources or any(name in self._computed for name in sources):
                self._computed.update(node.outputs)
        self.of: dict[str, set[Form]] = {name: set() for name in graph.values}
        for name in graph.outputs:
            self.of[name].add(self._default(name))
        for node in reversed(graph.nodes):
            for name, forms in self._reads(node):
                self.of[name] |= forms

    def _default(self, name: str) -> Form:
        return Form.REAL if self._graph.values[name].is_float else Form.WHOLE

    def _reads(self, node: Node) -> Iterator[tuple[str, set[Form]]]:
        sources = moved(node)
        after = set[Form]().union(*(self.of[name] for name in node.outputs if name))
        for name in dict.fromkeys(filter(None, node.inputs)):
            if not self._graph.values[name].is_float:
                yield name, {Form.WHOLE}
            elif name in sources:
                yield name, after
            elif is_trees(node) or (node.op in COMPARISONS and not self._computed.intersection(node.inputs)):
                yield name, {Form.IMAGE}
            else:
                yield name, {Form.REAL}


def is_tree_graph(graph: Graph) -> bool:
    """Whether all real inputs of the graph are only moved and compared, and at least one is."""
    reals = [name for name in graph.inputs if graph.values[name].is_float]
    forms = Forms(graph).of if reals else {}
    used = [forms[name] for name in reals if forms[name]]
    return bool(used) and all(each == {Form.IMAGE} for each in used)


def point_of(graph: Graph, forms: Forms) -> int:
    """Bits below the point for all fixed-point numbers of the graph: as many as its largest sum leaves room for.

    Raises:
        ModelError: a number or a sum that does not fit.
    """
    bounds: dict[str, float] = {}
    peak = 0.0
    for name, value in graph.values.items():
        if value.constant is not None and Form.REAL in forms.of[name]:
            bounds[name] = _size(value)
    for node in graph.nodes:
        name = node.outputs[0]
        if not is_trees(node) and Form.REAL in forms.of[name]:
            bounds[name] = _bound(graph, node, bounds)
            peak = max(peak, bounds[name], *(bounds.get(each, 0.0) for each in node.inputs if _adds(node)))
    return fraction_bits(peak)


def _adds(node: Node) -> bool:
    """Whether its constants are held in fixed point; factors are not."""
    return node.op not in ("Mul", "Div")


def _size(value: Value) -> float:
    return float(np.abs(np.asarray(value.constant, np.float64)).max(initial=0.0))


def _bound(graph: Graph, node: Node, bounds: dict[str, float]) -> float:
    """The largest absolute value of a node's result."""
    inputs = [bounds.get(name, 0.0) for name in node.inputs if name]
    if moved(node):
        return max(bounds.get(name, 0.0) for name in moved(node))
    if node.op in ("Sigmoid", "Softmax", "Cast"):
        return 1.0
    if node.op in ("Add", "Sub"):
        return sum(inputs)
    if node.op in ("Mul", "Div"):
        return math.prod(inputs) if node.op == "Mul" else inputs[0] / _least_divisor(graph, node)
    if node.op in ("ReduceSum", "ReduceMean"):
        # A mean is a sum first.
        shape = graph.values[node.inputs[0]].shape
        inputs[0] *= math.prod(shape[axis] for axis in node.attributes["axes"])
    return max(inputs, default=0.0)


def _least_divisor(graph: Graph, node: Node) -> float:
    divisor = graph.constant(node.inputs[1])
    if divisor is None or not np.all(divisor):
        raise refuse(node, "it divides by what is not a constant, or 0", "Multiply by a constant instead.")
    return float(np.abs(np.asarray(divisor, np.float64)).min())


def never_negative(graph: Graph) -> set[str]:
    """Integers and truth values that are surely 0 or more, so that as indices they count from the front."""
    found = set()
    for name, value in graph.values.items():
        if value.dtype == np.bool_ or (
            value.constant is not None and not value.is_float and np.all(value.constant >= 0)
        ):
            found.add(name)
    for node in graph.nodes:
        sources = node.inputs if node.op in ("Add", "Mul", "Cast") else moved(node)
        if node.op == "ArgMax" or (sources and found.issuperset(sources)):
            found.update(node.outputs)
    return found
