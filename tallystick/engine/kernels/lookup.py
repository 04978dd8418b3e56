"""LOOKUP and LOOKUP2: elements of tables by bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.engine.kernels.jit import jitted
from tallystick.engine.kernels.site import Bytes, Kernel, Site, tensor_bytes
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES, Array


@jitted
def look_up(x, tables, out):  # type: ignore[no-untyped-def]
    """`out` [n, C] of the bytes `x` [n, C] by `tables` [C, 256], or [1, 256] for all."""
    several = 1 if tables.shape[0] > 1 else 0
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            out[p, c] = tables[c * several, x[p, c]]


@jitted
def look_up_pairs(a, b, table, out):  # type: ignore[no-untyped-def]
    """`out` [n] of the bytes `a` and `b` [n] by `table` [65536]."""
    for k in range(out.size):
        out[k] = table[(np.int64(a[k]) << 8) | np.int64(b[k])]


def _plain(array: Array, dtype: DType) -> Array:
    """8-bit elements as bytes, so that tables and outputs are of two types only."""
    return array if dtype is DType.I32 else array.view(np.uint8)


def _table(array: Array, dtype: DType) -> Array:
    return np.array(_plain(np.ascontiguousarray(array), dtype))


def prepare_lookup(site: Site) -> Kernel:
    """The table is a constant."""
    tables = _table(site.constant(1), site.dtype).reshape(-1, 256)

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        channels = len(tables) if len(tables) > 1 else out.size
        target = _plain(out, site.dtype).reshape(-1, channels)
        look_up(tensor_bytes(operands[0]).reshape(-1, channels), tables, target)
        return out

    return kernel


def _spread(operand: Array, rank: int, shape: tuple[int, ...]) -> Bytes:
    """The bytes of [B, *dims] broadcast to [B, *out dims], flat."""
    lead = (1,) * (rank - (operand.ndim - 1))
    wide = operand.reshape(len(operand), *lead, *operand.shape[1:])
    return tensor_bytes(np.broadcast_to(wide, shape) if wide.shape != shape else wide).reshape(-1)


def prepare_lookup2(site: Site) -> Kernel:
    """The table is a constant."""
    table = _table(site.constant(2), site.dtype)

    def kernel(operands: Sequence[Array]) -> Array:
        shape = (len(operands[0]), *site.dims)
        a, b = (_spread(operand, len(site.dims), shape) for operand in operands[:2])
        out = np.empty(shape, NUMPY_DTYPES[site.dtype])
        look_up_pairs(a, b, table, _plain(out, site.dtype).reshape(-1))
        return out

    return kernel
