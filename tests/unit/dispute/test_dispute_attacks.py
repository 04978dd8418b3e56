"""Attacks on claims and by challengers, judged in Python. tests/contracts/test_dispute_attacks.py plays the same to the judge on chain."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from attack_claims import Attack, any_element, attacks, forward_program, rounded_model, ties_trace
from dispute_claims import random_trace
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dispute.claims import honest_claim
from tallystick.dispute.findings import Agrees, kind_shown
from tallystick.dispute.packing import FaultKind
from tallystick.dispute.search import examine
from tallystick.engine.commitments import program_commitment
from tallystick.engine.opcodes import Family
from tallystick.engine.validate import validate
from tallystick.errors import ModelError, WitnessError

ATTACKS = attacks()
BY_CLAIMERS = [attack for attack in ATTACKS if attack.kind]
BY_CHALLENGERS = [attack for attack in ATTACKS if not attack.kind]


def judged(attack: Attack) -> tuple[FaultKind, int | None]:
    kind, verdict = kind_shown(attack.witness, attack.claim, attack.program_hash)
    return kind, verdict.computed if verdict else None


@pytest.mark.parametrize("attack", BY_CLAIMERS, ids=lambda attack: attack.name)
def test_attack_by_a_claimer_ends_in_a_fault(attack: Attack) -> None:
    assert judged(attack) == (attack.kind, attack.computed)


@pytest.mark.parametrize("attack", BY_CHALLENGERS, ids=lambda attack: attack.name)
def test_attack_on_an_honest_claim_is_refused(attack: Attack) -> None:
    with pytest.raises(WitnessError) as caught:
        judged(attack)
    assert caught.value.reason == attack.reason


def test_attacks_reach_every_kind_of_fault_and_every_reason() -> None:
    assert {attack.kind for attack in BY_CLAIMERS} == set(FaultKind)
    assert {attack.reason for attack in BY_CHALLENGERS} == {"Agrees", "Program", "Operand", "Invalid", "Opening"}


def test_ties_are_of_both_signs_and_round_to_even() -> None:
    trace = ties_trace()
    sums = next(t for t, step in zip(trace.tensors, trace.program.steps, strict=True) if step.opcode.name == "MATMUL")
    assert sums is not None
    assert sums.tolist() == [[-4, -2, -2, 0, 0, 2, 2, 4]]


def test_weights_moved_inside_a_rounding_cell_are_another_program() -> None:
    honest, moved = rounded_model(moved=False), rounded_model(moved=True)
    commitments = [program_commitment(trace.program) for trace in (honest, moved)]
    assert commitments[0].program_hash != commitments[1].program_hash
    assert commitments[0].constants_root != commitments[1].constants_root
    # And who runs the registered one has nothing to fear from who runs the other.
    assert examine(honest.program, honest.inputs, honest_claim(honest), moved.tensors) == Agrees()


def test_validate_given_a_step_that_reads_itself_refuses() -> None:
    with pytest.raises(ModelError, match="step 0"):
        validate(forward_program())


# ---- the property -----------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_any_changed_element_of_any_program_is_shown_by_one_witness(seed: int) -> None:
    trace = random_trace(seed)
    attack = any_element(trace, seed)
    assert judged(attack) == (FaultKind.ELEMENT, attack.computed)
    honest = honest_claim(trace)
    with pytest.raises(WitnessError):
        kind_shown(attack.witness, honest, attack.program_hash)


def test_random_programs_have_steps_of_every_family() -> None:
    met = {step.opcode.family for seed in range(60) for step in random_trace(seed).program.steps}
    assert met == set(Family)


# ---- moves ------------------------------------------------------------------------------------------------------------

MOVES = {
    "TraceDispute": {"commit", "proveFault", "proveFaultCommitted", "extend", "faultWithheld"},
    "TraceDemands": {"demand", "answer", "faultUnanswered", "giveBack", "withdraw"},
}
"""Everything that changes anything. zk-OPML's responder could deny what it had agreed to, and win; here nobody agrees to
anything, and of what a claimer can do (`answer`, `withdraw`) nothing ends a dispute in its favour but time."""


@pytest.mark.parametrize("contract", MOVES)
def test_judge_has_no_move_by_which_a_claimer_denies_or_wins(contract: str) -> None:
    abi = json.loads(resources.files("tallystick.chain").joinpath("abi", f"{contract}.json").read_text())
    changing = {
        entry["name"]
        for entry in abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert changing == MOVES[contract]
