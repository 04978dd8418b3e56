"""Scales and zero points as files bring them: constants, one for a tensor or one for each place along an axis."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.engine.compiler.graph import Array, Graph, HeldIntegers, Node, Quantisation, Value
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.opcodes import DType

BYTES: dict[np.dtype[Any], DType] = {np.dtype(np.uint8): DType.U8, np.dtype(np.int8): DType.I8}
HELD: dict[np.dtype[Any], DType] = {**BYTES, np.dtype(np.int32): DType.I32}


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Attributes:
    scales: One, or one for each place along `axis`.
    zeros: As many.
    dtype: Of the integers: uint8, int8 or int32.
    """

    scales: npt.NDArray[np.float32]
    zeros: npt.NDArray[np.int64]
    dtype: np.dtype[Any]
    axis: int = 0

    def of_tensor(self, node: Node) -> Quantisation:
        """The one for the whole tensor. Raises ModelError where it differs along an axis: activations have one."""
        if np.unique(self.scales).size > 1 or np.unique(self.zeros).size > 1:
            raise refuse(node, "it quantises an activation along an axis", "Quantise activations with one scale each.")
        return Quantisation(np.float32(self.scales.flat[0]), int(self.zeros.flat[0]), HELD[self.dtype])


def read_parameters(
    graph: Graph, node: Node, scale: str, zero: str, dtype: np.dtype[Any] | None = None, *, axis: int = 0
) -> Parameters:
    """Args:
        scale, zero: Names; the second may be empty, for 0.
        dtype: Of the integers, where there is no zero point to tell it.

    Raises:
        ModelError: for scales that are computed, negative or of several dims, and dtypes other than 8-bit and int32.
    """
    scales = _constant(graph, node, scale, "scale").astype(np.float32)
    given = _constant(graph, node, zero, "zero point") if zero else np.zeros(scales.shape, dtype or np.uint8)
    kind = np.dtype(given.dtype)
    if kind not in HELD:
        raise refuse(node, f"it holds numbers as {kind}", "Quantise to uint8 or int8.")
    if scales.ndim > 1:
        raise refuse(node, "it quantises in blocks", "Quantise by tensor or by channel.")
    if not np.all(np.isfinite(scales) & (scales > 0)):
        raise refuse(node, "a scale of it is not above zero", "Quantise the model again with data that varies.")
    flat, zeros = scales.reshape(-1), given.astype(np.int64).reshape(-1)
    size = max(flat.size, zeros.size)
    if {flat.size, zeros.size} - {1, size}:
        raise refuse(node, f"it has {flat.size} scales and {zeros.size} zero points", "Give as many of both.")
    return Parameters(np.broadcast_to(flat, (size,)), np.broadcast_to(zeros, (size,)), kind, axis)


def real_constant(integers: Array, parameters: Parameters, node: Node) -> Value:
    """A constant as the real numbers that it stands for, with the integers that the file holds them as."""
    axis, size = parameters.axis % max(integers.ndim, 1), parameters.scales.size
    shape = [1] * integers.ndim
    if size > 1:
        if integers.ndim == 0 or integers.shape[axis] != size:
            raise refuse(node, f"it has {size} scales for a tensor of {list(integers.shape)}", "Give one a channel.")
        shape[axis] = size
    zeros = parameters.zeros.reshape(shape if size > 1 else ())
    scales = parameters.scales.reshape(shape if size > 1 else ())
    reals = ((integers.astype(np.int64) - zeros).astype(np.float32) * scales).astype(np.float32)
    quantisation = parameters.of_tensor(node) if size == 1 and parameters.dtype in BYTES else None
    values, zero = _one_zero(integers, zeros, node)
    held = HeldIntegers(values, parameters.scales.copy(), zero, axis)
    return Value(tuple(integers.shape), np.dtype(np.float32), reals, quantisation, held)


def _one_zero(integers: Array, zeros: npt.NDArray[np.int64], node: Node) -> tuple[Array, int]:
    """The same reals with one zero point: a step has one, so where channels differ, each is moved to 0 as int8."""
    if np.unique(zeros).size == 1:
        return integers, int(zeros.flat[0])
    moved = integers.astype(np.int64) - zeros
    if moved.min() < DType.I8.low or moved.max() > DType.I8.high:
        raise refuse(
            node,
            "its channels have different zero points, and are too wide for int8",
            "Quantise weights symmetrically.",
        )
    return moved.astype(np.int8), 0


def _constant(graph: Graph, node: Node, name: str, what: str) -> Array:
    constant = graph.constant(name)
    if constant is None:
        raise refuse(node, f"its {what} {name!r} is computed at run time", "Quantise the model statically.")
    return np.asarray(constant)
