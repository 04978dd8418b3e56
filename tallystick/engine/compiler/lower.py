"""The last stage: a graph whose values are held, as a program."""

from __future__ import annotations

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler import lower_linear, lower_pools, lower_shapes, lower_staged, lower_tables
from tallystick.engine.compiler.elementwise import is_elementwise
from tallystick.engine.compiler.graph import Graph, Node
from tallystick.engine.compiler.islands import Islands, is_tabled
from tallystick.engine.compiler.layouts import channels_last
from tallystick.engine.compiler.lower_integers import lower_integer
from tallystick.engine.compiler.lowering import Lowering, Rule
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Program, Ref

RULES: dict[str, Rule] = {
    **lower_linear.RULES,
    **lower_pools.RULES,
    **lower_shapes.RULES,
    **lower_staged.RULES,
    **lower_tables.RULES,
}

_PLAIN = {np.dtype(np.uint8): DType.U8, np.dtype(np.int8): DType.I8, np.dtype(np.bool_): DType.U8}


def start_lowering(graph: Graph, *, weight_bits: int = 8) -> Lowering:
    """The state before the first node: layouts, islands, clamps. `Islands.held` then says what needs a quantisation.

    Raises ModelError, before anything is run or calibrated, for an operator that no rule is for.
    """
    for node in graph.nodes:
        if node.op not in RULES and not is_elementwise(node):
            raise refuse(node, f"the operator {node.op} is not supported", "Replace it in the model, or open an issue.")
    last = channels_last(graph)
    islands = Islands(graph, last)
    return Lowering(graph, ProgramBuilder(), last, islands, islands.clamps, weight_bits)


def held_values(lowering: Lowering) -> list[str]:
    """Names of the values that need a quantisation, in the graph's order."""
    held = lowering.islands.held() - set(lowering.clamps)
    return [name for name in lowering.graph.values if name in held]


def finish_lowering(lowering: Lowering) -> Program:
    """Every node in order. Raises ModelError, naming the node, for what cannot be made exact."""
    graph = lowering.graph
    for name in graph.inputs:
        lowering.refs[name, False] = declare_input(lowering, name)
    targets = set(lowering.clamps.values())
    skipped = {node.outputs[0] for node in graph.nodes} - lowering.islands.held() - set(lowering.clamps)
    for node in graph.nodes:
        if node.outputs[0] in skipped or node.outputs[0] in targets:
            continue  # inside an island, or already what a step before it saturates to
        lowering.builder.scope = node.name or node.outputs[0]
        lower_node(lowering, node)
    result = lowering.ref(graph.outputs[0], graph.nodes[-1])
    return lowering.builder.build(result, graph.outputs[0])


def declare_input(lowering: Lowering, name: str) -> Ref:
    """A program takes what ONNX takes: the same dims, reals as the integers that hold them."""
    value = lowering.value(name)
    dtype = _PLAIN.get(value.dtype, DType.I32)
    if value.is_float:
        if value.quantisation is None:
            raise refuse(Node("Input", [], [name]), "nobody says how it is quantised", "Give calibration data.")
        dtype = value.quantisation.dtype
    return lowering.builder.input(TensorHeader(dtype, value.shape), name)


def lower_node(lowering: Lowering, node: Node) -> None:
    if is_tabled(lowering.graph, node):
        lower_tables.lower_island(lowering, node, lowering.islands.ending_in(node.outputs[0]))
        return
    rule = RULES.get(node.op)
    if rule is None:
        lower_integer(lowering, node)
    else:
        rule(lowering, node)
