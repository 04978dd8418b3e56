"""The ways to be wrong are wrong as they say, and in nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from dispute_claims import random_trace, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dispute.claims import honest_claim
from tallystick.dispute.faults import (
    ElementFault,
    HeaderFault,
    OutputFault,
    PaddingFault,
    WeightsFault,
    corrupt,
    recomputed,
)
from tallystick.dispute.published import read_published
from tallystick.engine.element import element_of
from tallystick.engine.trace import Trace
from tallystick.errors import InputError

TRACE = small_network()
HONEST = honest_claim(TRACE)
EVERY = [
    ElementFault(0),
    WeightsFault(0),
    OutputFault(),
    HeaderFault(0),
    PaddingFault(0),
    PaddingFault(0, in_slot=True),
]


@pytest.mark.parametrize("fault", EVERY, ids=str)
def test_corrupt_publishes_what_its_claim_commits_to(fault):
    false = corrupt(TRACE, fault)
    assert read_published(TRACE.program, false.published).root == false.claim.trace_root
    assert false.claim.input_root == HONEST.input_root
    assert false.claim != HONEST


def test_corrupt_given_an_output_fault_changes_nothing_else():
    false = corrupt(TRACE, OutputFault())
    assert false.claim.trace_root == HONEST.trace_root
    assert false.claim.output_root != HONEST.output_root


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 255))
def test_corrupt_given_an_element_that_is_carried_is_consistent_everywhere_else(seed, by):
    """Each step is right about the claimer's own operands, but for the one element."""
    trace, rng = random_trace(seed), np.random.default_rng(seed)
    step = int(rng.integers(len(trace.program.steps)))
    wrong = Trace(trace.program, trace.inputs, corrupt(trace, ElementFault(step, 0, by)).published)
    for index, each in enumerate(trace.program.steps):
        for element in rng.integers(each.header.size, size=3).tolist():
            right = element_of(wrong, index, element)
            assert (wrong.tensors[index].reshape(-1)[element] == right) == ((index, element) != (step, 0))


def test_corrupt_given_an_element_that_is_not_carried_changes_one_number():
    false = corrupt(TRACE, ElementFault(0, 5, carried=False))
    wrong = [
        np.flatnonzero(a.reshape(-1) != b.reshape(-1)).tolist()
        for a, b in zip(false.published, TRACE.tensors, strict=True)
    ]
    assert wrong == [[5], *[[]] * (len(wrong) - 1)]


def test_corrupt_at_the_end_of_a_dtype_goes_round():
    highest = next(
        (step, int(tensor.argmax()))
        for step, tensor in enumerate(TRACE.tensors)
        if tensor.max() == np.iinfo(tensor.dtype).max
    )
    wrong = corrupt(TRACE, ElementFault(*highest, carried=False)).published[highest[0]]
    assert wrong.reshape(-1)[highest[1]] == np.iinfo(wrong.dtype).min


def test_corrupt_leaves_the_honest_trace_alone():
    for fault in EVERY:
        corrupt(TRACE, fault)
    assert honest_claim(TRACE) == HONEST


def test_recomputed_given_nothing_changed_is_the_trace():
    assert all(np.array_equal(a, b) for a, b in zip(recomputed(TRACE, {}), TRACE.tensors, strict=True))
    same = recomputed(TRACE, {0: TRACE.tensors[0]})
    assert all(np.array_equal(a, b) for a, b in zip(same, TRACE.tensors, strict=True))


@pytest.mark.parametrize(
    "fault",
    [
        ElementFault(99),
        ElementFault(-1),
        ElementFault(0, 10**6),
        ElementFault(0, -(10**6)),
        WeightsFault(99),
        WeightsFault(0, 10**6),
        HeaderFault(99),
        PaddingFault(99),
    ],
    ids=str,
)
def test_corrupt_given_what_is_not_there_refuses(fault):
    with pytest.raises(InputError):
        corrupt(TRACE, fault)
