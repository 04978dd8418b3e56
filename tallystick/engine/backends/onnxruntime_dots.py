"""CONV, MATMUL and POOL_SUM in onnxruntime's integer operators.

Their requantisation is ours, bit for bit: `f32(acc) * M` rounded to single precision, to an integer with ties to even, the zero point
added, with `M = f32(f32(x_scale * w_scale) / y_scale)`; so x_scale and y_scale are 1 and w_scale is M.

Weights: the kernels for unsigned weights are exact; those for signed ones are faster, but on processors without VNNI they add two
products in 16 bits, which saturate. So weights are written as unsigned unless `Signed` and the weights themselves say that this
cannot happen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from tallystick.engine.backends.onnxruntime_graph import MICROSOFT, GraphWriter, folded
from tallystick.engine.kernels.site import Site, lifted_zero
from tallystick.engine.opcodes import ConvAttributes, DType, MatMulAttributes, PoolSumAttributes, Window
from tallystick.engine.program import Array

Emit: TypeAlias = Callable[[GraphWriter, Sequence[str]], str]
"""Adds a step's nodes, given its operands' names; the name of its output."""

HIGHEST_PAIR = 128
"""Two signed weights of one sign and at most this sum cannot saturate: 255 * 128 < 2^15."""


@dataclasses.dataclass(frozen=True)
class Signed:
    """Where signed weights were found exact on this machine.

    Attributes:
        full: Everywhere, whatever the weights.
        paired: Where no two neighbours along the sum (2j, 2j + 1), of one sign, add up to more than 128.
        depthwise: In depthwise convolutions.
    """

    full: bool = False
    paired: bool = False
    depthwise: bool = False


def pairs_fit(rows: Array) -> bool:
    """Whether no pair of neighbours in any row [rows, K] can saturate 16 bits."""
    wide = np.pad(rows.astype(np.int16), ((0, 0), (0, rows.shape[1] % 2)))
    pairs = wide.reshape(len(rows), -1, 2)
    above, below = np.maximum(pairs, 0).sum(axis=2), np.minimum(pairs, 0).sum(axis=2)
    return bool(above.max(initial=0) <= HIGHEST_PAIR and below.min(initial=0) >= -HIGHEST_PAIR)


def as_stored(weights: Array, zero: int, *, signed: bool) -> tuple[Array, Array]:
    """Weights and their zero point as the graph has them: the same integers, signed or unsigned."""
    if weights.dtype == np.uint8 or signed:
        return weights, np.array(zero, weights.dtype)
    return (weights.astype(np.int16) + 128).astype(np.uint8), np.array(zero + 128, np.uint8)


def multipliers_of(params: Array) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(params[:, 1]).view(np.float32)


# ---- convolutions -----------------------------------------------------------------------------------------------------


def pads_of(window: Window, size: tuple[int, int], out: tuple[int, int]) -> list[int] | None:
    """ONNX's pads top, left, bottom, right; None where the operator would give other dims than `out`."""
    behind = []
    for places, stride, pad, kernel, dilation, extent in (
        (out[0], window.stride_h, window.pad_top, window.kernel_h, window.dilation_h, size[0]),
        (out[1], window.stride_w, window.pad_left, window.kernel_w, window.dilation_w, size[1]),
    ):
        reach = (kernel - 1) * dilation + 1
        end = max((places - 1) * stride - pad + reach - extent, 0)
        if (extent + pad + end - reach) // stride + 1 != places or max(pad, end) >= reach:
            return None
        behind.append(end)
    return [window.pad_top, window.pad_left, *behind]


def window_attributes(window: Window, pads: Sequence[int]) -> dict[str, list[int]]:
    return {
        "kernel_shape": [window.kernel_h, window.kernel_w],
        "strides": [window.stride_h, window.stride_w],
        "dilations": [window.dilation_h, window.dilation_w],
        "pads": list(pads),
    }


def _image_pads(site: Site, window: Window) -> list[int] | None:
    _, height, width, _ = site.headers[0].dims
    return pads_of(window, (height, width), (site.dims[1], site.dims[2]))


def emit_conv(site: Site, signed: Signed) -> Emit | None:
    """Requantised, with constant weights."""
    attributes = cast(ConvAttributes, site.step.attributes)
    weights, params = site.constants[1], site.constants[2]
    pads = _image_pads(site, attributes.window)
    if not attributes.requantize or weights is None or params is None or pads is None or site.constants[0] is not None:
        return None
    groups = attributes.groups
    depthwise = groups > 1 and weights.shape[3] == 1 and weights.shape[0] == groups
    rows = weights.reshape(len(weights), -1)
    fits = weights.dtype == np.int8 and _may_be_signed(rows, signed, depthwise=depthwise)
    stored, zero_w = as_stored(weights, attributes.zero_w, signed=fits)
    zeros = (lifted_zero(site.headers[0].dtype, attributes.zero_x), lifted_zero(site.dtype, attributes.zero_y))
    shape = window_attributes(attributes.window, pads)
    return _Convolution(stored, zero_w, params, zeros, {**shape, "group": groups}).emit


def _may_be_signed(rows: Array, signed: Signed, *, depthwise: bool) -> bool:
    return signed.full or (depthwise and signed.depthwise) or (signed.paired and pairs_fit(rows))


@dataclasses.dataclass(frozen=True)
class _Convolution:
    """What QLinearConv is given besides the image. `weights` are stored as [O, kh, kw, C / groups]; `zeros` of image and output."""

    weights: Array
    zero_w: Array
    params: Array
    zeros: tuple[int, int]
    attributes: dict[str, object]

    def emit(self, writer: GraphWriter, operands: Sequence[str]) -> str:
        one = writer.real(1.0)
        filters = writer.constant(np.ascontiguousarray(self.weights.transpose(0, 3, 1, 2)))
        scales, bias = writer.constant(multipliers_of(self.params)), writer.constant(self.params[:, 0])
        inputs = [operands[0], one, writer.byte(self.zeros[0]), filters, scales, writer.constant(self.zero_w)]
        inputs += [one, writer.byte(self.zeros[1]), bias]
        return writer.node("QLinearConv", inputs, MICROSOFT, channels_last=1, **self.attributes)


# ---- averages ---------------------------------------------------------------------------------------------------------


def emit_pool_sum(site: Site, inner: Site | None) -> Emit | None:
    """A requantised sum over windows of which all taps lie inside, as the depthwise convolution by ones.

    `inner` is the exact sum over rows that this one adds up, where the two together are the sum over whole images.
    """
    attributes = cast(PoolSumAttributes, site.step.attributes)
    first = site if inner is None else inner
    header = first.headers[0]
    if not attributes.requantize or header.dtype is DType.I32 or first.constants[0] is not None:
        return None
    _, height, width, channels = header.dims
    window = attributes.window if inner is None else Window(height, width)
    pads = pads_of(window, (height, width), (site.dims[1], site.dims[2]))
    if pads != [0, 0, 0, 0] or channels == 1:
        return None
    multiplier = site.constant(1)[attributes.window.taps - 1]
    params = np.array([[0, multiplier]] * channels, np.int32)
    ones = np.ones((channels, window.kernel_h, window.kernel_w, 1), np.uint8)
    zero_x = cast(PoolSumAttributes, first.step.attributes).zero_x
    zeros = (lifted_zero(header.dtype, zero_x), lifted_zero(site.dtype, attributes.zero_y))
    shape = window_attributes(window, pads)
    return _Convolution(ones, np.array(0, np.uint8), params, zeros, {**shape, "group": channels}).emit


def adds_rows(site: Site, inner: Site) -> bool:
    """Whether `inner` sums rows, and `site` sums those sums, so that the whole image is summed once."""
    outer_a, inner_a = cast(PoolSumAttributes, site.step.attributes), cast(PoolSumAttributes, inner.step.attributes)
    _, height, width, _ = inner.headers[0].dims
    rows = inner_a.window == Window(1, width) and inner.dims[1:3] == (height, 1) and not inner_a.requantize
    whole = outer_a.window == Window(height, 1) and site.dims[1:3] == (1, 1) and outer_a.zero_x == 0
    return rows and whole


# ---- products of matrices ---------------------------------------------------------------------------------------------


def emit_matmul(site: Site, signed: Signed) -> Emit | None:
    attributes = cast(MatMulAttributes, site.step.attributes)
    b, params = site.constants[1], site.constants[2]
    if params is None or site.constants[0] is not None:
        return None
    if b is None:
        return _emit_activations(site, attributes, params)
    return _emit_weights(site, attributes, b, params, signed) if b.ndim == 2 else None


def _zeros(site: Site, attributes: MatMulAttributes) -> tuple[int, int]:
    return lifted_zero(site.headers[0].dtype, attributes.zero_a), lifted_zero(site.dtype, attributes.zero_y)


def _emit_weights(site: Site, attributes: MatMulAttributes, b: Array, params: Array, signed: Signed) -> Emit | None:
    outputs, terms = b.shape
    fits = b.dtype == np.int8 and _may_be_signed(b, signed, depthwise=False)
    stored, zero_b = as_stored(b, attributes.zero_b, signed=fits)
    columns = np.ascontiguousarray(stored.T)
    params = np.ascontiguousarray(np.broadcast_to(params, (outputs, 2)))
    zero_a, zero_y = _zeros(site, attributes)
    bias = np.ascontiguousarray(params[:, 0])

    def emit(writer: GraphWriter, operands: Sequence[str]) -> str:
        a = operands[0] if len(site.dims) == 2 else writer.reshape(operands[0], (-1, terms))
        weights, zeros = writer.constant(columns), (writer.byte(zero_a), writer.constant(zero_b))
        if attributes.requantize:
            one = writer.real(1.0)
            scales, zero_bs = writer.constant(multipliers_of(params)), writer.constant(np.full(outputs, zero_b))
            inputs = [a, one, zeros[0], weights, scales, zero_bs, writer.constant(bias), one, writer.byte(zero_y)]
            y = writer.node("QGemm", inputs, MICROSOFT)
        else:
            y = _exact_sums(writer, [a, weights, *zeros], bias)
        return y if len(site.dims) == 2 else writer.reshape(y, folded(site.dims))

    return emit


def _exact_sums(writer: GraphWriter, inputs: Sequence[str], bias: Array) -> str:
    sums = writer.node("MatMulInteger", inputs)
    return writer.node("Add", [sums, writer.constant(bias)]) if bias.any() else sums


def _emit_activations(site: Site, attributes: MatMulAttributes, params: Array) -> Emit | None:
    """Both operands known at run time only. [N, K] for all of a batch would be [B * N, K], so stacks only."""
    a, b = site.headers[0].dims, site.headers[1].dims
    if len(b) != len(a) or len(a) < 3 or len(params) != 1 or (attributes.requantize and params[0, 0]):
        return None
    perm = [*range(len(b) - 2), len(b) - 1, len(b) - 2]
    zero_a, zero_y = _zeros(site, attributes)
    zero_b = lifted_zero(site.headers[1].dtype, attributes.zero_b)

    def emit(writer: GraphWriter, operands: Sequence[str]) -> str:
        turned = writer.node("Transpose", [operands[1]], perm=perm)
        zeros = writer.byte(zero_a), writer.byte(zero_b)
        if not attributes.requantize:
            return _exact_sums(writer, [operands[0], turned, *zeros], params[:, 0])
        one, scale = writer.real(1.0), writer.constant(multipliers_of(params).reshape(()))
        inputs = [operands[0], one, zeros[0], turned, scale, zeros[1], one, writer.byte(zero_y)]
        return writer.node("QLinearMatMul", inputs)

    return emit
