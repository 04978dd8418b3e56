"""Whether a claim is what its program gives, and if it is not, where it can be shown to be wrong for the least.

A challenger asserts nothing: it runs the program, looks for the first tensor that the claimer has otherwise, and opens one
element of it from the claimer's own trace. In no claim of an honest claimer there is such an element, whatever is published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tallystick.dispute.cheapest import whole_gas
from tallystick.dispute.claims import Claim
from tallystick.dispute.findings import Agrees, Fault, Finding, Withheld
from tallystick.dispute.published import Item, PublishedTensor, PublishedTrace, read_published
from tallystick.dispute.recomputation import Recomputation, Watch
from tallystick.dispute.showing import Showing
from tallystick.engine.backends import Plan
from tallystick.engine.commitments import ProgramCommitment, array_root, program_commitment
from tallystick.engine.fold import leaf_count
from tallystick.engine.opcodes import Opcode
from tallystick.engine.program import Array, Program, RefKind, Step, to_bytes
from tallystick.engine.trace import inputs_root, list_root
from tallystick.engine.tree import byte_root, roots_tree, tensor_root
from tallystick.errors import ArtifactError, InputError

MOST_WHOLE_GAS = 8_000_000
"""Of showing a tensor whole, by its bound: half of what a transaction may have."""

Fetch = Callable[[int], PublishedTensor]
"""What was published of one step. Raises ArtifactError where nothing that could be its tensor was."""


def examine(
    program: Program,
    inputs: Sequence[Array],
    claim: Claim,
    published: Sequence[Item | None] | None = None,
    *,
    plan: Plan | None = None,
    commitment: ProgramCommitment | None = None,
    threads: int = 1,
    watch: Watch | None = None,
) -> Finding:
    """Look at one claim.

    Args:
        program: A valid one, of the claim's model.
        inputs: Arrays [*dims] that hash to the claim's input root.
        claim: What was asserted.
        published: What the claimer published: one item for each step, possibly lies; None where nothing was.
        plan: The program as a backend prepared it; by default the reference's, which stops at the first wrong step.
        commitment: The program's, where it is known; whoever looks at many claims of one model keeps it.
        threads: To hash with.
        watch: Told of each step before it is computed; what it raises ends the look.

    Returns:
        `Agrees`; or a `Fault`, which was verified as a contract would; or `Withheld`, where what was published is not what the
        claim commits to. A wrong output is shown before anything else, being cheapest; else it is the first differing step
        whose operands all agree and can be opened.

    Raises:
        TensorError: the inputs are not what the program takes.
        InputError: the inputs are not those that the claim is about.
        WitnessError: the plan computes what the program does not give: `reason` is `Agrees`.
    """
    own = Recomputation(program, inputs, plan, watch)
    search = _Search(own, claim, commitment or program_commitment(program), threads)
    try:
        shown = read_published(program, published, threads=threads)
    except InputError as error:
        return search.without_trace(error.what)
    return search.with_trace(shown)


def examine_by_roots(
    program: Program,
    inputs: Sequence[Array],
    claim: Claim,
    roots: Sequence[bytes],
    fetch: Fetch,
    *,
    plan: Plan | None = None,
    commitment: ProgramCommitment | None = None,
    watch: Watch | None = None,
) -> Finding:
    """Look at a claim whose tensors are somewhere else: only those are fetched that differ and whose operands agree.

    Args:
        roots: The tensor roots of all steps, as they were published.
        fetch: Gives one step's tensor; it is checked against its root.

    Returns:
        As `examine`. The roots are believed where they hash to the claim's trace root; where they do not, they are as good as
        withheld.

    Raises:
        As `examine`, and what `watch` raises.
    """
    own = Recomputation(program, inputs, plan, watch)
    search = _Search(own, claim, commitment or program_commitment(program), 1)
    if len(roots) != len(program.steps) or list_root(roots) != claim.trace_root:
        return search.without_trace("The roots that were published are not those of the claim's trace.")
    return search.by_roots(tuple(roots), fetch)


class _Search:
    def __init__(self, own: Recomputation, claim: Claim, commitment: ProgramCommitment, threads: int) -> None:
        self._own, self._program = own, own.program
        self._claim, self._threads = claim, threads
        self._showing = Showing(own.program, commitment, claim)
        root = inputs_root([array_root(array) for array in own.inputs])
        if root != claim.input_root:
            raise InputError(
                f"The inputs have the root {root.hex()}, and the claim is about {claim.input_root.hex()}.",
                remedy="Fetch the job's inputs.",
            )

    # ---- the way through ----------------------------------------------------------------------------------------------

    def with_trace(self, shown: PublishedTrace) -> Finding:
        output = self._program.output
        if shown.root_of(output) != self._claim.output_root and shown.root == self._claim.trace_root:
            return self._showing.output(shown.roots)
        wrong: set[int] = set()
        for index, step in enumerate(self._program.steps):
            if shown.tensors[index].equals(self._own.output(index), step.header):
                continue
            if not wrong and shown.root != self._claim.trace_root:
                return self.without_trace(_other_root(shown))
            if not any(ref.kind is RefKind.STEP and ref.index in wrong for ref in step.operands):
                fault = self._fault_at(index, shown.tensors[index], shown.roots)
                if fault:
                    return fault
            wrong.add(index)
        if wrong:
            return Withheld(_no_leaves(min(wrong)), min(wrong))
        return self.without_trace("What was published is what the program gives, and not what the claim commits to.")

    def without_trace(self, reason: str) -> Finding:
        """By the roots alone, whatever was published."""
        commitment = self._own.trace().commit(threads=self._threads)
        if commitment.trace_root != self._claim.trace_root:
            return Withheld(reason)
        if commitment.output_root != self._claim.output_root:
            return self._showing.output(commitment.tensor_roots)
        return Agrees()

    def by_roots(self, roots: tuple[bytes, ...], fetch: Fetch) -> Finding:
        """With all tensor roots, which hash to the trace root."""
        if roots[self._program.output] != self._claim.output_root:
            return self._showing.output(roots)
        missing: dict[int, str] = {}
        trees: dict[int, bytes] = {}
        for index, step in enumerate(self._program.steps):
            trees[index] = self._tree_root(index, step, trees)
            if tensor_root(step.header.encode(), trees[index]) == roots[index]:
                continue
            fault_or_reason = self._fetched(index, step, missing, roots, fetch)
            if isinstance(fault_or_reason, Fault):
                return fault_or_reason
            missing[index] = fault_or_reason
        if missing:
            return Withheld(missing[min(missing)], min(missing))
        return Agrees()

    def _tree_root(self, index: int, step: Step, trees: dict[int, bytes]) -> bytes:
        """Over one's own tensor of a step; a RESHAPE's is its operand's."""
        own, source = self._own.output(index), step.operands[0]
        if step.opcode is Opcode.RESHAPE and source.kind is RefKind.STEP:
            return trees[source.index]
        return byte_root(to_bytes(own))

    def _fetched(
        self, index: int, step: Step, missing: dict[int, str], roots: tuple[bytes, ...], fetch: Fetch
    ) -> Fault | str:
        """The fault of a differing step, or why none can be shown there."""
        if any(ref.kind is RefKind.STEP and ref.index in missing for ref in step.operands):
            return f"The operands of step {index} differ too."
        try:
            tensor = fetch(index)
        except ArtifactError as error:
            return self._whole(index, step, roots) or f"The tensor of step {index} cannot be had: {error.what}"
        if tensor_root(tensor.header, tensor.tree.root) != roots[index]:
            why = f"What was published of step {index} does not hash to its root."
            return self._whole(index, step, roots) or why
        return self._fault_at(index, tensor, roots) or self._whole(index, step, roots) or _no_leaves(index)

    def _whole(self, index: int, step: Step, roots: Sequence[bytes]) -> Fault | None:
        """Of a differing step whose operands agree, by its root alone. None where that does not fit a transaction."""
        if whole_gas(self._program, step, 0) > MOST_WHOLE_GAS:
            return None
        fault = self._showing.whole(self._own.trace_with(index, self._own.output(index)), roots, index)
        return fault if fault.gas <= MOST_WHOLE_GAS else None

    def _fault_at(self, index: int, tensor: PublishedTensor, roots: Sequence[bytes]) -> Fault | None:
        """Of a step whose operands agree. None where nothing of its tensor can be opened."""
        header, path = self._program.steps[index].header, roots_tree(roots).prove(index)
        if tensor.header != header.encode():
            return self._showing.tensor(index, tensor.opened(header, path))
        if not tensor.can_be_opened(header):
            return None
        if tensor.is_padded_wrongly(header):
            return self._showing.tensor(index, tensor.opened(header, path, leaf_count(header.byte_size) - 1))
        claimed = tensor.array(header)
        differs = claimed.reshape(-1) != self._own.output(index).reshape(-1)
        wrong = np.flatnonzero(differs[: tensor.elements_held(header)])
        if not wrong.size:
            return None
        trace = self._own.trace_with(index, claimed)
        return self._showing.element(trace, roots, index, wrong, lambda leaf: tensor.opened(header, path, leaf))


def _no_leaves(step: int) -> str:
    return f"The tensor of step {step} has no leaves where a tensor has them."


def _other_root(shown: PublishedTrace) -> str:
    return f"What was published hashes to {shown.root.hex()}, which is not the claim's trace root."
