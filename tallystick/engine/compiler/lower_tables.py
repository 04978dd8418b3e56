"""Islands and the tables that a quantised file brought: the Lookup family."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Array, Node, Quantisation
from tallystick.engine.compiler.islands import Island
from tallystick.engine.compiler.layouts import in_layout
from tallystick.engine.compiler.lower_shapes import lower_where
from tallystick.engine.compiler.lowering import Lowering, Rule
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.tables import hold, table_of_one, table_of_two
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES


def lower_island(lowering: Lowering, node: Node, island: Island) -> None:
    """`node` is the island's last."""
    if len(island.sources) == 1:
        _lower_one(lowering, node, island)
    elif len(island.sources) == 2:
        _lower_two(lowering, node, island)
    elif node.op == "Where":
        lower_where(lowering, node)
    else:
        raise refuse(node, f"it joins {len(island.sources)} tensors", "Split it into operations on two tensors each.")


def _lower_one(lowering: Lowering, node: Node, island: Island) -> None:
    last = island.output in lowering.last
    x, held = lowering.real_operand(island.sources[0], node, last=last)
    x = lowering.builder.broadcast(x, in_layout(lowering.value(island.output).shape, last))
    reals = table_of_one(lowering.graph, island, held, last=last)
    lowering.put(island.output, lowering.builder.lookup(x, _entries(lowering, node, island, reals)))


def _lower_two(lowering: Lowering, node: Node, island: Island) -> None:
    last = island.output in lowering.last
    (a, a_held), (b, b_held) = (lowering.real_operand(name, node, last=last) for name in island.sources)
    reals = table_of_two(lowering.graph, island, a_held, b_held, last=last)
    lowering.put(island.output, lowering.builder.lookup2(a, b, _entries(lowering, node, island, reals)))


def _entries(lowering: Lowering, node: Node, island: Island, reals: Array) -> Array:
    """What a table holds: quantised reals, truth values, or 32-bit integers."""
    value = lowering.value(island.output)
    if value.is_float:
        return hold(reals, lowering.quantisation(island.output, node))
    if value.dtype == np.bool_:
        return reals.astype(np.uint8)
    return hold(reals, Quantisation(np.float32(1), 0, DType.I32))


def lower_lookup(lowering: Lowering, node: Node) -> None:
    """A table that came with the file."""
    target = node.outputs[0]
    x = lowering.ref(node.inputs[0], node, last=target in lowering.last)
    lowering.put(target, lowering.builder.lookup(x, _table(node)))


def lower_lookup2(lowering: Lowering, node: Node) -> None:
    target = node.outputs[0]
    a, b = (lowering.ref(name, node, last=target in lowering.last) for name in node.inputs)
    lowering.put(target, lowering.builder.lookup2(a, b, _table(node)))


def _table(node: Node) -> Array:
    table = np.asarray(node.attributes["table"])
    if table.dtype not in NUMPY_DTYPES.values():
        raise refuse(node, f"its table holds {table.dtype}", "This is a fault of the compiler; please report it.")
    return table


RULES: dict[str, Rule] = {"Lookup": lower_lookup, "Lookup2": lower_lookup2}
