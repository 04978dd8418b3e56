"""Makes witnesses of a run: whoever holds its trace can open any element against the roots."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

from tallystick.engine.commitments import ProgramCommitment, array_root, program_commitment, program_preimage
from tallystick.engine.element import readings_of
from tallystick.engine.fold import HASH_BYTES
from tallystick.engine.opcodes import Opcode
from tallystick.engine.openings import OpenedTensor, leaf_runs, open_leaves
from tallystick.engine.preimages import ProgramPreimage
from tallystick.engine.program import Array, Ref, RefKind, Step, header_of, to_bytes
from tallystick.engine.readings import Reading
from tallystick.engine.trace import Trace
from tallystick.engine.tree import Tree, byte_tree, roots_tree
from tallystick.engine.witness import Witness
from tallystick.errors import ModelError


class TensorList:
    """Tensors under one root, in order; a tensor's tree is kept once it was opened.

    Args:
        tensors: Arrays [*dims] in numpy's byte order. None where all that is known is the root.
        roots: Theirs, where they are known.
    """

    def __init__(self, tensors: Sequence[Array | None], roots: Sequence[bytes] | None = None) -> None:
        self.tensors = list(tensors)
        self._roots = roots
        self._trees: dict[int, Tree] = {}

    @functools.cached_property
    def tree(self) -> Tree | None:
        roots = self._roots or [array_root(self._held(index)) for index in range(len(self.tensors))]
        return roots_tree(roots) if roots else None

    def _held(self, index: int) -> Array:
        tensor = self.tensors[index]
        if tensor is None:
            raise ModelError(f"Of tensor {index} nothing but its root is there.")
        return tensor

    @property
    def root(self) -> bytes:
        return self.tree.root if self.tree else bytes(HASH_BYTES)

    def open(self, index: int, readings: Iterable[Reading]) -> OpenedTensor:
        """The leaves of one tensor that the readings need. Raises ModelError where the list has it not."""
        if self.tree is None:
            raise ModelError("A list without tensors cannot be opened.")
        tensor = self._held(index)
        header, data = header_of(tensor), to_bytes(tensor)
        if index not in self._trees:
            self._trees[index] = byte_tree(data)
        held = self._trees[index]
        openings = tuple(open_leaves(data, held.prove, *run) for run in leaf_runs(readings, header))
        return OpenedTensor(header.encode(), held.root, tuple(self.tree.prove(index)), openings)


class Opener:
    """Opens elements of one run. The roots are made when they are first asked for.

    Args:
        trace: With the outputs of all steps; where `tensor_roots` are given, of those that will be opened.
        commitment: Of its program, where it is known.
        tensor_roots: Of all steps' outputs, where they are known. They need not be of tensors that the trace has.

    Raises:
        InputError: the run did not keep a tensor.
    """

    def __init__(
        self,
        trace: Trace,
        commitment: ProgramCommitment | None = None,
        tensor_roots: Sequence[bytes] | None = None,
    ) -> None:
        self.trace, self.program = trace, trace.program
        self.commitment = commitment or program_commitment(trace.program)
        self._steps = roots_tree(self.commitment.step_hashes)
        self._lists = {
            RefKind.INPUT: TensorList(trace.inputs),
            RefKind.CONSTANT: TensorList(self.program.constants, self.commitment.constant_roots),
            RefKind.STEP: TensorList(trace.tensors, tensor_roots) if tensor_roots else TensorList(_whole(trace)),
        }

    @property
    def program_hash(self) -> bytes:
        return self.commitment.program_hash

    @property
    def trace_root(self) -> bytes:
        return self._lists[RefKind.STEP].root

    @property
    def input_root(self) -> bytes:
        return self._lists[RefKind.INPUT].root

    @property
    def _preimage(self) -> ProgramPreimage:
        return program_preimage(self.program, self.commitment)

    def _step(self, step_index: int) -> tuple[Step, list[Array]]:
        if not 0 <= step_index < len(self.program.steps):
            raise ModelError(f"There is no step {step_index} among {len(self.program.steps)}.")
        step = self.program.steps[step_index]
        return step, [self.trace.tensor(ref) for ref in step.operands]

    def witness(self, step_index: int, index: int) -> Witness:
        """Of the element with the flat index `index` of a step's output.

        Raises:
            ModelError: there is no such step or element.
        """
        step, operands = self._step(step_index)
        readings = readings_of(step, operands, index)
        return Witness(
            program=self._preimage.encode(),
            step_index=step_index,
            step=step.encode(),
            step_path=tuple(self._steps.prove(step_index)),
            element=index,
            output=self._lists[RefKind.STEP].open(step_index, [Reading(0, index)]),
            operands=tuple(self._operand(step, operand, readings) for operand in range(len(step.operands))),
        )

    def whole(self, step_index: int) -> Witness:
        """Of all of a step's output, of which nothing is opened: `tallystick.engine.whole` checks it against its root.

        Raises:
            ModelError: there is no such step.
        """
        step, operands = self._step(step_index)
        steps = self._lists[RefKind.STEP].tree
        assert steps is not None  # noqa: S101  # there is a step
        shown = [
            self._lists[ref.kind].open(ref.index, [Reading(operand, 0, operands[operand].size)])
            for operand, ref in enumerate(step.operands)
        ]
        return Witness(
            program=self._preimage.encode(),
            step_index=step_index,
            step=step.encode(),
            step_path=tuple(self._steps.prove(step_index)),
            element=0,
            output=OpenedTensor(step.header.encode(), b"", tuple(steps.prove(step_index)), ()),
            operands=tuple(shown),
        )

    def _operand(self, step: Step, operand: int, readings: Sequence[Reading]) -> OpenedTensor | None:
        ref, read = step.operands[operand], [reading for reading in readings if reading.operand == operand]
        if step.opcode is Opcode.CONCAT and not read:
            return None
        return self._lists[ref.kind].open(ref.index, read)


def _whole(trace: Trace) -> list[Array]:
    return [trace.tensor(Ref(RefKind.STEP, index)) for index in range(len(trace.tensors))]


def witness(trace: Trace, step_index: int, index: int) -> Witness:
    """One witness; who wants several keeps an `Opener`, which hashes what it opens once. Raises as `Opener` does."""
    return Opener(trace).witness(step_index, index)
