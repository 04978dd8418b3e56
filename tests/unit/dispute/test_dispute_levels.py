"""What is withheld is asked for, level by level, until it is shown or its silence is the fault."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from dispute_claims import found, long_program, proves, random_trace, small_network, step_ref
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dispute.claims import Claim, honest_claim
from tallystick.dispute.faults import ElementFault, HeaderFault, PaddingFault, corrupt
from tallystick.dispute.findings import Withheld
from tallystick.dispute.held import HeldTrace, answer, first_difference
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import (
    MOST_LEAVES,
    MOST_LEVELS,
    ROOT_LEVELS,
    RUN_LEVELS,
    Answer,
    Demand,
    Target,
    check_answer,
    levels,
    list_levels,
    moves,
    tensor_levels,
)
from tallystick.dispute.packing import FaultKind
from tallystick.dispute.published import read_published
from tallystick.dispute.revealed import revealed_fault
from tallystick.dispute.showing import Showing
from tallystick.engine.commitments import program_commitment
from tallystick.engine.fold import CHILD_LEVELS, LEAF_BYTES, leaf_count
from tallystick.engine.headers import MAX_ELEMENTS
from tallystick.engine.program import MAX_STEPS, Ref, RefKind, to_bytes
from tallystick.errors import InputError, WitnessError
from tallystick.merkle import depth_of

TRACE = small_network()
COMMITMENT = program_commitment(TRACE.program)
HELD = HeldTrace(TRACE, COMMITMENT)
HONEST = honest_claim(TRACE)
SEEDS = st.integers(0, 2**32)


def whole_path(known, target, held):
    """All demands on the way to a leaf, answered by whoever holds the trace, and what is known then."""
    demands = []
    while demand := next_demand(known, target):
        demands.append(demand)
        known = known.with_answer(demand, answer(held, demand))
    return demands, known


def challenge(own, claim, shown, program):
    """A challenger's way: towards where the claim differs, with a claimer that answers from what it committed to."""
    known, count = Known.of(program, own.commitment, claim), 0
    while (target := first_difference(known, own)) and (demand := next_demand(known, target)):
        known = known.with_answer(demand, answered(shown, demand))
        count += 1
    return target, known, count


def answered(shown, demand):
    """From a published trace, be it as wrong as it may."""
    if demand.of_list:
        low, first, count = demand.span
        return Answer(tuple(shown.roots[first : first + count]))
    tensor = shown.tensors[demand.ref.index]
    header = tensor.header if demand.is_root else b""
    demand = demand.under(header)
    low, first, count = demand.span
    if demand.wants_data:
        data = tensor.data[first * LEAF_BYTES :][: count * LEAF_BYTES].tobytes()
        return Answer(data=data.ljust(count * LEAF_BYTES, b"\0"), header=header)
    return Answer(tuple(tensor.tree.node(low, first + k) for k in range(count)), header=header)


# ---- how many levels --------------------------------------------------------------------------------------------------


def test_levels_given_any_tensor_up_to_the_most_leaves_are_at_most_four():
    """Every number of leaves near every depth there is, and so every size: levels depend on the depth alone."""
    for depth in range(depth_of(MOST_LEAVES) + 1):
        for leaves in {(1 << depth >> 1) + 1, 1 << depth}:
            count = 1 + tensor_levels(leaves * LEAF_BYTES)
            assert depth_of(leaves) == depth
            assert count <= MOST_LEVELS
            assert levels(1 << ROOT_LEVELS, leaves * LEAF_BYTES) == count


def test_levels_given_the_engines_largest_tensor_and_program_are_two_more():
    """What the clock does not allow for: nothing of a tensor over 256 MiB or a program over 2,048 steps fits four levels."""
    assert levels(1 << ROOT_LEVELS, MOST_LEAVES * LEAF_BYTES + 1) == MOST_LEVELS + 1
    assert levels(MAX_STEPS, 4 * MAX_ELEMENTS) == MOST_LEVELS + 2


def test_tensor_levels_are_as_many_as_demands_from_the_root_to_a_leaf():
    """Counted by walking down, for every depth that the engine takes."""
    for depth in range(depth_of(leaf_count(4 * MAX_ELEMENTS)) + 1):
        height, count = depth, 1
        while height > RUN_LEVELS:
            height, count = max(0, height - CHILD_LEVELS), count + 1
        assert tensor_levels((1 << depth) * LEAF_BYTES) == count


@pytest.mark.parametrize(
    ("tensors", "byte_size", "expected"),
    [(1, 1, 3), (12, 16_384, 5), (12, 16_385, 7), (155, 1_204_224, 7), (155, 2**21, 7), (155, 2**21 + 1, 9)],
)
def test_moves_are_a_demand_and_an_answer_for_each_level_and_the_fault(tensors, byte_size, expected):
    assert moves(tensors, byte_size) == expected


@pytest.mark.parametrize("tensors", [1, 2, 128, 129, 2048, 2049, 65536])
def test_list_levels_are_as_many_as_demands_for_a_root(tensors):
    assert list_levels(tensors) == (0 if tensors == 1 else 1 if tensors <= 2048 else 2)


# ---- demands and answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(RefKind))
def test_next_demand_leads_to_every_leaf_of_everything_that_is_committed_to(kind):
    known = Known.of(TRACE.program, COMMITMENT, HONEST)
    for index in range(known.lists[kind].count):
        ref = Ref(kind, index)
        data = to_bytes(TRACE.tensor(ref)).tobytes()
        for leaf in range(leaf_count(len(data))):
            demands, after = whole_path(known, Target(ref, leaf), HELD)
            assert len(demands) == levels(known.lists[kind].count, len(data))
            assert [demand.level for demand in demands] == list(range(len(demands)))
            assert after.tensors[ref].leaves[leaf] == data[leaf * LEAF_BYTES :][:LEAF_BYTES].ljust(LEAF_BYTES, b"\0")
            assert after.tensors[ref].tree_root == HELD.tree(ref).root


@pytest.mark.parametrize("size", [16_384, 16_385, 2**15, 2**15 + 1, 2**21, 2**21 + 1, 5_000_001])
def test_next_demand_given_a_large_tensor_takes_its_levels(size):
    trace = long_program(size)
    held = HeldTrace(trace)
    known = Known.of(trace.program, held.commitment, honest_claim(trace))
    for leaf in (0, leaf_count(size) // 2, leaf_count(size) - 1):
        demands, after = whole_path(known, Target(step_ref(1), leaf), held)
        assert len(demands) == levels(2, size)
        assert after.tensors[step_ref(1)].nodes.prove(leaf) == held.tree(step_ref(1)).prove(leaf)


def test_next_demand_given_a_long_program_takes_two_levels_for_the_roots():
    trace = long_program(3, 2500)
    held = HeldTrace(trace)
    known = Known.of(trace.program, held.commitment, honest_claim(trace))
    demands, _ = whole_path(known, Target(step_ref(2400), 0), held)
    assert [(demand.of_list, demand.height, demand.span[2]) for demand in demands[:-1]] == [
        (True, 12, 79),
        (True, 5, 32),
    ]
    assert (demands[-1].is_root, demands[-1].count, demands[-1].height, demands[-1].index) == (True, 0, 0, 0)


def test_next_demand_never_asks_for_what_was_answered():
    known = Known.of(TRACE.program, COMMITMENT, HONEST)
    asked = set()
    for leaf in range(leaf_count(TRACE.program.steps[0].header.byte_size)):
        demands, known = whole_path(known, Target(step_ref(0), leaf), HELD)
        assert asked.isdisjoint(demands)
        asked.update(demands)
    assert len(asked) == 2  # the roots; the whole tensor


def test_next_demand_given_no_such_leaf_refuses():
    known = Known.of(TRACE.program, COMMITMENT, HONEST)
    _, known = whole_path(known, Target(step_ref(0), 0), HELD)
    for target in (Target(step_ref(1), 10**6), Target(step_ref(99), 0)):
        with pytest.raises(InputError):
            next_demand(known, target)


def test_answer_given_a_demand_of_another_program_refuses():
    with pytest.raises(InputError):
        answer(HELD, Demand(0, step_ref(0), True, 1000, 10, 0, bytes(32)))


def demands_of_all_forms():
    big = long_program(2**21 + 1)
    for held in (HELD, HeldTrace(big)):
        known = Known.of(held.trace.program, held.commitment, honest_claim(held.trace))
        for demand in whole_path(known, Target(step_ref(0), 1), held)[0]:
            yield demand, answer(held, demand)


def changed(given):
    """Everything that is nearly the answer."""
    if given.hashes:
        first = bytes([given.hashes[0][0] ^ 1]) + given.hashes[0][1:]
        yield dataclasses.replace(given, hashes=(first, *given.hashes[1:]))
        yield dataclasses.replace(given, hashes=given.hashes[:-1])
        yield dataclasses.replace(given, hashes=(*given.hashes, bytes(32)))
        yield dataclasses.replace(given, hashes=given.hashes[::-1])
        yield dataclasses.replace(given, hashes=(given.hashes[0][:31], *given.hashes[1:]))
        yield dataclasses.replace(given, data=b"\0")
    else:
        yield dataclasses.replace(given, data=given.data[:-1])
        yield dataclasses.replace(given, data=given.data + bytes(LEAF_BYTES))
        yield dataclasses.replace(given, data=bytes([given.data[0] ^ 1]) + given.data[1:])
        yield dataclasses.replace(given, hashes=(bytes(32),))
    yield dataclasses.replace(given, header=given.header + b"\0")
    yield Answer()
    yield Answer(header=given.header)
    yield Answer((bytes(32),), header=b"\1")


@pytest.mark.parametrize(("demand", "given"), list(demands_of_all_forms()))
def test_check_answer_given_anything_but_the_answer_refuses(demand, given):
    assert check_answer(demand, given)
    known = Known(TRACE.program, {}, {})
    for wrong in changed(given):
        assert not check_answer(demand, wrong)
        with pytest.raises(WitnessError) as caught:
            known.with_answer(demand, wrong)
        assert caught.value.reason == "Answer"


# ---- to the fault -----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans())
def test_first_difference_given_a_withheld_trace_leads_to_the_wrong_element(seed, carried):
    trace, rng = random_trace(seed), np.random.default_rng(seed)
    step = int(rng.integers(len(trace.program.steps)))
    element = int(rng.integers(trace.program.steps[step].header.size))
    false = corrupt(trace, ElementFault(step, element, 1, carried))
    assert isinstance(found(trace, false.claim, None), Withheld)
    own, shown = HeldTrace(trace), read_published(trace.program, false.published)
    target, known, count = challenge(own, false.claim, shown, trace.program)
    fault = revealed_fault(Showing(trace.program, own.commitment, false.claim), known, own, target.ref.index)
    assert (fault.kind, fault.step, fault.element) == (FaultKind.ELEMENT, step, element)
    assert proves(fault, trace, false.claim)
    assert 2 * count + 1 <= moves(len(trace.program.steps), trace.program.steps[step].header.byte_size)


@pytest.mark.parametrize("size", [16_385, 2**21, 2**21 + 1])
def test_first_difference_given_a_large_withheld_tensor_leads_to_its_wrong_leaf(size):
    trace = long_program(size, 3)
    false = corrupt(trace, ElementFault(1, size // 3))
    own, shown = HeldTrace(trace), read_published(trace.program, false.published)
    target, known, count = challenge(own, false.claim, shown, trace.program)
    fault = revealed_fault(Showing(trace.program, own.commitment, false.claim), known, own, target.ref.index)
    assert (fault.step, fault.element, count) == (1, size // 3, levels(3, size))
    assert proves(fault, trace, false.claim)


@pytest.mark.parametrize(
    ("corruption", "kind"), [(HeaderFault(1), FaultKind.HEADER), (PaddingFault(2), FaultKind.PADDING)]
)
def test_revealed_fault_given_what_elements_do_not_show_shows_it(corruption, kind):
    false = corrupt(TRACE, corruption)
    shown = read_published(TRACE.program, false.published)
    target, known, _ = challenge(HELD, false.claim, shown, TRACE.program)
    assert next_demand(known, target) is None
    fault = revealed_fault(Showing(TRACE.program, COMMITMENT, false.claim), known, HELD, target.ref.index)
    assert (fault.kind, fault.step) == (kind, corruption.step)
    assert proves(fault, TRACE, false.claim)


def test_check_answer_given_a_slot_that_is_used_has_none():
    """Whoever committed to it cannot answer, and that is the fault."""
    false = corrupt(TRACE, PaddingFault(0, in_slot=True))
    shown = read_published(TRACE.program, false.published)
    with pytest.raises(WitnessError):
        challenge(HELD, false.claim, shown, TRACE.program)


def test_first_difference_given_an_honest_claim_is_none():
    known = Known.of(TRACE.program, COMMITMENT, HONEST)
    assert first_difference(known, HELD) is None


def test_revealed_fault_given_an_honest_claim_is_none():
    known = Known.of(TRACE.program, COMMITMENT, HONEST)
    for step in range(len(TRACE.program.steps)):
        _, after = whole_path(known, Target(step_ref(step), 0), HELD)
        assert revealed_fault(Showing(TRACE.program, COMMITMENT, HONEST), after, HELD, step) is None


def test_known_given_no_claim_of_that_root_leads_nowhere():
    """An unopenable trace root: the first demand has no answer."""
    claim = Claim(bytes(32), HONEST.output_root, HONEST.input_root)
    demand = next_demand(Known.of(TRACE.program, COMMITMENT, claim), Target(step_ref(0), 0))
    assert demand.level == 0
    assert not check_answer(demand, answer(HELD, demand))
