"""What looking at a claim can come to."""

from __future__ import annotations

import dataclasses
from functools import cached_property

from tallystick.dispute.claims import Claim
from tallystick.dispute.packing import FaultKind, pack_output_fault, pack_witness
from tallystick.dispute.siblings import nodes_of, slots_are_empty
from tallystick.engine.fold import LEAF_BYTES, leaf_count, verify_range
from tallystick.engine.preimages import ProgramPreimage, decode_step, step_hash
from tallystick.engine.witness import Outcome, Verdict, Witness, verify
from tallystick.errors import ModelError, WitnessError


@dataclasses.dataclass(frozen=True)
class Agrees:
    """The claim is what the program gives."""


@dataclasses.dataclass(frozen=True)
class OutputWitness:
    """That the trace's output is not the claimed one.

    Attributes:
        program: `ProgramPreimage.encode`.
        tensor_root: That the trace has at the program's output.
        path: From there to the trace root.
    """

    program: bytes
    tensor_root: bytes
    path: tuple[bytes, ...]


@dataclasses.dataclass(frozen=True)
class Fault:
    """The claim is wrong, and this shows it.

    Attributes:
        kind: What is wrong.
        step: Whose tensor; for OUTPUT the program's output.
        element: Flat index in the tensor; None for kinds other than ELEMENT.
        witness: From the claimer's own commitments.
        computed, claimed: What the step gives and what the trace has; None for kinds other than ELEMENT.
        gas: A bound on that of the transaction that shows it.
    """

    kind: FaultKind
    step: int
    element: int | None
    witness: Witness | OutputWitness
    computed: int | None = None
    claimed: int | None = None
    gas: int = 0

    @cached_property
    def packed(self) -> bytes:
        """What `TraceDispute.proveFault` takes."""
        return packed_of(self.witness)


@dataclasses.dataclass(frozen=True)
class Withheld:
    """The claim is wrong, and what was published does not show where: Path B asks for it.

    Attributes:
        reason: What is missing.
        step: The first that cannot be opened although the trace is there; None where the trace is not.
    """

    reason: str
    step: int | None = None


Finding = Agrees | Fault | Withheld


def packed_of(witness: Witness | OutputWitness) -> bytes:
    """A witness in the judge's form."""
    if isinstance(witness, OutputWitness):
        return pack_output_fault(witness.program, witness.tensor_root, witness.path)
    return pack_witness(witness)


_KINDS = {
    Outcome.DIFFERS: FaultKind.ELEMENT,
    Outcome.HEADER: FaultKind.HEADER,
    Outcome.PADDING: FaultKind.PADDING,
}


def kind_shown(witness: Witness | OutputWitness, claim: Claim, program_hash: bytes) -> tuple[FaultKind, Verdict | None]:
    """What a witness shows against a claim, found out from the witness and the roots alone.

    Raises:
        WitnessError: it shows nothing; `reason` is `Agrees` where everything in it holds and nothing is wrong.
    """
    if isinstance(witness, OutputWitness):
        _check_output(witness, claim, program_hash)
        return FaultKind.OUTPUT, None
    if _has_used_slots(witness, claim, program_hash):
        return FaultKind.PADDING, None
    verdict = verify(witness, program_hash=program_hash, trace_root=claim.trace_root, input_root=claim.input_root)
    if verdict.agrees:
        raise WitnessError("Agrees", f"Element {witness.element} of step {witness.step_index} is {verdict.computed}.")
    return _KINDS[verdict.outcome], verdict


def _check_output(witness: OutputWitness, claim: Claim, program_hash: bytes) -> None:
    try:
        program = ProgramPreimage.decode(witness.program)
    except ModelError as error:
        raise WitnessError("Program", f"The program's preimage is none: {error}") from error
    if program.hash != program_hash:
        raise WitnessError("Program", f"The preimage is of {program.hash.hex()}, not of {program_hash.hex()}.")
    if not verify_range(claim.trace_root, program.n_steps, program.output, [witness.tensor_root], witness.path):
        raise WitnessError("Output", f"That is not the root of tensor {program.output} of the trace.")
    if witness.tensor_root == claim.output_root:
        raise WitnessError("Agrees", "The trace's output is the claimed one.")


def _has_used_slots(witness: Witness, claim: Claim, program_hash: bytes) -> bool:
    """Whether the output's last leaf is shown and a slot behind it is not empty, which the judge calls padding as well."""
    try:
        program, header = ProgramPreimage.decode(witness.program), decode_step(witness.step).header
    except ModelError:
        return False
    output, leaves, at = witness.output, leaf_count(header.byte_size), witness.step_index
    shown = [opening for opening in output.openings if opening.end == leaves * LEAF_BYTES]
    if not shown or output.header != header.encode() or program.hash != program_hash:
        return False
    if not verify_range(program.steps_root, program.n_steps, at, [step_hash(witness.step)], witness.step_path):
        return False
    if not output.stands_in(claim.trace_root, program.n_steps, at):
        return False
    output.check_openings(header.byte_size)
    return not slots_are_empty(leaves, nodes_of(leaves, shown[0].first, leaves - 1, shown[0].proof))
