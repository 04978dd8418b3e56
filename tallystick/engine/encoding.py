"""A program as one file: everything that its hash covers, and the names that people know its parts by.

    file      = "TALLYPRG" | file version u16 | semantics version u32 | lengths of the five parts, u64 each | the parts
    inputs    = count u32 | (header | name) each
    steps     = count u32 | (length u32 | as the step's hash spells it | name) each
    output    = step u32 | name
    headers   = count u32 | header each, of the constants
    constants = their bytes, one after the other, as they are hashed
    name      = length u16 | UTF-8

Integers are big-endian. One program has one spelling, so the file's own digest names it too. Whoever reads a file need not trust
whoever wrote it: nothing is allocated that the file's length does not pay for, and what comes out is a valid program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tallystick.engine.headers import TensorHeader
from tallystick.engine.preimages import Scanner, decode_step
from tallystick.engine.program import (
    MAX_STEPS,
    SEMANTICS_VERSION,
    Array,
    Program,
    Step,
    from_bytes,
    to_bytes,
)
from tallystick.engine.validate import MAX_CONSTANT_BYTES, MAX_CONSTANTS, MAX_INPUTS, validate
from tallystick.errors import ModelError

MAGIC = b"TALLYPRG"
FILE_VERSION = 1
PARTS = 5
MAX_NAME_BYTES = (1 << 16) - 1
MAX_PROGRAM_BYTES = MAX_CONSTANT_BYTES + (1 << 30)
"""Of a whole file: the constants, and far more than steps and names take."""

_PREFIX_BYTES = len(MAGIC) + 2 + 4 + 8 * PARTS
_AGAIN = "Get the file again, or compile the model again."

T = TypeVar("T")


def encode_program(program: Program) -> bytes:
    """The file's content. Raises ModelError for a name that no file can hold."""
    names = program.input_names or ("",) * len(program.inputs)
    inputs = [header.encode() + _name(name) for header, name in zip(program.inputs, names, strict=True)]
    steps = [_step(step) for step in program.steps]
    parts = (
        _counted(inputs),
        _counted(steps),
        program.output.to_bytes(4, "big") + _name(program.output_name),
        _counted([header.encode() for header in program.constant_headers]),
        b"".join(to_bytes(constant).tobytes() for constant in program.constants),
    )
    versions = FILE_VERSION.to_bytes(2, "big") + SEMANTICS_VERSION.to_bytes(4, "big")
    lengths = b"".join(len(part).to_bytes(8, "big") for part in parts)
    return b"".join((MAGIC, versions, lengths, *parts))


def _counted(items: list[bytes]) -> bytes:
    return len(items).to_bytes(4, "big") + b"".join(items)


def _step(step: Step) -> bytes:
    encoded = step.encode()
    return len(encoded).to_bytes(4, "big") + encoded + _name(step.name)


def _name(name: str) -> bytes:
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise ModelError(
            f"The name {name[:40]!r} holds half of a surrogate pair.", remedy="Rename it in the model."
        ) from None
    if len(encoded) > MAX_NAME_BYTES:
        raise ModelError(
            f"The name {name[:40]!r}... has {len(encoded)} bytes, over {MAX_NAME_BYTES}.",
            remedy="Rename it in the model.",
        )
    return len(encoded).to_bytes(2, "big") + encoded


# ---- reading ----------------------------------------------------------------------------------------------------------


def decode_program(data: bytes) -> Program:
    """The valid program that a file holds.

    Raises:
        ModelError: not a program's file, of another version, truncated, with bytes left over, or of a program that is not
            valid.
    """
    inputs, steps, output, headers, constants = _parts(data)
    named_inputs = _read("inputs", inputs, lambda scanner: _items(scanner, MAX_INPUTS, _read_input))
    named_steps = _read("steps", steps, lambda scanner: _items(scanner, MAX_STEPS, _read_step))
    index, output_name = _read("output", output, lambda scanner: (scanner.number(4), _read_name(scanner)))
    arrays = _read("constants", headers, lambda scanner: _items(scanner, MAX_CONSTANTS, Scanner.header))
    names = tuple(name for _, name in named_inputs)
    program = Program(
        inputs=tuple(header for header, _ in named_inputs),
        constants=_read_constants(arrays, constants),
        steps=tuple(named_steps),
        output=index,
        input_names=names if any(names) else (),
        output_name=output_name,
    )
    validate(program)
    return program


def _parts(data: bytes) -> list[bytes]:
    if len(data) > MAX_PROGRAM_BYTES:
        raise ModelError(f"The file has {len(data):,} bytes, over the bound of {MAX_PROGRAM_BYTES:,}.", remedy=_AGAIN)
    if len(data) < _PREFIX_BYTES or not data.startswith(MAGIC):
        raise ModelError(
            "This is not a program's file.", remedy="Make one with `tallystick model compile FILE -o DIR`."
        )
    prefix = Scanner(data[len(MAGIC) : _PREFIX_BYTES])
    version, semantics = prefix.number(2), prefix.number(4)
    if (version, semantics) != (FILE_VERSION, SEMANTICS_VERSION):
        raise ModelError(
            f"The file is of version {version} with semantics {semantics}; this release reads version {FILE_VERSION} with "
            f"semantics {SEMANTICS_VERSION}.",
            remedy="Compile the model again with this release, or install the release that made the file.",
        )
    lengths = [prefix.number(8) for _ in range(PARTS)]
    if _PREFIX_BYTES + sum(lengths) != len(data):
        raise ModelError(
            f"The file has {len(data):,} bytes, and its parts make {_PREFIX_BYTES + sum(lengths):,}.", remedy=_AGAIN
        )
    ends = [_PREFIX_BYTES + sum(lengths[: part + 1]) for part in range(PARTS)]
    return [data[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _read(part: str, data: bytes, read: Callable[[Scanner], T]) -> T:
    """All of a part, which is named where something is wrong with it."""
    scanner = Scanner(data)
    try:
        value = read(scanner)
        scanner.end()
    except ModelError as error:
        raise ModelError(f"The file's {part} cannot be read: {error.what}", remedy=error.remedy or _AGAIN) from error
    return value


def _items(scanner: Scanner, most: int, read: Callable[[Scanner], T]) -> list[T]:
    count = scanner.number(4)
    if count > most:
        raise ModelError(f"There are {count:,} of them, over the bound of {most:,}.")
    return [read(scanner) for _ in range(count)]


def _read_name(scanner: Scanner) -> str:
    try:
        return scanner.take(scanner.number(2)).decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"A name is not UTF-8: {error}.") from error


def _read_input(scanner: Scanner) -> tuple[TensorHeader, str]:
    return scanner.header(), _read_name(scanner)


def _read_step(scanner: Scanner) -> Step:
    step = decode_step(scanner.take(scanner.number(4)))
    return Step(step.attributes, step.operands, step.header, _read_name(scanner))


def _read_constants(headers: list[TensorHeader], data: bytes) -> tuple[Array, ...]:
    sizes = [header.byte_size for header in headers]
    if sum(sizes) != len(data):
        raise ModelError(
            f"The file's constants have {len(data):,} bytes, and their headers make {sum(sizes):,}.", remedy=_AGAIN
        )
    scanner = Scanner(data)
    return tuple(from_bytes(scanner.take(header.byte_size), header) for header in headers)
