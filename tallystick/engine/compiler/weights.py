"""Weights and biases as integers: those of the file where it has them, else quantised symmetrically, one scale for each output.

w = integers * scale[o]     bias = integers * scale_x * scale[o]     M[o] = f32(f32(scale_x * scale[o]) / scale_y)
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from tallystick.engine.compiler.graph import Array, Node, Value
from tallystick.engine.compiler.layouts import IMAGE_RANK
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.program import float_bits

FULL_BITS = 8

MAX_BIAS = 2.0**30
"""Largest magnitude of a bias; sums get the other half of 31 bits."""


@dataclasses.dataclass(frozen=True)
class Weights:
    """`integers` has outputs on axis 0; `scales` [outputs]."""

    integers: Array
    scales: npt.NDArray[np.float32]
    zero: int


def quantise_weights(value: Value, bias: Value | None, scale_x: float, *, bits: int, node: Node) -> Weights:
    """Of a constant with its outputs on axis 0."""
    outputs = value.shape[0]
    if value.held is not None:
        if value.held.axis != 0 and value.held.scales.size > 1:
            raise refuse(node, f"its weights are quantised along axis {value.held.axis}", "Quantise along the outputs.")
        return Weights(value.held.values, np.broadcast_to(value.held.scales.reshape(-1), (outputs,)), value.held.zero)
    real = np.asarray(value.constant, np.float64)
    top = 2 ** (bits - 1) - 1
    scales = (
        np.maximum(np.abs(real).reshape(outputs, -1).max(axis=1), largest_pair(real) if bits == FULL_BITS else 0) / top
    )
    if bias is not None and bias.constant is not None:
        # An output whose weights are tiny beside its bias gets a coarser scale, so that the bias fits.
        scales = np.maximum(scales, np.abs(np.asarray(bias.constant, np.float64)).reshape(-1) / (scale_x * MAX_BIAS))
    scales = np.maximum(scales, 1e-20).astype(np.float32)
    shaped = scales.astype(np.float64).reshape(outputs, *[1] * (real.ndim - 1))
    return Weights(np.clip(np.rint(real / shaped), -top, top).astype(np.int8), scales, 0)


def largest_pair(real: Array) -> npt.NDArray[np.float64]:
    """For each output, the largest sum of two neighbouring weights of one sign, in the order in which kernels add them up.

    The fastest kernels of processors without VNNI add two products of 8-bit numbers in 16 bits, and saturate. With two neighbours of
    one sign below 128 together they cannot, so a program whose weights are scaled by this is exact there at full speed. It costs
    a scale that is coarser by a sixth. Depthwise kernels do not pair, and weights of 7 bits need no such rule.
    """
    outputs = real.shape[0]
    if real.ndim == IMAGE_RANK:
        if real.shape[1] == 1:
            return np.zeros(outputs)
        real = real.transpose(0, 2, 3, 1)
    rows = real.reshape(outputs, -1)
    pairs = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))).reshape(outputs, -1, 2)
    above, below = np.maximum(pairs, 0).sum(axis=2), np.minimum(pairs, 0).sum(axis=2)
    return np.asarray(np.maximum(above.max(axis=1), -below.min(axis=1)))


def quantise_bias(value: Value | None, outputs: int, scale_x: float, scales: Array) -> npt.NDArray[np.int64]:
    if value is None:
        return np.zeros(outputs, np.int64)
    if value.held is not None:
        return np.broadcast_to(value.held.values.astype(np.int64).reshape(-1), (outputs,))
    real = np.broadcast_to(np.asarray(value.constant, np.float64).reshape(-1), (outputs,))
    held: npt.NDArray[np.int64] = np.rint(real / (scale_x * scales.astype(np.float64))).astype(np.int64)
    return held


def multipliers(scale_x: np.float32, scales: Array, scale_y: np.float32) -> npt.NDArray[np.float32]:
    """In the order of operations of onnxruntime, so that both have the same bits."""
    product = np.float32(scale_x) * scales.astype(np.float32)
    return (product / np.float32(scale_y)).astype(np.float32)


def params_of(bias: Array, multiplier: Array, node: Node) -> npt.NDArray[np.int32]:
    """[outputs, 2]: bias, and the multiplier's bits. Raises ModelError where either has no exact form."""
    if np.any(np.abs(bias) >= 2**31):
        raise refuse(node, "a bias does not fit 32 bits at the scale of its sums", "Use a larger scale for its input.")
    tiny = np.finfo(np.float32).tiny
    if not np.all(np.isfinite(multiplier)) or np.any(multiplier < tiny):
        raise refuse(node, "a multiplier is not a normal single-precision number", "Rescale its weights or its input.")
    bits = np.broadcast_to(float_bits(multiplier), bias.shape)
    return np.stack([bias.astype(np.int32), bits], axis=-1)
