"""Parts of a tensor that anybody can check against a root: whole leaves with their proof, and the tensor's path.

A tensor stands in a list of tensors (a trace, the constants, the inputs) as its root, and the list is known by its root:

    list's root  <- path -  H(02 | header | tree's root)  <- proof -  leaves
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tallystick.engine.fold import (
    HASH_BYTES,
    LEAF_BYTES,
    leaf_count,
    tensor_root,
    uses_slots,
    verify_data,
    verify_range,
)
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.readings import Reading
from tallystick.errors import WitnessError

Prove = Callable[[int, int], Sequence[bytes]]
"""`(first leaf, last leaf) -> proof`: the `prove` of a tensor's tree."""


@dataclasses.dataclass(frozen=True)
class Opening:
    """Leaves of one tensor that lie side by side.

    Attributes:
        first: The first leaf's index.
        data: Whole leaves; behind the tensor's last byte, zeros.
        proof: In the order that `fold` says.
    """

    first: int
    data: bytes
    proof: tuple[bytes, ...]

    @property
    def start(self) -> int:
        """In the tensor's bytes."""
        return self.first * LEAF_BYTES

    @property
    def end(self) -> int:
        return self.start + len(self.data)


@dataclasses.dataclass(frozen=True)
class OpenedTensor:
    """A tensor of a list, opened where it was read.

    Attributes:
        header: As its root hashes it. Bytes, because whoever committed to it may have written anything.
        tree_root: Of the tree over its bytes.
        path: From its root up to the list's.
        openings: In order of their leaves.
    """

    header: bytes
    tree_root: bytes
    path: tuple[bytes, ...]
    openings: tuple[Opening, ...]

    def stands_in(self, list_root: bytes, count: int, index: int) -> bool:
        """Whether this is the `index`-th of `count` tensors in the list."""
        # Of any other length, bytes could be moved between header and root: an honest tensor would have a second header.
        if len(self.tree_root) != HASH_BYTES:
            return False
        root = tensor_root(self.header, self.tree_root)
        return verify_range(list_root, count, index, [root], self.path)

    def check_openings(self, length: int) -> None:
        """Raises WitnessError `Opening` where leaves are not those of a tensor of `length` bytes under the tree's root."""
        leaves = leaf_count(length)
        for opening in self.openings:
            whole = len(opening.data) % LEAF_BYTES == 0
            if not whole or not verify_data(self.tree_root, leaves, opening.first, opening.data, opening.proof):
                raise WitnessError(
                    "Opening", f"The {len(opening.data)} bytes from leaf {opening.first} of {leaves} on are not proven."
                )

    def is_padded_wrongly(self, length: int) -> bool:
        """Whether an opening that ends with the last leaf of a tensor of `length` bytes shows anything behind those bytes, in the
        leaf or in the unused slots behind it: a root for which no tensor of zeros behind its end can be found."""
        leaves = leaf_count(length)
        return any(
            any(opening.data[length - opening.start :]) or uses_slots(leaves, opening.first, opening.proof)
            for opening in self.openings
            if opening.end == leaves * LEAF_BYTES
        )

    def bytes_at(self, first: int, count: int) -> bytes:
        """`count` bytes from `first` on. Raises WitnessError `Missing` where no opening has them all."""
        for opening in self.openings:
            if opening.start <= first and first + count <= opening.end:
                return opening.data[first - opening.start :][:count]
        raise WitnessError("Missing", f"No opening has the {count} bytes from {first} on.")


# ---- elements in bytes ------------------------------------------------------------------------------------------------


def decode_elements(data: bytes, dtype: DType) -> list[int]:
    """The integers that `data` holds one behind the other."""
    size = dtype.size
    return [int.from_bytes(data[at : at + size], "big", signed=dtype.low < 0) for at in range(0, len(data), size)]


def read_elements(tensor: OpenedTensor, header: TensorHeader, reading: Reading) -> list[int]:
    """The elements that a reading names. Raises WitnessError as `bytes_at` does."""
    size = header.dtype.size
    return decode_elements(tensor.bytes_at(reading.first * size, reading.count * size), header.dtype)


# ---- making -----------------------------------------------------------------------------------------------------------


def leaf_runs(readings: Iterable[Reading], header: TensorHeader) -> list[tuple[int, int]]:
    """The leaves (first, last) that the readings of one tensor need, in order, joined where they touch or overlap."""
    size, runs = header.dtype.size, list[tuple[int, int]]()
    for reading in sorted(readings, key=lambda reading: reading.first):
        first = reading.first * size // LEAF_BYTES
        last = ((reading.first + reading.count) * size - 1) // LEAF_BYTES
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(runs[-1][1], last))
        else:
            runs.append((first, last))
    return runs


def open_leaves(data: npt.NDArray[np.uint8], prove: Prove, first: int, last: int) -> Opening:
    """The leaves `first` to `last` of a tensor's bytes [bytes]."""
    held = data[first * LEAF_BYTES : (last + 1) * LEAF_BYTES].tobytes()
    return Opening(first, held.ljust((last + 1 - first) * LEAF_BYTES, b"\0"), tuple(prove(first, last)))
