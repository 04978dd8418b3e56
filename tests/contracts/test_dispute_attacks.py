"""Attacks on claims, and by challengers on honest ones, before the judge on chain: what tests/support/attack_claims.py makes.

faultOf
├── a lie of a claimer: the output, weights, shapes, padding, ties, undefined values, another input, noise → its fault
├── a forgery by a challenger: weights inside a rounding cell, inner nodes for leaves, a step that reads itself → refused
├── a right witness of an honest claim → TraceDispute_NoFault
└── any changed element of random programs of every family → that element; and nothing of the honest claim
proveFault
├── in the second after the claim → slashed: there is no stage to wait for
├── of noise that was claimed first → the job is open again, for more than before
└── on another chain with the same contracts → TraceDispute_OtherClaim
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from attack_claims import Attack, any_element, attacks, garbage, rounded_model
from dispute_stage import ELEMENT, ONE, DisputeStage, hexed
from engine_programs import random_program
from refusals import NotRefusedError, plain, refusal, refused
from stage import OPEN, Stage, event, rpc, share

from tallystick.dispute.claims import Claim, honest_claim
from tallystick.dispute.findings import packed_of
from tallystick.engine.executor import run
from tallystick.engine.opcodes import Family
from tallystick.engine.trace import Trace

RANDOM_PROGRAMS = 1_500 if os.environ.get("TALLYSTICK_TEST_LONG") else 60
REASONS = {"Agrees": "NoFault", "Opening": "Output"}
"""Where the contract has another word than Python: the claimed leaf and the output are looked up in one breath."""
ATTACKS = attacks()


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


def reference(claim: Claim) -> tuple[Any, ...]:
    """ClaimRef."""
    return (0, hexed(claim.input_root), hexed(claim.output_root), hexed(claim.trace_root))


def judged(dispute: DisputeStage, attack: Attack, claim: Claim | None = None) -> tuple[int, int] | str:
    """The kind of fault and what the step gives, or why there is none."""
    arguments = (hexed(attack.program_hash), reference(claim or attack.claim), packed_of(attack.witness))
    try:
        found = refusal(dispute.judge.faultOf, *arguments, sender=dispute.stage.finder)
        return found.name.removeprefix("TraceDispute_")
    except NotRefusedError:
        kind, _, _, computed, _ = plain(dispute.judge.faultOf(*arguments))
        return kind, computed


# ---- as Python judges -------------------------------------------------------------------------------------------------


def test_fault_of_every_lie_of_a_claimer_is_the_one_that_python_finds(dispute: DisputeStage) -> None:
    lies = [attack for attack in ATTACKS if attack.kind]
    found = {attack.name: judged(dispute, attack) for attack in lies}
    assert found == {attack.name: (int(attack.kind or 0), attack.computed or 0) for attack in lies}
    assert len(found) == len(lies) > 50


def test_fault_of_every_forgery_of_a_challenger_is_refused(dispute: DisputeStage) -> None:
    forgeries = [attack for attack in ATTACKS if not attack.kind]
    found = {attack.name: judged(dispute, attack) for attack in forgeries}
    assert found == {attack.name: REASONS.get(attack.reason, attack.reason) for attack in forgeries}
    assert set(found.values()) == {"NoFault", "Program", "Operand", "Invalid", "Output"}


# ---- any element of any program ---------------------------------------------------------------------------------------


def random_trace(seed: int) -> Trace:
    program, x = random_program(seed)
    return run(program, [x])


def test_fault_of_any_changed_element_of_random_programs_shows_it(dispute: DisputeStage) -> None:
    families = set()
    for seed in range(RANDOM_PROGRAMS):
        trace = random_trace(seed)
        attack = any_element(trace, seed)
        assert judged(dispute, attack) == (ELEMENT, attack.computed), attack.name
        assert isinstance(judged(dispute, attack, honest_claim(trace)), str), attack.name
        families.update(step.opcode.family for step in trace.program.steps)
    assert families == set(Family)


# ---- transactions -----------------------------------------------------------------------------------------------------


def test_prove_fault_in_the_second_after_the_claim_waits_for_nothing(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(0, 3)
    packed = wrong.packed(0, 3)
    terms = dispute.claimed(wrong)
    claimed_at = dispute.stage.now()
    transaction = dispute.prove(terms, wrong.ref(), packed)
    assert event(transaction, "JobFaulted")["challenger"] == plain(dispute.stage.finder)
    assert dispute.stage.now() == claimed_at + 1


def test_prove_fault_of_noise_that_was_claimed_first_opens_the_job_for_more(dispute: DisputeStage) -> None:
    """zk-OPML's first responder holds an inference for good; here the next operator finds a bounty."""
    stage, attack = dispute.stage, garbage()
    terms = stage.assigned(
        stage.traced_terms(modelId=dispute.model, inputs=[hexed(attack.claim.input_root)], rampSeconds=0, **ONE)
    )
    stage.settle(terms, 0, outputRoot=hexed(attack.claim.output_root), proof=attack.claim.trace_root)
    dispute.prove(terms, reference(attack.claim), packed_of(attack.witness))
    state = stage.state(terms)
    assert (state["status"], state["nextMilestone"]) == (OPEN, 0)
    assert state["bounty"] == share(terms["stakeLock"], 1_000)
    stage.accept(terms, stage.rival)


def test_prove_fault_on_another_chain_finds_no_such_claim(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(0, 3)
    terms, chain_id = dispute.claimed(wrong), int(rpc("eth_chainId"), 16)
    rpc("anvil_setChainId", chain_id + 1)
    try:
        found = dispute.refusal(terms, wrong.ref(), wrong.packed(0, 3))
    finally:
        rpc("anvil_setChainId", chain_id)
    assert found.name == "TraceDispute_OtherClaim"
    assert dispute.prove(terms, wrong.ref(), wrong.packed(0, 3)).status == 1


def test_prove_fault_of_an_honest_claim_by_weights_inside_a_rounding_cell_reverts(dispute: DisputeStage) -> None:
    """As zk-OPML's was won: a challenger moves weights where their hash, by three decimals, does not."""
    trace, forgeries = (
        rounded_model(moved=False),
        [attack for attack in ATTACKS if "moved inside a cell" in attack.name],
    )
    claim, stage = honest_claim(trace), dispute.stage
    model = dispute.register("rounded", program_hash=forgeries[0].program_hash)
    root = hexed(claim.input_root)
    terms = stage.assigned(stage.traced_terms(modelId=model, inputs=[root], rampSeconds=0, **ONE))
    stage.settle(terms, 0, outputRoot=hexed(claim.output_root), proof=claim.trace_root)
    reasons = [dispute.refusal(terms, reference(claim), packed_of(attack.witness)) for attack in forgeries]
    assert reasons[0].name == "TraceDispute_Program"
    assert reasons[1] == refused("TraceDispute_Operand", kind=1)
    stage.finalize(terms)
