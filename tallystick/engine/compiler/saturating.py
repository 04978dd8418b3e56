"""Clamps for free: a Relu or Clip after a step that saturates is that saturation, where the quantisation ends where the clamp does."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Node, Quantisation
from tallystick.engine.compiler.lowering import Lowering
from tallystick.engine.compiler.tables import hold, table_of_one
from tallystick.engine.program import Ref


def output_of(lowering: Lowering, node: Node) -> tuple[str, Quantisation]:
    """The value that the node's step gives, which is its clamp's where it has one, and how that is held."""
    target = lowering.clamps.get(node.outputs[0], node.outputs[0])
    return target, lowering.quantisation(target, node)


def put_saturated(lowering: Lowering, node: Node, target: str, ref: Ref) -> None:
    """Gives `target` its place, through a table where saturation alone is not the clamp."""
    if target != node.outputs[0]:
        island = lowering.islands.ending_in(target)
        held = lowering.quantisation(target, node)
        reals = table_of_one(lowering.graph, island, held, last=target in lowering.last)
        table = hold(reals, held)
        if not np.array_equal(table, hold(held.reals(), held)):
            ref = lowering.builder.lookup(ref, table)
    lowering.put(target, ref)
