"""Calls of the step checkers with what must come of each: an element, or a refusal. Python's own checks decide which.

A file of cases is read by tests/forge/steps/StepCases.sol:

    case = u32 bytes of the call | u8 target | u8 outcome | i32 element | the call
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from eth_utils.crypto import keccak

from scripts.step_samples import Sample
from tallystick.engine.element import computed
from tallystick.engine.fold import LEAF_BYTES, leaf_count
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType, Family, Opcode
from tallystick.engine.openings import decode_elements, leaf_runs
from tallystick.engine.preimages import decode_header, decode_step
from tallystick.engine.program import Step, header_of, to_bytes
from tallystick.engine.readings import Reading
from tallystick.engine.step_rules import check_step
from tallystick.errors import ModelError, WitnessError

FAMILIES = tuple(Family)
REQUANTISATION = len(FAMILIES)
"""The target behind those of the families: requantisation alone."""
ODD = (-1, 0, 1, 2, 3, 300, 2**31 - 1, -(2**31))

Runs = list[tuple[int, int]]
"""Leaves of one operand that are shown: first and last, in order."""


class Outcome(enum.IntEnum):
    """What a checker does."""

    GIVES = 0
    INVALID = 1
    MISSING = 2
    NO_ELEMENT = 3


@dataclasses.dataclass(frozen=True)
class Case:
    """Attributes:
    target: The family's place, or REQUANTISATION.
    call: Selector and arguments.
    outcome: What must come of it.
    element: What must be given; 0 where nothing is.
    """

    target: int
    call: bytes
    outcome: Outcome = Outcome.GIVES
    element: int = 0

    def encode(self) -> bytes:
        prefix = len(self.call).to_bytes(4, "big") + bytes([self.target, self.outcome])
        return prefix + self.element.to_bytes(4, "big", signed=True) + self.call


# ---- calls ------------------------------------------------------------------------------------------------------------

ELEMENT = keccak(b"element(bytes,bytes[],bytes[],uint256)")[:4]
REQUANTIZE = keccak(b"requantize(int256,int256,int256,uint256)")[:4]


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big", signed=value < 0)


def _bytes(data: bytes) -> bytes:
    return _word(len(data)) + data + bytes(-len(data) % 32)


def _list(items: Sequence[bytes]) -> bytes:
    parts = [_bytes(item) for item in items]
    places = [32 * len(parts) + sum(map(len, parts[:k])) for k in range(len(parts))]
    return _word(len(parts)) + b"".join(map(_word, places)) + b"".join(parts)


def element_call(step: bytes, headers: Sequence[bytes], openings: Sequence[bytes], index: int) -> bytes:
    """`IStepChecker.element`, as the ABI has it; written out, because a library takes longer than all the rest."""
    parts = [_bytes(step), _list(headers), _list(openings)]
    places = [128 + sum(map(len, parts[:k])) for k in range(3)]
    return ELEMENT + b"".join(map(_word, places)) + _word(index) + b"".join(parts)


def requantize_case(acc: int, bits: int, zero: int, dtype: int, expected: int) -> Case:
    call = REQUANTIZE + b"".join(map(_word, (acc, bits, zero, dtype)))
    return Case(REQUANTISATION, call, Outcome.GIVES, expected)


# ---- what is shown ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a checker is shown of a step.

    Attributes:
        step: Maybe another than the operands were made for.
        headers: Of the operands; None for one of CONCAT that is not shown.
        data: The operands' bytes, zero-padded to whole leaves.
        runs: The leaves that are shown of each.
        index: Flat, of the output element.
    """

    step: Step
    headers: tuple[TensorHeader | None, ...]
    data: tuple[npt.NDArray[np.uint8], ...]
    runs: tuple[Runs, ...]
    index: int

    def read(self, reading: Reading) -> list[int]:
        """As a contract reads it. Raises WitnessError."""
        header = self.headers[reading.operand]
        if header is None:
            raise WitnessError("Missing", f"Operand {reading.operand} is not shown.")
        size = header.dtype.size
        start, end = reading.first * size, (reading.first + reading.count) * size
        for first, last in self.runs[reading.operand]:
            if first * LEAF_BYTES <= start and end <= (last + 1) * LEAF_BYTES:
                return decode_elements(self.data[reading.operand][start:end].tobytes(), header.dtype)
        raise WitnessError("Missing", f"Nothing shows the bytes {start} to {end}.")

    def opened(self, operand: int) -> bytes:
        """Its openings, packed."""
        parts = [
            first.to_bytes(4, "big")
            + (last + 1 - first).to_bytes(2, "big")
            + self.data[operand][first * LEAF_BYTES : (last + 1) * LEAF_BYTES].tobytes()
            for first, last in self.runs[operand]
        ]
        return b"".join(parts)

    def call(self) -> bytes:
        headers = [header.encode() if header else b"" for header in self.headers]
        return element_call(self.step.encode(), headers, [self.opened(k) for k in range(len(self.headers))], self.index)

    def case(self) -> Case:
        """With what Python makes of it."""
        target = FAMILIES.index(self.step.opcode.family)
        try:
            return Case(target, self.call(), Outcome.GIVES, self._element())
        except ModelError as error:
            refused = Outcome.NO_ELEMENT if "has no element" in str(error) else Outcome.INVALID
        except WitnessError:
            refused = Outcome.MISSING
        return Case(target, self.call(), refused)

    def _element(self) -> int:
        size = self.step.header.size
        if not 0 <= self.index < size:
            raise ModelError(f"A tensor has no element {self.index}.")
        headers = [header or _stand_in(self.step, operand) for operand, header in enumerate(self.headers)]
        check_step(self.step, headers)
        return computed(self.step, headers, self.index, self.read)


def _stand_in(step: Step, operand: int) -> TensorHeader:
    """The header of a CONCAT's operand that is not shown."""
    axis, *offsets = step.attributes.to_ints()
    dims, ends = list(step.header.dims), [*offsets, step.header.dims[axis]]
    dims[axis] = ends[operand + 1] - ends[operand]
    return TensorHeader(step.header.dtype, tuple(dims))


def padded(sample: Sample) -> tuple[npt.NDArray[np.uint8], ...]:
    """The bytes of a sample's operands as whole leaves."""
    data = [to_bytes(operand) for operand in sample.operands]
    return tuple(np.pad(each, (0, leaf_count(each.size) * LEAF_BYTES - each.size)) for each in data)


def shown(sample: Sample, data: tuple[npt.NDArray[np.uint8], ...], index: int) -> Shown:
    """What an honest challenger shows: the leaves that are read and no others."""
    headers = tuple(header_of(operand) for operand in sample.operands)
    everything = tuple([(0, each.size // LEAF_BYTES - 1)] for each in data)
    whole = Shown(sample.step, headers, data, everything, index)
    seen: list[Reading] = []

    def read(reading: Reading) -> list[int]:
        seen.append(reading)
        return whole.read(reading)

    computed(sample.step, headers, index, read)
    runs = tuple(
        leaf_runs([reading for reading in seen if reading.operand == k], header) for k, header in enumerate(headers)
    )
    is_read = [bool(each) or sample.step.opcode is not Opcode.CONCAT for each in runs]
    kept = tuple(header if keep else None for header, keep in zip(headers, is_read, strict=True))
    return Shown(sample.step, kept, data, runs, index)


def all_headers(sample: Sample, case: Shown) -> Shown:
    """With the headers also of operands that CONCAT does not read."""
    return dataclasses.replace(case, headers=tuple(header_of(operand) for operand in sample.operands))


# ---- what is shown otherwise -----------------------------------------------------------------------------------------


def more_shown(rng: np.random.Generator, case: Shown) -> Shown:
    """With neighbouring leaves, which may not matter."""
    runs = []
    for held, data in zip(case.runs, case.data, strict=True):
        last = data.size // LEAF_BYTES - 1
        wide = [(max(0, a - int(rng.integers(2))), min(last, b + int(rng.integers(2)))) for a, b in held]
        runs.append(wide)
    return dataclasses.replace(case, runs=tuple(runs))


def less_shown(rng: np.random.Generator, case: Shown) -> Shown:
    """Without one of the leaves, or without a whole operand's."""
    runs = [list(each) for each in case.runs]
    places = [k for k, each in enumerate(runs) if each]
    if not places:
        return case
    held = runs[places[int(rng.integers(len(places)))]]
    at = int(rng.integers(len(held)))
    first, last = held[at]
    held[at : at + 1] = [[], [(first + 1, last)], [(first, last - 1)]][int(rng.integers(3)) if last > first else 0]
    return dataclasses.replace(case, runs=tuple(runs))


def another_step(rng: np.random.Generator, case: Shown) -> Shown:
    """With another attribute, output or operand's header, which most often breaks a rule; or with an index far off."""
    choice, step = int(rng.integers(5)), case.step
    if choice == 0:
        return dataclasses.replace(case, index=int(rng.integers(step.header.size, 2**40)))
    if choice == 1:
        return dataclasses.replace(case, step=dataclasses.replace(step, header=_another(rng, step.header)))
    place = int(rng.integers(len(case.headers)))
    header = case.headers[place]
    ints = list(step.attributes.to_ints())
    if choice == 2 and header is not None:
        headers = (*case.headers[:place], _another(rng, header), *case.headers[place + 1 :])
        return dataclasses.replace(case, headers=headers)
    if not ints:
        return case
    at = int(rng.integers(len(ints)))
    near = (ints[at] - 1, ints[at] + 1)
    values = [value for value in (*ODD, *near, *near, *near) if -(2**31) <= value < 2**31]
    ints[at] = values[int(rng.integers(len(values)))]
    attributes = type(step.attributes).from_ints(ints)
    return dataclasses.replace(case, step=dataclasses.replace(step, attributes=attributes))


def other_bytes(rng: np.random.Generator, case: Shown) -> Case:
    """With a byte of the step or of a header changed, dropped or added: another one, or none."""
    parts = [case.step.encode(), *(header.encode() if header else b"" for header in case.headers)]
    place = int(rng.integers(len(parts) if rng.integers(2) else 1))
    data, at = bytearray(parts[place]), int(rng.integers(max(1, len(parts[place]))))
    choice = int(rng.integers(6))
    if choice == 0 or not data:
        data.append(int(rng.integers(256)))
    elif choice == 1:
        data.pop()
    else:
        data[at] ^= 1 << int(rng.integers(8))
    parts[place] = bytes(data)
    try:
        headers = tuple(decode_header(part) for part in parts[1:])
        return dataclasses.replace(case, step=decode_step(parts[0]), headers=headers).case()
    except ModelError:
        openings = [case.opened(k) for k in range(len(case.headers))]
        call = element_call(parts[0], parts[1:], openings, case.index)
    return Case(FAMILIES.index(case.step.opcode.family), call, Outcome.INVALID)


def _another(rng: np.random.Generator, header: TensorHeader) -> TensorHeader:
    dims, choice = list(header.dims), int(rng.integers(4))
    if choice == 0 or not dims:
        return dataclasses.replace(header, dtype=DType(int(rng.integers(1, 4))))
    at = int(rng.integers(len(dims)))
    if choice == 1:
        dims[at] = int(rng.integers(1, 9))
    elif choice == 2:
        dims.pop(at)
    elif len(dims) < 8:
        dims.insert(at, int(rng.integers(1, 3)))
    return TensorHeader(header.dtype, tuple(dims))
