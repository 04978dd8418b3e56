"""What a claimer published of its trace: bytes from somebody who may be lying, brought into one form.

A tensor is published as an array, which says dtype and dims itself, or as the bytes that its leaves hold, of which the program's
header is believed to be theirs. Whether any of it is what the claim commits to, the trace root decides.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tallystick.engine.fold import LEAF_BYTES, leaf_count, tensor_root
from tallystick.engine.headers import TensorHeader
from tallystick.engine.openings import OpenedTensor, Opening, open_leaves
from tallystick.engine.program import NUMPY_DTYPES, Array, Program, from_bytes, header_of, to_bytes
from tallystick.engine.trace import list_root
from tallystick.engine.tree import Tree, byte_roots, byte_tree, roots_tree
from tallystick.errors import InputError, ModelError, TensorError
from tallystick.merkle import depth_of

Octets = npt.NDArray[np.uint8]
Item = Array | bytes | bytearray | memoryview
"""One published tensor: an array [*dims], or bytes (row-major, 32-bit integers big-endian)."""


@dataclasses.dataclass(frozen=True, eq=False)
class PublishedTensor:
    """One tensor of a claimer's trace.

    Attributes:
        header: As the claimer's root hashes it, supposedly; bytes, because anything may have been hashed.
        item: A contiguous array of a dtype that programs have, or a flat one of bytes.
        is_raw: Whether `item` is bytes.
    """

    header: bytes
    item: Array
    is_raw: bool

    @classmethod
    def of(cls, item: Item | None, header: TensorHeader) -> PublishedTensor:
        """Whatever was published for a step with this output header. Raises TensorError where it can be no tensor."""
        if isinstance(item, np.ndarray):
            array = _own_order(item)
            return cls(_spelled(array), array, is_raw=False)
        if isinstance(item, bytes | bytearray | memoryview):
            return cls(header.encode(), np.frombuffer(bytes(item), np.uint8), is_raw=True)
        # also what its type does not allow: it came from somebody else
        raise TensorError(f"A {type(item).__name__} was published where a tensor is due.")

    @functools.cached_property
    def data(self) -> Octets:
        """What its leaves hold, uint8 [bytes]."""
        return self.item.reshape(-1).view(np.uint8) if self.is_raw else to_bytes(self.item)

    @functools.cached_property
    def tree(self) -> Tree:
        return byte_tree(self.data)

    def equals(self, own: Array, header: TensorHeader) -> bool:
        """Whether its root is that of `own` [*dims], which has the header."""
        if self.header != header.encode():
            return False
        if not self.is_raw:
            return bool(np.array_equal(self.item, own))
        wanted = to_bytes(own)
        if self.data.size != wanted.size:
            return leaf_count(self.data.size) == leaf_count(wanted.size) and _padded(self.data) == _padded(wanted)
        return bool(np.array_equal(self.data, wanted))

    # ---- what can be opened -------------------------------------------------------------------------------------------

    def can_be_opened(self, header: TensorHeader) -> bool:
        """Whether leaves lie where they do in a tensor of that size. Where they do not, no leaf has a proof."""
        return depth_of(leaf_count(self.data.size)) == depth_of(leaf_count(header.byte_size))

    def is_padded_wrongly(self, header: TensorHeader) -> bool:
        """Whether there is something behind the tensor's last byte that can be shown."""
        leaves = leaf_count(header.byte_size)
        held = leaf_count(self.data.size)
        behind = self.data[header.byte_size : leaves * LEAF_BYTES]
        return held > leaves or (held == leaves and bool(behind.any()))

    def array(self, header: TensorHeader) -> Array:
        """Its elements [*dims], zero where bytes are missing."""
        data = self.data[: header.byte_size].tobytes()
        return from_bytes(data.ljust(header.byte_size, b"\0"), header)

    def elements_held(self, header: TensorHeader) -> int:
        """How many of its elements, from the first on, lie in leaves that are there."""
        return min(header.size, leaf_count(self.data.size) * LEAF_BYTES // header.dtype.size)

    def opened(self, header: TensorHeader, path: Sequence[bytes], leaf: int | None = None) -> OpenedTensor:
        """The tensor as it stands in the trace, with one leaf or none.

        Args:
            header: Of the step; `can_be_opened` holds of it where a leaf is wanted.
            path: From the tensor's root to the trace root.
            leaf: One that is there.
        """
        openings: tuple[Opening, ...] = ()
        if leaf is not None:
            openings = (self._opening(leaf, leaf_count(header.byte_size)),)
        return OpenedTensor(self.header, self.tree.root, tuple(path), openings)

    def _opening(self, leaf: int, leaves: int) -> Opening:
        # The neighbours as they are, used or not: of another number of leaves the proof has the same places.
        def prove(first: int, _: int) -> list[bytes]:
            return [self.tree.node(height, (first >> height) ^ 1) for height in range(depth_of(leaves))]

        return open_leaves(self.data, prove, leaf, leaf)


def _own_order(array: Array) -> Array:
    kind = array.dtype.newbyteorder("=")
    if kind not in NUMPY_DTYPES.values():
        raise TensorError(f"An array of dtype {array.dtype} was published where a tensor is due.")
    return np.ascontiguousarray(array, kind).reshape(array.shape)


def _spelled(array: Array) -> bytes:
    try:
        return header_of(array).encode()
    except ModelError as error:
        raise TensorError(f"An array was published that is no tensor: {error.what}") from error


def _padded(data: Octets) -> bytes:
    return data.tobytes().ljust(leaf_count(data.size) * LEAF_BYTES, b"\0")


class PublishedTrace:
    """What was published for all steps; hashed when a root is first asked for.

    Args:
        tensors: One for each step.
        threads: To hash with.
    """

    def __init__(self, tensors: Sequence[PublishedTensor], threads: int = 1) -> None:
        self.tensors = tuple(tensors)
        self._threads = threads

    @functools.cached_property
    def roots(self) -> tuple[bytes, ...]:
        """Tensor roots of all steps."""
        trees = byte_roots([tensor.data for tensor in self.tensors], threads=self._threads)
        return tuple(tensor_root(tensor.header, root) for tensor, root in zip(self.tensors, trees, strict=True))

    @property
    def root(self) -> bytes:
        return list_root(self.roots)

    def root_of(self, step: int) -> bytes:
        """One tensor's root, without hashing the others."""
        tensor = self.tensors[step]
        return self.roots[step] if "roots" in self.__dict__ else tensor_root(tensor.header, tensor.tree.root)

    def path(self, step: int) -> list[bytes]:
        """From a tensor's root to the trace root."""
        return roots_tree(self.roots).prove(step)


def read_published(program: Program, items: Sequence[Item | None] | None, *, threads: int = 1) -> PublishedTrace:
    """What a claimer published for the steps of a program.

    Raises:
        InputError: it can be no trace of the program, whatever it hashes to: nothing, too little or too much, no tensors.
    """
    if items is None:
        raise InputError("Nothing was published.")
    if len(items) != len(program.steps):
        raise InputError(f"{len(items)} tensors were published, and the program has {len(program.steps)} steps.")
    tensors = []
    for index, (item, step) in enumerate(zip(items, program.steps, strict=True)):
        try:
            tensors.append(PublishedTensor.of(item, step.header))
        except TensorError as error:
            raise InputError(f"Of step {index} no tensor was published: {error.what}") from error
    return PublishedTrace(tensors, threads)
