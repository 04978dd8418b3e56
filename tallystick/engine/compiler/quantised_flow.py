"""How values are held spreads along nodes that only move elements, and clamps that saturation does already disappear."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tallystick.engine.compiler.graph import Graph, Node, Quantisation
from tallystick.engine.compiler.quantised_importing import FLOAT, rename
from tallystick.engine.compiler.quantised_parameters import BYTES
from tallystick.engine.compiler.refusal import refuse

MOVES = {
    "Concat",
    "DepthToSpace",
    "Dropout",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "Identity",
    "MaxPool",
    "Pad",
    "Reshape",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
}
"""Operators whose result has elements of the first operand only (of all of them: Concat), moved or chosen by size."""

READERS = {"ArgMax", "ArgMin", "Shape", "Size"}
"""Operators that read bytes without making any."""


def is_move(node: Node) -> bool:
    """A Resize moves elements where it takes the nearest one."""
    return node.domain == "" and (
        node.op in MOVES or (node.op == "Resize" and node.attributes.get("mode") == "nearest")
    )


def moved_operands(node: Node) -> list[str]:
    return [name for name in node.inputs if name] if node.op == "Concat" else node.inputs[:1]


def spread(graph: Graph) -> None:
    """Forward and backward until nothing changes. Backward only where nobody else reads the operand as a real number."""
    uses = graph.uses()
    while sum(forward(graph, node) for node in graph.nodes) + _backward(graph, uses):
        pass


def forward(graph: Graph, node: Node) -> int:
    """From a move's operands to its results: how many of them that told something new."""
    if not is_move(node):
        return 0
    held = {graph.values[name].quantisation for name in moved_operands(node)}
    if len(held) != 1:
        return 0
    (quantisation,) = held
    results = node.outputs if node.op == "Split" else node.outputs[:1]
    return sum(_take(graph, name, quantisation) for name in results if name)


def _backward(graph: Graph, uses: Mapping[str, int]) -> int:
    changed = 0
    for node in reversed(graph.nodes):
        if not is_move(node) or node.op == "Split":
            continue
        quantisation = graph.values[node.outputs[0]].quantisation
        for name in moved_operands(node):
            value = graph.values[name]
            if value.constant is None and (value.dtype in BYTES or uses[name] == 1):
                changed += _take(graph, name, quantisation)
    return changed


def _take(graph: Graph, name: str, quantisation: Quantisation | None) -> bool:
    value = graph.values[name]
    if quantisation is None or value.quantisation is not None or value.constant is not None:
        return False
    if not value.is_float and value.dtype not in BYTES:
        return False
    value.quantisation, value.dtype = quantisation, FLOAT
    return True


def check_bytes(node: Node, declared: dict[str, bool]) -> None:
    """Raises ModelError where bytes are computed with as the integers that they are: here they stand for reals."""
    if any(declared.get(name, False) for name in node.inputs) and not is_move(node) and node.op not in READERS:
        raise refuse(node, "it computes with 8-bit integers", "Dequantise before it, or use a QLinear operator.")


def fill_in_reals(graph: Graph, raw: list[Node]) -> None:
    """A Pad of bytes fills with a byte; as the real number that it stands for, it is held as that very byte again."""
    for node in raw:
        held = graph.values[node.outputs[0]].quantisation
        if held is not None:
            node.attributes["value"] = float(held.dequantise(np.array([int(node.attributes.get("value", 0))]))[0])


def drop_clamps(graph: Graph) -> None:
    """A Relu or Clip before a QuantizeLinear whose range ends where the clamp does is what saturation does anyway."""
    uses, producers = graph.uses(), graph.producers()
    kept = []
    for node in graph.nodes:
        if node.domain == "" and node.op in ("Relu", "Clip") and _is_saturation(graph, node):
            source, target = node.inputs[0], node.outputs[0]
            value = graph.values[source]
            free = value.quantisation is None and value.constant is None and source not in graph.inputs
            if free and uses[source] == 1 and source in producers:
                value.quantisation = graph.values[target].quantisation
                graph.nodes = [each for each in graph.nodes if each is not node]
                rename(graph, source, target)
                continue
        kept.append(node)
    graph.nodes = kept


def _is_saturation(graph: Graph, node: Node) -> bool:
    held = graph.values[node.outputs[0]].quantisation
    if held is None:
        return False
    low, high = 0.0, np.inf
    if node.op == "Clip":
        bounds = [node.attributes.get("min", -np.inf), node.attributes.get("max", np.inf)]
        for place, name in enumerate(node.inputs[1:3]):
            constant = graph.constant(name) if name else None
            if name and constant is None:
                return False
            if constant is not None:
                bounds[place] = float(constant.reshape(-1)[0])
        low, high = float(bounds[0]), float(bounds[1])
    ends = held.quantise(np.clip(np.array([low, high]), -1e30, 1e30))
    return bool(ends[0] <= held.dtype.low and ends[1] >= held.dtype.high)
