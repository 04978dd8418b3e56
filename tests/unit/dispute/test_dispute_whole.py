"""A tensor of which only the root is known, and what its step makes of operands that are: computed whole, and compared."""

from __future__ import annotations

import dataclasses

import pytest
from dispute_claims import small_network

from scripts.engine_vectors import sample_trace
from tallystick.dispute.claims import Claim, honest_claim
from tallystick.dispute.faults import ElementFault, HeaderFault, PaddingFault, corrupt
from tallystick.dispute.findings import Fault, WholeWitness, Withheld, kind_shown
from tallystick.dispute.packing import FaultKind
from tallystick.dispute.published import read_published
from tallystick.dispute.search import MOST_WHOLE_GAS, examine_by_roots
from tallystick.engine.commitments import program_commitment
from tallystick.engine.opener import Opener
from tallystick.errors import ArtifactMissingError, WitnessError

TRACE = sample_trace()
PROGRAM = TRACE.program
HASH = program_commitment(PROGRAM).program_hash
HONEST = honest_claim(TRACE)
ROOTS = read_published(PROGRAM, TRACE.tensors).roots
SMALL, LARGE = 5, 0
"""Steps whose tensors fit one transaction, and do not."""


def nowhere(step):
    raise ArtifactMissingError(f"no store has step {step}")


def judged(false):
    """What comes of a claim of which the roots were published and no tensor."""
    return examine_by_roots(PROGRAM, TRACE.inputs, false.claim, read_published(PROGRAM, false.published).roots, nowhere)


@pytest.mark.parametrize(
    "fault",
    [ElementFault(SMALL, 7), ElementFault(SMALL, 7, carried=False), HeaderFault(SMALL), PaddingFault(SMALL)],
    ids=["an element, carried on", "an element", "another header", "padding"],
)
def test_examine_by_roots_given_no_tensor_of_a_small_step_shows_it_whole(fault):
    found = judged(corrupt(TRACE, fault))
    assert isinstance(found, Fault)
    assert (found.kind, found.step, found.element, found.computed) == (FaultKind.WHOLE, SMALL, None, None)
    assert 0 < found.gas <= MOST_WHOLE_GAS
    assert found.packed[0] == FaultKind.WHOLE


def test_examine_by_roots_given_no_tensor_of_a_large_step_finds_it_withheld():
    found = judged(corrupt(TRACE, ElementFault(LARGE, 7)))
    assert isinstance(found, Withheld)
    assert found.step == LARGE


def test_examine_by_roots_given_every_step_shows_or_asks_and_never_agrees():
    trace = small_network()
    for step in range(len(trace.program.steps)):
        false = corrupt(trace, ElementFault(step))
        roots = read_published(trace.program, false.published).roots
        found = examine_by_roots(trace.program, trace.inputs, false.claim, roots, nowhere)
        assert isinstance(found, Fault | Withheld)
        assert found.step == step


def shown(step, claimed, claim=HONEST):
    opener = Opener(TRACE, None, ROOTS)
    return kind_shown(WholeWitness(opener.whole(step), claimed), claim, HASH)


@pytest.mark.parametrize("step", range(len(PROGRAM.steps)))
def test_kind_shown_given_an_honest_tensor_shows_nothing(step):
    with pytest.raises(WitnessError) as refused:
        shown(step, ROOTS[step])
    assert refused.value.reason == "Agrees"


def test_kind_shown_given_a_root_that_is_not_in_the_trace_shows_nothing():
    with pytest.raises(WitnessError) as refused:
        shown(SMALL, bytes(32))
    assert refused.value.reason == "Output"


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"input_root": bytes(32)}, None), ({"trace_root": bytes(32)}, "Output")],
    ids=["another input", "another trace"],
)
def test_kind_shown_given_another_claim_shows_nothing(change, reason):
    claim = Claim(**{**dataclasses.asdict(HONEST), **change})
    with pytest.raises(WitnessError) as refused:
        shown(0, ROOTS[0], claim)
    assert refused.value.reason == (reason or "Operand")


def test_kind_shown_given_an_operand_that_is_not_shown_shows_nothing():
    whole = Opener(TRACE, None, ROOTS).whole(SMALL)
    bare = dataclasses.replace(whole, operands=(None,) * len(whole.operands))
    with pytest.raises(WitnessError) as refused:
        kind_shown(WholeWitness(bare, ROOTS[SMALL]), HONEST, HASH)
    assert refused.value.reason == "Missing"
