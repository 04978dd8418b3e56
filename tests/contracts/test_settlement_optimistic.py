"""MilestoneSettlement.claim and finalize of Optimistic jobs. What shows a claim to be wrong is in test_settlement_fault.py.

claim
├── the trace root is not 32 bytes → MilestoneSettlement_BadTraceRoot
├── the input is not the job's → MilestoneSettlement_InputNotInJob
├── the deadline passed a second ago → JobEscrow_DeadlinePassed, also while an earlier claim stands
├── by a stranger → StakeManager_NotAgent
├── of a milestone that is claimed already → JobEscrow_WrongMilestone
├── of one behind the last, when all are claimed → JobEscrow_WrongMilestone
├── → it stands: claimed, not paid, and nothing but MilestoneClaimed
├── → nobody is asked: it needs less gas than any check
├── the next one while it stands → stands too, with a window of its own
├── chained: the next one from an output that only stands → stands
└── the last one → nothing is due any more, the lock stays
finalize
├── there is nothing to pay
│   ├── the job is not there, open, without a claim, completed, or Zk → MilestoneSettlement_NothingClaimed
│   └── all that was final is paid → MilestoneSettlement_NotFinal with the next one's time
├── the first claim's last second → MilestoneSettlement_NotFinal
├── a second later, by anyone → paid
├── two claims
│   ├── of which one is final → that one is paid, the other one stands
│   ├── of which both are → both are paid, in order
│   └── of three → no more than are final
├── after the next deadline → paid; what was claimed is not slashed
├── at the price that was accepted, with the dispatcher's fee
└── the last one → JobCompleted, surplus to the creator, lock and bounty to the operator
"""

from __future__ import annotations

from typing import Any

import pytest
from refusals import Refused, plain, refusal, refused
from stage import ASSIGNED, CHAINED, CHALLENGE_SECONDS, COMPLETED, DOLLAR, TALLY, Stage, Terms, event, events, word

THREE = {"shareBps": [5_000, 3_000, 2_000], "durationSeconds": [1_000, 1_000, 1_000]}


def claimed(stage: Stage, *milestones: int, **changed: Any) -> Terms:
    """An Optimistic job at full price with claims that stand."""
    terms = stage.assigned(stage.traced_terms(**{"rampSeconds": 0, **changed}))
    for milestone in milestones:
        stage.settle(terms, milestone)
    return terms


def final_at(stage: Stage, terms: Terms, milestone: int) -> int:
    return int(stage.settlement.claimOf(stage.job_id(terms), milestone)[1])


def progress(stage: Stage, terms: Terms) -> tuple[int, int]:
    """Milestones that are claimed, and that are paid."""
    state = stage.state(terms)
    return state["nextMilestone"], state["paidMilestones"]


def claim_refusal(stage: Stage, terms: Terms, claim: tuple[Any, ...], sender: Any = None) -> Refused:
    return refusal(stage.settlement.claim, terms.abi(), claim, sender=sender or stage.operator)


# ---- claim: refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_claim_optimistic_with_a_trace_root_of_another_length_reverts(stage: Stage, length: int) -> None:
    terms = claimed(stage)
    assert claim_refusal(stage, terms, stage.claim(terms, 0, proof=bytes(length))) == refused(
        "MilestoneSettlement_BadTraceRoot", proofLength=length
    )


def test_claim_optimistic_of_a_foreign_input_reverts(stage: Stage) -> None:
    terms = claimed(stage)
    claim = stage.claim(terms, 0, inputRoot=word("nobody's"))
    assert claim_refusal(stage, terms, claim) == refused(
        "MilestoneSettlement_InputNotInJob",
        inputRoot=word("nobody's"),
        milestone=0,
        jobInputRoot=terms["inputRoot"],
    )


@pytest.mark.parametrize("standing", [0, 1])
def test_claim_optimistic_after_the_deadline_reverts(stage: Stage, standing: int) -> None:
    terms = claimed(stage, *range(standing))
    deadline = stage.state(terms)["deadline"]
    claim = stage.claim(terms, standing)
    stage.at(deadline + 1)
    assert claim_refusal(stage, terms, claim) == refused(
        "JobEscrow_DeadlinePassed", deadline=deadline, nowAt=deadline + 1
    )


def test_claim_optimistic_by_a_stranger_reverts(stage: Stage) -> None:
    terms = claimed(stage)
    assert claim_refusal(stage, terms, stage.claim(terms, 0), sender=stage.stranger) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=stage.operator
    )


def test_claim_optimistic_of_a_milestone_that_stands_reverts(stage: Stage) -> None:
    """A claim cannot be put right: what it says is what can be held against it."""
    terms = claimed(stage, 0)
    other = stage.claim(terms, 0, outputRoot=word("better"))
    assert claim_refusal(stage, terms, other) == refused("JobEscrow_WrongMilestone", milestone=0, next=1)


def test_claim_optimistic_behind_the_last_milestone_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0, 1, mode=CHAINED)
    assert claim_refusal(stage, terms, stage.claim(terms, 2)) == refused(
        "JobEscrow_WrongMilestone", milestone=2, next=2
    )


# ---- claim: stands ----------------------------------------------------------------------------------------------------


def test_claim_optimistic_stands_and_is_not_paid(stage: Stage) -> None:
    terms = claimed(stage, 0)
    assert (progress(stage, terms), stage.credit(stage.operator)) == ((1, 0), 0)


def test_claim_optimistic_says_what_a_zk_claim_says_and_its_roots(stage: Stage) -> None:
    terms = claimed(stage)
    deadline = stage.state(terms)["deadline"]
    settled = stage.settle(terms, 0, outputRoot=word("output"), manifest=word("result"))
    assert [log.name for log in settled.events] == ["OptimisticClaimed", "MilestoneClaimed"]
    roots = {"inputRoot": terms.roots[0], "traceRoot": word("trace 0")}
    assert event(settled, "OptimisticClaimed") == {"jobId": stage.job_id(terms), "milestone": 0, **roots}
    assert event(settled, "MilestoneClaimed") == {
        "jobId": stage.job_id(terms),
        "milestone": 0,
        "operator": plain(stage.operator),
        "outputRoot": word("output"),
        "manifest": word("result"),
        "nextDeadline": deadline + 300,
    }


def test_claim_optimistic_asks_nobody(stage: Stage) -> None:
    """The judge of the model has a gas cap as well; a claim that calls nobody needs none of it."""
    terms = claimed(stage)
    settled = stage.settlement.claim(terms.abi(), stage.claim(terms, 0), {"from": stage.operator, "gas_limit": 300_000})
    assert settled.status == 1


def test_claim_optimistic_of_the_next_while_one_stands_has_a_window_of_its_own(stage: Stage) -> None:
    terms = claimed(stage, 0)
    first = stage.now()
    stage.at(first + 50)
    stage.settle(terms, 1)
    assert [final_at(stage, terms, m) for m in (0, 1)] == [first + CHALLENGE_SECONDS, first + 50 + CHALLENGE_SECONDS]
    assert progress(stage, terms) == (2, 0)


def test_claim_optimistic_chained_starts_from_an_output_that_only_stands(stage: Stage) -> None:
    terms = claimed(stage, mode=CHAINED)
    stage.settle(terms, 0, outputRoot=word("first"))
    stage.settle(terms, 1, inputRoot=word("first"))
    assert progress(stage, terms) == (2, 0)


def test_claim_optimistic_of_the_last_leaves_nothing_due_and_the_lock_in_place(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    state = stage.state(terms)
    assert (state["status"], state["deadline"]) == (ASSIGNED, 0)
    assert int(stage.stakes.lockedStakeOf(stage.operator)) == terms["stakeLock"]


# ---- finalize: nothing to pay -----------------------------------------------------------------------------------------


def finalize_refusal(stage: Stage, terms: Terms) -> Refused:
    return refusal(stage.settlement.finalize, terms.abi(), sender=stage.stranger)


def completed(stage: Stage) -> Terms:
    terms = claimed(stage, 0, 1)
    stage.finalize(terms)
    return terms


NOTHING_CLAIMED = {
    "not there": lambda stage: stage.traced_terms(),
    "open": lambda stage: stage.create(stage.traced_terms()),
    "without a claim": claimed,
    "completed": completed,
    "Zk": lambda stage: stage.assigned(),
}


@pytest.mark.parametrize("case", NOTHING_CLAIMED)
def test_finalize_of_a_job_without_claims_reverts(stage: Stage, case: str) -> None:
    terms = NOTHING_CLAIMED[case](stage)
    assert finalize_refusal(stage, terms) == refused("MilestoneSettlement_NothingClaimed", jobId=stage.job_id(terms))


def test_finalize_in_the_last_second_of_the_window_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0)
    final = final_at(stage, terms, 0)
    stage.at(final)
    assert finalize_refusal(stage, terms) == refused("MilestoneSettlement_NotFinal", finalAt=final, nowAt=final)


def test_finalize_again_reverts_with_the_time_of_the_next_claim(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.at(stage.now() + 50)
    stage.settle(terms, 1)
    now = final_at(stage, terms, 0) + 1
    stage.at(now)
    stage.settlement.finalize(terms.abi(), {"from": stage.stranger})
    assert finalize_refusal(stage, terms) == refused(
        "MilestoneSettlement_NotFinal", finalAt=final_at(stage, terms, 1), nowAt=now
    )


# ---- finalize ---------------------------------------------------------------------------------------------------------


def test_finalize_a_second_after_the_window_pays_whoever_asks(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.at(final_at(stage, terms, 0) + 1)
    done = stage.settlement.finalize(terms.abi(), {"from": stage.stranger})
    assert event(done, "MilestonePaid") == {
        "jobId": stage.job_id(terms),
        "milestone": 0,
        "operator": plain(stage.operator),
        "toOperator": 60 * DOLLAR,
        "toDispatcher": 0,
    }
    assert (stage.credit(stage.operator), stage.credit(stage.stranger)) == (60 * DOLLAR, 0)


def test_finalize_does_not_pay_again_what_it_paid(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.finalize(terms)
    assert finalize_refusal(stage, terms).name == "MilestoneSettlement_NothingClaimed"
    assert (progress(stage, terms), stage.credit(stage.operator)) == ((1, 1), 60 * DOLLAR)


@pytest.mark.parametrize(("final", "shares"), [(1, [50]), (2, [50, 30]), (3, [50, 30, 20])])
def test_finalize_of_three_claims_pays_those_that_are_final_in_order(
    stage: Stage, final: int, shares: list[int]
) -> None:
    terms = claimed(stage, **THREE)
    for milestone in range(3):
        stage.at(stage.now() + 10)
        stage.settle(terms, milestone)
    stage.at(final_at(stage, terms, final - 1) + 1)
    done = stage.settlement.finalize(terms.abi(), {"from": stage.stranger})
    paid = [(paid["milestone"], paid["toOperator"]) for paid in events(done, "MilestonePaid")]
    assert paid == list(enumerate(share * DOLLAR for share in shares))
    assert plain(done.return_value) == final


def test_finalize_after_the_next_deadline_pays_what_was_claimed_in_time(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.settlement.finalize(terms.abi(), {"from": stage.stranger})
    stage.expire(terms)
    # Half of the lock's part for the 40 % that were not done.
    assert (stage.credit(stage.operator), int(stage.stakes.stakeOf(stage.operator))) == (60 * DOLLAR, 40 * TALLY)


def test_finalize_pays_the_accepted_price_less_the_dispatchers_fee(stage: Stage) -> None:
    dispatched = {"dispatcher": stage.dispatcher.address, "dispatcherFeeBps": 250}
    terms = stage.create(stage.traced_terms(**dispatched))
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 500)
    stage.accept(terms)
    stage.settle(terms, 0)
    stage.finalize(terms)
    credited = (stage.credit(stage.operator), stage.credit(stage.dispatcher.address))
    assert credited == (46_800_000, 1_200_000)


def test_finalize_of_the_last_completes_the_job(stage: Stage) -> None:
    terms = claimed(stage, 0, 1, rampSeconds=10**6)
    saved = 100 * DOLLAR - stage.price(terms)
    done = stage.finalize(terms)
    assert event(done, "JobCompleted") == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "surplus": saved,
    }
    assert stage.state(terms)["status"] == COMPLETED
    assert (stage.credit(stage.operator), stage.credit(stage.creator)) == (100 * DOLLAR - saved, saved)


def test_finalize_of_the_last_gives_the_lock_back(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    stage.finalize(terms)
    held = (int(stage.stakes.lockedStakeOf(stage.operator)), int(stage.stakes.freeStakeOf(stage.operator)))
    assert held == (0, terms["stakeLock"])


def test_finalize_of_the_last_pays_the_bounty_that_waits(stage: Stage) -> None:
    terms = claimed(stage)
    stage.expire(terms)
    bounty = stage.state(terms)["bounty"]
    stage.accept(terms, stage.rival)
    for milestone in (0, 1):
        stage.settle(terms, milestone, stage.rival)
    assert event(stage.finalize(terms), "BountyPaid")["amount"] == bounty
    assert stage.reward(stage.rival) == bounty == 7_500_000_000_000_000_000
