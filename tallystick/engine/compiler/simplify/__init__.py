"""From a loaded ONNX model to a graph of plain operators with static shapes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import onnx

from tallystick.engine.compiler.graph import Graph, Node, Value
from tallystick.engine.compiler.limits import DEFAULT_LIMITS, Limits
from tallystick.engine.compiler.refusal import shown
from tallystick.engine.compiler.simplify.importing import import_graph
from tallystick.engine.compiler.simplify.joins import join_constants, pool_images
from tallystick.engine.compiler.simplify.numbers import check_numbers
from tallystick.engine.compiler.simplify.passes import merge_equal, relayout
from tallystick.engine.compiler.simplify.patterns import find_patterns
from tallystick.engine.compiler.simplify.rules import apply_rules
from tallystick.engine.compiler.simplify.sinking import sink_rows
from tallystick.errors import ModelError

_NO_DIMS: Mapping[str, int] = MappingProxyType({})


def simplify(
    model: onnx.ModelProto,
    *,
    batch: int = 1,
    dims: Mapping[str, int] = _NO_DIMS,
    output: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Graph:
    """The model as plain operators, all shapes static, everything that follows from constants computed.

    Quantised operators stay, with their integers untouched; so do the DequantizeLinear nodes of constants.

    Args:
        model: From `load_model`.
        batch: What the first dim of an input becomes where the file leaves it open.
        dims: Sizes of other open dims, by the names that they have in the file.
        output: The output that is wanted; the first where None.
        limits: On what is computed from constants.

    Raises:
        ModelError: A shape that is not static, an operator that is not supported, numbers that are none.
    """
    graph = import_graph(model, batch=batch, dims=dims, output=output, limits=limits)
    (wanted,) = graph.outputs
    opset = next(opset.version for opset in model.opset_import if not opset.domain)
    graph = merge_equal(apply_rules(graph, opset))
    graph = join_constants(sink_rows(find_patterns(graph)))
    graph = relayout(pool_images(graph))
    _name_output(graph, wanted)
    check_numbers(graph)
    return graph


def _name_output(graph: Graph, wanted: str) -> None:
    """The output gets its name from the file back, where it turned out to be another tensor."""
    (found,) = graph.outputs
    value = graph.values[found]
    if value.constant is not None:
        raise ModelError(
            f"The output {shown(wanted)} does not depend on any input.", remedy="A job needs something to compute."
        )
    if found == wanted:
        return
    graph.outputs = [wanted]
    graph.values[wanted] = Value(value.shape, value.dtype)
    if found in graph.inputs:
        graph.nodes.append(Node("Reshape", [found], [wanted]))
        return
    for node in graph.nodes:
        node.inputs = [wanted if name == found else name for name in node.inputs]
        node.outputs = [wanted if name == found else name for name in node.outputs]
    del graph.values[found]


__all__ = ["simplify"]
