"""MilestoneSettlement.claim of Zk jobs. What a payment does to the money is in test_escrow_pay.py; the way to the adapter
is in test_settlement_proof.py; Optimistic jobs are in test_settlement_optimistic.py.

claim
├── nobody holds the job
│   ├── it was never created → JobEscrow_WrongStatus
│   ├── it is open → JobEscrow_WrongStatus
│   └── it is completed → JobEscrow_WrongStatus
├── the terms are another job's, by one word → JobEscrow_WrongStatus
├── not the next milestone
│   ├── one further on → JobEscrow_WrongMilestone
│   └── the one just paid → JobEscrow_WrongMilestone
├── the deadline
│   ├── passed a second ago → JobEscrow_DeadlinePassed
│   └── is now → paid
├── the caller
│   ├── is a stranger with the right proof → StakeManager_NotAgent
│   ├── is the operator that lost the job → StakeManager_NotAgent
│   ├── is an agent that was revoked → StakeManager_NotAgent
│   └── is an agent → the operator is paid
├── parallel: the input
│   ├── is another milestone's, with its own path → MilestoneSettlement_InputNotInJob
│   ├── is nobody's → MilestoneSettlement_InputNotInJob
│   ├── has a path too short or too long → MilestoneSettlement_InputNotInJob
│   ├── of a milestone beyond the last → MilestoneSettlement_InputNotInJob
│   └── is right, for each of five → paid, no output is remembered
├── chained: the input
│   ├── of the first milestone is not the job's → MilestoneSettlement_InputNotInJob
│   ├── of a later one is not the output just before it → MilestoneSettlement_InputNotInJob
│   ├── comes with a path → MilestoneSettlement_InputNotInJob
│   ├── is right → paid, each milestone's output is remembered by itself
│   └── is another operator's output from before an expiry → paid: it goes on from there
├── a claim that was refused → moves nothing, remembers nothing
└── all is well
    ├── not the last → MilestoneClaimed with the next deadline, then MilestonePaid
    └── the last → MilestoneClaimed without a deadline, MilestonePaid, JobCompleted
"""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from refusals import Refused, plain, refusal, refused
from stage import ASSIGNED, CHAINED, COMPLETED, NO_HASH, OPEN, Stage, Terms, event, word

NONE = 0
THREE = {"shareBps": [5_000, 3_000, 2_000], "durationSeconds": [100, 100, 100]}


def claim_refusal(stage: Stage, terms: Terms, claim: tuple[Any, ...], sender: Any = None) -> Refused:
    return refusal(stage.settlement.claim, terms.abi(), claim, sender=sender or stage.operator)


def wrong_status(stage: Stage, terms: Terms, status: int) -> Refused:
    return refused("JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=status, wanted=ASSIGNED)


# ---- which job, which milestone ---------------------------------------------------------------------------------------


def test_claim_of_a_job_that_was_never_created_reverts(stage: Stage) -> None:
    terms = stage.terms()
    assert claim_refusal(stage, terms, stage.claim(terms, 0)) == wrong_status(stage, terms, NONE)


def test_claim_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert claim_refusal(stage, terms, stage.claim(terms, 0)) == wrong_status(stage, terms, OPEN)


def test_claim_of_completed_job_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    stage.settle(terms, 1)
    assert claim_refusal(stage, terms, stage.claim(terms, 1)) == wrong_status(stage, terms, COMPLETED)


@pytest.mark.parametrize("changed", [{"maxPrice": 10**12}, {"stakeLock": 1}, {"salt": 9}, {"shareBps": [9_999, 1]}])
def test_claim_with_terms_of_another_job_reverts(stage: Stage, changed: dict[str, Any]) -> None:
    stage.assigned()
    others = stage.terms(**changed)
    assert claim_refusal(stage, others, stage.claim(others, 0)) == wrong_status(stage, others, NONE)


def test_claim_of_a_later_milestone_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert claim_refusal(stage, terms, stage.claim(terms, 1)) == refused(
        "JobEscrow_WrongMilestone", milestone=1, next=0
    )


def test_claim_of_a_paid_milestone_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, 0)
    stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
    assert claim_refusal(stage, terms, claim) == refused("JobEscrow_WrongMilestone", milestone=0, next=1)


def test_claim_a_second_after_the_deadline_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    stage.at(deadline + 1)
    assert claim_refusal(stage, terms, stage.claim(terms, 0)) == refused(
        "JobEscrow_DeadlinePassed", deadline=deadline, nowAt=deadline + 1
    )


def test_claim_in_the_last_second_of_the_deadline_is_paid(stage: Stage) -> None:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"])
    stage.settle(terms, 0)
    assert stage.state(terms)["paidMilestones"] == 1


# ---- who claims -------------------------------------------------------------------------------------------------------


def test_claim_by_a_stranger_with_the_right_proof_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert claim_refusal(stage, terms, stage.claim(terms, 0), sender=stage.stranger) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=stage.operator
    )


def test_claim_by_the_operator_that_lost_the_job_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.expire(terms)
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


# ---- what it was computed from: parallel ------------------------------------------------------------------------------


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


@pytest.mark.parametrize("path", [[], [word("a"), word("b")]], ids=["too short", "too long"])
def test_claim_with_a_path_of_another_length_reverts(stage: Stage, path: list[str]) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, 0, inputProof=path)
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


@pytest.mark.parametrize("milestone", [2, 65_535])
def test_claim_of_a_milestone_beyond_the_last_reverts(stage: Stage, milestone: int) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, milestone)
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


def test_claim_of_each_of_five_milestones_is_paid(stage: Stage) -> None:
    terms = stage.assigned(shareBps=[2_000] * 5)
    for milestone in range(5):
        stage.settle(terms, milestone)
    assert stage.state(terms)["status"] == COMPLETED


def test_claim_parallel_remembers_no_output(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    assert outputs(stage, terms, 2) == [NO_HASH, NO_HASH]


# ---- what it was computed from: chained -------------------------------------------------------------------------------


def outputs(stage: Stage, terms: Terms, count: int) -> list[str]:
    job_id = stage.job_id(terms)
    return [str(stage.settlement.outputRootOf(job_id, milestone)) for milestone in range(count)]


def test_claim_chained_with_another_first_input_reverts(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED)
    claim = stage.claim(terms, 0, inputRoot=word("nobody's"))
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


@pytest.mark.parametrize("wrong", ["input 0", "output 0", "nobody's"])
def test_claim_chained_with_another_input_than_the_output_before_it_reverts(stage: Stage, wrong: str) -> None:
    """Neither the job's own input nor an output from further back will do."""
    terms = stage.assigned(mode=CHAINED, **THREE)
    stage.settle(terms, 0)
    stage.settle(terms, 1)
    claim = stage.claim(terms, 2, inputRoot=word(wrong))
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


def test_claim_chained_of_a_milestone_whose_start_is_not_known_reverts(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED, **THREE)
    claim = stage.claim(terms, 1, inputRoot=word("output 0"))
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


def test_claim_chained_from_nothing_before_its_turn_reverts(stage: Stage) -> None:
    """The output of a milestone that nobody claimed is zero, which is where such a claim may start; its turn it is not."""
    terms = stage.assigned(mode=CHAINED, **THREE)
    claim = stage.claim(terms, 2, inputRoot=NO_HASH)
    assert claim_refusal(stage, terms, claim) == refused("JobEscrow_WrongMilestone", milestone=2, next=0)


@pytest.mark.parametrize("milestone", [0, 1])
def test_claim_chained_with_a_path_reverts(stage: Stage, milestone: int) -> None:
    terms = stage.assigned(mode=CHAINED)
    for earlier in range(milestone):
        stage.settle(terms, earlier)
    claim = stage.claim(terms, milestone, inputProof=[word("a")])
    assert claim_refusal(stage, terms, claim) == input_refused(terms, claim)


def test_claim_chained_remembers_each_milestones_output(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED, **THREE)
    stage.settle(terms, 0, outputRoot=word("first"))
    stage.settle(terms, 1, outputRoot=word("second"))
    assert outputs(stage, terms, 3) == [word("first"), word("second"), NO_HASH]


def test_claim_chained_by_another_operator_after_an_expiry_goes_on_from_the_last_output(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED, **THREE)
    stage.settle(terms, 0, outputRoot=word("first"))
    stage.expire(terms)
    stage.accept(terms, stage.rival)
    stage.settle(terms, 1, stage.rival, inputRoot=word("first"), outputRoot=word("second"))
    stage.settle(terms, 2, stage.rival, inputRoot=word("second"), outputRoot=word("third"))
    assert outputs(stage, terms, 3) == [word("first"), word("second"), word("third")]
    assert stage.state(terms)["status"] == COMPLETED


# ---- what comes of it -------------------------------------------------------------------------------------------------


def test_claim_that_was_refused_moves_and_remembers_nothing(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED)
    before = stage.state(terms)
    claim = stage.claim(terms, 0, proof=b"\x00")
    with brownie.reverts():
        stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
    assert (stage.state(terms), stage.credit(stage.operator), outputs(stage, terms, 1)) == (before, 0, [NO_HASH])


def test_claim_says_where_the_result_is_and_what_is_due_next(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    settled = stage.settle(terms, 0, outputRoot=word("output"), manifest=word("result"))
    assert event(settled, "MilestoneClaimed") == {
        "jobId": stage.job_id(terms),
        "milestone": 0,
        "operator": plain(stage.operator),
        "outputRoot": word("output"),
        "manifest": word("result"),
        "nextDeadline": deadline + 300,
    }


def test_claim_is_paid_in_the_same_transaction(stage: Stage) -> None:
    settled = stage.settle(stage.assigned(), 0)
    assert [log.name for log in settled.events] == ["MilestoneClaimed", "MilestonePaid"]


def test_claim_of_the_last_milestone_completes_the_job_with_nothing_due(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    settled = stage.settle(terms, 1)
    assert [log.name for log in settled.events] == ["MilestoneClaimed", "MilestonePaid", "JobCompleted"]
    assert event(settled, "MilestoneClaimed")["nextDeadline"] == 0
