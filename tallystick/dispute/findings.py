"""What looking at a claim can come to."""

from __future__ import annotations

import dataclasses
from functools import cached_property

from tallystick.dispute.claims import Claim
from tallystick.dispute.packing import FaultKind, pack_output_fault, pack_whole, pack_witness
from tallystick.engine.fold import verify_range
from tallystick.engine.whole import differs_whole
from tallystick.engine.witness import Outcome, Verdict, Witness, shown_program, verify
from tallystick.errors import WitnessError


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
class WholeWitness:
    """That a step's whole tensor is not the claimed one, of which nothing but the root is known.

    Attributes:
        witness: With all of the operands; of its output the path.
        claimed: Tensor root that the trace has there.
    """

    witness: Witness
    claimed: bytes


AnyWitness = Witness | OutputWitness | WholeWitness


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
    witness: AnyWitness
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


def packed_of(witness: AnyWitness) -> bytes:
    """A witness in the judge's form."""
    if isinstance(witness, WholeWitness):
        return pack_whole(witness.witness, witness.claimed)
    if isinstance(witness, OutputWitness):
        return pack_output_fault(witness.program, witness.tensor_root, witness.path)
    return pack_witness(witness)


_KINDS = {
    Outcome.DIFFERS: FaultKind.ELEMENT,
    Outcome.HEADER: FaultKind.HEADER,
    Outcome.PADDING: FaultKind.PADDING,
}


def kind_shown(witness: AnyWitness, claim: Claim, program_hash: bytes) -> tuple[FaultKind, Verdict | None]:
    """What a witness shows against a claim, found out from the witness and the roots alone.

    Raises:
        WitnessError: it shows nothing; `reason` is `Agrees` where everything in it holds and nothing is wrong.
    """
    if isinstance(witness, OutputWitness):
        _check_output(witness, claim, program_hash)
        return FaultKind.OUTPUT, None
    if isinstance(witness, WholeWitness):
        _check_whole(witness, claim, program_hash)
        return FaultKind.WHOLE, None
    verdict = verify(witness, program_hash=program_hash, trace_root=claim.trace_root, input_root=claim.input_root)
    if verdict.agrees:
        raise WitnessError("Agrees", f"Element {witness.element} of step {witness.step_index} is {verdict.computed}.")
    return _KINDS[verdict.outcome], verdict


def _check_whole(witness: WholeWitness, claim: Claim, program_hash: bytes) -> None:
    roots = {"program_hash": program_hash, "trace_root": claim.trace_root, "input_root": claim.input_root}
    if not differs_whole(witness.witness, witness.claimed, **roots):
        raise WitnessError("Agrees", f"The tensor of step {witness.witness.step_index} is the claimed one.")


def _check_output(witness: OutputWitness, claim: Claim, program_hash: bytes) -> None:
    program = shown_program(witness.program, program_hash)
    if not verify_range(claim.trace_root, program.n_steps, program.output, [witness.tensor_root], witness.path):
        raise WitnessError("Output", f"That is not the root of tensor {program.output} of the trace.")
    if witness.tensor_root == claim.output_root:
        raise WitnessError("Agrees", "The trace's output is the claimed one.")
