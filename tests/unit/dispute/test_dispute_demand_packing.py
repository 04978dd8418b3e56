"""Demands, evidence and answers as the contract reads them, read here from docs and not from the contract."""

from __future__ import annotations

import pytest
from dispute_claims import long_program, small_network, step_ref

from tallystick.dispute.claims import honest_claim
from tallystick.dispute.demand_packing import demand_words, pack_answer, pack_evidence, read_answer, read_demand
from tallystick.dispute.held import HeldTrace, answer
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import Target, check_answer
from tallystick.engine.commitments import program_preimage
from tallystick.engine.fold import node_hash, tensor_root
from tallystick.engine.program import Ref, RefKind
from tallystick.errors import WitnessError

DEEP, LONG, SMALL = (HeldTrace(trace) for trace in (long_program(2**21 + 1), long_program(3, 2500), small_network()))
TARGETS = [
    *((SMALL, Target(Ref(kind, 0), 0)) for kind in RefKind),
    (SMALL, Target(step_ref(5), 1)),
    (DEEP, Target(step_ref(1), 8192)),
    (DEEP, Target(Ref(RefKind.INPUT, 0), 77)),
    (LONG, Target(step_ref(2400), 0)),
]


def walk(held, target):
    """(what was known before, demand, answer) on the way to a leaf."""
    known = Known.of(held.trace.program, held.commitment, honest_claim(held.trace))
    while demand := next_demand(known, target):
        shown = answer(held, demand)
        yield known, demand, shown
        known = known.with_answer(demand, shown)


def climbed(node, index, path):
    for at in range(0, len(path), 32):
        sibling = path[at : at + 32]
        node = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        index >>= 1
    return node


@pytest.mark.parametrize(("held", "target"), TARGETS)
def test_pack_evidence_leads_from_the_node_to_the_root_of_its_list(held, target):
    program = program_preimage(held.trace.program, held.commitment).encode()
    for known, demand, _ in walk(held, target):
        packed, items = pack_evidence(known, held.commitment, demand), known.lists[demand.ref.kind]
        assert packed.startswith(program)
        rest = packed[len(program) :]
        root = items.node((items.count - 1).bit_length(), 0)
        if demand.of_list:
            assert climbed(demand.node, demand.index, rest) == root
            continue
        node = demand.node
        if not demand.is_root:
            header = known.tensors[demand.ref].header
            assert rest.startswith(header)
            up = 32 * ((demand.count - 1).bit_length() - demand.height)
            node = tensor_root(header, climbed(node, demand.index, rest[len(header) : len(header) + up]))
            rest = rest[len(header) + up :]
        assert climbed(node, demand.ref.index, rest) == root
        assert len(rest) == 32 * (items.count - 1).bit_length()


@pytest.mark.parametrize(("held", "target"), TARGETS)
def test_read_demand_given_its_words_is_the_demand(held, target):
    for known, demand, _ in walk(held, target):
        assert read_demand(demand_words(demand), known.lists[demand.ref.kind].count) == demand


def test_read_demand_given_no_list_refuses():
    words = demand_words(next(walk(SMALL, Target(step_ref(0), 0)))[1])
    with pytest.raises(WitnessError):
        read_demand((3, *words[1:]), 6)


@pytest.mark.parametrize(("held", "target"), TARGETS)
def test_read_answer_given_what_was_packed_is_the_answer(held, target):
    for _, demand, shown in walk(held, target):
        assert read_answer(demand, pack_answer(shown)) == shown
        assert check_answer(demand, read_answer(demand, pack_answer(shown)))


@pytest.mark.parametrize("changed", [lambda packed: packed[:-1], lambda packed: b"", lambda packed: packed + b"\0"])
def test_read_answer_given_another_length_is_no_answer(changed):
    for held, target in TARGETS:
        for _, demand, shown in walk(held, target):
            try:
                read = read_answer(demand, changed(pack_answer(shown)))
            except WitnessError as error:
                assert error.reason == "Answer"
            else:
                assert not check_answer(demand, read)


def test_read_answer_given_no_header_in_front_refuses():
    (_, demand, shown) = list(walk(SMALL, Target(step_ref(0), 0)))[1]
    for packed in (b"\0" + pack_answer(shown)[1:], bytes(9), b"\1\xff" + bytes(40)):
        with pytest.raises(WitnessError, match="no header"):
            read_answer(demand, packed)
