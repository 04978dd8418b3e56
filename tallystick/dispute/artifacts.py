"""What a job's and a claim's artifacts hold, as bytes: inputs, outputs, the roots of a trace, and its tensors one by one.

    inputs = every input's bytes, one behind the other      output = the output's bytes
    roots  = 32 bytes for each step                         tensor = length of its header u8 | header | bytes of its leaves

Bytes of a tensor are what its tree hashes: row-major, 32-bit integers big-endian, without padding. A tensor brings its own
header, because a claimer may have hashed another than the program's. Whatever is read here comes from somebody who may be
lying: it is as long as the program says, or it is refused; nothing is allocated that its own length does not pay for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.dispute.published import Item, PublishedTensor
from tallystick.engine.fold import HASH_BYTES, LEAF_BYTES, leaf_count
from tallystick.engine.headers import TensorHeader
from tallystick.engine.program import Array, Program, from_bytes, header_of, to_bytes
from tallystick.errors import ArtifactCorruptError, InputError, TensorError
from tallystick.merkle import depth_of

MAX_HEADER_BYTES = 255
"""What one length byte can say; a header of a program has at most 42."""


# ---- inputs and outputs -----------------------------------------------------------------------------------------------


def inputs_size(program: Program) -> int:
    """Bytes of a milestone's inputs artifact."""
    return sum(header.byte_size for header in program.inputs)


def encode_inputs(arrays: Sequence[Array]) -> bytes:
    """The artifact of one milestone's inputs [*dims], in the program's order."""
    return b"".join(to_bytes(array).tobytes() for array in arrays)


def decode_inputs(data: bytes, program: Program) -> tuple[Array, ...]:
    """Arrays [*dims], one for each of the program's inputs. Raises ArtifactCorruptError for another length than theirs."""
    _check_length("The inputs", data, inputs_size(program))
    arrays, at = [], 0
    for header in program.inputs:
        arrays.append(from_bytes(data[at : at + header.byte_size], header))
        at += header.byte_size
    return tuple(arrays)


def encode_output(array: Array) -> bytes:
    """The artifact of an output [*dims]."""
    return to_bytes(array).tobytes()


def decode_output(data: bytes, header: TensorHeader) -> Array:
    """The output [*dims]. Raises ArtifactCorruptError for another length than the header's."""
    _check_length(f"An output {header}", data, header.byte_size)
    return from_bytes(data, header)


def _check_length(what: str, data: bytes, due: int) -> None:
    if len(data) != due:
        raise ArtifactCorruptError(f"{what} should have {due:,} bytes and has {len(data):,}.")


# ---- the trace --------------------------------------------------------------------------------------------------------


def roots_size(program: Program) -> int:
    """Bytes of a trace's roots artifact."""
    return HASH_BYTES * len(program.steps)


def encode_roots(roots: Sequence[bytes]) -> bytes:
    """The artifact of a trace's tensor roots, one for each step. Raises InputError where one is no hash."""
    for index, root in enumerate(roots):
        if len(root) != HASH_BYTES:
            raise InputError(f"The root of step {index} has {len(root)} bytes, not {HASH_BYTES}.")
    return b"".join(roots)


def decode_roots(data: bytes, program: Program) -> tuple[bytes, ...]:
    """Tensor roots, one for each step. Raises ArtifactCorruptError for another number of bytes."""
    _check_length(f"The roots of {len(program.steps)} steps", data, roots_size(program))
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def most_tensor_bytes(header: TensorHeader) -> int:
    """Of a step's tensor artifact, at most, `header` being the program's: with all slots of its tree used, header included.

    Of a larger one no element could be shown to be wrong; it is as good as withheld.
    """
    return 1 + MAX_HEADER_BYTES + (LEAF_BYTES << depth_of(leaf_count(header.byte_size)))


def encode_tensor(item: Item, header: TensorHeader | None = None) -> bytes:
    """The artifact of one step's tensor.

    Args:
        item: An array [*dims], or the bytes that its leaves hold.
        header: Of the step; bytes need it, an array brings its own.

    Raises:
        TensorError: it is no tensor, or bytes without a header.
    """
    if header is None:
        if not isinstance(item, np.ndarray):
            raise TensorError(f"A {type(item).__name__} is no tensor without a header.")
        header = header_of(item)
    tensor = PublishedTensor.of(item, header)
    return b"".join((bytes([len(tensor.header)]), tensor.header, tensor.data.tobytes()))


def decode_tensor(data: bytes) -> tuple[bytes, bytes]:
    """A tensor's header, which need not be one, and the bytes that its leaves hold.

    Raises:
        ArtifactCorruptError: there is no whole header.
    """
    length = data[0] if data else 0
    header, held = data[1 : 1 + length], data[1 + length :]
    if not length or len(header) != length:
        raise ArtifactCorruptError(f"A tensor's artifact of {len(data):,} bytes has no whole header in front.")
    return header, held
