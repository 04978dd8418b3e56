"""Checking openings of hash trees, with nothing but hashlib: what clients run and what the contracts mirror.

    leaf = H(00 | LEAF_BYTES of data, zero-padded)      node = H(01 | left | right)      tensor root = H(02 | header | root)

A tree over n leaves has the depth (n-1).bit_length(). Slots without a leaf are 32 zero bytes, so a subtree of height k in
which no slot is used has one constant hash, Z_k. In a tree over roots the roots themselves are the bottom level.

The order of a range's proof: level by level from the bottom, the root's level left out; at each level first the left
neighbour, if the range starts at an odd index, then the right one, if it ends at an even index. Then the range is halved.
A neighbour without a leaf below it is in the proof like any other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from tallystick.errors import InputError
from tallystick.hashing import LEAF, NODE, TENSOR, sha256
from tallystick.merkle import depth_of

LEAF_BYTES = 256
"""Bytes of data in one leaf; docs/adr/0018-leaf-size.md says why."""
HASH_BYTES = 32
CHILD_LEVELS = 7
"""An answer to a demand shows the descendants so many levels below a node: at most 128."""
_MAX_DEPTH = 48


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf of at most LEAF_BYTES, zero-padded. Raises InputError for more."""
    if len(data) > LEAF_BYTES:
        raise InputError(f"A leaf has at most {LEAF_BYTES} bytes, not {len(data)}.")
    return sha256(LEAF, data, bytes(LEAF_BYTES - len(data)))


def leaf_hashes(data: bytes) -> list[bytes]:
    """The hashes of the leaves that `data` makes, the last one zero-padded; one leaf of zeros for no data."""
    return [leaf_hash(data[at : at + LEAF_BYTES]) for at in range(0, max(1, len(data)), LEAF_BYTES)]


def leaf_count(length: int, leaf_bytes: int = LEAF_BYTES) -> int:
    """Leaves over `length` bytes: at least one."""
    return max(1, -(-length // leaf_bytes))


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(NODE, left, right)


def tensor_root(header: bytes, merkle_root: bytes) -> bytes:
    """`H(02 | header | merkleRoot)`; `TensorHeader.encode` makes the header's bytes."""
    return sha256(TENSOR, header, merkle_root)


@functools.cache
def unused_hashes() -> tuple[bytes, ...]:
    """Z_0, Z_1, ...: the hash of a subtree of each height in which no slot is used; 32 zero bytes at the bottom."""
    hashes = [bytes(HASH_BYTES)]
    while len(hashes) < _MAX_DEPTH:
        hashes.append(node_hash(hashes[-1], hashes[-1]))
    return tuple(hashes)


def nodes_at(n_leaves: int, height: int) -> int:
    """Nodes of a level with at least one leaf below them."""
    return -(-n_leaves >> height)


def proof_places(n_leaves: int, first: int, last: int) -> Iterator[tuple[int, int]]:
    """(height, index) of each hash in the proof of leaves `first` to `last`, in the proof's order."""
    for height in range(depth_of(n_leaves)):
        if first & 1:
            yield height, first - 1
        if not last & 1:
            yield height, last + 1
        first, last = first >> 1, last >> 1


def uses_slots(n_leaves: int, first: int, proof: Sequence[bytes]) -> bool:
    """Whether the proof of leaves `first` to the last one shows something in a slot behind them, which no honest tree has."""
    places = proof_places(n_leaves, first, n_leaves - 1)
    return any(
        index >= nodes_at(n_leaves, height) and shown != unused_hashes()[height]
        for (height, index), shown in zip(places, proof, strict=False)
    )


def child_span(n_leaves: int, height: int, index: int) -> tuple[int, int, int]:
    """Of the descendants that are shown of a node: their height, the first one's index, their number (used ones only)."""
    low = max(0, height - CHILD_LEVELS)
    first = index << (height - low)
    return low, first, min(1 << (height - low), nodes_at(n_leaves, low) - first)


def _pairs_folded(nodes: Sequence[bytes]) -> list[bytes]:
    return [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]


def _are_hashes(*lists: Sequence[bytes]) -> bool:
    return all(len(item) == HASH_BYTES for items in lists for item in items)


def verify_range(root: bytes, n_leaves: int, first: int, hashes: Sequence[bytes], proof: Sequence[bytes]) -> bool:
    """Whether `hashes` are the leaves (of a tree over roots: the roots) from `first` on, of the `n_leaves` under `root`.

    False as well for a range that is empty or not within `n_leaves`, and for a proof of any other length than the range's.
    """
    last = first + len(hashes) - 1
    if not 0 <= first <= last < n_leaves or not _are_hashes(hashes, proof):
        return False
    if len(proof) != sum(1 for _ in proof_places(n_leaves, first, last)):
        return False
    nodes, rest = list(hashes), iter(proof)
    for _ in range(depth_of(n_leaves)):
        if first & 1:
            nodes.insert(0, next(rest))
        if not last & 1:
            nodes.append(next(rest))
        nodes, first, last = _pairs_folded(nodes), first >> 1, last >> 1
    return nodes == [root]


def verify_data(root: bytes, n_leaves: int, first: int, data: bytes, proof: Sequence[bytes]) -> bool:
    """`verify_range` of the leaves that `data` makes; it is zero-padded to whole leaves."""
    return verify_range(root, n_leaves, first, leaf_hashes(data), proof)


def node_above(n_leaves: int, height: int, index: int, children: Sequence[bytes]) -> bytes | None:
    """The node of which `children` are the shown descendants (`child_span`); None if their number does not fit it."""
    if not 0 <= height <= depth_of(n_leaves) or not 0 <= index < nodes_at(n_leaves, height):
        return None
    low, _, count = child_span(n_leaves, height, index)
    if len(children) != count or not _are_hashes(children):
        return None
    nodes = list(children)
    # where a level ends within the node's width, one unused neighbour a level stands for all that is missing
    for level in range(low, height):
        nodes = _pairs_folded(nodes + [unused_hashes()[level]] * (len(nodes) & 1))
    return nodes[0]


def verify_children(
    root: bytes, n_leaves: int, height: int, index: int, *, children: Sequence[bytes], path: Sequence[bytes]
) -> bool:
    """Whether `children` are the descendants shown of node `index` at `height` (leaves have 0) of the tree under `root`.

    Args:
        children: Used nodes only, `child_span` says how many; at height 0 the leaf itself.
        path: The siblings from the node up, one a level; none for the root.
    """
    node = node_above(n_leaves, height, index, children)
    if node is None or len(path) != depth_of(n_leaves) - height or not _are_hashes(path):
        return False
    for sibling in path:
        node = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        index >>= 1
    return node == root
