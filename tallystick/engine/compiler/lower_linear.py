"""Convolutions and products of matrices."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.graph import Array, HeldIntegers, Node, Quantisation, Value
from tallystick.engine.compiler.lowering import Lowering, Rule
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.saturating import output_of, put_saturated
from tallystick.engine.compiler.weights import multipliers, params_of, quantise_bias, quantise_weights
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.program import Ref, float_bits

MAX_TERMS = 16_384
"""Longest sum of one step. Its operands are 1.3 million gas of calldata; the sum itself stays far below 2^31."""

MATRIX = 2


@dataclasses.dataclass(frozen=True)
class Product:
    """What a convolution and a product of matrices have in common: integers [outputs, ...], params [outputs, 2], zeros of
    operand, weights and output, the output's dtype."""

    integers: Array
    params: Array
    zeros: tuple[int, int, int]
    dtype: DType

    @classmethod
    def exact(cls, integers: Array, bias: Array, zeros: tuple[int, int]) -> Product:
        """Whose result is the sums themselves: 1.0 stands where no multiplier is read."""
        params = np.stack([bias, np.broadcast_to(float_bits([1.0]), bias.shape)], axis=-1)
        return cls(np.ascontiguousarray(integers), params, (*zeros, 0), DType.I32)

    def part(self, integers: Array, *, first: bool) -> Product:
        """Of a partial sum: the bias belongs to the first."""
        bias = self.params[:, 0] if first else np.zeros_like(self.params[:, 0])
        return Product.exact(integers, bias, self.zeros[:2])


def window_of(node: Node, kernel: tuple[int, int]) -> Window:
    """Of a node whose attributes simplification made explicit: pads are top, left, bottom, right."""
    attributes = node.attributes
    top, left = attributes.get("pads", (0, 0))[:2]
    stride_h, stride_w = attributes.get("strides", (1, 1))
    dilation_h, dilation_w = attributes.get("dilations", (1, 1))
    return Window(*kernel, stride_h, stride_w, top, left, dilation_h, dilation_w)


def _bias(lowering: Lowering, node: Node) -> Value | None:
    name = node.inputs[2] if len(node.inputs) > MATRIX else ""
    return lowering.value(name) if name else None


def _product(lowering: Lowering, node: Node, weights: Value, x: Quantisation, y: Quantisation) -> Product:
    bias = _bias(lowering, node)
    held = quantise_weights(weights, bias, float(x.scale), bits=lowering.weight_bits, node=node)
    held_bias = quantise_bias(bias, held.integers.shape[0], float(x.scale), held.scales)
    params = params_of(held_bias, multipliers(x.scale, held.scales, y.scale), node)
    return Product(held.integers, params, (x.zero, held.zero, y.zero), y.dtype)


# ---- convolutions -----------------------------------------------------------------------------------------------------


def lower_conv(lowering: Lowering, node: Node) -> None:
    """`x [N, C, H, W]`, constant `w [O, C / groups, kh, kw]`, optional constant bias [O]."""
    weights = lowering.value(node.inputs[1])
    if weights.constant is None:
        raise refuse(node, "its weights are not constant", "Export the model with its weights inside.")
    x, x_held = lowering.real_operand(node.inputs[0], node, last=True)
    target, y_held = output_of(lowering, node)
    product = _product(lowering, node, weights, x_held, y_held)
    product = dataclasses.replace(product, integers=np.ascontiguousarray(product.integers.transpose(0, 2, 3, 1)))
    height, width = lowering.value(node.outputs[0]).shape[2:]
    groups = int(node.attributes.get("group", 1))
    window = window_of(node, (product.integers.shape[1], product.integers.shape[2]))
    put_saturated(lowering, node, target, _conv(lowering.builder, x, product, window, (height, width), groups=groups))


def _conv(
    builder: ProgramBuilder, x: Ref, product: Product, window: Window, out_hw: tuple[int, int], *, groups: int = 1
) -> Ref:
    terms = math.prod(product.integers.shape[1:])
    if terms > MAX_TERMS and groups == 1:
        return _conv_by_parts(builder, x, product, window, out_hw)
    w, params = builder.constant(product.integers), builder.constant(product.params)
    return builder.conv(x, w, params, window, out_hw, groups=groups, zeros=product.zeros, dtype=product.dtype)


def _conv_by_parts(builder: ProgramBuilder, x: Ref, product: Product, window: Window, out_hw: tuple[int, int]) -> Ref:
    """A long sum as partial sums over channels, added up."""
    n, h, w, channels = builder.dims(x)
    parts = []
    for start, end in _chunks(channels, max(1, MAX_TERMS // window.taps)):
        operand = builder.view(x, (n, h, w, end - start), start=(0, 0, 0, start))
        part = product.part(product.integers[..., start:end], first=start == 0)
        parts.append(_conv(builder, operand, part, window, out_hw))
    return _add_up(builder, parts, product)


def _chunks(terms: int, each: int) -> list[tuple[int, int]]:
    return [(start, min(start + each, terms)) for start in range(0, terms, each)]


def _add_up(builder: ProgramBuilder, parts: list[Ref], product: Product) -> Ref:
    total = parts[0]
    for part in parts[1:]:
        total = builder.arith(ArithKind.ADD, total, part)
    if product.dtype is DType.I32:
        return total
    return builder.requantize(total, product.params[:, 1].view(np.float32), product.zeros[2], product.dtype)


# ---- products of matrices ---------------------------------------------------------------------------------------------


def lower_product(lowering: Lowering, node: Node) -> None:
    """Gemm, `x[..., K] @ w[N, K]^T + bias[N]`, and MatMul, whose right operand is [..., K, N]."""
    right = lowering.value(node.inputs[1])
    transposed = bool(node.attributes.get("transB", 0))
    if right.constant is None or len(right.shape) != MATRIX:
        _lower_activations(lowering, node, transposed)
        return
    x, x_held = lowering.real_operand(node.inputs[0], node)
    target, y_held = output_of(lowering, node)
    weights = right if transposed else turned(right, right.constant)
    product = _product(lowering, node, weights, x_held, y_held)
    ref = _matmul(lowering.builder, x, product)
    put_saturated(lowering, node, target, lowering.builder.reshape(ref, lowering.value(target).shape))


def turned(value: Value, constant: Array) -> Value:
    """A constant [K, N] as [N, K], with its integers."""
    held = value.held
    if held is not None:
        axis = 1 - held.axis if held.scales.size > 1 else 0
        held = HeldIntegers(np.ascontiguousarray(held.values.T), held.scales, held.zero, axis)
    return dataclasses.replace(value, shape=value.shape[::-1], constant=constant.T, held=held)


def _matmul(builder: ProgramBuilder, x: Ref, product: Product) -> Ref:
    if product.integers.shape[1] > MAX_TERMS:
        return _matmul_by_parts(builder, x, product)
    if len(builder.dims(x)) == 1:
        x = builder.reshape(x, (1, *builder.dims(x)))
    w, params = builder.constant(np.ascontiguousarray(product.integers)), builder.constant(product.params)
    return builder.matmul(x, w, params, zeros=product.zeros, dtype=product.dtype)


def _matmul_by_parts(builder: ProgramBuilder, x: Ref, product: Product) -> Ref:
    *lead, terms = builder.dims(x)
    parts = []
    for start, end in _chunks(terms, MAX_TERMS):
        operand = builder.view(x, (*lead, end - start), start=(*[0] * len(lead), start))
        parts.append(_matmul(builder, operand, product.part(product.integers[:, start:end], first=start == 0)))
    return _add_up(builder, parts, product)


def _lower_activations(lowering: Lowering, node: Node, transposed: bool) -> None:
    """Both operands known only at run time, or stacks of matrices: the right one is turned, so that K is last."""
    if _bias(lowering, node) is not None:
        raise refuse(node, "both its operands are computed and it has a bias", "Write the bias as an Add of its own.")
    (a, a_held), (b, b_held) = (lowering.real_operand(name, node) for name in node.inputs[:2])
    target, y_held = output_of(lowering, node)
    builder = lowering.builder
    a, b = _same_lead(builder, a, b if transposed else _turned_rows(builder, b))
    multiplier = multipliers(a_held.scale, np.array([b_held.scale], np.float32), y_held.scale)
    params = builder.constant(params_of(np.zeros(1, np.int64), multiplier, node))
    zeros = (a_held.zero, b_held.zero, y_held.zero)
    ref = builder.matmul(a, b, params, zeros=zeros, dtype=y_held.dtype)
    put_saturated(lowering, node, target, builder.reshape(ref, lowering.value(target).shape))


def _turned_rows(builder: ProgramBuilder, b: Ref) -> Ref:
    """[..., K, N] as [..., N, K]."""
    rank = len(builder.dims(b))
    return builder.transpose(b, (*range(rank - 2), rank - 1, rank - 2))


def _same_lead(builder: ProgramBuilder, a: Ref, b: Ref) -> tuple[Ref, Ref]:
    """Leading dims made equal, unless the right operand is one matrix for all."""
    if len(builder.dims(b)) == MATRIX:
        return a, b
    lead = tuple(np.broadcast_shapes(builder.dims(a)[:-2], builder.dims(b)[:-2]))
    return (
        builder.broadcast(a, (*lead, *builder.dims(a)[-2:])),
        builder.broadcast(b, (*lead, *builder.dims(b)[-2:])),
    )


# ---- exact sums -------------------------------------------------------------------------------------------------------


def _exact(node: Node, weights: Array) -> Product:
    """Of ConvInteger and MatMulInteger, whose result is the sums themselves."""
    zero_x, zero_w = (int(zero) for zero in node.attributes["zeros"])
    return Product.exact(weights, np.zeros(len(weights), np.int32), (zero_x, zero_w))


def lower_conv_integer(lowering: Lowering, node: Node) -> None:
    weights = lowering.graph.constant(node.inputs[1])
    if weights is None:
        raise refuse(node, "its weights are not constant", "Export the model with its weights inside.")
    product = _exact(node, weights.transpose(0, 2, 3, 1))
    x = lowering.ref(node.inputs[0], node, last=True)
    target = node.outputs[0]
    height, width = lowering.value(target).shape[2:]
    window = window_of(node, (weights.shape[2], weights.shape[3]))
    groups = int(node.attributes.get("group", 1))
    lowering.put(target, _conv(lowering.builder, x, product, window, (height, width), groups=groups))


def lower_matmul_integer(lowering: Lowering, node: Node) -> None:
    target, builder = node.outputs[0], lowering.builder
    x, weights = lowering.ref(node.inputs[0], node), lowering.graph.constant(node.inputs[1])
    if weights is not None and weights.ndim == MATRIX:
        ref = _matmul(builder, x, _exact(node, weights.T))
    else:
        a, b = _same_lead(builder, x, _turned_rows(builder, lowering.ref(node.inputs[1], node)))
        product = _exact(node, np.zeros((1, 1), np.int8))
        ref = builder.matmul(a, b, builder.constant(product.params), zeros=product.zeros)
    lowering.put(target, builder.reshape(ref, lowering.value(target).shape))


RULES: dict[str, Rule] = {
    "Conv": lower_conv,
    "ConvInteger": lower_conv_integer,
    "Gemm": lower_product,
    "MatMul": lower_product,
    "MatMulInteger": lower_matmul_integer,
}
