"""What the hashes of a program and of a step are of, as parts and back from bytes: a witness shows these, not the program."""

from __future__ import annotations

import dataclasses

from tallystick.engine.fold import HASH_BYTES
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ATTRIBUTES, MAX_RANK, DType, Opcode
from tallystick.engine.program import MAX_STEP_INPUTS, SEMANTICS_VERSION, Ref, RefKind, Step
from tallystick.errors import ModelError
from tallystick.hashing import PROGRAM, STEP, sha256


class Scanner:
    """Reads bytes from the front. Raises ModelError where they end too early or hold what cannot be."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise ModelError(f"{len(self._data)} bytes end where {count} more are due at {self._at}.")
        self._at += count
        return part

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "big", signed=signed)

    def header(self) -> TensorHeader:
        """What `TensorHeader.encode` writes."""
        dtype, rank = self.number(1), self.number(1)
        if dtype not in set(DType) or rank > MAX_RANK:
            raise ModelError(f"There is no dtype {dtype}, or no rank {rank}.")
        header = TensorHeader(DType(dtype), tuple(self.number(4) for _ in range(rank)))
        elements = self.number(8)
        if elements != header.size:
            raise ModelError(f"A tensor {header} has {header.size} elements, not {elements}.")
        return header

    def ref(self) -> Ref:
        kind, index = self.number(1), self.number(4)
        if kind not in set(RefKind):
            raise ModelError(f"There is no kind {kind} of operand.")
        return Ref(RefKind(kind), index)

    def end(self) -> None:
        if self._at != len(self._data):
            raise ModelError(f"{len(self._data) - self._at} bytes are left over.")


def decode_header(data: bytes) -> TensorHeader:
    """The inverse of `TensorHeader.encode`. Raises ModelError where `data` is not what that writes."""
    scanner = Scanner(data)
    header = scanner.header()
    scanner.end()
    return header


def decode_step(data: bytes) -> Step:
    """The inverse of `Step.encode`; the name is lost. Raises ModelError where `data` is not what that writes."""
    scanner = Scanner(data)
    opcode, operands = scanner.number(1), scanner.number(1)
    if opcode not in set(Opcode) or operands > MAX_STEP_INPUTS:
        raise ModelError(f"There is no opcode {opcode} with {operands} operands.")
    refs = tuple(scanner.ref() for _ in range(operands))
    header = scanner.header()
    ints = [scanner.number(4, signed=True) for _ in range(scanner.number(2))]
    scanner.end()
    return Step(ATTRIBUTES[Opcode(opcode)].from_ints(ints), refs, header)


def step_hash(encoded: bytes) -> bytes:
    """`H(03 | step)` of what `Step.encode` writes."""
    return sha256(STEP, encoded)


@dataclasses.dataclass(frozen=True)
class ProgramPreimage:
    """What a program's hash is of.

    Attributes:
        n_steps, steps_root: Their number, and the root over their hashes.
        n_constants, constants_root: Their number, and the root over their tensor roots.
        inputs: Headers.
        output: The step whose tensor is the result.
    """

    n_steps: int
    steps_root: bytes
    n_constants: int
    constants_root: bytes
    inputs: tuple[TensorHeader, ...]
    output: int
    semantics_version: int = SEMANTICS_VERSION

    def encode(self) -> bytes:
        """The bytes that the program's hash is of, without the domain byte."""
        numbers = [self.semantics_version, self.n_steps, self.n_constants, self.output]
        version, steps, constants, output = (number.to_bytes(4, "big") for number in numbers)
        headers = b"".join(header.encode() for header in self.inputs)
        inputs = bytes([len(self.inputs)]) + headers
        return b"".join((version, steps, self.steps_root, constants, self.constants_root, inputs, output))

    @classmethod
    def decode(cls, data: bytes) -> ProgramPreimage:
        """The inverse of `encode`. Raises ModelError where `data` is not what that writes, or of other semantics."""
        scanner = Scanner(data)
        version, n_steps, steps_root = scanner.number(4), scanner.number(4), scanner.take(HASH_BYTES)
        n_constants, constants_root = scanner.number(4), scanner.take(HASH_BYTES)
        inputs = tuple(scanner.header() for _ in range(scanner.number(1)))
        output = scanner.number(4)
        scanner.end()
        if version != SEMANTICS_VERSION:
            raise ModelError(f"A program of semantics {version} is not one of semantics {SEMANTICS_VERSION}.")
        return cls(n_steps, steps_root, n_constants, constants_root, inputs, output, version)

    @property
    def hash(self) -> bytes:
        return sha256(PROGRAM, self.encode())
