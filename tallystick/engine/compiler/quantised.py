"""Already quantised files, QOperator and QDQ, with the very integers that they hold.

What is left is plain ONNX between values that say how they are held, and tables where onnxruntime computes on bytes; no
quantising, dequantising or QLinear operator.
"""

from __future__ import annotations

import copy

import numpy as np

from tallystick.engine.compiler.graph import Graph, Node, Quantisation
from tallystick.engine.compiler.quantised_biases import check_biases, move_constants
from tallystick.engine.compiler.quantised_flow import check_bytes, drop_clamps, fill_in_reals, forward, spread
from tallystick.engine.compiler.quantised_folds import fold
from tallystick.engine.compiler.quantised_importing import Importing
from tallystick.engine.compiler.quantised_parameters import BYTES
from tallystick.engine.compiler.quantised_qdq import import_cast, import_dequantize, import_quantize
from tallystick.engine.compiler.quantised_qoperator import DYNAMIC, RULES, Rule
from tallystick.engine.compiler.refusal import refuse

_RULES: dict[str, Rule] = {**RULES, "DequantizeLinear": import_dequantize, "QuantizeLinear": import_quantize}
_DOMAINS = {"", "com.microsoft"}


def is_quantised(graph: Graph) -> bool:
    """Whether the file says how its values are held."""
    return any(_is_quantising(node) for node in graph.nodes)


def _is_quantising(node: Node) -> bool:
    return node.domain in _DOMAINS and (node.op in _RULES or node.op in DYNAMIC)


def import_quantised(graph: Graph) -> Graph:
    """The same function as a graph of plain nodes; `graph` itself where it is not quantised.

    Values that the file quantises carry a `quantisation`, and are float32 even where the file declares their bytes; inputs
    among them are taken as those integers. Constants carry `held`, the file's integers. Elementwise nodes between reals that
    the file does not quantise are left as they are, their values without a quantisation.

    Raises:
        ModelError: for scales that are computed at run time or by blocks, activations quantised along an axis, integers of
            other sizes than 8 bits, and arithmetic on raw bytes.
    """
    if not is_quantised(graph):
        return graph
    importing = Importing.of(graph)
    raw_pads: list[Node] = []
    for node in graph.nodes:
        _import(importing, node, raw_pads)
    made = importing.finish()
    spread(made)
    hold_raw_bytes(made)
    fill_in_reals(made, raw_pads)
    drop_clamps(made)
    spread(made)
    move_constants(made)
    check_biases(made)
    fold(made)
    made.drop_dead()
    return made


def _import(importing: Importing, node: Node, raw_pads: list[Node]) -> None:
    if node.domain in _DOMAINS and node.op in DYNAMIC:
        raise refuse(
            node, "it quantises by the data of each run", "Quantise the model statically, with calibration data."
        )
    if _is_quantising(node):
        _RULES[node.op](importing, node)
        return
    if node.op == "Cast" and import_cast(importing, node):
        return
    check_bytes(node, {name: importing.is_bytes(name) for name in node.inputs})
    kept = copy.copy(node)
    kept.inputs = [importing.name(name) for name in node.inputs]
    kept.outputs, kept.attributes = list(node.outputs), dict(node.attributes)
    importing.emit(kept)
    if node.op == "Pad" and importing.is_bytes(node.inputs[0]):
        raw_pads.append(kept)
    # At once, so that whoever reads the result finds out whether it reads it as it was written.
    forward(importing.graph, kept)


def hold_raw_bytes(graph: Graph) -> None:
    """Bytes that the file never gives a scale are the integers that they are."""
    for value in graph.values.values():
        if value.constant is None and value.quantisation is None and value.dtype in BYTES:
            value.quantisation, value.dtype = Quantisation(np.float32(1), 0, BYTES[value.dtype]), np.dtype(np.float32)
