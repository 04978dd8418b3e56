"""Tensors as a packed witness shows them: leaves by run, each once, and the siblings that they share."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable

from tallystick.dispute.siblings import complete, nodes_of, shared_siblings
from tallystick.engine.fold import LEAF_BYTES, leaf_count, leaf_hash
from tallystick.engine.headers import TensorHeader
from tallystick.engine.openings import OpenedTensor
from tallystick.errors import WitnessError


@dataclasses.dataclass(frozen=True)
class Leaves:
    """Leaves of one tensor that are known, and hashes around them.

    Attributes:
        count: Of the tensor.
        data: LEAF_BYTES each, by index.
        nodes: Hashes by (height, index).
    """

    count: int
    data: dict[int, bytes]
    nodes: dict[tuple[int, int], bytes]

    @classmethod
    def of(cls, tensors: Iterable[OpenedTensor], header: TensorHeader) -> Leaves:
        """All that is shown of one tensor, wherever a witness has it. Raises WitnessError `Form` where openings are none."""
        leaves = cls(leaf_count(header.byte_size), {}, {})
        for opening in itertools.chain.from_iterable(tensor.openings for tensor in tensors):
            held = [opening.data[at : at + LEAF_BYTES] for at in range(0, len(opening.data), LEAF_BYTES)]
            if not held or len(held[-1]) != LEAF_BYTES:
                raise WitnessError("Form", f"An opening has {len(opening.data)} bytes, which are no whole leaves.")
            leaves.nodes.update(nodes_of(leaves.count, opening.first, opening.first + len(held) - 1, opening.proof))
            leaves.data.update(enumerate(held, opening.first))
        leaves.nodes.update(((0, index), leaf_hash(data)) for index, data in leaves.data.items())
        complete(leaves.count, leaves.nodes)
        return leaves

    def siblings(self, known: Iterable[int]) -> bytes:
        return shared_siblings(self.count, known, self.nodes)

    def runs(self) -> list[tuple[int, int]]:
        """(first, leaves) of the known leaves that lie side by side, in order."""
        runs: list[tuple[int, int]] = []
        for index in sorted(self.data):
            if runs and sum(runs[-1]) == index:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((index, 1))
        return runs

    def pack(self, tree_root: bytes) -> bytes:
        """`runs u16 | run ... | siblings`, or the tree's root where nothing is known."""
        runs = self.runs()
        parts = [number(len(runs), 2)]
        for first, leaves in runs:
            parts += [number(first, 4), number(leaves, 2), *(self.data[first + leaf] for leaf in range(leaves))]
        return b"".join([*parts, self.siblings(self.data) if runs else tree_root])

    def pack_leaf(self, index: int) -> bytes:
        """One leaf with its path. Raises WitnessError `Missing` where it is not known."""
        if index not in self.data:
            raise WitnessError("Missing", f"Leaf {index} of {self.count} is not shown.")
        return self.data[index] + self.siblings([index])


def number(value: int, size: int) -> bytes:
    """Raises WitnessError `Form` for one that `size` bytes do not hold."""
    if not 0 <= value < 1 << 8 * size:
        raise WitnessError("Form", f"{value} does not fit {size} bytes.")
    return value.to_bytes(size, "big")
