"""Claims that are wrong where it costs most to show, each with the witness that shows it: what disputes cost is measured with these."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tallystick.dispute.cheapest import Opened, fault_gas, opened
from tallystick.dispute.claims import Claim
from tallystick.dispute.faults import ElementFault, corrupt
from tallystick.dispute.findings import Fault
from tallystick.dispute.search import examine
from tallystick.engine.commitments import ProgramCommitment, program_commitment
from tallystick.engine.costs import FAULT_BYTES, TENSOR_BYTES, terms_of
from tallystick.engine.fold import HASH_BYTES, LEAF_BYTES, leaf_count
from tallystick.engine.opcodes import Opcode
from tallystick.engine.program import Program
from tallystick.engine.trace import Trace
from tallystick.errors import InputError
from tallystick.merkle import depth_of

SPREAD = 16
"""Elements of a step, beside the one in its middle, that are looked at for the one that costs most to show."""


@dataclasses.dataclass(frozen=True)
class FaultCase:
    """A claim that is wrong in one element, and nowhere else.

    Attributes:
        name: Of which step, for people.
        step, element: Which.
        products: Terms that the element is a sum of; 1 where it is no sum.
        gas: A bound on that of the transaction that shows it.
        program_hash, claim: What it is a claim of.
        packed: The witness, as `TraceDispute.proveFault` takes it.
    """

    name: str
    step: int
    element: int
    products: int
    gas: int
    program_hash: bytes
    claim: Claim
    packed: bytes

    def to_json(self) -> dict[str, Any]:
        """Bytes as hex."""
        return {key: _text(value) for key, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FaultCase:
        """What `to_json` gave."""
        claim = Claim(**{name: bytes.fromhex(value) for name, value in values["claim"].items()})
        raw = {name: bytes.fromhex(values[name]) for name in ("program_hash", "packed")}
        return cls(**{**values, **raw, "claim": claim})


def _text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _text(each) for key, each in value.items()}
    return value.hex() if isinstance(value, bytes) else value


# ---- one case ---------------------------------------------------------------------------------------------------------


def fault_case(
    trace: Trace, step: int, element: int, commitment: ProgramCommitment | None = None, *, name: str = ""
) -> FaultCase:
    """Of a claim whose element (a flat index) of one step is one more than it should be.

    Raises:
        InputError: there is no such element.
    """
    program = trace.program
    commitment = commitment or program_commitment(program)
    false = corrupt(trace, ElementFault(step, element, carried=False))
    fault = examine(program, trace.inputs, false.claim, false.published, commitment=commitment)
    if not isinstance(fault, Fault) or fault.element is None:
        raise InputError(f"Nothing shows that element {element} of step {step} is wrong: {fault}.")
    _, products = terms_of(program.steps[step], program.operand_headers(program.steps[step]))
    return FaultCase(
        name=name or described(program, step),
        step=step,
        element=fault.element,
        products=products,
        gas=fault.gas,
        program_hash=commitment.program_hash,
        claim=false.claim,
        packed=fault.packed,
    )


def described(program: Program, index: int) -> str:
    """`CONV of 1x14x14x6 and 16x5x5x6`."""
    step = program.steps[index]
    shapes = ["x".join(map(str, header.dims)) or "a number" for header in program.operand_headers(step)[:2]]
    return f"{step.opcode.name} of {' and '.join(shapes)}"


# ---- which are dearest ------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, order=True)
class Dearest:
    """The element of one step that costs most to show, as far as is looked.

    Attributes:
        gas: As `fault_gas` has it, for a witness of about that size.
        step, element: Which.
    """

    gas: int
    step: int
    element: int


def middle(program: Program, step: int) -> int:
    """The flat index of the element in the middle of every axis: no tap of it is outside."""
    dims = program.steps[step].header.dims
    return int(np.ravel_multi_index(tuple(dim // 2 for dim in dims), dims)) if dims else 0


def dearest(trace: Trace, step: int) -> Dearest:
    """Of one step: the middle one and some others, because how elements lie among leaves makes a difference."""
    program, operation = trace.program, trace.program.steps[step]
    operands = [trace.tensor(ref) for ref in operation.operands]
    spread = np.linspace(0, operation.header.size - 1, SPREAD).astype(np.int64).tolist()
    return max(
        Dearest(_estimate(program, step, opened(operation, operands, element)), step, element)
        for element in sorted({middle(program, step), *spread})
    )


def _estimate(program: Program, index: int, shown: Opened) -> int:
    step = program.steps[index]
    path = depth_of(max(len(program.steps), len(program.constants), len(program.inputs)))
    hashes = shown.hashes + depth_of(leaf_count(step.header.byte_size)) + path * (len(step.operands) + 2)
    size = FAULT_BYTES // 4 + len(step.encode()) + len(step.operands) * TENSOR_BYTES // 6
    return fault_gas(program, step, shown, size + (shown.leaves + 1) * LEAF_BYTES + hashes * HASH_BYTES)


def dearest_steps(trace: Trace) -> list[Dearest]:
    """For each opcode of the program the step whose fault costs most to show; the dearest of all first."""
    found: dict[Opcode, Dearest] = {}
    for index, step in enumerate(trace.program.steps):
        each = dearest(trace, index)
        found[step.opcode] = max(found.get(step.opcode, each), each)
    return sorted(found.values(), reverse=True)


def dearest_cases(
    trace: Trace, *, count: int | None = None, prefix: str = "", commitment: ProgramCommitment | None = None
) -> list[FaultCase]:
    """A case for each opcode, the dearest first.

    Args:
        trace: Honest and whole.
        count: Of how many opcodes at most; by default of all.
        prefix: Before each name.
        commitment: Of the program, where it is known.
    """
    commitment = commitment or program_commitment(trace.program)
    return [
        fault_case(trace, each.step, each.element, commitment, name=f"{prefix}{described(trace.program, each.step)}")
        for each in dearest_steps(trace)[:count]
    ]
