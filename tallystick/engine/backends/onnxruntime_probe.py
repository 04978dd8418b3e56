"""Asks onnxruntime, on this machine, where its kernels for signed weights are exact.

Sums of the largest operands with weights that would saturate 16-bit pairs, if pairs are what the kernels add; for every way in which
a convolution or a product of matrices is cut into blocks: few and many rows, columns and terms.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from tallystick.engine.backends.onnxruntime_dots import Signed
from tallystick.engine.backends.onnxruntime_graph import MICROSOFT, GraphWriter, open_session
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Array

Weights = npt.NDArray[np.int8]

ROWS = (1, 2, 3, 5, 8, 33)
COLUMNS = (1, 3, 7, 16, 17, 40)
TERMS = (1, 2, 3, 4, 7, 16, 31, 64, 255, 600)


@functools.cache
def signed_weights() -> Signed:
    """What is exact here; asked once."""
    full = all(_dense_is_exact(_full_range(o, k), rows) for o in COLUMNS for k in TERMS for rows in ROWS)
    paired = full or all(_dense_is_exact(_paired(o, k), rows) for o in COLUMNS for k in TERMS for rows in ROWS)
    depthwise = all(_depthwise_is_exact(c, kernel) for c in (2, 8, 17, 40) for kernel in (1, 2, 3, 5, 7))
    return Signed(full=full, paired=paired, depthwise=depthwise)


def _full_range(outputs: int, terms: int) -> Weights:
    weights = np.full((outputs, terms), 127, np.int8)
    weights[1::2] = -128
    return weights


def _paired(outputs: int, terms: int) -> Weights:
    """Neighbours (2j, 2j + 1) that just fit, and no other two that do."""
    weights = np.full((outputs, terms), 1, np.int8)
    weights[:, ::2] = 127
    weights[1::2] = -weights[1::2]
    return weights


def _dense_is_exact(weights: Weights, rows: int) -> bool:
    """As a product of matrices, exact and requantised, and as a convolution of one row of pixels."""
    terms = weights.shape[1]
    expected = 255 * weights.astype(np.int32).sum(axis=1)
    scale = _resolving(expected)
    writer = GraphWriter()
    columns, filters = np.ascontiguousarray(weights.T), weights[:, :, None, None]
    one, zero_x, zero_w = writer.real(1.0), writer.byte(0), writer.constant(np.array(0, np.int8))
    behind = [writer.constant(scale), zero_w]
    sums = writer.node("MatMulInteger", ["x", writer.constant(columns), zero_x, zero_w])
    inputs = ["x", one, zero_x, writer.constant(columns), *behind, "", one, writer.byte(128)]
    product = writer.node("QGemm", inputs, MICROSOFT)
    inputs = ["image", one, zero_x, writer.constant(filters), *behind, one, writer.byte(128)]
    image = writer.node("QLinearConv", inputs, MICROSOFT, channels_last=1, kernel_shape=[1, 1])
    headers = [("x", TensorHeader(DType.U8, (rows, terms))), ("image", TensorHeader(DType.U8, (1, 1, rows, terms)))]
    session = open_session(writer.model(headers, [sums, product, image]), 1)
    x = np.full((rows, terms), 255, np.uint8)
    results = session.run(None, {"x": x, "image": x[None, None]})
    held = _held(expected, scale)
    return all(bool((got == want).all()) for got, want in zip(results, (expected, held, held), strict=True))


def _resolving(sums: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """A multiplier under which sums of half the size differ by many steps, and nothing saturates."""
    return np.array(100 / np.abs(sums).max(), np.float32)


def _held(sums: npt.NDArray[np.int32], scale: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    held: npt.NDArray[np.int32] = np.rint(sums.astype(np.float32) * scale).astype(np.int32) + 128
    return held


def _depthwise_is_exact(channels: int, kernel: int) -> bool:
    weights = _full_range(channels, kernel * kernel).reshape(channels, 1, kernel, kernel)
    x: Array = np.full((1, kernel + 4, kernel + 4, channels), 255, np.uint8)
    expected = 255 * weights.astype(np.int32).sum(axis=(1, 2, 3))
    scale = _resolving(expected)
    writer = GraphWriter()
    inputs = ["x", writer.real(1.0), writer.byte(0), writer.constant(weights), writer.constant(scale)]
    inputs += [writer.constant(np.array(0, np.int8)), writer.real(1.0), writer.byte(128)]
    y = writer.node("QLinearConv", inputs, MICROSOFT, channels_last=1, kernel_shape=[kernel, kernel], group=channels)
    session = open_session(writer.model([("x", TensorHeader(DType.U8, x.shape))], [y]), 1)
    (got,) = session.run(None, {"x": x})
    return bool((got == _held(expected, scale)).all())
