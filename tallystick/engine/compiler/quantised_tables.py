"""Tables with the very bits that onnxruntime computes, operator by operator.

A program's table may hold anything, so nothing here has to agree with anybody. But whoever brings a quantised file has measured
its accuracy in onnxruntime, and is best served by a program that gives the same bytes. Every formula was found by comparing all
256 bytes, or all 65,536 pairs, over many scales and zero points; tests/unit/engine/test_quantised_tables.py repeats that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tallystick.engine.compiler.graph import Array, Quantisation
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES

Floats = npt.NDArray[np.float32]

_LOGISTIC_BOUND = np.float32(18)
# Eigen's rational approximation of the logistic function less one half, odd over even, highest power first.
_LOGISTIC_ODD = (
    4.37031012579801e-11,
    1.15627324459942e-07,
    6.08574864600143e-05,
    8.51377133304701e-03,
    2.48287947061529e-01,
)
_LOGISTIC_EVEN = (
    6.10247389755681e-13,
    5.76102136993427e-09,
    6.29106785017040e-06,
    1.70198817374094e-03,
    1.16817656904453e-01,
    9.93151921023180e-01,
)


def fused(a: npt.ArrayLike, b: npt.ArrayLike, c: npt.ArrayLike) -> Floats:
    """`a * b + c` of single-precision numbers, rounded once, as a fused multiply-add does.

    The product is exact in double precision. The sum is rounded to odd there, which makes the second rounding harmless.
    """
    product = np.asarray(a, np.float64) * np.asarray(b, np.float64)
    product, addend = np.broadcast_arrays(product, np.asarray(c, np.float64))
    total = np.ascontiguousarray(product + addend)
    back = total - product
    error = (product - (total - back)) + (addend - back)
    even = (total.view(np.int64) & 1) == 0
    toward = np.where(error > 0, np.inf, -np.inf)
    return np.where((error != 0) & even, np.nextafter(total, toward), total).astype(np.float32)


def byte_values(dtype: DType) -> npt.NDArray[np.int64]:
    """The integers that bytes 0..255 stand for."""
    return np.arange(256, dtype=np.uint8).view(NUMPY_DTYPES[dtype]).astype(np.int64)


def single_reals(x: Quantisation) -> Floats:
    """What DequantizeLinear gives for bytes 0..255."""
    return np.float32(x.scale) * (byte_values(x.dtype) - x.zero).astype(np.float32)


def quantised(reals: Floats, y: Quantisation) -> Array:
    """QuantizeLinear: divided in single precision, rounded, then the zero point is added."""
    scaled = np.rint((np.asarray(reals, np.float32) / np.float32(y.scale)).astype(np.float32)).astype(np.float64)
    return _bytes(scaled + y.zero, y.dtype)


def requantising_table(x: Quantisation, y: Quantisation) -> Array:
    """DequantizeLinear, then QuantizeLinear: [256]. QLinearConcat and QLinearWhere do this to their operands."""
    return quantised(single_reals(x), y)


def leaky_relu_table(x: Quantisation, y: Quantisation, alpha: float) -> Array:
    """QLinearLeakyRelu: [256]."""
    reals = single_reals(x)
    return quantised(np.where(reals >= 0, reals, np.float32(alpha) * reals).astype(np.float32), y)


def sigmoid_table(x: Quantisation, y: Quantisation) -> Array:
    """QLinearSigmoid: [256]. The approximation differs from the logistic function in one entry of some 200,000."""
    reals = np.clip(single_reals(x), -_LOGISTIC_BOUND, _LOGISTIC_BOUND)
    square = reals * reals
    ratio = (reals * _polynomial(square, _LOGISTIC_ODD)) / _polynomial(square, _LOGISTIC_EVEN)
    return quantised(np.maximum(ratio + np.float32(0.5), np.float32(0)), y)


def multiply_table(a: Quantisation, b: Quantisation, y: Quantisation) -> Array:
    """QLinearMul: [256, 256]. The zero point is added before rounding, so that ties go by the sum."""
    ratio = np.float32(a.scale) * np.float32(b.scale) / np.float32(y.scale)
    products = np.multiply.outer(byte_values(a.dtype) - a.zero, byte_values(b.dtype) - b.zero)
    scaled = products.astype(np.float32) * ratio + np.float32(y.zero)
    return _bytes(np.rint(scaled), y.dtype)


def add_table(a: Quantisation, b: Quantisation, y: Quantisation, *, a_repeats: bool) -> Array:
    """QLinearAdd: [256, 256].

    Args:
        a_repeats: Whether `a` is one number along the innermost axis where `b` has several. onnxruntime then exchanges the
            operands, and sums in another order.
    """
    if a_repeats:
        return np.ascontiguousarray(add_table(b, a, y, a_repeats=False).T)
    ratio_a, ratio_b = np.float32(a.scale) / np.float32(y.scale), np.float32(b.scale) / np.float32(y.scale)
    zeros = fused(ratio_a, np.float32(a.zero), ratio_b * np.float32(b.zero))
    from_b = fused(byte_values(b.dtype), ratio_b, np.float32(y.zero) - zeros)
    return _bytes(np.rint(fused(byte_values(a.dtype)[:, None], ratio_a, from_b[None, :])), y.dtype)


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    value = np.full_like(x, np.float32(coefficients[0]))
    for coefficient in coefficients[1:]:
        value = fused(value, x, np.float32(coefficient))
    return value


def _bytes(values: Array, dtype: DType) -> Array:
    return np.clip(values.astype(np.float64), dtype.low, dtype.high).astype(NUMPY_DTYPES[dtype])
