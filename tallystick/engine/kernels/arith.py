"""ARITH: operands brought into runs that repeat or go along, then one of the loops of `expressions`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np

from tallystick.engine.kernels.expressions import run_choice, run_linear, run_quotient, run_requantize
from tallystick.engine.kernels.site import Ints, Kernel, Longs, Site
from tallystick.engine.opcodes import ArithAttributes, ArithKind, DType
from tallystick.engine.program import NUMPY_DTYPES, Array

_LINEAR = (ArithKind.ADD, ArithKind.SUB, ArithKind.MUL, ArithKind.MUL_SHIFT)
_QUOTIENT = (ArithKind.DIV, ArithKind.DIV_ROUND, ArithKind.SQRT)
_OPERANDS = 3


def _loop_of(kind: ArithKind):  # type: ignore[no-untyped-def]
    if kind is ArithKind.REQUANTIZE:
        return run_requantize
    if kind in _LINEAR:
        return run_linear
    return run_quotient if kind in _QUOTIENT else run_choice


def _run_axes(shape: tuple[int, ...], operands: Sequence[tuple[int, ...]]) -> int:
    """The first axis of the longest tail of `shape` along which each operand either goes on or repeats one element."""
    axis = len(shape)
    while axis > 0 and all(
        dims[axis - 1 :] == shape[axis - 1 :] or math.prod(dims[axis - 1 :]) == 1 for dims in operands
    ):
        axis -= 1
    return axis


def _starts(shape: tuple[int, ...], dims: tuple[int, ...], axis: int) -> Longs:
    """int64 [runs]: where each run of the output begins in the flat operand of the full-rank `dims`."""
    run = math.prod(dims[axis:])
    places = np.arange(math.prod(dims[:axis]), dtype=np.int64).reshape(dims[:axis]) * run
    return np.broadcast_to(places, shape[:axis]).reshape(-1)


class _Layout:
    """Of operands of given full-rank dims (B in front) under an output `shape`."""

    def __init__(self, shape: tuple[int, ...], operands: Sequence[tuple[int, ...]]) -> None:
        axis = _run_axes(shape, operands)
        self.runs = (math.prod(shape[:axis]), math.prod(shape[axis:]))
        self.starts = np.zeros((self.runs[0], _OPERANDS), np.int64)
        moves = [0] * _OPERANDS
        for k, dims in enumerate(operands):
            self.starts[:, k] = _starts(shape, dims, axis)
            moves[k] = int(math.prod(dims[axis:]) != 1)
        self.moves = tuple(moves)


def _flat(array: Array) -> Ints:
    """int32, contiguous and writable, which is part of the type that loops are compiled for."""
    wide = np.ascontiguousarray(array, np.int32).reshape(-1)
    return wide if wide.flags.writeable else wide.copy()


def prepare_arith(site: Site) -> Kernel:
    attributes = cast(ArithAttributes, site.step.attributes)
    kind, rank = ArithKind(attributes.kind), len(site.dims)
    loop = _loop_of(kind)
    constants = [None if value is None else _flat(value) for value in site.constants]
    full = [(1,) * (rank - len(header.dims)) + header.dims for header in site.headers]
    layouts: dict[int, _Layout] = {}

    def layout(batch: int) -> _Layout:
        if batch not in layouts:
            lead = [1 if constant is not None else batch for constant in constants]
            dims = [(n, *one) for n, one in zip(lead, full, strict=True)]
            layouts[batch] = _Layout((batch, *site.dims), dims)
        return layouts[batch]

    def kernel(operands: Sequence[Array]) -> Array:
        place = layout(len(operands[0]))
        flat = [_flat(live) if held is None else held for live, held in zip(operands, constants, strict=True)]
        a, b, c = (flat * _OPERANDS)[:_OPERANDS]
        if kind is ArithKind.REQUANTIZE:
            b = b.view(np.float32)
        out = np.empty(place.runs, np.int32)
        low, high = site.dtype.low, site.dtype.high
        loop(attributes.kind, attributes.shift, attributes.zero_y, a, b, c, place.starts, place.moves, low, high, out)
        shaped = out.reshape(len(operands[0]), *site.dims)
        return shaped if site.dtype is DType.I32 else shaped.astype(NUMPY_DTYPES[site.dtype])

    return kernel
