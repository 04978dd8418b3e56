"""Islands: elementwise nodes that become one table.

What stands between two held values and is elementwise is a function of one or two bytes, however many nodes it has: GELU's
eight nodes are one table of 256 entries, an addition with the Relu behind it one of 65,536. Fewer roundings and fewer elements
to commit to come with it.
"""

from __future__ import annotations

import dataclasses
import math

from tallystick.engine.compiler.elementwise import is_elementwise
from tallystick.engine.compiler.graph import Graph, Node, Value
from tallystick.engine.compiler.layouts import channel_axis

MAX_SOURCES = 2
CLAMPS = {"Relu", "Clip"}
SATURATING = {"Conv", "Gemm", "MatMul", "AveragePool"}


@dataclasses.dataclass(frozen=True)
class Island:
    """The nodes from `sources` to `output`.

    Attributes:
        sources: Held values: results of other nodes, inputs, or constants that are neither one number nor one a channel.
        nodes: In order; the last one gives `output`.
        by_channel: Whether a constant inside has one number for each channel.
    """

    output: str
    sources: tuple[str, ...]
    nodes: tuple[Node, ...]
    by_channel: bool


def per_channel(shape: tuple[int, ...], rank: int, last: bool) -> bool:
    """Whether a constant of `shape` has numbers along the channel axis only, once broadcast to `rank` dims."""
    padded = (1,) * (rank - len(shape)) + shape
    return all(size == 1 for axis, size in enumerate(padded) if axis != channel_axis(rank, last))


def is_tabled(graph: Graph, node: Node) -> bool:
    """Elementwise, and on real numbers or truth values: integers of 32 bits have no table."""
    if not is_elementwise(node):
        return False
    values = [graph.values[name] for name in node.inputs if name]
    return all(value.is_float or value.dtype == bool or value.constant is not None for value in values) and any(
        value.constant is None for value in values
    )


def clamped(graph: Graph) -> dict[str, str]:
    """Values that only a clamp reads, with what the clamp gives: saturation does the clamping, so they need not be held."""
    uses, producers = graph.uses(), graph.producers()
    found = {}
    for node in graph.nodes:
        if node.op not in CLAMPS or not is_tabled(graph, node):
            continue
        source, *bounds = node.inputs
        maker = producers.get(source)
        saturating = maker is not None and maker.op in SATURATING and maker.domain == ""
        plain = all(not name or math.prod(graph.values[name].shape) == 1 for name in bounds)
        if saturating and plain and uses[source] == 1 and graph.values[source].quantisation is None:
            found[source] = node.outputs[0]
    return found


class Islands:
    """Finds, for every elementwise value, the island that would end in it.

    Attributes:
        clamps: Of the graph; no island reaches over what a clamp gives.
    """

    def __init__(self, graph: Graph, last: set[str]) -> None:
        self._graph, self._last = graph, last
        self.clamps = clamped(graph)
        self._clamped = set(self.clamps.values())
        self._by_output: dict[str, Island] = {}
        for node in graph.nodes:
            if is_tabled(graph, node):
                self._by_output[node.outputs[0]] = self._join(node)

    def ending_in(self, name: str) -> Island:
        """The island whose last node gives `name`. Raises KeyError where that node is not elementwise."""
        return self._by_output[name]

    def held(self) -> set[str]:
        """Names of the values that the program holds: results, what other nodes read or make, and sources of islands."""
        graph = self._graph
        others = [node for node in graph.nodes if node.outputs[0] not in self._by_output]
        wanted = {*graph.inputs, *graph.outputs}
        for node in others:
            wanted.update(name for name in (*node.inputs, *node.outputs) if name)
        for node in reversed(graph.nodes):
            island = self._by_output.get(node.outputs[0])
            if island and island.output in wanted:
                wanted.update(island.sources)
        return wanted

    def _join(self, node: Node) -> Island:
        """With the islands before it, as long as the whole has two sources at most."""
        inlined = {name: island for name in node.inputs if (island := self._open(name))}
        joined = self._with(node, inlined)
        while not self._fits(joined) and inlined:
            heaviest = max(inlined, key=lambda name: (len(inlined[name].sources), inlined[name].by_channel))
            del inlined[heaviest]
            joined = self._with(node, inlined)
        return joined

    def _open(self, name: str) -> Island | None:
        """The island that ends in `name`, unless the file says how that value is held or a step saturates to it."""
        value = self._graph.values.get(name)
        held = value is None or value.quantisation is not None or name in self._clamped
        return None if held else self._by_output.get(name)

    @staticmethod
    def _fits(island: Island) -> bool:
        return len(island.sources) <= 1 or (len(island.sources) == MAX_SOURCES and not island.by_channel)

    def _with(self, node: Node, inlined: dict[str, Island]) -> Island:
        output = node.outputs[0]
        rank, last = len(self._graph.values[output].shape), output in self._last
        sources: dict[str, None] = {}
        nodes: dict[int, Node] = {}
        by_channel = False
        for name in node.inputs:
            if not name:
                continue
            if name in inlined:
                sources |= dict.fromkeys(inlined[name].sources)
                nodes |= {id(each): each for each in inlined[name].nodes}
                by_channel = by_channel or inlined[name].by_channel
                continue
            value = self._graph.values[name]
            if value.constant is None or not self._is_small(value, rank, last):
                sources[name] = None
            elif value.constant.size > 1:
                by_channel = True
        return Island(output, tuple(sources), (*nodes.values(), node), by_channel)

    @staticmethod
    def _is_small(value: Value, rank: int, last: bool) -> bool:
        constant = value.constant
        return constant is not None and (constant.size == 1 or per_channel(value.shape, rank, last))
