"""MilestoneSettlement.claim and statementOf. What a payment does to the money is in test_escrow_pay.py.

claim
├── nobody holds the job
│   ├── it is open → MilestoneSettlement_NotAssigned
│   └── it is completed → MilestoneSettlement_NotAssigned
├── not the next milestone
│   ├── one further on → MilestoneSettlement_WrongMilestone
│   └── the one just paid → MilestoneSettlement_WrongMilestone
├── the deadline
│   ├── passed a second ago → MilestoneSettlement_DeadlinePassed
│   └── is now → paid
├── the caller
│   ├── is a stranger with the right proof → StakeManager_NotAgent
│   ├── is the operator that lost the job → StakeManager_NotAgent
│   ├── is an agent that was revoked → StakeManager_NotAgent
│   └── is an agent → the operator is paid
├── the job is of a kind that is not settled here → MilestoneSettlement_UnsupportedKind
├── parallel: the input
│   ├── is another milestone's, with its own path → MilestoneSettlement_InputNotInJob
│   ├── is nobody's → MilestoneSettlement_InputNotInJob
│   └── has a path too short or too long → MilestoneSettlement_InputNotInJob
├── chained: the input
│   ├── of the first milestone is not the job's → MilestoneSettlement_InputNotInJob
│   ├── of the second is not the first one's output → MilestoneSettlement_InputNotInJob
│   ├── comes with a path → MilestoneSettlement_InputNotInJob
│   └── is right → paid, the output is remembered, also across a reopening
├── the proof
│   ├── is refused → the adapter's own error, with its evidence
│   └── is of another statement, whichever word differs → refused
└── all is well → MilestoneClaimed, then MilestonePaid

statementOf
├── a parallel job → no start root
├── a chained job → the input is the start root
└── an input that is not the job's → MilestoneSettlement_InputNotInJob
"""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from refusals import Refused, plain, refusal, refused
from stage import ASSIGNED, CHAINED, COMPLETED, NO_HASH, OPEN, OPTIMISTIC, ZERO, ZK, Stage, Terms, event, word


def claim_refusal(stage: Stage, terms: Terms, claim: tuple[Any, ...], sender: Any = None) -> Refused:
    return refusal(stage.settlement.claim, terms.abi(), claim, sender=sender or stage.operator)


def test_claim_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert claim_refusal(stage, terms, stage.claim(terms, 0)) == refused(
        "MilestoneSettlement_NotAssigned", jobId=stage.job_id(terms), status=OPEN
    )


def test_claim_of_completed_job_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    stage.settle(terms, 1)
    assert claim_refusal(stage, terms, stage.claim(terms, 1)) == refused(
        "MilestoneSettlement_NotAssigned", jobId=stage.job_id(terms), status=COMPLETED
    )


def test_claim_of_a_later_milestone_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert claim_refusal(stage, terms, stage.claim(terms, 1)) == refused(
        "MilestoneSettlement_WrongMilestone", milestone=1, next=0
    )


def test_claim_of_a_paid_milestone_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, 0)
    stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
    assert claim_refusal(stage, terms, claim) == refused("MilestoneSettlement_WrongMilestone", milestone=0, next=1)


def test_claim_a_second_after_the_deadline_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    stage.at(deadline + 1)
    assert claim_refusal(stage, terms, stage.claim(terms, 0)) == refused(
        "MilestoneSettlement_DeadlinePassed", deadline=deadline, nowAt=deadline + 1
    )


def test_claim_in_the_last_second_of_the_deadline_is_paid(stage: Stage) -> None:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"])
    stage.settle(terms, 0)
    assert stage.state(terms)["nextMilestone"] == 1


# ---- who claims -------------------------------------------------------------------------------------------------------


def test_claim_by_a_stranger_with_the_right_proof_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert claim_refusal(stage, terms, stage.claim(terms, 0), sender=stage.stranger) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=stage.operator
    )


def test_claim_by_the_operator_that_lost_the_job_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.escrow.expire(terms.abi(), {"from": stage.finder})
    stage.accept(terms, stage.rival)
    assert claim_refusal(stage, terms, stage.claim(terms, 0)) == refused(
        "StakeManager_NotAgent", caller=stage.operator, operator=stage.rival
    )


def test_claim_by_a_revoked_agent_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    stage.stakes.revokeAgent(stage.agent, {"from": stage.operator})
    assert claim_refusal(stage, terms, stage.claim(terms, 0), sender=stage.agent) == refused(
        "StakeManager_NotAgent", caller=stage.agent, operator=stage.operator
    )


def test_claim_by_an_agent_pays_the_operator(stage: Stage) -> None:
    terms = stage.assigned()
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    stage.settle(terms, 0, stage.agent)
    assert (stage.credit(stage.agent), stage.credit(stage.operator) > 0) == (0, True)


def test_claim_of_another_kind_reverts(stage: Stage) -> None:
    # The escrow opens no such job, so it takes an escrow that would to show that the settlement does not rely on it.
    escrow = stage.deploy("MockEscrow", stage.stakes, stage.registry)
    escrow.setSettlement(stage.coming(1), {"from": stage.deployer})
    settlement = stage.deploy("MilestoneSettlement", escrow)
    escrow.setState((ASSIGNED, 0, 1, 0, 2**63, stage.operator, 1, 1), {"from": stage.stranger})
    terms = stage.terms(proofKind=OPTIMISTIC)
    claim = stage.claim(terms, 0, proof=b"")
    assert refusal(settlement.claim, terms.abi(), claim, sender=stage.operator) == refused(
        "MilestoneSettlement_UnsupportedKind", proofKind=OPTIMISTIC
    )


# ---- what it was computed from ----------------------------------------------------------------------------------------


def input_refused(terms: Terms, claim: tuple[Any, ...]) -> Refused:
    return refused(
        "MilestoneSettlement_InputNotInJob", inputRoot=claim[1], milestone=claim[0], jobInputRoot=terms["inputRoot"]
    )


def test_claim_with_the_input_of_another_milestone_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    other = stage.claim(terms, 1)
    claim = stage.claim(terms, 0, inputRoot=other[1], inputProof=other[2])
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


def test_claim_with_an_input_of_nobody_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, 0, inputRoot=word("nobody's"))
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


@pytest.mark.parametrize("path", [[], [word("a"), word("b")]])
def test_claim_with_a_path_of_another_length_reverts(stage: Stage, path: list[str]) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, 0, inputProof=path)
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


def test_claim_of_each_of_five_milestones_is_paid(stage: Stage) -> None:
    terms = stage.assigned(shareBps=[2_000] * 5)
    for milestone in range(5):
        stage.settle(terms, milestone)
    assert stage.state(terms)["status"] == COMPLETED


def test_claim_chained_with_another_first_input_reverts(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED)
    claim = stage.claim(terms, 0, inputRoot=word("nobody's"))
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


@pytest.mark.parametrize("wrong", ["the job's input", "nobody's"])
def test_claim_chained_with_an_input_that_is_not_the_last_output_reverts(stage: Stage, wrong: str) -> None:
    terms = stage.assigned(mode=CHAINED)
    stage.settle(terms, 0)
    claim = stage.claim(terms, 1, inputRoot=terms["inputRoot"] if wrong == "the job's input" else word(wrong))
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


def test_claim_chained_with_a_path_reverts(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED)
    claim = stage.claim(terms, 0, inputProof=[word("a")])
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


def test_claim_chained_remembers_the_output(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED)
    stage.settle(terms, 0, outputRoot=word("first output"))
    assert str(stage.settlement.lastOutputRootOf(stage.job_id(terms))) == word("first output")


def test_claim_chained_goes_on_from_the_last_output_after_a_reopening(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED)
    stage.settle(terms, 0, outputRoot=word("first output"))
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.escrow.expire(terms.abi(), {"from": stage.finder})
    stage.accept(terms, stage.rival)
    stage.settle(terms, 1, stage.rival, inputRoot=word("first output"))
    assert stage.state(terms)["status"] == COMPLETED


def test_claim_parallel_remembers_no_output(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    assert str(stage.settlement.lastOutputRootOf(stage.job_id(terms))) == NO_HASH


# ---- the proof --------------------------------------------------------------------------------------------------------


def test_claim_with_a_refused_proof_reverts_with_the_adapters_error(stage: Stage) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, 0, proof=b"\x00")
    right = stage.claim(terms, 0)[5]
    assert claim_refusal(stage, terms, claim) == refused("MockAdapter_Refused", expected=right[1:], actual=NO_HASH)


STATEMENT = (
    "schemaVersion",
    "chainId",
    "settlement",
    "jobId",
    "milestone",
    "modelId",
    "inputRoot",
    "startRoot",
    "outputRoot",
    "proofKind",
)
OTHERS = (2, 1, ZERO, word("job"), 1, word("model"), word("input"), word("start"), word("output"), OPTIMISTIC)


@pytest.mark.parametrize("field", STATEMENT)
def test_claim_with_a_proof_of_another_statement_reverts(stage: Stage, field: str) -> None:
    terms = stage.assigned()
    claim = list(stage.claim(terms, 0))
    statement = list(plain(stage.settlement.statementOf(terms.abi(), tuple(claim))))
    place = STATEMENT.index(field)
    statement[place] = OTHERS[place]
    claim[5] = stage.proof(tuple(statement), terms["modelId"])
    assert claim_refusal(stage, terms, tuple(claim)).name == "MockAdapter_Refused"


def test_claim_with_a_proof_for_another_program_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, 0, proof=b"")
    statement = stage.settlement.statementOf(terms.abi(), claim)
    laundered = stage.proof(statement, stage.register_model("another"))
    assert claim_refusal(stage, terms, (*claim[:5], laundered)).name == "MockAdapter_Refused"


def test_claim_that_was_refused_moves_nothing(stage: Stage) -> None:
    terms = stage.assigned()
    before = stage.state(terms)
    claim = stage.claim(terms, 0, proof=b"\x00")
    with brownie.reverts():
        stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
    assert (stage.state(terms), stage.credit(stage.operator)) == (before, 0)


def test_claim_emits_where_the_result_is(stage: Stage) -> None:
    terms = stage.assigned()
    settled = stage.settle(terms, 0, outputRoot=word("output"), manifest=word("result"))
    assert event(settled, "MilestoneClaimed") == {
        "jobId": stage.job_id(terms),
        "milestone": 0,
        "operator": plain(stage.operator),
        "outputRoot": word("output"),
        "manifest": word("result"),
    }
    names = [log.name for log in settled.events]
    assert names == ["MilestoneClaimed", "MilestonePaid"]


# ---- statementOf ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0, CHAINED])
def test_statement_of_a_claim_is_what_everyone_can_put_together(stage: Stage, mode: int) -> None:
    terms = stage.create(mode=mode)
    claim = stage.claim(terms, 0)
    expected = (
        1,
        31337,
        plain(stage.settlement),
        stage.job_id(terms),
        0,
        stage.model,
        terms.roots[0],
        terms.roots[0] if mode == CHAINED else NO_HASH,
        claim[3],
        ZK,
    )
    assert plain(stage.settlement.statementOf(terms.abi(), claim)) == expected


def test_statement_of_a_foreign_input_reverts(stage: Stage) -> None:
    terms = stage.create()
    claim = stage.claim(terms, 0, inputRoot=word("nobody's"))
    assert refusal(stage.settlement.statementOf, terms.abi(), claim, sender=stage.stranger) == input_refused(
        terms, claim
    )
