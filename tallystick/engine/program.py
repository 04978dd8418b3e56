"""A program: steps in order, each reading inputs, constants and earlier steps, and what all of that hashes to.

    step     = H(03 | opcode u8 | inputs u8 | (kind u8, index u32) each | header | attributes u16 | i32 each)
    program  = H(04 | semantics version u32 | steps u32 | root of steps | constants u32 | root of constants' tensor roots
                  | inputs u8 | headers | output u32)

Integers are big-endian. A header is spelled as in `TensorHeader.encode`. A step's spelling tells its own length, so two
different steps never have the same bytes.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import Attributes, DType, Opcode
from tallystick.errors import ModelError

SEMANTICS_VERSION = 1
MAX_STEPS = 1 << 16
MAX_STEP_INPUTS = 64

Array = npt.NDArray[np.generic]

NUMPY_DTYPES: dict[DType, np.dtype[np.generic]] = {
    DType.U8: np.dtype(np.uint8),
    DType.I8: np.dtype(np.int8),
    DType.I32: np.dtype(np.int32),
}


class RefKind(enum.IntEnum):
    """Where an operand comes from."""

    INPUT = 0
    CONSTANT = 1
    STEP = 2


@dataclasses.dataclass(frozen=True)
class Ref:
    """One operand: the index-th input of the program, constant of the program, or earlier step's output."""

    kind: RefKind
    index: int

    def encode(self) -> bytes:
        return bytes([self.kind]) + self.index.to_bytes(4, "big")

    def __str__(self) -> str:
        return f"{self.kind.name.lower()} {self.index}"


@dataclasses.dataclass(frozen=True)
class Step:
    """One operator of a program.

    Attributes:
        attributes: Its opcode's; the opcode is theirs.
        operands: In the order that the opcode's attributes document.
        header: Of its output.
        name: The ONNX node that it came from, for people; not hashed.
    """

    attributes: Attributes
    operands: tuple[Ref, ...]
    header: TensorHeader
    name: str = ""

    @property
    def opcode(self) -> Opcode:
        return self.attributes.opcode

    def encode(self) -> bytes:
        """The bytes that the step's hash is of, without the domain byte."""
        ints = self.attributes.to_ints()
        return b"".join(
            (
                bytes([self.opcode, len(self.operands)]),
                *(ref.encode() for ref in self.operands),
                self.header.encode(),
                len(ints).to_bytes(2, "big"),
                *(value.to_bytes(4, "big", signed=True) for value in ints),
            )
        )


@dataclasses.dataclass(frozen=True)
class Program:
    """A canonical integer program.

    Attributes:
        inputs: Headers of what a run takes.
        constants: Arrays in numpy's own byte order, C-contiguous; dtype u8, i8 or i32.
        steps: In an order in which every operand is there before it is read.
        output: The step whose tensor is the result.
        input_names, output_name: The ONNX graph's, for people; not hashed.
    """

    inputs: tuple[TensorHeader, ...]
    constants: tuple[Array, ...]
    steps: tuple[Step, ...]
    output: int
    input_names: tuple[str, ...] = ()
    output_name: str = ""

    @cached_property
    def constant_headers(self) -> tuple[TensorHeader, ...]:
        return tuple(header_of(constant) for constant in self.constants)

    def header(self, ref: Ref) -> TensorHeader:
        """Of the tensor that `ref` stands for."""
        if ref.kind is RefKind.INPUT:
            return self.inputs[ref.index]
        if ref.kind is RefKind.CONSTANT:
            return self.constant_headers[ref.index]
        return self.steps[ref.index].header

    def operand_headers(self, step: Step) -> tuple[TensorHeader, ...]:
        return tuple(self.header(ref) for ref in step.operands)

    @property
    def output_header(self) -> TensorHeader:
        return self.steps[self.output].header

    def last_uses(self) -> list[int]:
        """For each step, the last step that reads it; itself where none does. The output is read at the very end."""
        last = list(range(len(self.steps)))
        for index, ref in self.reads():
            last[ref.index] = index
        last[self.output] = len(self.steps)
        return last

    def reads(self) -> Iterator[tuple[int, Ref]]:
        """Every (step, operand) where the operand is another step's output, in order."""
        for index, step in enumerate(self.steps):
            for ref in step.operands:
                if ref.kind is RefKind.STEP:
                    yield index, ref


def header_of(array: Array) -> TensorHeader:
    """Raises ModelError for a dtype that programs do not have."""
    for dtype, kind in NUMPY_DTYPES.items():
        if array.dtype == kind:
            return TensorHeader(dtype, tuple(array.shape))
    raise ModelError(f"A program has no tensors of dtype {array.dtype}.", remedy="Use uint8, int8 or int32.")


def to_bytes(array: Array) -> npt.NDArray[np.uint8]:
    """The bytes that are hashed, as a flat uint8 array: row-major, 32-bit integers big-endian. Copies only what it must."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.dtype == np.int32:
        flat = flat.astype(">i4")
    return flat.view(np.uint8)


def from_bytes(data: bytes, header: TensorHeader) -> Array:
    """The inverse of `to_bytes`. Raises ModelError for the wrong length."""
    if len(data) != header.byte_size:
        raise ModelError(f"A tensor {header} has {header.byte_size} bytes, not {len(data)}.")
    kind = np.dtype(">i4") if header.dtype is DType.I32 else NUMPY_DTYPES[header.dtype]
    return np.frombuffer(data, kind).astype(NUMPY_DTYPES[header.dtype]).reshape(header.dims)


def float_bits(values: Sequence[float] | npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Single-precision multipliers as the 32-bit integers that programs hold them as."""
    return np.ascontiguousarray(np.asarray(values, dtype=np.float32)).view(np.int32)
