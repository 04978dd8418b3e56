"""How each real-valued tensor of a float model is held: as u8 over the range that it has on the calibration data.

Values that are moved and not changed share one range, so that moving them needs no table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from tallystick.engine.compiler.export import to_onnx
from tallystick.engine.compiler.fixed_point import PROBABILITY
from tallystick.engine.compiler.float_runs import results, session
from tallystick.engine.compiler.graph import Array, Graph, Node
from tallystick.engine.compiler.lowering import range_quantisation

MASKED_BELOW, SOFTMAX_SPAN = -1_000.0, 24.0
"""A mask adds some huge negative number before Softmax. exp(-24) is nothing, so the range need not go further down."""

MOVES = {"Reshape", "Transpose", "Slice", "Expand", "Gather", "GatherElements", "MaxPool", "ReduceMax", "Pad"}

Progress = Callable[[int, int], None]


class _Groups:
    """Names that share one quantisation (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        while (parent := self._parent.get(name, name)) != name:
            self._parent[name] = self._parent.get(parent, parent)
            name = parent
        return name

    def join(self, names: Iterable[str]) -> None:
        first, *others = (self.root(name) for name in names)
        for other in others:
            self._parent[other] = first


def _moved(node: Node) -> list[str]:
    """Names that a moving node gives one range."""
    if node.op == "Concat":
        return [*node.inputs, node.outputs[0]]
    return [node.inputs[0], node.outputs[0]] if node.op in MOVES else []


def _groups(graph: Graph, wanted: Sequence[str]) -> _Groups:
    groups, open_ = _Groups(), set(wanted)
    for node in graph.nodes:
        names = [name for name in _moved(node) if name in open_]
        if len(names) > 1:
            groups.join(names)
    return groups


def calibrate(
    graph: Graph, held: Iterable[str], samples: Sequence[Mapping[str, Array]], progress: Progress | None = None
) -> None:
    """Gives every real-valued held tensor that has none a quantisation, in place.

    Raises ModelError where onnxruntime does not run the graph.
    """
    wanted = [name for name in held if _open(graph, name)]
    softmax_inputs = {node.inputs[0] for node in graph.nodes if node.op == "Softmax"}
    for node in graph.nodes:
        if node.op == "Softmax" and node.outputs[0] in wanted:
            graph.values[node.outputs[0]].quantisation = PROBABILITY
            wanted.remove(node.outputs[0])
    ranges = _ranges(graph, wanted, samples, progress)
    groups = _groups(graph, wanted)
    shared: dict[str, tuple[float, float]] = {}
    for name in wanted:
        low, high = ranges[name]
        if name in softmax_inputs and low < MASKED_BELOW:
            low = high - SOFTMAX_SPAN
        so_far = shared.get(groups.root(name), (low, high))
        shared[groups.root(name)] = (min(low, so_far[0]), max(high, so_far[1]))
    for name in wanted:
        graph.values[name].quantisation = range_quantisation(*shared[groups.root(name)])


def _open(graph: Graph, name: str) -> bool:
    value = graph.values[name]
    return value.is_float and value.constant is None and value.quantisation is None


def _ranges(
    graph: Graph, wanted: Sequence[str], samples: Sequence[Mapping[str, Array]], progress: Progress | None
) -> dict[str, tuple[float, float]]:
    ranges = dict.fromkeys(wanted, (0.0, 0.0))
    made = [name for name in wanted if name not in graph.inputs] or graph.outputs
    runner = session(to_onnx(graph, made).SerializeToString())
    for done, (sample, found) in enumerate(zip(samples, results(runner, made, samples), strict=True)):
        for name in wanted:
            array = found[name] if name in found else sample[name]
            finite = array[np.isfinite(array)]
            low, high = ranges[name]
            ranges[name] = (min(low, float(finite.min(initial=0.0))), max(high, float(finite.max(initial=0.0))))
        if progress:
            progress(done + 1, len(samples))
    return ranges
