"""Whether one element of a claim is what its step makes of the claim's own operands, from three roots and nothing else.

A witness shows the program's preimage, the step, and the tensors of the step's output and operands, opened where they are
read. `verify` checks every hash on the way and computes the element. Nothing that whoever made the witness says is believed.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

from tallystick.engine.element import computed
from tallystick.engine.fold import verify_range
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ConcatAttributes
from tallystick.engine.openings import OpenedTensor, read_elements
from tallystick.engine.preimages import ProgramPreimage, decode_header, decode_step, step_hash
from tallystick.engine.program import Ref, RefKind, Step
from tallystick.engine.readings import Reading
from tallystick.engine.step_rules import check_step
from tallystick.errors import ModelError, WitnessError


@dataclasses.dataclass(frozen=True)
class Witness:
    """What it takes to check one output element of one step.

    Attributes:
        program: What the program's hash is of (`ProgramPreimage.encode`).
        step_index: The step's place.
        step: What its hash is of (`Step.encode`).
        step_path: From its hash to the root of steps.
        element: Flat index in the step's output.
        output: The step's tensor in the trace, with the leaf of the element.
        operands: Those of the step, in order. None for one that CONCAT does not read.
    """

    program: bytes
    step_index: int
    step: bytes
    step_path: tuple[bytes, ...]
    element: int
    output: OpenedTensor
    operands: tuple[OpenedTensor | None, ...]


class Outcome(enum.StrEnum):
    """What a proven witness shows. All but AGREES are faults of the claim."""

    AGREES = "agrees"
    DIFFERS = "differs"
    """The element is another than the step gives."""
    HEADER = "header"
    """The trace's tensor has another dtype or other dims than the step's output."""
    PADDING = "padding"
    """Behind the tensor's last byte its last leaf is not zero, or a slot behind the last leaf is used."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Attributes:
    outcome: What the witness shows.
    computed: What the step gives; None for HEADER and PADDING.
    claimed: What the trace has; None for HEADER and PADDING.
    """

    outcome: Outcome
    computed: int | None = None
    claimed: int | None = None

    @property
    def agrees(self) -> bool:
        return self.outcome is Outcome.AGREES


def verify(witness: Witness, *, program_hash: bytes, trace_root: bytes, input_root: bytes) -> Verdict:
    """Check a witness against the roots of a claim.

    Args:
        witness: From anybody.
        program_hash: Of a program that has been found valid.
        trace_root: That the claim commits to.
        input_root: That the claim was to be computed from.

    Raises:
        WitnessError: it proves nothing. `reason` is `Program`, `Step`, `Output`, `Operand` (what is shown is not what the roots
            stand for), `Opening` (leaves are not under their tensor's root), `Missing` (an element that is read is not shown),
            `Invalid` (no valid program has such a step) or `Element` (there is no such element).
    """
    program = shown_program(witness.program, program_hash)
    step = shown_step(witness, program)
    if not witness.output.stands_in(trace_root, program.n_steps, witness.step_index):
        raise WitnessError("Output", f"The output is not tensor {witness.step_index} of the trace.")
    if witness.output.header != step.header.encode():
        return Verdict(Outcome.HEADER)
    claimed = _claimed(witness, step)
    if claimed is None:
        return Verdict(Outcome.PADDING)
    value = ShownOperands.of(witness, program, step, trace_root, input_root).element(witness.element)
    return Verdict(Outcome.AGREES if value == claimed else Outcome.DIFFERS, value, claimed)


# ---- the program and the step -----------------------------------------------------------------------------------------


def shown_program(preimage: bytes, program_hash: bytes) -> ProgramPreimage:
    """What a program's hash is of, as a witness shows it. Raises WitnessError `Program` where it is of another, or of none."""
    try:
        program = ProgramPreimage.decode(preimage)
    except ModelError as error:
        raise WitnessError("Program", f"The program's preimage is none: {error}") from error
    if program.hash != program_hash:
        raise WitnessError("Program", f"The preimage is of {program.hash.hex()}, not of {program_hash.hex()}.")
    return program


def shown_step(witness: Witness, program: ProgramPreimage) -> Step:
    """The witness's step. Raises WitnessError: `Step` where it is not the program's at its index, `Invalid` where it is none."""
    item = step_hash(witness.step)
    if not verify_range(program.steps_root, program.n_steps, witness.step_index, [item], witness.step_path):
        raise WitnessError("Step", f"The step is not step {witness.step_index} of the program.")
    try:
        step = decode_step(witness.step)
    except ModelError as error:
        raise WitnessError("Invalid", f"Step {witness.step_index} is none: {error}") from error
    if len(step.operands) != len(witness.operands):
        raise WitnessError("Operand", f"Of {len(step.operands)} operands {len(witness.operands)} are shown.")
    if any(ref.kind is RefKind.STEP and ref.index >= witness.step_index for ref in step.operands):
        raise WitnessError("Invalid", f"Step {witness.step_index} reads itself or a later one.")
    return step


# ---- headers ----------------------------------------------------------------------------------------------------------


def _operand_headers(witness: Witness, program: ProgramPreimage, step: Step) -> list[TensorHeader]:
    headers = [
        _shown(tensor, ref, program) if tensor else _implied(step, operand)
        for operand, (tensor, ref) in enumerate(zip(witness.operands, step.operands, strict=True))
    ]
    try:
        check_step(step, headers)
    except ModelError as error:
        raise WitnessError("Invalid", f"Step {witness.step_index} does not fit its operands: {error}") from error
    return headers


def _shown(tensor: OpenedTensor, ref: Ref, program: ProgramPreimage) -> TensorHeader:
    """Another step's tensor may have a wrong header, which is that step's fault: a witness of it shows that."""
    try:
        header = decode_header(tensor.header)
    except ModelError as error:
        raise WitnessError("Operand", f"The header of {ref} is none: {error}") from error
    if ref.kind is RefKind.INPUT and header != program.inputs[ref.index]:
        raise WitnessError("Operand", f"The program takes {program.inputs[ref.index]} as {ref}, not {header}.")
    return header


def _implied(step: Step, operand: int) -> TensorHeader:
    """Of an operand that is not shown: CONCAT's offsets say what it is."""
    attributes, dims = step.attributes, list(step.header.dims)
    if not isinstance(attributes, ConcatAttributes) or not 0 <= attributes.axis < len(dims):
        raise WitnessError("Missing", f"Operand {operand} is not shown.")
    ends = [*attributes.offsets[1:], dims[attributes.axis]]
    if len(ends) <= operand or ends[operand] <= attributes.offsets[operand]:
        raise WitnessError("Invalid", f"No tensor begins and ends where operand {operand} of CONCAT does.")
    dims[attributes.axis] = ends[operand] - attributes.offsets[operand]
    return TensorHeader(step.header.dtype, tuple(dims))


# ---- the element ------------------------------------------------------------------------------------------------------


def _claimed(witness: Witness, step: Step) -> int | None:
    """The claim's element; None where the last leaf is shown and something stands behind the tensor's end."""
    header, output = step.header, witness.output
    if not 0 <= witness.element < header.size:
        raise WitnessError("Element", f"A tensor {header} has no element {witness.element}.")
    output.check_openings(header.byte_size)
    if output.is_padded_wrongly(header.byte_size):
        return None
    return read_elements(output, header, Reading(0, witness.element))[0]


@dataclasses.dataclass(frozen=True)
class ShownOperands:
    """The operands of a step as a witness shows them, found to be those that the roots stand for.

    Attributes:
        witness: That shows them.
        step: Whose they are.
        headers: Of each.
    """

    witness: Witness
    step: Step
    headers: tuple[TensorHeader, ...]

    @classmethod
    def of(
        cls, witness: Witness, program: ProgramPreimage, step: Step, trace_root: bytes, input_root: bytes
    ) -> ShownOperands:
        """Raises WitnessError: `Operand`, `Opening`, `Missing`, `Invalid`."""
        list_roots = {
            RefKind.INPUT: (input_root, len(program.inputs)),
            RefKind.CONSTANT: (program.constants_root, program.n_constants),
            RefKind.STEP: (trace_root, program.n_steps),
        }
        for tensor, ref in zip(witness.operands, step.operands, strict=True):
            if tensor and not tensor.stands_in(*list_roots[ref.kind], ref.index):
                raise WitnessError("Operand", f"A tensor that is shown for {ref} is not that.")
        headers = _operand_headers(witness, program, step)
        for tensor, header in zip(witness.operands, headers, strict=True):
            if tensor:
                tensor.check_openings(header.byte_size)
        return cls(witness, step, tuple(headers))

    def element(self, index: int) -> int:
        """What the step makes of them at a flat index. Raises WitnessError: `Missing`, `Invalid`."""
        try:
            return computed(self.step, list(self.headers), index, self._read)
        except ModelError as error:
            raise WitnessError("Invalid", f"Step {self.witness.step_index} has no element {index}: {error}") from error

    def _read(self, reading: Reading) -> Sequence[int]:
        tensor = self.witness.operands[reading.operand]
        if tensor is None:
            raise WitnessError("Missing", f"Operand {reading.operand} is read and not shown.")
        return read_elements(tensor, self.headers[reading.operand], reading)
