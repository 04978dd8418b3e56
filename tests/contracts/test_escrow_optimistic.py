"""JobEscrow with claims that are not final at once. When they are is the settlement's subject; here it plays the settlement's
part, so that every order of claims, payments and faults can be tried.

claimMilestone of an Optimistic job
├── → the milestone is claimed and not paid
├── the one before it is not final → claimed all the same
├── all are claimed
│   ├── → no deadline runs any more
│   └── one more → JobEscrow_WrongMilestone
└── the deadline counts on from claim to claim

payMilestone
├── one of two claims is paid → the first
├── the last is paid → the job is completed: surplus, lock
└── one more → JobEscrow_WrongStatus

while a claim awaits finality
├── expire, though the next deadline has passed → JobEscrow_ClaimsPending
├── expire when everything is claimed → JobEscrow_ClaimsPending
├── releaseEarly → JobEscrow_ClaimsPending
├── releaseFeeOf → JobEscrow_ClaimsPending
└── once it is paid
    ├── expire → the unfinished part is slashed
    └── releaseEarly → goes through

faultMilestone
├── the caller is not the settlement → JobEscrow_NotSettlement
├── nobody holds the job → JobEscrow_WrongStatus
├── the milestone
│   ├── was not claimed → JobEscrow_NoClaimPending
│   └── is paid → JobEscrow_NoClaimPending
└── the milestone awaits finality
    ├── → the whole lock is slashed and divided to the unit
    ├── amounts that do not divide → the remainder is burnt
    ├── governance has changed the economy since → the job's own counts
    ├── a bounty that does not fit → what does not fit is burnt
    ├── the first of two claims is wrong → both are void
    ├── the second of two claims is wrong → both are void
    ├── the one before it is paid → stays paid, the job goes on behind it
    ├── everything was claimed → the job opens again all the same
    ├── → the job opens again: round, price, events in their order
    └── afterwards
        ├── a void claim → cannot be paid
        ├── → the same milestones can be claimed again, by the next operator, who has the bounty
        └── → the stake that was slashed is gone for good
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts
from refusals import plain, refusal, refused
from stage import (
    ASSIGNED,
    BURN,
    COMPLETED,
    DOLLAR,
    ECONOMY,
    NO_HASH,
    OPEN,
    TALLY,
    ZERO,
    Stage,
    Terms,
    event,
    share,
)

MOST = 2**96 - 1


def settlement(stage: Stage) -> Any:
    return accounts.at(stage.settlement.address, force=True)


def claim(stage: Stage, terms: Terms, *milestones: int, by: Any = None) -> Any:
    """Claims in this order; the last one's transaction."""
    for milestone in milestones:
        call = (terms.abi(), milestone, by or stage.operator, NO_HASH, NO_HASH)
        sent = stage.escrow.claimMilestone(*call, {"from": settlement(stage)})
    return sent


def pay(stage: Stage, terms: Terms) -> Any:
    return stage.escrow.payMilestone(terms.abi(), {"from": settlement(stage)})


def fault(stage: Stage, terms: Terms, milestone: int) -> Any:
    return stage.escrow.faultMilestone(terms.abi(), milestone, stage.finder, {"from": settlement(stage)})


def claimed(stage: Stage, *milestones: int, **changed: Any) -> Terms:
    """An assigned job at full price with claims of these milestones."""
    terms = stage.assigned(stage.traced_terms(**{"rampSeconds": 0, **changed}))
    claim(stage, terms, *milestones)
    return terms


def progress(stage: Stage, terms: Terms) -> tuple[int, int]:
    """First milestone that is not paid, first that is not claimed."""
    state = stage.state(terms)
    return state["paidMilestones"], state["nextMilestone"]


# ---- claims -----------------------------------------------------------------------------------------------------------


def test_claim_milestone_of_optimistic_job_pays_nothing_yet(stage: Stage) -> None:
    terms = stage.assigned(stage.traced_terms())
    before = stage.state(terms)
    sent = claim(stage, terms, 0)
    later = before["timer"] + 300
    assert [found.name for found in sent.events] == ["MilestoneClaimed"]
    assert stage.state(terms) == {**before, "nextMilestone": 1, "timer": later, "deadline": later}
    assert stage.credit(stage.operator) == 0


def test_claim_milestone_before_the_one_before_is_final_counts(stage: Stage) -> None:
    assert progress(stage, claimed(stage, 0, 1)) == (0, 2)


def test_claim_milestone_the_last_ends_all_deadlines(stage: Stage) -> None:
    terms = stage.assigned(stage.traced_terms())
    last = claim(stage, terms, 0, 1)
    assert (event(last, "MilestoneClaimed")["nextDeadline"], stage.state(terms)["timer"]) == (0, 0)


def test_claim_milestone_behind_the_last_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    call = (terms.abi(), 2, stage.operator, NO_HASH, NO_HASH)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "JobEscrow_WrongMilestone", milestone=2, next=2
    )


def test_claim_milestone_after_the_deadline_of_the_second_reverts(stage: Stage) -> None:
    terms = stage.assigned(stage.traced_terms())
    first = stage.state(terms)["deadline"]
    claim(stage, terms, 0)
    stage.at(first + 301)
    call = (terms.abi(), 1, stage.operator, NO_HASH, NO_HASH)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "JobEscrow_DeadlinePassed", deadline=first + 300, nowAt=first + 301
    )


# ---- payments ---------------------------------------------------------------------------------------------------------


def test_pay_milestone_of_two_claims_pays_the_first(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    paid = event(pay(stage, terms), "MilestonePaid")
    assert (paid["milestone"], paid["toOperator"]) == (0, 60 * DOLLAR)
    assert (progress(stage, terms), stage.state(terms)["remaining"]) == ((1, 2), 40 * DOLLAR)


def test_pay_milestone_of_the_last_claim_completes_the_job(stage: Stage) -> None:
    terms = claimed(stage, 0, 1, rampSeconds=2**32 - 1, minPrice=80 * DOLLAR, maxPrice=100 * DOLLAR)
    price = stage.price(terms)
    pay(stage, terms)
    last = pay(stage, terms)
    paid = share(price, 6_000) + share(price, 4_000)
    assert event(last, "JobCompleted")["surplus"] == 100 * DOLLAR - paid == stage.credit(stage.creator) > 0
    assert (stage.credit(stage.operator), stage.state(terms)["status"]) == (paid, COMPLETED)
    assert int(stage.stakes.freeStakeOf(stage.operator)) == 50 * TALLY


def test_pay_milestone_of_completed_job_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    pay(stage, terms)
    pay(stage, terms)
    assert refusal(stage.escrow.payMilestone, terms.abi(), sender=stage.settlement) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=COMPLETED, wanted=ASSIGNED
    )


# ---- while a claim awaits finality ------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["expire", "releaseEarly", "releaseFeeOf"])
@pytest.mark.parametrize("milestones", [(0,), (0, 1)])
def test_leaving_while_a_claim_is_pending_reverts(stage: Stage, function: str, milestones: tuple[int, ...]) -> None:
    """With one claim the second deadline may have passed; with both, none runs and time cannot tell."""
    terms = claimed(stage, *milestones)
    if function == "expire":
        stage.at(stage.now() + 10_000)
    assert refusal(getattr(stage.escrow, function), terms.abi(), sender=stage.operator) == refused(
        "JobEscrow_ClaimsPending", paidMilestones=0, nextMilestone=len(milestones)
    )


def test_expire_while_the_second_of_two_claims_is_pending_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    pay(stage, terms)
    stage.at(stage.now() + 10_000)
    assert refusal(stage.escrow.expire, terms.abi(), sender=stage.finder) == refused(
        "JobEscrow_ClaimsPending", paidMilestones=1, nextMilestone=2
    )


def test_expire_once_the_claim_is_paid_slashes_the_unfinished_part(stage: Stage) -> None:
    terms = claimed(stage, 0)
    pay(stage, terms)
    expired = stage.expire(terms)
    assert event(expired, "JobExpired")["slashed"] == 10 * TALLY
    assert (progress(stage, terms), stage.credit(stage.operator)) == ((1, 1), 60 * DOLLAR)


def test_release_early_once_the_claim_is_paid_goes_through(stage: Stage) -> None:
    terms = claimed(stage, 0)
    pay(stage, terms)
    released = stage.escrow.releaseEarly(terms.abi(), {"from": stage.operator})
    assert event(released, "JobReleased")["fee"] == 20 * TALLY // 100


# ---- faults -----------------------------------------------------------------------------------------------------------


def test_fault_milestone_by_a_stranger_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0)
    assert refusal(stage.escrow.faultMilestone, terms.abi(), 0, stage.finder, sender=stage.finder) == refused(
        "JobEscrow_NotSettlement", caller=stage.finder
    )


def test_fault_milestone_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create(stage.traced_terms())
    assert refusal(stage.escrow.faultMilestone, terms.abi(), 0, stage.finder, sender=stage.settlement) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


@pytest.mark.parametrize(("milestone", "paid"), [(1, 0), (0, 1)], ids=["not claimed", "paid"])
def test_fault_milestone_that_does_not_await_finality_reverts(stage: Stage, milestone: int, paid: int) -> None:
    terms = claimed(stage, *range(1 + paid))
    for _ in range(paid):
        pay(stage, terms)
    call = (terms.abi(), milestone, stage.finder)
    assert refusal(stage.escrow.faultMilestone, *call, sender=stage.settlement) == refused(
        "JobEscrow_NoClaimPending", jobId=stage.job_id(terms)
    )


def test_fault_milestone_slashes_the_whole_lock(stage: Stage) -> None:
    terms = claimed(stage, 0)
    slashed = event(fault(stage, terms, 0), "StakeSlashed")
    assert slashed == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "finder": plain(stage.finder),
        "amount": 50 * TALLY,
        "toFinder": 20 * TALLY,
        "toCreator": 15 * TALLY,
        "toBounty": 5 * TALLY,
        "burned": 10 * TALLY,
    }
    assert [stage.reward(account) for account in (stage.finder, stage.creator, BURN)] == [
        20 * TALLY,
        15 * TALLY,
        10 * TALLY,
    ]


def test_fault_milestone_with_amounts_that_do_not_divide_burns_the_remainder(stage: Stage) -> None:
    lock = TALLY + 9_999
    terms = claimed(stage, 0, stakeLock=lock)
    division = event(fault(stage, terms, 0), "StakeSlashed")
    parts = [division[name] for name in ("toFinder", "toCreator", "toBounty")]
    assert parts == [share(lock, 4_000), share(lock, 3_000), share(lock, 1_000)]
    assert (division["amount"], division["burned"]) == (lock, lock - sum(parts))
    assert division["burned"] > share(lock, 2_000)


def test_fault_milestone_of_job_from_before_a_change_slashes_by_the_old_economy(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.parameters.setEconomy((*ECONOMY[:4], 1_000, 0, 0, ECONOMY[7]), {"from": stage.governor})
    assert event(fault(stage, terms, 0), "StakeSlashed")["toFinder"] == 20 * TALLY


def test_fault_milestone_with_a_bounty_that_does_not_fit_burns_the_rest(stage: Stage) -> None:
    stage.parameters.setEconomy((*ECONOMY[:4], 1_000, 0, 8_000, ECONOMY[7]), {"from": stage.governor})
    terms = claimed(stage, 0, stakeLock=MOST)
    fault(stage, terms, 0)
    stage.accept(terms, stage.rival)
    claim(stage, terms, 0, by=stage.rival)
    second = event(fault(stage, terms, 0), "StakeSlashed")
    assert second["toBounty"] == MOST - share(MOST, 8_000)
    assert second["burned"] == MOST - share(MOST, 1_000) - second["toBounty"]
    assert stage.state(terms)["bounty"] == MOST


@pytest.mark.parametrize("wrong", [0, 1])
def test_fault_milestone_of_two_pending_voids_both(stage: Stage, wrong: int) -> None:
    terms = claimed(stage, 0, 1)
    faulted = fault(stage, terms, wrong)
    assert (event(faulted, "JobFaulted")["milestone"], progress(stage, terms)) == (wrong, (0, 0))
    assert (stage.credit(stage.operator), stage.state(terms)["remaining"]) == (0, 100 * DOLLAR)


def test_fault_milestone_behind_a_paid_one_leaves_that_paid(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    pay(stage, terms)
    slashed = event(fault(stage, terms, 1), "StakeSlashed")
    assert (slashed["amount"], progress(stage, terms)) == (50 * TALLY, (1, 1))
    assert (stage.credit(stage.operator), stage.state(terms)["remaining"]) == (60 * DOLLAR, 40 * DOLLAR)


def test_fault_milestone_opens_the_job_again(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    faulted = fault(stage, terms, 1)
    assert stage.state(terms) == {
        "operator": ZERO,
        "timer": faulted.timestamp,
        "round": 2,
        "nextMilestone": 0,
        "status": OPEN,
        "remaining": 100 * DOLLAR,
        "bounty": 5 * TALLY,
        "acceptedAfter": 0,
        "paidMilestones": 0,
        "economyVersion": 1,
        "openedAt": faulted.timestamp,
        "deadline": 0,
    }


def test_fault_milestone_tells_what_happened_and_what_is_offered_now(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    pay(stage, terms)
    faulted = fault(stage, terms, 1)
    assert [found.name for found in faulted.events] == ["JobFaulted", "JobReopened", "StakeSlashed"]
    assert event(faulted, "JobFaulted") == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "challenger": plain(stage.finder),
        "milestone": 1,
        "slashed": 50 * TALLY,
    }
    assert event(faulted, "JobReopened") == {
        "jobId": stage.job_id(terms),
        "round": 2,
        "nextMilestone": 1,
        "bounty": 5 * TALLY,
    }


# ---- afterwards -------------------------------------------------------------------------------------------------------


def test_pay_milestone_that_was_voided_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    fault(stage, terms, 1)
    stage.accept(terms, stage.rival)
    assert refusal(stage.escrow.payMilestone, terms.abi(), sender=stage.settlement) == refused(
        "JobEscrow_NoClaimPending", jobId=stage.job_id(terms)
    )


def test_fault_milestone_lets_the_next_operator_finish_and_have_the_bounty(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    pay(stage, terms)
    fault(stage, terms, 1)
    stage.accept(terms, stage.rival)
    claim(stage, terms, 1, by=stage.rival)
    last = pay(stage, terms)
    assert event(last, "BountyPaid")["account"] == plain(stage.rival)
    assert (stage.credit(stage.operator), stage.credit(stage.rival)) == (60 * DOLLAR, 40 * DOLLAR)
    assert (stage.reward(stage.rival), stage.state(terms)["status"]) == (5 * TALLY, COMPLETED)


def test_fault_milestone_leaves_the_operator_what_was_not_locked(stage: Stage) -> None:
    stage.bond(stage.operator, 70 * TALLY)
    terms = claimed(stage, 0)
    fault(stage, terms, 0)
    stakes = stage.stakes
    left = (stakes.stakeOf(stage.operator), stakes.freeStakeOf(stage.operator), stakes.lockedStakeOf(stage.operator))
    assert plain(left) == (20 * TALLY, 20 * TALLY, 0)
