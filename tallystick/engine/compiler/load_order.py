"""Nodes of a model file in an order in which every tensor is there before it is read."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

import onnx

from tallystick.engine.compiler.refusal import described, refuse, shown
from tallystick.errors import ModelError


def branches(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """The graphs that are attributes of a node."""
    return [
        graph
        for attribute in node.attribute
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs)
    ]


def graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """The model's graph and every graph below it. The depth was bounded when the file was scanned."""
    waiting = [model.graph]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            waiting.extend(branches(node))


def reads(node: onnx.NodeProto) -> set[str]:
    """Names that a node needs: its inputs, and whatever its branches name (their own tensors among them)."""
    names, waiting = set(node.input), branches(node)
    while waiting:
        graph = waiting.pop()
        names.update(output.name for output in graph.output)
        for inner in graph.node:
            names.update(inner.input)
            waiting.extend(branches(inner))
    return names - {""}


def order_nodes(graph: onnx.GraphProto, outer: Sequence[AbstractSet[str]] = ()) -> None:
    """Sorts a graph's nodes, unless they are sorted; those that could be anywhere keep their order.

    Args:
        graph: Changed in place.
        outer: The names of each graph around it.

    Raises:
        ModelError: A name given twice, an input or an output that nothing gives, nodes that wait for one another.
    """
    given = _given(graph)
    makers = _makers(graph, given)
    outside = (given, *outer)
    for output in graph.output:
        if output.name not in makers and not _in_any(output.name, outside):
            raise ModelError(f"The model's output {shown(output.name)} is given by no node.")
    order = _sorted(graph, makers, outside)
    if order != list(range(len(graph.node))):
        nodes = [graph.node[place] for place in order]
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(copies)


def _in_any(name: str, sets: Sequence[AbstractSet[str]]) -> bool:
    # The sets are not joined: a file with a branch at every node would have us join them all again each time.
    return any(name in names for names in sets)


def _given(graph: onnx.GraphProto) -> set[str]:
    """Names that are there before any node: inputs and initializers. An initializer may be an input's default."""
    names: set[str] = set()
    for kind, items in (("input", graph.input), ("initializer", graph.initializer), ("output", graph.output)):
        seen: set[str] = set()
        for item in items:
            if not item.name:
                raise ModelError(f"The model has an {kind} without a name.")
            if item.name in seen:
                raise ModelError(f"The model has two {kind}s called {shown(item.name)}.")
            seen.add(item.name)
        if kind != "output":
            names |= seen
    return names


def _makers(graph: onnx.GraphProto, given: set[str]) -> dict[str, int]:
    makers: dict[str, int] = {}
    for place, node in enumerate(graph.node):
        if not node.op_type:
            raise ModelError(f"Node {place} {shown(node.name)} has no operator.")
        for name in node.output:
            if name and (name in makers or name in given):
                raise refuse(
                    node, f"it gives {shown(name)}, which is given already", "Give every tensor a name of its own."
                )
            if name:
                makers[name] = place
    return makers


def _sorted(graph: onnx.GraphProto, makers: dict[str, int], outside: Sequence[AbstractSet[str]]) -> list[int]:
    """Kahn's algorithm, the earliest node first, without recursion."""
    waits = [0] * len(graph.node)
    readers: dict[int, list[int]] = {}
    for place, node in enumerate(graph.node):
        for name in node.input:
            if name and name not in makers and not _in_any(name, outside):
                raise refuse(node, f"it reads {shown(name)}, which nothing gives", "Export the file again.")
        for maker in {makers[name] for name in reads(node) if name in makers}:
            waits[place] += 1
            readers.setdefault(maker, []).append(place)
    ready = [place for place, count in enumerate(waits) if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        place = heapq.heappop(ready)
        order.append(place)
        for reader in readers.get(place, ()):
            waits[reader] -= 1
            if not waits[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(waits):
        stuck = next(place for place, count in enumerate(waits) if count)
        raise ModelError(
            f"{len(waits) - len(order)} nodes wait for one another, {described(graph.node[stuck])} among them.",
            remedy="A model is a graph without cycles.",
        )
    return order
