"""A tree of which parts are known: what was shown, and what follows from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from tallystick.engine.fold import node_hash, nodes_at, proof_places, unused_hashes
from tallystick.errors import InputError
from tallystick.merkle import depth_of


@dataclasses.dataclass(frozen=True)
class Nodes:
    """Hashes by (height, index).

    Attributes:
        count: Leaves of the tree; for a list of tensors, the tensors.
        known: At least the root.
    """

    count: int
    known: Mapping[tuple[int, int], bytes]

    @classmethod
    def of_root(cls, count: int, root: bytes) -> Nodes:
        return cls(count, {(depth_of(count), 0): root})

    def joined(self, height: int, first: int, hashes: Sequence[bytes]) -> Nodes:
        """With the nodes of one level from `first` on."""
        shown = {(height, first + place): each for place, each in enumerate(hashes)}
        return Nodes(self.count, {**self.known, **shown})

    def lowest(self, leaf: int) -> int:
        """The height of the lowest known node above a leaf, or at it. Raises InputError for a leaf that is not there."""
        if not 0 <= leaf < self.count:
            raise InputError(f"There is no leaf {leaf} among {self.count}.")
        return next(height for height in range(depth_of(self.count) + 1) if (height, leaf >> height) in self.known)

    def node(self, height: int, index: int) -> bytes:
        """A node that is known, or follows from nodes below it, or is unused. Raises InputError where it does not."""
        if (height, index) in self.known:
            return self.known[height, index]
        if index >= nodes_at(self.count, height):
            return unused_hashes()[height]
        if height == 0:
            raise InputError(f"Nothing shows the leaf {index} of {self.count}.")
        return node_hash(self.node(height - 1, 2 * index), self.node(height - 1, 2 * index + 1))

    def prove(self, leaf: int) -> list[bytes]:
        """The proof of one leaf that was demanded. Raises InputError where something is missing."""
        return [self.node(height, index) for height, index in proof_places(self.count, leaf, leaf)]

    def path(self, height: int, index: int) -> list[bytes]:
        """The siblings from a node that was shown up to the root. Raises InputError where something is missing."""
        return [self.node(above, (index >> above - height) ^ 1) for above in range(height, depth_of(self.count))]
