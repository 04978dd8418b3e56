"""Whole trees hashed in one call without the interpreter's lock: Python only says where the bytes lie.

Rows are 32 bytes. A tree's levels lie one behind the other, each but the root's with an even number of rows: where a level
ends on an odd one, the hash of an unused subtree of its height follows.
"""

# numba hands an intrinsic its arguments' types by place, and calls what is compiled by place: hence the two exceptions.
# ruff: noqa: ARG001, PLR0917
# llvmlite has no types, and what numba compiles has none that mypy could read.
# mypy: disable-error-code="import-untyped, no-untyped-def, no-untyped-call, call-arg"

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from tallystick.engine.fold import leaf_count, unused_hashes
from tallystick.engine.sha256_lanes import BLOCK_BYTES, Lanes, available_lanes, code_address, kept, last_blocks
from tallystick.errors import InputError

ROW_BYTES = 32
_NODE_TABLE_BYTES = 256 * 64 * 4

Rows = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
"""uint8 [rows, 32]."""
Octets = np.ndarray[tuple[int], np.dtype[np.uint8]]
"""uint8 [bytes], contiguous."""


@functools.lru_cache(maxsize=4096)
def level_spans(count: int) -> tuple[tuple[int, int], ...]:
    """Of each level of a tree over `count` leaves, bottom first: its first row, and the number of its used rows."""
    spans, first = [(0, count)], 0
    while count > 1:
        first += count + (count & 1)
        count = (count + 1) >> 1
        spans.append((first, count))
    return tuple(spans)


@intrinsic
def _run(typing, code, domain, size, table, source, target, count):
    """Call one way of hashing by its address: so the loops over levels are compiled once for all lanes."""

    def generate(context, b, _signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * 6)
        b.call(b.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), generate


@intrinsic
def _pad(typing, target, source, length, size):
    """Copy `length` bytes and fill up to `size` with zeros."""

    def generate(context, b, _signature, arguments):
        octets = ir.IntType(8).as_pointer()
        target, source = (b.inttoptr(address, octets) for address in arguments[:2])
        cgutils.memset(b, target, arguments[3], 0)
        cgutils.raw_memcpy(b, target, source, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


def _grow_levels(code, table, unused, rows, count, keep):
    """Every level above the first `count` rows, behind them (`keep`) or over them, so that the root comes to lie in front."""
    while count > 1:
        if count & 1:
            _pad(rows + 32 * count, unused, 32, 32)
            count += 1
        above = rows + 32 * count * keep
        _run(code, 1, 64, table, rows, above, count >> 1)
        rows, unused, count = above, unused + 32, count >> 1


_grow = kept(numba.njit, _grow_levels, nogil=True)


def _plant_tree(code, tables, unused, data, size, buffer, keep):
    """Leaves of `size` bytes and all levels above into `buffer`, the last `size` bytes of which are for a leaf's padding."""
    rows, length = buffer.ctypes.data, data.size
    source, tail = data.ctypes.data, rows + buffer.size - size
    whole = length // size
    _run(code, 0, size, tables + _NODE_TABLE_BYTES, source, rows, whole)
    if whole * size < length or length == 0:
        _pad(tail, source + whole * size, length - whole * size, size)
        _run(code, 0, size, tables + _NODE_TABLE_BYTES, tail, rows + 32 * whole, 1)
        whole += 1
    _grow(code, tables, unused, rows, whole, keep)


_plant = kept(numba.njit, _plant_tree, nogil=True)


def _address(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])


@functools.cache
def _unused_rows() -> Octets:
    return np.frombuffer(b"".join(unused_hashes()), np.uint8)


@functools.cache
def _tables(leaf_bytes: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """The last blocks of nodes, then those of leaves, 64 KiB each."""
    return np.concatenate([last_blocks(2 * ROW_BYTES), last_blocks(leaf_bytes)])


@functools.cache
def _constants(lanes: Lanes | None, leaf_bytes: int) -> tuple[int, int, int]:
    """Addresses: the code, the tables, the unused hashes."""
    chosen = lanes or available_lanes()[0]
    return code_address(chosen), _address(_tables(leaf_bytes)), _address(_unused_rows())


def hash_tree(data: Octets, leaf_bytes: int, *, keep: bool, lanes: Lanes | None = None) -> Rows:
    """The rows of the tree over `data`: all levels (`level_spans`) with `keep`, else only the first row is of use, the root.

    Args:
        data: Of any length.
        leaf_bytes: A multiple of 64.
        lanes: By default the fastest that this processor can run.

    Raises:
        InputError: `leaf_bytes` is none.
    """
    if leaf_bytes <= 0 or leaf_bytes % BLOCK_BYTES:
        raise InputError(f"A leaf has a positive multiple of {BLOCK_BYTES} bytes, not {leaf_bytes}.")
    count = leaf_count(data.size, leaf_bytes)
    n_rows = level_spans(count)[-1][0] + 1 if keep else count + 1
    buffer = np.empty(n_rows * ROW_BYTES + leaf_bytes, np.uint8)
    _plant(*_constants(lanes, leaf_bytes), data, leaf_bytes, buffer, int(keep))
    return buffer[: n_rows * ROW_BYTES].reshape(n_rows, ROW_BYTES)


def hash_levels(items: Octets, *, lanes: Lanes | None = None) -> Rows:
    """The rows of the tree over 32-byte hashes, which are its bottom level: all levels. At least one item."""
    count = items.size // ROW_BYTES
    n_rows = level_spans(count)[-1][0] + 1
    buffer = np.empty(n_rows * ROW_BYTES, np.uint8)
    buffer[: items.size] = items
    address, tables, unused = _constants(lanes, 2 * ROW_BYTES)
    _grow(address, tables, unused, _address(buffer), count, 1)
    return buffer.reshape(n_rows, ROW_BYTES)
