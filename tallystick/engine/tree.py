"""Hash trees over a tensor's bytes and over lists of roots: roots, and openings of any part. `fold` checks them.

A tree holds all its levels, so an opening costs no hashing; `byte_root` keeps only the root, in an eighth of the data's size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tallystick.engine.fold import (
    HASH_BYTES,
    LEAF_BYTES,
    child_span,
    leaf_count,
    nodes_at,
    proof_places,
    tensor_root,
    verify_children,
    verify_data,
    verify_range,
)
from tallystick.engine.sha256 import Octets, Rows, hash_levels, hash_tree, level_spans
from tallystick.engine.sha256_lanes import Lanes
from tallystick.errors import InputError, TensorError
from tallystick.merkle import depth_of

__all__ = [
    "LEAF_BYTES",
    "Data",
    "Tree",
    "byte_root",
    "byte_roots",
    "byte_tree",
    "roots_root",
    "roots_tree",
    "tensor_root",
    "verify_children",
    "verify_data",
    "verify_range",
]

Data = bytes | bytearray | memoryview | np.ndarray[Any, Any]
"""Contiguous, of one-byte items, any shape: an array of wider elements is brought into wire order by the caller."""


@dataclasses.dataclass(frozen=True, eq=False)
class Tree:
    """All levels of a tree.

    Attributes:
        n_leaves: At least 1; for a tree over roots, the roots.
        rows: uint8 [rows, 32]: the levels one behind the other, as `level_spans` says.
    """

    n_leaves: int
    rows: Rows

    @property
    def root(self) -> bytes:
        return bytes(self.rows[-1])

    @property
    def depth(self) -> int:
        """Levels above the leaves."""
        return depth_of(self.n_leaves)

    def level(self, height: int) -> Rows:
        """uint8 [nodes, 32]: the used nodes of a level, without a copy; 0 is the leaves."""
        first, count = level_spans(self.n_leaves)[height]
        return self.rows[first : first + count]

    def node(self, height: int, index: int) -> bytes:
        """A node's hash; right behind a level's last used node lies one unused one, if that is its sibling."""
        return bytes(self.rows[level_spans(self.n_leaves)[height][0] + index])

    def prove(self, first: int, last: int | None = None) -> list[bytes]:
        """The proof of the leaves `first` to `last` (inclusive; by default `first` alone), in the order that `fold` says.

        Raises:
            InputError: there are no such leaves.
        """
        last = first if last is None else last
        if not 0 <= first <= last < self.n_leaves:
            raise InputError(f"There are no leaves {first} to {last} among {self.n_leaves}.")
        return [self.node(height, index) for height, index in proof_places(self.n_leaves, first, last)]

    def children(self, height: int, index: int) -> tuple[list[bytes], list[bytes]]:
        """The descendants of a node 7 levels below (at least 1, at most 128, used ones only), and its path to the root.

        Below height 7 they are leaves; of a leaf, itself. `verify_children` takes both.

        Raises:
            InputError: no leaf is below such a node, or the tree is not so high.
        """
        if not 0 <= height <= self.depth or not 0 <= index < nodes_at(self.n_leaves, height):
            raise InputError(f"There is no node {index} at height {height} of a tree over {self.n_leaves} leaves.")
        low, first, count = child_span(self.n_leaves, height, index)
        path = [self.node(height + up, (index >> up) ^ 1) for up in range(self.depth - height)]
        return [self.node(low, first + child) for child in range(count)], path


def _view(data: Any) -> memoryview:
    # typed Any: before Python 3.12 mypy does not know that an array is a buffer
    return memoryview(data)


def _octets(data: Data) -> Octets:
    view = _view(data)
    if view.itemsize != 1 or not view.c_contiguous:
        raise TensorError(
            f"A tree is made over contiguous single bytes, not over {view.format!r} items with strides {view.strides}.",
            remedy="Bring the elements into wire order first.",
        )
    # read-only whatever it was, so that numba compiles for one type
    return np.frombuffer(view.toreadonly(), np.uint8)


def byte_tree(data: Data, *, lanes: Lanes | None = None) -> Tree:
    """The tree over `data`'s leaves of LEAF_BYTES. Raises TensorError for items wider than a byte or not contiguous."""
    octets = _octets(data)
    return Tree(leaf_count(octets.size), hash_tree(octets, LEAF_BYTES, keep=True, lanes=lanes))


def byte_root(data: Data, *, lanes: Lanes | None = None) -> bytes:
    """The root of `byte_tree`. Raises TensorError as that does."""
    return bytes(hash_tree(_octets(data), LEAF_BYTES, keep=False, lanes=lanes)[0])


def _shared_out(sizes: Sequence[int], shares: int) -> list[list[int]]:
    """Indices of `sizes` in so many shares of about the same sum: the largest first, each to the smallest share."""
    parts: list[list[int]] = [[] for _ in range(shares)]
    sums = [0] * shares
    for index in sorted(range(len(sizes)), key=sizes.__getitem__, reverse=True):
        least = sums.index(min(sums))
        parts[least].append(index)
        sums[least] += sizes[index] + LEAF_BYTES
    return parts


def byte_roots(tensors: Sequence[Data], *, threads: int = 1, lanes: Lanes | None = None) -> list[bytes]:
    """`byte_root` of each, in order. One tensor is not split, so it takes at least as long as the largest."""
    if threads <= 1 or len(tensors) <= 1:
        return [byte_root(tensor, lanes=lanes) for tensor in tensors]
    parts = _shared_out([_view(tensor).nbytes for tensor in tensors], threads)

    def roots_of(part: Iterable[int]) -> list[tuple[int, bytes]]:
        return [(index, byte_root(tensors[index], lanes=lanes)) for index in part]

    with ThreadPoolExecutor(threads) as pool:
        found = dict(pair for pairs in pool.map(roots_of, parts) for pair in pairs)
    return [found[index] for index in range(len(tensors))]


def roots_tree(roots: Sequence[bytes], *, lanes: Lanes | None = None) -> Tree:
    """The tree over 32-byte roots, which are its bottom level; one root is its own tree.

    Raises:
        InputError: no root, or one of another length.
    """
    if not roots:
        raise InputError("A tree over no roots has no root.")
    for index, root in enumerate(roots):
        if len(root) != HASH_BYTES:
            raise InputError(f"Root {index} has {len(root)} bytes, not {HASH_BYTES}.")
    items = np.frombuffer(b"".join(roots), np.uint8)
    return Tree(len(roots), hash_levels(items, lanes=lanes))


def roots_root(roots: Sequence[bytes], *, lanes: Lanes | None = None) -> bytes:
    """The root of `roots_tree`. Raises InputError as that does."""
    return roots_tree(roots, lanes=lanes).root
