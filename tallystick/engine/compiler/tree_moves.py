"""Moves of tree models as steps, whatever the elements stand for; sums over any axes, products with constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.gathering import gather_elements
from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.program import Ref

Move = Callable[[ProgramBuilder, Node, tuple[int, ...], Sequence[Ref], Sequence[Ref]], Ref]
"""`(builder, node, result's shape, moved operands, other operands) -> result`."""


def _gather(b: ProgramBuilder, node: Node, _: Any, data: Sequence[Ref], others: Sequence[Ref]) -> Ref:
    return b.gather(data[0], others[0], int(node.attributes.get("axis", 0)) % len(b.dims(data[0])))


def _gather_elements(
    b: ProgramBuilder, node: Node, shape: tuple[int, ...], data: Sequence[Ref], others: Sequence[Ref]
) -> Ref:
    axis = int(node.attributes.get("axis", 0)) % len(b.dims(data[0]))
    return gather_elements(b, data[0], others[0], axis, shape)


def _reshape(b: ProgramBuilder, _: Node, shape: tuple[int, ...], data: Sequence[Ref], __: Any) -> Ref:
    return b.reshape(data[0], shape)


def _slice(b: ProgramBuilder, node: Node, shape: tuple[int, ...], data: Sequence[Ref], _: Any) -> Ref:
    return b.view(data[0], shape, start=node.attributes["starts"], step=node.attributes["steps"])


def _transpose(b: ProgramBuilder, node: Node, _: Any, data: Sequence[Ref], __: Any) -> Ref:
    return b.transpose(data[0], node.attributes["perm"])


def _expand(b: ProgramBuilder, _: Node, shape: tuple[int, ...], data: Sequence[Ref], __: Any) -> Ref:
    return b.broadcast(data[0], shape)


def _concat(b: ProgramBuilder, node: Node, shape: tuple[int, ...], data: Sequence[Ref], _: Any) -> Ref:
    return b.concat(data, int(node.attributes["axis"]) % len(shape))


def _where(b: ProgramBuilder, _: Node, __: Any, data: Sequence[Ref], others: Sequence[Ref]) -> Ref:
    dtypes = {b.header(ref).dtype for ref in data}
    return b.arith(ArithKind.SELECT, others[0], *data, dtype=dtypes.pop() if len(dtypes) == 1 else DType.I32)


MOVES: dict[str, Move] = {
    "Concat": _concat,
    "Expand": _expand,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Reshape": _reshape,
    "Slice": _slice,
    "Transpose": _transpose,
    "Where": _where,
}


def summed(b: ProgramBuilder, x: Ref, axes: Sequence[int]) -> Ref:
    """Sums over each of `axes`, which stay as dims of 1."""
    for axis in axes:
        dims = b.dims(x)
        image = b.reshape(x, (math.prod(dims[:axis]), dims[axis], 1, math.prod(dims[axis + 1 :])))
        sums = b.pool_sum(image, Window(dims[axis], 1), (1, 1))
        x = b.reshape(sums, (*dims[:axis], 1, *dims[axis + 1 :]))
    return x


def scaled(b: ProgramBuilder, node: Node, x: Ref, factor: npt.NDArray[np.float64]) -> Ref:
    """A fixed-point tensor times constants, with the same point."""
    _, exponent = math.frexp(float(np.abs(factor).max(initial=0.0)))
    shift = min(31, 30 - exponent)
    if shift < 0:
        raise refuse(
            node, f"it multiplies by {float(np.abs(factor).max()):g}, beyond 32 bits", "Scale the model's targets down."
        )
    whole = b.constant(np.rint(factor * 2.0**shift).astype(np.int32))
    return b.arith(ArithKind.MUL_SHIFT, x, whole, shift=shift)
