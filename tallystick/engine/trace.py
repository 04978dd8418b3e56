"""What a run leaves: every step's output, and the roots that commit to all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tallystick.engine.opcodes import Opcode
from tallystick.engine.program import Array, Program, Ref, RefKind, to_bytes
from tallystick.engine.tree import byte_root, roots_root, tensor_root
from tallystick.errors import InputError

EMPTY_ROOT = bytes(32)
"""Of a list with nothing in it."""


@dataclasses.dataclass(frozen=True)
class Commitment:
    """The roots of one run, 32 bytes each.

    Attributes:
        input_root: The only input's tensor root; of several, the root over them.
        trace_root: Over the tensor roots of all steps.
        output_root: The output's tensor root.
        tensor_roots: One for each step.
    """

    input_root: bytes
    trace_root: bytes
    output_root: bytes
    tensor_roots: tuple[bytes, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Trace:
    """One run of a program.

    Attributes:
        program: What ran.
        inputs: Arrays [*dims].
        tensors: For each step its output [*dims], or None where it was not kept.
    """

    program: Program
    inputs: tuple[Array, ...]
    tensors: tuple[Array | None, ...]

    @property
    def output(self) -> Array:
        """The program's result, [*dims]."""
        return self.tensor(Ref(RefKind.STEP, self.program.output))

    def tensor(self, ref: Ref) -> Array:
        """What an operand stands for. Raises InputError where the run did not keep it."""
        if ref.kind is RefKind.INPUT:
            return self.inputs[ref.index]
        if ref.kind is RefKind.CONSTANT:
            return self.program.constants[ref.index]
        tensor = self.tensors[ref.index]
        if tensor is None:
            raise InputError(f"This run did not keep the tensor of step {ref.index}.", remedy="Run it with trace=True.")
        return tensor

    def commit(self, *, threads: int = 1) -> Commitment:
        """The roots. Raises InputError where the run kept its output alone."""
        steps = [Ref(RefKind.STEP, index) for index in range(len(self.tensors))]
        inputs = [Ref(RefKind.INPUT, index) for index in range(len(self.inputs))]
        tree_roots = self._tree_roots([*inputs, *steps], threads)
        roots = {ref: tensor_root(self.program.header(ref).encode(), root) for ref, root in tree_roots.items()}
        tensor_roots = tuple(roots[ref] for ref in steps)
        return Commitment(
            input_root=inputs_root([roots[ref] for ref in inputs]),
            trace_root=list_root(tensor_roots),
            output_root=tensor_roots[self.program.output],
            tensor_roots=tensor_roots,
        )

    def _tree_roots(self, refs: Sequence[Ref], threads: int) -> dict[Ref, bytes]:
        """The root of each tensor's tree. A RESHAPE's is its operand's, and is not made twice."""
        same = {ref: _source(self.program, ref) for ref in refs}
        distinct = list(dict.fromkeys(same.values()))

        def root(ref: Ref) -> bytes:
            return byte_root(to_bytes(self.tensor(ref)))

        if threads <= 1:
            found = dict(zip(distinct, map(root, distinct), strict=True))
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = dict(zip(distinct, pool.map(root, distinct), strict=True))
        return {ref: found[source] for ref, source in same.items()}


def _source(program: Program, ref: Ref) -> Ref:
    """The tensor whose bytes `ref` has: itself, or what a chain of RESHAPEs began with."""
    while ref.kind is RefKind.STEP and program.steps[ref.index].opcode is Opcode.RESHAPE:
        ref = program.steps[ref.index].operands[0]
    return ref


def list_root(roots: Sequence[bytes]) -> bytes:
    """The root over 32-byte roots; 32 zero bytes for none."""
    return roots_root(roots) if roots else EMPTY_ROOT


def inputs_root(roots: Sequence[bytes]) -> bytes:
    """What a run's inputs are named by, from their tensor roots."""
    return roots[0] if len(roots) == 1 else list_root(roots)
