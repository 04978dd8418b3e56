"""A made trace as one file, so that a claim can be answered for after any crash. What is read back is checked, not believed.

file = SHA-256 of the rest | "TALLYTRC" | trace root | output root | input root | steps u32
     | roots of the steps' tensors | sizes u32 each | the tensors, as `tallystick.dispute.artifacts` encodes them
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.dispute.artifacts import decode_tensor, encode_tensor
from tallystick.dispute.claims import Claim
from tallystick.dispute.faults import FalseClaim
from tallystick.dispute.published import read_published
from tallystick.engine.program import Array, Program, from_bytes
from tallystick.engine.trace import Commitment, Trace
from tallystick.errors import ArtifactCorruptError
from tallystick.hashing import sha256
from tallystick.logs import get_logger
from tallystick.service.home import write_atomic

log = get_logger(__name__)

MAGIC = b"TALLYTRC"
_HASH = 32
_HEAD = len(MAGIC) + 3 * _HASH + 4


@dataclass(frozen=True, eq=False)
class MadeTrace:
    """What a milestone is claimed with.

    Attributes:
        claim: Its roots.
        roots: Tensor roots, 32 bytes for each step.
        tensors: For each step its tensor as an artifact.
    """

    claim: Claim
    roots: tuple[bytes, ...]
    tensors: tuple[bytes, ...]

    def output(self, program: Program) -> bytes:
        """The artifact of the program's output."""
        return decode_tensor(self.tensors[program.output])[1]

    def trace(self, program: Program, inputs: Sequence[Array]) -> Trace:
        """The whole trace, for answers. Raises ArtifactCorruptError where a tensor is not of the program's form."""
        arrays = []
        for index, (step, tensor) in enumerate(zip(program.steps, self.tensors, strict=True)):
            header, data = decode_tensor(tensor)
            if header != step.header.encode() or len(data) != step.header.byte_size:
                raise ArtifactCorruptError(f"The kept tensor of step {index} is none of the program's form.")
            arrays.append(from_bytes(data, step.header))
        return Trace(program, tuple(inputs), tuple(arrays))


def honest(trace: Trace, commitment: Commitment) -> MadeTrace:
    """A run's own trace."""
    tensors = tuple(encode_tensor(array) for array in trace.tensors if array is not None)
    return MadeTrace(Claim.of(commitment), commitment.tensor_roots, tensors)


def false(program: Program, made: FalseClaim) -> MadeTrace:
    """What a liar keeps. For development chains."""
    roots = read_published(program, made.published).roots
    pairs = zip(made.published, program.steps, strict=True)
    return MadeTrace(made.claim, roots, tuple(encode_tensor(item, step.header) for item, step in pairs))


def save_trace(place: Path, made: MadeTrace) -> None:
    """The file appears whole or not at all."""
    claim = made.claim
    body = b"".join(
        (
            MAGIC,
            claim.trace_root,
            claim.output_root,
            claim.input_root,
            len(made.tensors).to_bytes(4, "big"),
            *made.roots,
            *(len(tensor).to_bytes(4, "big") for tensor in made.tensors),
            *made.tensors,
        )
    )
    write_atomic(place, sha256(body) + body)


def find_trace(place: Path, program: Program, input_root: bytes) -> MadeTrace | None:
    """The trace at `place`, if it is whole and about a program of so many steps and this input."""
    try:
        made = _decode(place.read_bytes())
    except FileNotFoundError:
        return None
    except (ArtifactCorruptError, OSError) as error:
        log.warning("trace_unusable", path=str(place), trouble=str(error))
        return None
    if made.claim.input_root != input_root or len(made.tensors) != len(program.steps):
        log.warning("trace_unusable", path=str(place), trouble="it is about another program or another input")
        return None
    return made


def _decode(data: bytes) -> MadeTrace:
    digest, body = data[:_HASH], memoryview(data)[_HASH:]
    if len(body) < _HEAD or bytes(body[: len(MAGIC)]) != MAGIC or sha256(data[_HASH:]) != digest:
        raise ArtifactCorruptError("The file does not hash to what its first 32 bytes say.")
    at = len(MAGIC)
    trace_root, output_root, input_root = (bytes(body[at + i * _HASH : at + (i + 1) * _HASH]) for i in range(3))
    count = int.from_bytes(body[_HEAD - 4 : _HEAD], "big")
    sizes_at = _HEAD + count * _HASH
    tensors_at = sizes_at + 4 * count
    roots = tuple(bytes(body[_HEAD + i * _HASH : _HEAD + (i + 1) * _HASH]) for i in range(count))
    sizes = [int.from_bytes(body[sizes_at + 4 * i : sizes_at + 4 * i + 4], "big") for i in range(count)]
    ends = list(itertools.accumulate(sizes, initial=tensors_at))
    tensors = tuple(bytes(body[start:end]) for start, end in itertools.pairwise(ends))
    return MadeTrace(Claim(trace_root, output_root, input_root), roots, tensors)
