"""QOperator nodes: each is a plain ONNX operator between values that are held as its scales and zero points say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from tallystick.engine.compiler.graph import Array, Node, Value
from tallystick.engine.compiler.quantised_importing import FLOAT, Importing
from tallystick.engine.compiler.quantised_parameters import Parameters, read_parameters, real_constant
from tallystick.engine.compiler.refusal import refuse

Rule = Callable[[Importing, Node], None]


def operand(importing: Importing, node: Node, place: int, *, axis: int = 0) -> str:
    """The reals of the (tensor, scale, zero point) that begin at `place` among the node's inputs."""
    name, scale, zero = (*node.inputs[place : place + 3], "", "")[:3]
    dtype = importing.source.values[name].dtype
    return importing.reals(name, read_parameters(importing.source, node, scale, zero, dtype, axis=axis), node)


def result(importing: Importing, node: Node, place: int) -> None:
    """The output is held as the (scale, zero point) at `place` say."""
    scale, zero = (*node.inputs[place : place + 2], "")[:2]
    target = node.outputs[0]
    dtype = importing.source.values[target].dtype
    importing.hold(target, read_parameters(importing.source, node, scale, zero, dtype).of_tensor(node))


def plain(importing: Importing, node: Node, op: str, inputs: list[str], **attributes: object) -> None:
    importing.emit(Node(op, inputs, list(node.outputs), dict(attributes), node.name))


def bias_constant(importing: Importing, node: Node, name: str, x: str, weights: str) -> str:
    """int32 at the scale of the sums: `x`'s times that of the weights."""
    held, x_held = importing.value(weights).held, importing.value(x).quantisation
    if held is None or x_held is None:
        raise refuse(node, "it has a bias and its weights are computed", "Write the bias as an Add of its own.")
    scales = (np.float32(x_held.scale) * held.scales).astype(np.float32)
    parameters = Parameters(scales, np.zeros(scales.size, np.int64), np.dtype(np.int32))
    bias = importing.source.constant(name)
    if bias is None or bias.dtype != np.int32:
        raise refuse(node, f"its bias {name!r} is no int32 constant", "Quantise the model statically.")
    target = importing.graph.fresh(f"{name}~bias")
    importing.graph.values[target] = _bias_value(bias, parameters, node)
    return target


def _bias_value(bias: Array, parameters: Parameters, node: Node) -> Value:
    from_one = np.broadcast_to(bias.reshape(-1), (max(bias.size, parameters.scales.size),))
    scales = np.broadcast_to(parameters.scales, from_one.shape)
    whole = Parameters(scales, np.zeros(scales.size, np.int64), parameters.dtype)
    return real_constant(np.ascontiguousarray(from_one), whole, node)


# ---- sums of products -------------------------------------------------------------------------------------------------


def import_conv(importing: Importing, node: Node) -> None:
    """Inputs: x, w, y with scales and zero points, bias."""
    attributes = {key: value for key, value in node.attributes.items() if key != "channels_last"}
    x, w = operand(importing, node, 0), operand(importing, node, 3)
    result(importing, node, 6)
    inputs = [x, w]
    if len(node.inputs) > 8 and node.inputs[8]:
        inputs.append(bias_constant(importing, node, node.inputs[8], x, w))
    _emit_images(importing, Node("Conv", inputs, list(node.outputs), attributes, node.name), node)


def import_matmul(importing: Importing, node: Node) -> None:
    rank = len(importing.source.values[node.inputs[3]].shape)
    a = operand(importing, node, 0, axis=max(len(importing.source.values[node.inputs[0]].shape) - 2, 0))
    b = operand(importing, node, 3, axis=max(rank - 1, 0))
    result(importing, node, 6)
    plain(importing, node, "MatMul", [a, b])


def import_gemm(importing: Importing, node: Node) -> None:
    """`alpha` joins the weights' scales. The result is a Gemm whose weights are [N, K]."""
    if node.attributes.get("transA", 0):
        raise refuse(node, "its left operand is transposed", "Transpose it in a node of its own.")
    if len(node.inputs) < 8 or not node.inputs[7]:
        raise refuse(node, "it gives real numbers", "Quantise its result too.")
    x = operand(importing, node, 0)
    transposed = bool(node.attributes.get("transB", 0))
    w = operand(importing, node, 3, axis=0 if transposed else 1)
    if importing.value(w).constant is None:
        raise refuse(node, "its right operand is computed", "Use QLinearMatMul.")
    value = importing.graph.values[w] = _outputs_first(importing.value(w), transposed)
    alpha = np.float32(node.attributes.get("alpha", 1.0))
    if alpha != 1 and value.held is not None and value.constant is not None:
        scaled = dataclasses.replace(value.held, scales=(value.held.scales * alpha).astype(np.float32))
        importing.graph.values[w] = dataclasses.replace(
            value, constant=value.constant * alpha, held=scaled, quantisation=None
        )
    result(importing, node, 7)
    inputs = [x, w]
    if node.inputs[6]:
        inputs.append(bias_constant(importing, node, node.inputs[6], x, w))
    plain(importing, node, "Gemm", inputs, transB=1)


def _outputs_first(value: Value, transposed: bool) -> Value:
    if transposed or value.constant is None or value.held is None:
        return value
    turned = dataclasses.replace(value.held, values=np.ascontiguousarray(value.held.values.T), axis=0)
    constant = np.ascontiguousarray(value.constant.T)
    return dataclasses.replace(value, shape=constant.shape, constant=constant, held=turned)


def import_integer_product(importing: Importing, node: Node) -> None:
    """ConvInteger and MatMulInteger stay: their int32 sums are not requantised. `zeros` are those of x and w."""
    zeros = [_zero_of(importing, node, name) for name in (*node.inputs[2:4], "", "")[:2]]
    inputs = [importing.name(name) for name in node.inputs[:2]]
    importing.emit(Node(node.op, inputs, list(node.outputs), {**node.attributes, "zeros": zeros}, node.name))


def _zero_of(importing: Importing, node: Node, name: str) -> int:
    if not name:
        return 0
    zero = importing.source.constant(name)
    if zero is None:
        raise refuse(node, f"its zero point {name!r} is computed at run time", "Quantise the model statically.")
    if np.unique(zero).size != 1:
        raise refuse(node, "its zero points differ along an axis", "Quantise weights symmetrically.")
    return int(zero.flat[0])


# ---- everything else --------------------------------------------------------------------------------------------------


def _binary(op: str) -> Rule:
    def rule(importing: Importing, node: Node) -> None:
        inputs = [operand(importing, node, 0), operand(importing, node, 3)]
        result(importing, node, 6)
        plain(importing, node, op, inputs)

    return rule


def _unary(op: str) -> Rule:
    def rule(importing: Importing, node: Node) -> None:
        inputs = [operand(importing, node, 0)]
        result(importing, node, 3)
        plain(importing, node, op, inputs, **node.attributes)

    return rule


def import_where(importing: Importing, node: Node) -> None:
    inputs = [importing.name(node.inputs[0]), operand(importing, node, 1), operand(importing, node, 4)]
    result(importing, node, 7)
    plain(importing, node, "Where", inputs)


def import_concat(importing: Importing, node: Node) -> None:
    """Inputs: the result's scale and zero point, then three for each tensor."""
    inputs = [operand(importing, node, place) for place in range(2, len(node.inputs), 3)]
    result(importing, node, 0)
    plain(importing, node, "Concat", inputs, axis=node.attributes["axis"])


def import_pool(importing: Importing, node: Node) -> None:
    attributes = {key: value for key, value in node.attributes.items() if key != "channels_last"}
    last = bool(node.attributes.get("channels_last", 0))
    shape = importing.source.values[node.inputs[0]].shape
    if node.op == "QLinearGlobalAveragePool":
        attributes = {"kernel_shape": list(shape[1:-1] if last else shape[2:])}
    inputs = [operand(importing, node, 0)]
    result(importing, node, 3)
    _emit_images(importing, Node("AveragePool", inputs, list(node.outputs), attributes, node.name), node)


def import_softmax(importing: Importing, node: Node) -> None:
    """Before opset 13 it is over all axes from `axis` on: the same where that is the last."""
    rank = len(importing.source.values[node.inputs[0]].shape)
    old = int(node.attributes.get("opset", 13)) < 13
    axis = int(node.attributes.get("axis", 1 if old else -1)) % rank
    if old and axis != rank - 1:
        raise refuse(node, "it is over several axes", "Export the model with opset 13 or newer.")
    inputs = [operand(importing, node, 0)]
    result(importing, node, 3)
    plain(importing, node, "Softmax", inputs, axis=axis)


def _emit_images(importing: Importing, made: Node, node: Node) -> None:
    """onnxruntime's `channels_last` images between the transpositions that it saved."""
    if not node.attributes.get("channels_last", 0):
        importing.emit(made)
        return
    source, target = made.inputs[0], made.outputs[0]
    rank = len(importing.graph.values[target].shape)
    first, last = [0, rank - 1, *range(1, rank - 1)], [0, *range(2, rank), 1]
    x, y = importing.graph.fresh(f"{source}~first"), importing.graph.fresh(f"{target}~first")
    for new, old in ((x, source), (y, target)):
        value = importing.graph.values[old]
        shape = tuple(value.shape[axis] for axis in first)
        importing.graph.values[new] = Value(shape, FLOAT, None, value.quantisation)
    importing.emit(Node("Transpose", [source], [x], {"perm": first}, node.name))
    importing.emit(dataclasses.replace(made, inputs=[x, *made.inputs[1:]], outputs=[y]))
    importing.emit(Node("Transpose", [y], [target], {"perm": last}, node.name))


RULES: dict[str, Rule] = {
    "ConvInteger": import_integer_product,
    "MatMulInteger": import_integer_product,
    "QGemm": import_gemm,
    "QLinearAdd": _binary("Add"),
    "QLinearAveragePool": import_pool,
    "QLinearConcat": import_concat,
    "QLinearConv": import_conv,
    "QLinearGlobalAveragePool": import_pool,
    "QLinearLeakyRelu": _unary("LeakyRelu"),
    "QLinearMatMul": import_matmul,
    "QLinearMul": _binary("Mul"),
    "QLinearReduceMean": _unary("ReduceMean"),
    "QLinearSigmoid": _unary("Sigmoid"),
    "QLinearSoftmax": import_softmax,
    "QLinearWhere": import_where,
}

DYNAMIC = {
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "DynamicQuantizeLSTM",
    "MatMulIntegerToFloat",
    "QAttention",
    "QEmbedLayerNormalization",
}
"""Operators whose scales come from the data, or that hide an attention block."""
