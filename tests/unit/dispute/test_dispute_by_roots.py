"""Claims whose tensors are somewhere else: few are fetched, each is checked, and what cannot be had is withheld."""

from __future__ import annotations

import numpy as np
import pytest
from dispute_claims import proves, random_trace, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dispute.claims import Claim, honest_claim
from tallystick.dispute.faults import ElementFault, HeaderFault, OutputFault, PaddingFault, WeightsFault, corrupt
from tallystick.dispute.findings import Agrees, Fault, Withheld
from tallystick.dispute.packing import FaultKind
from tallystick.dispute.published import PublishedTensor, read_published
from tallystick.dispute.search import examine, examine_by_roots
from tallystick.engine.fold import LEAF_BYTES
from tallystick.errors import ArtifactMissingError, InputError

TRACE = small_network()
PROGRAM = TRACE.program
HONEST = honest_claim(TRACE)
STEPS = range(len(PROGRAM.steps))


class Shelf:
    """What a claimer published, which remembers what was fetched."""

    def __init__(self, items, trace=TRACE):
        self.shown = read_published(trace.program, items)
        self.fetched = []
        self.missing = set()
        self.swapped = {}

    def fetch(self, step):
        self.fetched.append(step)
        if step in self.missing:
            raise ArtifactMissingError(f"no store has step {step}")
        return self.shown.tensors[self.swapped.get(step, step)]


def found(shelf, claim, trace=TRACE, **options):
    return examine_by_roots(trace.program, trace.inputs, claim, shelf.shown.roots, shelf.fetch, **options)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_examine_by_roots_given_an_honest_claim_fetches_nothing_and_agrees(seed):
    trace = random_trace(seed)
    shelf = Shelf(trace.tensors, trace)
    assert found(shelf, honest_claim(trace), trace) == Agrees()
    assert shelf.fetched == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("carried", [True, False])
def test_examine_by_roots_given_a_wrong_element_fetches_its_tensor_alone_and_finds_it(step, carried):
    false = corrupt(TRACE, ElementFault(step, carried=carried))
    shelf = Shelf(false.published)
    fault = found(shelf, false.claim)
    assert isinstance(fault, Fault)
    assert shelf.fetched == ([] if fault.kind is FaultKind.OUTPUT else [step])
    assert proves(fault, TRACE, false.claim)
    assert fault == examine(PROGRAM, TRACE.inputs, false.claim, false.published)


@pytest.mark.parametrize("step", STEPS)
def test_examine_by_roots_given_a_wrong_header_finds_it(step):
    false = corrupt(TRACE, HeaderFault(step))
    fault = found(Shelf(false.published), false.claim)
    assert (fault.kind, fault.step) == (FaultKind.HEADER, step)
    assert proves(fault, TRACE, false.claim)


def test_examine_by_roots_given_wrong_padding_finds_it():
    step = next(index for index in STEPS if PROGRAM.steps[index].header.byte_size % LEAF_BYTES)
    false = corrupt(TRACE, PaddingFault(step))
    fault = found(Shelf(false.published), false.claim)
    assert (fault.kind, fault.step) == (FaultKind.PADDING, step)


def test_examine_by_roots_given_other_weights_finds_the_first_step_that_uses_them():
    false = corrupt(TRACE, WeightsFault(0))
    shelf = Shelf(false.published)
    fault = found(shelf, false.claim)
    assert (fault.kind, fault.step, shelf.fetched) == (FaultKind.ELEMENT, 0, [0])


def test_examine_by_roots_given_a_wrong_output_needs_no_tensor_and_no_run():
    false = corrupt(TRACE, OutputFault())
    shelf = Shelf(false.published)
    asked = []
    fault = found(shelf, false.claim, watch=asked.append)
    assert (fault.kind, shelf.fetched, asked) == (FaultKind.OUTPUT, [], [])
    assert proves(fault, TRACE, false.claim)


# ---- what is not to be had --------------------------------------------------------------------------------------------


def test_examine_by_roots_given_a_missing_tensor_is_withheld_at_its_step():
    false = corrupt(TRACE, ElementFault(1))
    shelf = Shelf(false.published)
    shelf.missing = {1}
    assert found(shelf, false.claim) == Withheld("The tensor of step 1 cannot be had: no store has step 1", 1)
    assert shelf.fetched == [1]  # what is computed from it shows nothing


def test_examine_by_roots_given_another_tensor_in_its_place_is_withheld():
    false = corrupt(TRACE, ElementFault(1))
    shelf = Shelf(false.published)
    shelf.swapped = {1: 2}
    assert found(shelf, false.claim) == Withheld("What was published of step 1 does not hash to its root.", 1)


def test_examine_by_roots_given_two_wrong_steps_and_the_first_missing_shows_the_other():
    first, second = 0, 4
    assert all(ref.index != first for ref in PROGRAM.steps[second].operands)
    items = list(corrupt(TRACE, ElementFault(first, carried=False)).published)
    items[second] = corrupt(TRACE, ElementFault(second, carried=False)).published[second]
    shelf = Shelf(items)
    shelf.missing = {first}
    claim = Claim(shelf.shown.root, shelf.shown.roots[PROGRAM.output], HONEST.input_root)
    assert found(shelf, claim).step in {
        1,
        second,
    }  # a step right behind the first is wrong of the claimer's own operands


def test_examine_by_roots_given_roots_of_another_trace_goes_by_the_claim_alone():
    false = corrupt(TRACE, ElementFault(1))
    shelf = Shelf(TRACE.tensors)
    withheld = found(shelf, false.claim)
    assert withheld == Withheld("The roots that were published are not those of the claim's trace.")
    assert found(Shelf(false.published), HONEST) == Agrees()


def test_examine_by_roots_given_a_raw_tensor_under_a_lying_header_never_finds_an_honest_claim_wrong():
    tensors = [PublishedTensor(b"\x07lie", np.zeros(3, np.uint8), is_raw=True)] * len(STEPS)
    result = examine_by_roots(PROGRAM, TRACE.inputs, HONEST, Shelf(TRACE.tensors).shown.roots, tensors.__getitem__)
    assert result == Agrees()


def test_examine_by_roots_given_a_watch_that_has_enough_stops_there():
    def watch(step):
        if step == 2:
            raise InputError("out of time")

    with pytest.raises(InputError, match="out of time"):
        found(Shelf(TRACE.tensors), HONEST, watch=watch)
