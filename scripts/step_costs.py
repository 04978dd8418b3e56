"""Steps as models have them, whose elements' gas is worth knowing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scripts.step_samples import Sample
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import (
    ArithAttributes,
    ArithKind,
    Attributes,
    ConcatAttributes,
    ConvAttributes,
    DType,
    GatherAttributes,
    Lookup2Attributes,
    LookupAttributes,
    MatMulAttributes,
    MaxPoolAttributes,
    PoolSumAttributes,
    ViewAttributes,
)
from tallystick.engine.program import NUMPY_DTYPES, Array, Ref, RefKind, Step, float_bits

U8, I8, I32 = DType
Typical = tuple[Sample, int, int]
"""A step, an element of it, and how many terms that has."""


def _array(dtype: DType, *dims: int) -> Array:
    # A period that no power of two divides, so that no two runs are alike.
    return np.resize(np.arange(251), dims).astype(NUMPY_DTYPES[dtype])


def _params(rows: int) -> Array:
    return np.stack([np.arange(rows, dtype=np.int32), np.resize(float_bits([0.0003]), rows)], axis=1)


def _typical(
    attributes: Attributes, operands: Sequence[Array], dtype: DType, dims: Sequence[int], terms: int = 1
) -> Typical:
    refs = tuple(Ref(RefKind.CONSTANT, k) for k in range(len(operands)))
    header = TensorHeader(dtype, tuple(dims))
    return Sample(Step(attributes, refs, header), tuple(operands)), header.size // 2, terms


def _conv(
    height: int, channels: int, outputs: int, kernel: int, *, pad: int = 0, groups: int = 1, zero: int = 0
) -> Typical:
    x, w = _array(U8, 1, height, height, channels), _array(I8, outputs, kernel, kernel, channels // groups)
    window = (kernel, kernel, 1, 1, pad, pad, 1, 1)
    side = height + 2 * pad - kernel + 1
    attributes = ConvAttributes(*window, groups, zero, 0, 3, 1)
    terms = kernel * kernel * channels // groups
    return _typical(attributes, (x, w, _params(outputs)), U8, (1, side, side, outputs), terms)


def _matmul(terms: int, outputs: int) -> Typical:
    operands = (_array(U8, 1, terms), _array(I8, outputs, terms), _params(outputs))
    return _typical(MatMulAttributes(7, 0, 3, 1), operands, U8, (1, outputs), terms)


def typical_samples() -> dict[str, Typical]:
    """By name."""
    image, other = _array(U8, 1, 56, 56, 64), _array(I8, 1, 56, 56, 64)
    pool = (3, 3, 2, 2, 1, 1, 1, 1)
    arith = ArithAttributes(int(ArithKind.ADD), 0, 0)
    return {
        "conv 5x5x6 (LeNet)": _conv(14, 6, 16, 5),
        "conv 3x3x3, stride 1": _conv(32, 3, 32, 3, pad=1),
        "conv 3x3x512": _conv(14, 512, 8, 3, pad=1, zero=128),
        "conv 1x1x960": _conv(7, 960, 160, 1),
        "conv 1x1x2048": _conv(7, 2048, 8, 1),
        "conv 3x3 depthwise of 960": _conv(7, 960, 960, 3, pad=1, groups=960),
        "matmul 400": _matmul(400, 120),
        "matmul 784": _matmul(784, 128),
        "matmul 1280": _matmul(1280, 1000),
        "matmul 66,000": _matmul(66_000, 2),
        "global average 7x7": _typical(
            PoolSumAttributes(7, 7, 1, 1, 0, 0, 1, 1, 0, 0, 1),
            (_array(U8, 1, 7, 7, 1280), float_bits([1 / 49] * 49)),
            U8,
            (1, 1, 1, 1280),
            49,
        ),
        "lookup": _typical(LookupAttributes(), (image, _array(U8, 256)), U8, image.shape),
        "lookup2": _typical(Lookup2Attributes(), (image, other, _array(I8, 65536)), I8, image.shape),
        "max pool 3x3": _typical(MaxPoolAttributes(*pool), (image,), U8, (1, 28, 28, 64), 9),
        "view (transposition, rank 4)": _typical(
            ViewAttributes.of((0, 3, 1, 2), (0,) * 4, (1,) * 4), (image,), U8, (1, 64, 56, 56)
        ),
        "view (reversal, rank 8)": _typical(
            ViewAttributes.of(tuple(range(7, -1, -1)), (2,) * 8, (-1,) * 8), (_array(I8, *(3,) * 8),), I8, (3,) * 8
        ),
        "concatenation of 64": _typical(
            ConcatAttributes(1, tuple(range(0, 640, 10))), [_array(U8, 4, 10)] * 64, U8, (4, 640)
        ),
        "gather": _typical(GatherAttributes(0), (_array(I8, 1000, 64), _array(I32, 30)), I8, (30, 64)),
        "arith (sum, same dims)": _typical(arith, (image, other), I32, image.shape),
        "arith (sum, broadcast)": _typical(arith, (image, _array(I32, 64)), I32, image.shape),
        "arith (requantisation)": _typical(
            ArithAttributes(int(ArithKind.REQUANTIZE), 0, 3),
            (_array(I32, 1, 7, 7, 64), _params(64)[:, 1]),
            U8,
            (1, 7, 7, 64),
        ),
    }
