"""Faults from what was found wrong: the witness is made, and then checked as a stranger would check it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from tallystick.dispute.cheapest import NOTHING_OPENED, Indices, Opened, cheapest, fault_gas, opened, whole_gas
from tallystick.dispute.claims import Claim
from tallystick.dispute.findings import AnyWitness, Fault, OutputWitness, WholeWitness, kind_shown, packed_of
from tallystick.dispute.packing import FaultKind
from tallystick.engine.commitments import ProgramCommitment, program_preimage
from tallystick.engine.costs import step_cost
from tallystick.engine.fold import LEAF_BYTES
from tallystick.engine.opener import Opener
from tallystick.engine.openings import OpenedTensor
from tallystick.engine.program import Program
from tallystick.engine.trace import Trace
from tallystick.engine.tree import roots_tree
from tallystick.engine.witness import Witness


class Showing:
    """Makes faults of one claim. Every method raises WitnessError where the witness turns out to show nothing.

    Args:
        program: The claim's.
        commitment: Its.
        claim: What is to be shown wrong.
    """

    def __init__(self, program: Program, commitment: ProgramCommitment, claim: Claim) -> None:
        self.program, self.commitment, self.claim = program, commitment, claim

    def output(self, roots: Sequence[bytes]) -> Fault:
        """Of a claim whose output is not that of its trace, from the tensor roots of all steps."""
        output = self.program.output
        preimage = program_preimage(self.program, self.commitment)
        witness = OutputWitness(preimage.encode(), roots[output], tuple(roots_tree(roots).prove(output)))
        return self._checked(output, None, witness)

    def tensor(self, step_index: int, output: OpenedTensor) -> Fault:
        """Of a tensor that is wrong in itself, whatever it was computed from: its header, or, opened at its last leaf, padding."""
        step = self.program.steps[step_index]
        witness = Witness(
            program=program_preimage(self.program, self.commitment).encode(),
            step_index=step_index,
            step=step.encode(),
            step_path=tuple(roots_tree(self.commitment.step_hashes).prove(step_index)),
            element=step.header.size - 1,
            output=output,
            operands=(None,) * len(step.operands),
        )
        return self._checked(step_index, None, witness)

    def whole(self, trace: Trace, roots: Sequence[bytes], step_index: int) -> Fault:
        """Of a step's tensor of which only the root is known.

        Args:
            trace: As the claimer has it, up to the operands of this step.
            roots: Of all steps' tensors in the claimer's trace.
            step_index: A step whose operands agree.
        """
        witness = WholeWitness(Opener(trace, self.commitment, roots).whole(step_index), roots[step_index])
        return self._checked(step_index, None, witness)

    def element(
        self,
        trace: Trace,
        roots: Sequence[bytes],
        step_index: int,
        wrong: Indices,
        open_leaf: Callable[[int], OpenedTensor],
    ) -> Fault:
        """Of the cheapest of a step's wrong elements.

        Args:
            trace: As the claimer has it, up to this step.
            roots: Of all steps' tensors in the claimer's trace.
            step_index: A step whose operands agree.
            wrong: Flat indices, ascending, at least one.
            open_leaf: Opens the claimer's tensor at one leaf.
        """
        step = self.program.steps[step_index]
        operands = [trace.tensor(ref) for ref in step.operands]
        element = cheapest(step, operands, wrong)
        output = open_leaf(element * step.header.dtype.size // LEAF_BYTES)
        honest = Opener(trace, self.commitment, roots).witness(step_index, element)
        witness = dataclasses.replace(honest, output=output)
        return self._checked(step_index, element, witness, opened(step, operands, element))

    def _checked(
        self, step_index: int, element: int | None, witness: AnyWitness, shown: Opened = NOTHING_OPENED
    ) -> Fault:
        kind, verdict = kind_shown(witness, self.claim, self.commitment.program_hash)
        step, length = self.program.steps[step_index], len(packed_of(witness))
        if kind is FaultKind.WHOLE:
            gas = whole_gas(self.program, step, length)
        else:
            gas = min(fault_gas(self.program, step, shown, length), step_cost(self.program, step_index).gas)
        computed, claimed = (verdict.computed, verdict.claimed) if verdict else (None, None)
        return Fault(kind, step_index, element, witness, computed, claimed, gas)
