"""What all demands and answers of one claim come to: which parts of its trace are known, and what to ask for next."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tallystick.dispute.claims import Claim
from tallystick.dispute.levels import (
    Answer,
    Demand,
    Target,
    check_answer,
    first_demand,
    list_demand,
    list_levels,
    tensor_demand,
)
from tallystick.dispute.nodes import Nodes
from tallystick.engine.commitments import ProgramCommitment
from tallystick.engine.fold import LEAF_BYTES, leaf_count, leaf_hashes
from tallystick.engine.program import Program, Ref, RefKind
from tallystick.errors import InputError, WitnessError
from tallystick.merkle import depth_of


@dataclasses.dataclass(frozen=True)
class KnownTensor:
    """What was shown of one tensor.

    Attributes:
        header: As its root hashes it.
        tree_root: Of the tree over its bytes.
        nodes: Of that tree, as large as the header says.
        leaves: Their bytes, LEAF_BYTES each, by index.
    """

    header: bytes
    tree_root: bytes
    nodes: Nodes
    leaves: Mapping[int, bytes]


@dataclasses.dataclass(frozen=True)
class Known:
    """What is known of a claim.

    Attributes:
        program: The claim's.
        lists: Of each kind of operand, the tree over its tensors' roots; a kind of which there is none is not there.
        tensors: Those of which something but the root was shown.
    """

    program: Program
    lists: Mapping[RefKind, Nodes]
    tensors: Mapping[Ref, KnownTensor]

    @classmethod
    def of(cls, program: Program, commitment: ProgramCommitment, claim: Claim) -> Known:
        """Nothing but the claim and the program's commitment."""
        roots = {
            RefKind.INPUT: (len(program.inputs), claim.input_root),
            RefKind.CONSTANT: (len(program.constants), commitment.constants_root),
            RefKind.STEP: (len(program.steps), claim.trace_root),
        }
        return cls(program, {kind: Nodes.of_root(*each) for kind, each in roots.items() if each[0]}, {})

    def has(self, target: Target) -> bool:
        """Whether the leaf is known, or never will be because its tensor has another header."""
        tensor = self.tensors.get(target.ref)
        if tensor is None:
            return False
        return target.leaf in tensor.leaves or tensor.header != self.program.header(target.ref).encode()

    def with_answer(self, demand: Demand, answer: Answer) -> Known:
        """What is known once a demand was answered.

        Raises:
            WitnessError: `Answer`: that is no answer to it.
        """
        if not check_answer(demand, answer):
            raise WitnessError("Answer", f"What was shown is not what the demand of level {demand.level} asks for.")
        placed = demand.under(answer.header)
        low, first, _ = placed.span
        if demand.of_list:
            nodes = self.lists[demand.ref.kind].joined(low, first, answer.hashes)
            return dataclasses.replace(self, lists={**self.lists, demand.ref.kind: nodes})
        new = KnownTensor(answer.header, b"", Nodes(placed.count, {}), {})
        tensor = new if demand.is_root else self.tensors[demand.ref]
        hashes = leaf_hashes(answer.data) if placed.wants_data else answer.hashes
        leaves = [answer.data[at : at + LEAF_BYTES] for at in range(0, len(answer.data), LEAF_BYTES)]
        shown = dataclasses.replace(
            tensor,
            nodes=tensor.nodes.joined(low, first, hashes),
            leaves={**tensor.leaves, **dict(enumerate(leaves, first))},
        )
        return dataclasses.replace(self, tensors={**self.tensors, demand.ref: _rooted(shown)})


def _rooted(tensor: KnownTensor) -> KnownTensor:
    """With the tree's root, which follows from what was first shown below it."""
    if tensor.tree_root:
        return tensor
    depth = depth_of(tensor.nodes.count)
    root = tensor.nodes.node(depth, 0)
    return dataclasses.replace(tensor, tree_root=root, nodes=tensor.nodes.joined(depth, 0, [root]))


def next_demand(known: Known, target: Target) -> Demand | None:
    """What has to be asked for next on the way to a leaf; None where it is known, or its tensor's header is another.

    Raises:
        InputError: there is no such tensor or leaf.
    """
    if known.has(target):
        return None
    ref = target.ref
    items = known.lists[ref.kind]
    demand = list_demand(items, ref.kind, ref.index)
    if demand:
        return demand
    level = list_levels(items.count)
    if ref in known.tensors:
        return tensor_demand(level, ref, known.tensors[ref].nodes, target.leaf)
    header = known.program.header(ref)
    if not 0 <= target.leaf < leaf_count(header.byte_size):
        raise InputError(f"A tensor {header} has no leaf {target.leaf}.")
    return first_demand(level, ref, items.node(0, ref.index))
