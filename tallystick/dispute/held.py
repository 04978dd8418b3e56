"""A trace in the hands of whoever has it: the trees over all of it, which answer demands and show where another trace differs."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.dispute.known import Known
from tallystick.dispute.levels import Answer, Demand, Target
from tallystick.dispute.nodes import Nodes
from tallystick.engine.commitments import ProgramCommitment, array_root, program_commitment
from tallystick.engine.fold import LEAF_BYTES
from tallystick.engine.program import Ref, RefKind, header_of, to_bytes
from tallystick.engine.trace import Trace
from tallystick.engine.tree import Tree, byte_tree, roots_tree
from tallystick.errors import InputError


class HeldTrace:
    """A whole trace; trees are made when they are first needed.

    Args:
        trace: With the outputs of all steps.
        commitment: Of its program, where it is known.
    """

    def __init__(self, trace: Trace, commitment: ProgramCommitment | None = None) -> None:
        self.trace = trace
        self.commitment = commitment or program_commitment(trace.program)
        self._lists: dict[RefKind, Tree] = {}
        self._trees: dict[Ref, Tree] = {}

    def list_tree(self, kind: RefKind) -> Tree:
        """Over the tensor roots of a list. Raises InputError for one without tensors."""
        if kind not in self._lists:
            self._lists[kind] = roots_tree(self._roots(kind))
        return self._lists[kind]

    def _roots(self, kind: RefKind) -> Sequence[bytes]:
        if kind is RefKind.CONSTANT:
            return self.commitment.constant_roots
        # Not `Trace.commit`, which believes that a RESHAPE has its operand's bytes: this trace may be a liar's.
        count = len(self.trace.inputs if kind is RefKind.INPUT else self.trace.tensors)
        return [array_root(self.trace.tensor(Ref(kind, index))) for index in range(count)]

    def tree(self, ref: Ref) -> Tree:
        """Over one tensor's bytes."""
        if ref not in self._trees:
            self._trees[ref] = byte_tree(to_bytes(self.trace.tensor(ref)))
        return self._trees[ref]


def answer(held: HeldTrace, demand: Demand) -> Answer:
    """What answers a demand on a claim of this trace. Raises InputError where the demand is of another program or claim."""
    tree = held.list_tree(demand.ref.kind) if demand.of_list else held.tree(demand.ref)
    header = header_of(held.trace.tensor(demand.ref)).encode() if demand.is_root else b""
    placed = demand.under(header)
    if tree.n_leaves != placed.count:
        raise InputError(f"A tree over {placed.count} leaves was asked for, and this one has {tree.n_leaves}.")
    low, first, count = placed.span
    if not placed.wants_data:
        return Answer(tuple(tree.node(low, first + place) for place in range(count)), header=header)
    data = to_bytes(held.trace.tensor(demand.ref))[first * LEAF_BYTES :][: count * LEAF_BYTES].tobytes()
    return Answer(data=data.ljust(count * LEAF_BYTES, b"\0"), header=header)


def first_difference(known: Known, own: HeldTrace) -> Target | None:
    """The leaf to go for next where a claim's trace differs from one's own: in its first differing tensor, as far as is known.

    All operands of that tensor agree. None where nothing that is known differs.
    """
    steps = known.lists[RefKind.STEP]
    tensor = _first_wrong(steps, own.list_tree(RefKind.STEP))
    if tensor is None:
        return None
    ref = Ref(RefKind.STEP, tensor)
    shown = known.tensors.get(ref)
    if shown is None or shown.header != known.program.header(ref).encode():
        return Target(ref, 0)
    return Target(ref, _first_wrong(shown.nodes, own.tree(ref)) or 0)


def _first_wrong(nodes: Nodes, own: Tree) -> int | None:
    """The first leaf below the lowest known node that differs. What is lower was shown because it was above it."""
    for (height, index), node in sorted(nodes.known.items()):
        if node != own.node(height, index):
            return index << height
    return None
