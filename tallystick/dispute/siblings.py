"""The hashes that lead from several known items of one tree to its root, each of them once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tallystick.engine.fold import node_hash, proof_places
from tallystick.errors import WitnessError
from tallystick.merkle import depth_of

Nodes = Mapping[tuple[int, int], bytes]
"""Hashes by (height, index); items have height 0."""


def nodes_of(count: int, first: int, last: int, proof: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """The hashes of one range's proof in a tree over `count` items, by their places.

    Raises:
        WitnessError: `Form`: the proof has another length than that range's.
    """
    places = list(proof_places(count, first, last))
    if len(places) != len(proof):
        raise WitnessError("Form", f"{len(proof)} hashes lead from {first}..{last} of {count}, not {len(places)}.")
    return dict(zip(places, proof, strict=True))


def complete(count: int, nodes: dict[tuple[int, int], bytes]) -> None:
    """Adds every node whose two children are there, up to the root of a tree over `count` items."""
    for height in range(depth_of(count)):
        for index in sorted({index >> 1 for level, index in nodes if level == height}):
            left, right = nodes.get((height, 2 * index)), nodes.get((height, 2 * index + 1))
            if left and right:
                nodes.setdefault((height + 1, index), node_hash(left, right))


def shared_siblings(count: int, known: Iterable[int], nodes: Nodes) -> bytes:
    """What `TensorTreeLib.fold` takes: level by level, from the left, a hash for each known node whose neighbour is not known.

    Args:
        count: Items of the tree.
        known: Indices of those that are known.
        nodes: With every hash that is needed; those of the known items' own proofs are enough.

    Raises:
        WitnessError: `Form`: a hash is not there.
    """
    taken: list[bytes] = []
    level = sorted(set(known))
    for height in range(depth_of(count)):
        present = set(level)
        for index in level:
            if index ^ 1 in present:
                continue
            if (height, index ^ 1) not in nodes:
                raise WitnessError("Form", f"Nothing shows the node {index ^ 1} at height {height} over {count} items.")
            taken.append(nodes[height, index ^ 1])
        level = sorted({index >> 1 for index in level})
    return b"".join(taken)
