"""The last look at a simplified graph: what it holds must be numbers, and what it computes must have elements."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Array, Graph, Node
from tallystick.engine.compiler.refusal import refuse, shown
from tallystick.engine.opcodes import MAX_RANK
from tallystick.errors import ModelError

_BOUNDS = frozenset(["Clip", "Max", "Min", "Where", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])
"""Operators to which infinity is a number like others."""

_SCALES: dict[tuple[str, str], tuple[int, ...]] = {
    ("", "QuantizeLinear"): (1,),
    ("", "DequantizeLinear"): (1,),
    ("", "QLinearConv"): (1, 4, 6),
    ("", "QLinearMatMul"): (1, 4, 6),
    ("com.microsoft", "QuantizeLinear"): (1,),
    ("com.microsoft", "DequantizeLinear"): (1,),
    ("com.microsoft", "QLinearAdd"): (1, 4, 6),
    ("com.microsoft", "QLinearMul"): (1, 4, 6),
    ("com.microsoft", "QLinearWhere"): (2, 5, 7),
    ("com.microsoft", "QLinearSigmoid"): (1, 3),
    ("com.microsoft", "QLinearLeakyRelu"): (1, 3),
    ("com.microsoft", "QLinearSoftmax"): (1, 3),
    ("com.microsoft", "QLinearAveragePool"): (1, 3),
    ("com.microsoft", "QLinearReduceMean"): (1, 3),
    ("com.microsoft", "QGemm"): (1, 4, 7),
}
"""Places of the inputs that are scales."""


def check_numbers(graph: Graph) -> None:
    """Raises ModelError: NaN, an infinity where it would be computed with, a scale that is not above zero, a tensor without
    elements or with more dims than a program has."""
    for node in graph.nodes:
        for place, name in enumerate(node.inputs):
            array = graph.constant(name) if name else None
            if array is not None:
                _check_constant(node, name, array)
                if place in _scale_places(node):
                    _check_scale(node, name, array)
    for name in [*graph.inputs, *(name for node in graph.nodes for name in node.outputs if name)]:
        shape = graph.values[name].shape
        if 0 in shape or len(shape) > MAX_RANK:
            raise ModelError(
                f"{shown(name)} has the shape {shape}.",
                remedy=f"Every tensor has 1 to {MAX_RANK} dims, each of 1 or more.",
            )


def _check_constant(node: Node, name: str, array: Array) -> None:
    if not np.issubdtype(array.dtype, np.floating):
        return
    if np.isnan(array).any():
        raise refuse(node, f"its constant {shown(name)} holds NaN", "Export a model whose weights are numbers.")
    if node.op not in _BOUNDS and np.isinf(array).any():
        raise refuse(
            node,
            f"its constant {shown(name)} holds an infinity",
            "Use a large finite number instead, such as -1e4 for a mask.",
        )


def _scale_places(node: Node) -> tuple[int, ...]:
    if node.op == "QLinearConcat":
        return (0, *range(3, len(node.inputs), 3))
    return _SCALES.get((node.domain, node.op), ())


def _check_scale(node: Node, name: str, array: Array) -> None:
    if not np.issubdtype(array.dtype, np.floating):
        raise refuse(node, f"its scale {shown(name)} is {array.dtype}", "A scale is a real number.")
    wrong = array[~(array > 0)]
    if wrong.size:
        raise refuse(
            node,
            f"its scale {shown(name)} holds {float(wrong.flat[0])}",
            "A scale is above zero; quantise the model again with data that varies.",
        )
