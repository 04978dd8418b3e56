"""Whole models that are trees: from a simplified graph to a program."""

from __future__ import annotations

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.graph import Graph
from tallystick.engine.compiler.tree_mode import is_tree_graph, lower_tree_graph
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Program

__all__ = ["is_tree_model", "lower_tree_model"]

is_tree_model = is_tree_graph


def lower_tree_model(graph: Graph) -> Program:
    """The program of a graph's only output. Its inputs are i32: order images of reals, integers as they are.

    The value of a real output is given the quantisation that it comes to have.

    Raises:
        ModelError: an operator or a number that has no exact counterpart.
    """
    builder = ProgramBuilder()
    inputs = {
        name: builder.input(TensorHeader(_dtype(graph, name), graph.values[name].shape), name) for name in graph.inputs
    }
    refs = lower_tree_graph(graph, builder, inputs)
    (name,) = graph.outputs
    return builder.build(refs[name], name)


def _dtype(graph: Graph, name: str) -> DType:
    """As the comparison with the float model gives inputs: bytes stay bytes, everything else has 32 bits."""
    return {"uint8": DType.U8, "bool": DType.U8, "int8": DType.I8}.get(graph.values[name].dtype.name, DType.I32)
