"""Which images lie channels-last. ONNX has [N, C, H, W]; a receptive field is contiguous in [N, H, W, C]."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.engine.compiler.elementwise import is_elementwise
from tallystick.engine.compiler.graph import Graph, Node

IMAGE_RANK = 4
TO_LAST = (0, 2, 3, 1)
TO_FIRST = (0, 3, 1, 2)

_MAKERS = {"Conv", "ConvInteger", "AveragePool", "MaxPool"}
_FOLLOWERS = {"Concat", "Slice", "Pad", "Lookup", "Lookup2", "Expand"}


def channels_last(graph: Graph) -> set[str]:
    """Names of the values that a program holds channels-last: images that convolutions and pools make, and what elementwise
    nodes, concatenations and slices make of them."""
    found: set[str] = set()
    for node in graph.nodes:
        if any(len(graph.values[name].shape) != IMAGE_RANK for name in node.outputs if name):
            continue
        if node.op in _MAKERS or (_follows(node) and any(name in found for name in node.inputs)):
            found.update(node.outputs)
    return found


def _follows(node: Node) -> bool:
    return node.op in _FOLLOWERS or is_elementwise(node)


def in_layout(per_axis: Sequence[int], last: bool) -> list[int]:
    """What is given for each of ONNX's axes, in the order in which the program has them."""
    return [per_axis[axis] for axis in TO_LAST] if last else list(per_axis)


def channel_axis(rank: int, last: bool) -> int:
    """Of a tensor as ONNX has it: the axis that is last in the program."""
    return 1 if last else rank - 1
