"""QuantizeLinear and DequantizeLinear: they leave no node behind, only values that are known to be held as integers."""

from __future__ import annotations

import dataclasses

import numpy as np

from tallystick.engine.compiler.graph import Node, Value
from tallystick.engine.compiler.quantised_importing import FLOAT, Importing
from tallystick.engine.compiler.quantised_parameters import BYTES, Parameters, read_parameters
from tallystick.engine.compiler.quantised_tables import quantised
from tallystick.engine.compiler.refusal import refuse

_UINT8, _INT8 = 2, 3  # onnx.TensorProto


def parameters_of(importing: Importing, node: Node) -> Parameters:
    """Of a Q or DQ node."""
    if int(node.attributes.get("block_size", 0)):
        raise refuse(node, "it quantises in blocks", "Quantise by tensor or by channel.")
    zero = node.inputs[2] if len(node.inputs) > 2 else ""
    dtype = importing.source.values[node.inputs[0]].dtype
    if node.op == "QuantizeLinear":
        wanted = int(node.attributes.get("output_dtype", 0)) or _UINT8
        if not zero and wanted not in (_UINT8, _INT8):
            raise refuse(node, f"it quantises to ONNX's dtype {wanted}", "Quantise to uint8 or int8.")
        dtype = np.dtype(np.int8 if wanted == _INT8 else np.uint8)
    axis = int(node.attributes.get("axis", 1))
    return read_parameters(importing.source, node, node.inputs[1], zero, dtype, axis=axis)


def import_quantize(importing: Importing, node: Node) -> None:
    """The value before it is the value after it, and is held as the node says: through a table, if it is held already."""
    source, target = node.inputs[0], node.outputs[0]
    parameters = parameters_of(importing, node)
    value = importing.value(source)
    if value.constant is not None:
        importing.graph.values[target] = quantised_constant(value, parameters, node)
        return
    wanted = parameters.of_tensor(node)
    if parameters.dtype not in BYTES:
        raise refuse(node, f"it quantises to {parameters.dtype}", "Quantise to uint8 or int8.")
    importing.same[target] = importing.held_as(source, wanted, node)


def quantised_constant(value: Value, parameters: Parameters, node: Node) -> Value:
    """Integers, for the DequantizeLinear that follows: exporters that quantise on the fly leave weights so."""
    reals = np.asarray(value.constant, np.float32)
    if parameters.scales.size == 1:
        integers = quantised(reals, parameters.of_tensor(node))
        return dataclasses.replace(value, dtype=integers.dtype, constant=integers, quantisation=None, held=None)
    axis = parameters.axis % reals.ndim
    if reals.shape[axis] != parameters.scales.size:
        raise refuse(node, f"it has {parameters.scales.size} scales for a tensor of {list(reals.shape)}", "")
    integers = np.empty(reals.shape, parameters.dtype)
    for place in range(reals.shape[axis]):
        one = Parameters(parameters.scales[[place]], parameters.zeros[[place]], parameters.dtype)
        at: tuple[slice | int, ...] = (*[slice(None)] * axis, place)
        integers[at] = quantised(reals[at], one.of_tensor(node))
    return dataclasses.replace(value, dtype=integers.dtype, constant=integers, quantisation=None, held=None)


def import_dequantize(importing: Importing, node: Node) -> None:
    importing.same[node.outputs[0]] = importing.reals(node.inputs[0], parameters_of(importing, node), node)


def import_cast(importing: Importing, node: Node) -> bool:
    """A Cast of bytes to reals is a DequantizeLinear with scale 1. False for any other Cast."""
    if not importing.is_bytes(node.inputs[0]) or importing.source.values[node.outputs[0]].dtype != FLOAT:
        return False
    dtype = importing.source.values[node.inputs[0]].dtype
    plain = Parameters(np.ones(1, np.float32), np.zeros(1, np.int64), dtype)
    importing.same[node.outputs[0]] = importing.reals(node.inputs[0], plain, node)
    return True
