"""Demands, their evidence and their answers as bytes for `TraceDemands`; contracts/interfaces/ITraceDemands.sol has the layout."""

from __future__ import annotations

from tallystick.dispute.known import Known
from tallystick.dispute.levels import Answer, Demand, list_levels
from tallystick.engine.commitments import ProgramCommitment, program_preimage
from tallystick.engine.fold import CHILD_LEVELS, HASH_BYTES
from tallystick.engine.program import Ref, RefKind
from tallystick.errors import ModelError, WitnessError
from tallystick.merkle import depth_of

Words = tuple[int, bool, int, int, int, int, bytes]
"""list, ofList, tensor, count, height, index, node: `Demand` in contracts/types/DemandTypes.sol."""
_HEAD_BYTES = 10


def demand_words(demand: Demand) -> Words:
    """A demand in ABI order. Its level is not among them: it follows from where the node is."""
    ref = demand.ref
    return int(ref.kind), demand.of_list, ref.index, demand.count, demand.height, demand.index, demand.node


def read_demand(words: Words, tensors: int) -> Demand:
    """The inverse.

    Args:
        words: Of a demand that the contract took.
        tensors: How many there are in its list.

    Raises:
        WitnessError: `Form`: there is no such list.
    """
    kind, of_list, tensor, count, height, index, node = words
    if kind not in set(RefKind):
        raise WitnessError("Form", f"There is no list {kind} of tensors.")
    steps = (depth_of(count) - height) // CHILD_LEVELS if count else 0
    level = steps if of_list else list_levels(tensors) + steps
    return Demand(level, Ref(RefKind(kind), tensor), of_list, count, height, index, node)


def pack_evidence(known: Known, commitment: ProgramCommitment, demand: Demand) -> bytes:
    """That the demanded node is what the claim's roots lead to.

    Args:
        known: What the demand was made from: `next_demand`.
        commitment: Of its program.
        demand: One that `known` leads to.

    Raises:
        InputError: something on the way to the node is not known.
    """
    program = program_preimage(known.program, commitment).encode()
    items, ref = known.lists[demand.ref.kind], demand.ref
    if demand.of_list:
        return b"".join([program, *items.path(demand.height, demand.index)])
    path = items.path(0, ref.index)
    if demand.is_root:
        return b"".join([program, *path])
    tensor = known.tensors[ref]
    return b"".join([program, tensor.header, *tensor.nodes.path(demand.height, demand.index), *path])


def pack_answer(answer: Answer) -> bytes:
    """What `TraceDemands.answer` takes."""
    return b"".join([answer.header, answer.data, *answer.hashes])


def read_answer(demand: Demand, packed: bytes) -> Answer:
    """What was shown, as the contract's log has it. `check_answer` says whether it is right.

    Raises:
        WitnessError: `Answer`: it is not of the form that was asked for.
    """
    header = packed[: _HEAD_BYTES + 4 * packed[1]] if demand.is_root and len(packed) >= _HEAD_BYTES else b""
    try:
        placed = demand.under(header)
    except ModelError as error:
        raise WitnessError("Answer", f"What was shown of {demand.ref} has no header in front: {error.what}") from error
    shown = packed[len(header) :]
    if placed.wants_data:
        return Answer(data=shown, header=header)
    if len(shown) % HASH_BYTES:
        raise WitnessError("Answer", f"{len(shown)} bytes are no whole number of hashes.")
    hashes = tuple(shown[at : at + HASH_BYTES] for at in range(0, len(shown), HASH_BYTES))
    return Answer(hashes, header=header)
