"""JobEscrow.claimMilestone and payMilestone: what a claim does to a job and its money. Whether a claim is right is the
settlement's subject; claims that await finality: test_escrow_optimistic.py.

claimMilestone
├── the caller is not the settlement → JobEscrow_NotSettlement
├── nobody holds the job → JobEscrow_WrongStatus
├── another milestone than the next
│   ├── one further on → JobEscrow_WrongMilestone
│   └── the one just claimed → JobEscrow_WrongMilestone
├── the deadline
│   ├── passed a second ago → JobEscrow_DeadlinePassed
│   └── is in its last second → claimed
├── who claims
│   ├── a stranger → StakeManager_NotAgent
│   ├── an agent that was revoked → StakeManager_NotAgent
│   └── the operator's agent → the operator is paid
├── the price is the maximum
│   ├── → the operator is credited its share, MilestoneClaimed and MilestonePaid
│   └── with a dispatcher's fee → the fee comes out of it
├── the price is nothing → the milestone counts all the same
├── not the last milestone
│   ├── → the next deadline counts from the old one, however early it was
│   ├── → the stake stays locked, the surplus stays held
│   └── → the rest of the job is as it was
└── the last milestone
    ├── the price is below the maximum → what is saved goes to the creator
    ├── the price is the maximum → nothing goes to the creator
    ├── the amounts do not divide → nothing is lost, nothing is left
    ├── → the job is completed and forgets its operator
    ├── → the lock is free again
    ├── no bounty waits → none is paid
    └── after a reopening
        ├── at another price → each operator has its own, the creator the rest
        └── → the bounty goes to the operator that finished

payMilestone
├── the caller is not the settlement → JobEscrow_NotSettlement
├── nobody holds the job → JobEscrow_WrongStatus
└── no claim waits → JobEscrow_NoClaimPending
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts
from refusals import plain, refusal, refused
from stage import ASSIGNED, COMPLETED, DOLLAR, OPEN, TALLY, ZERO, Stage, Terms, event, events, share, word

OUTPUT, RESULT = word("output"), word("result")
MOST = 2**96 - 1


def arguments(stage: Stage, terms: Terms, milestone: int, by: Any = None) -> tuple[Any, ...]:
    return (terms.abi(), milestone, by or stage.operator, OUTPUT, RESULT)


def claim(stage: Stage, terms: Terms, milestone: int, by: Any = None) -> Any:
    """As the settlement, whose checks are another file's subject."""
    settlement = accounts.at(stage.settlement.address, force=True)
    return stage.escrow.claimMilestone(*arguments(stage, terms, milestone, by), {"from": settlement})


def at_full_price(stage: Stage, terms: Terms | None = None) -> Terms:
    return stage.assigned(terms or stage.terms(rampSeconds=0))


def with_dispatcher(stage: Stage, **changed: Any) -> Terms:
    return stage.dispatched_terms(**{"exclusiveSeconds": 0, "rampSeconds": 0, **changed})


def test_claim_milestone_by_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    call = arguments(stage, terms, 0)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.operator) == refused(
        "JobEscrow_NotSettlement", caller=stage.operator
    )


def test_claim_milestone_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    call = arguments(stage, terms, 0)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


def test_claim_milestone_out_of_order_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    call = arguments(stage, terms, 1)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "JobEscrow_WrongMilestone", milestone=1, next=0
    )


def test_claim_milestone_twice_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    claim(stage, terms, 0)
    call = arguments(stage, terms, 0)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "JobEscrow_WrongMilestone", milestone=0, next=1
    )


def test_claim_milestone_after_the_deadline_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    stage.at(deadline + 1)
    call = arguments(stage, terms, 0)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "JobEscrow_DeadlinePassed", deadline=deadline, nowAt=deadline + 1
    )


def test_claim_milestone_in_the_last_second_of_the_deadline_counts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"])
    claim(stage, terms, 0)
    assert stage.state(terms)["nextMilestone"] == 1


def test_claim_milestone_for_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    call = arguments(stage, terms, 0, stage.stranger)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=stage.operator
    )


def test_claim_milestone_for_an_agent_that_was_revoked_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    stage.stakes.revokeAgent(stage.agent, {"from": stage.operator})
    call = arguments(stage, terms, 0, stage.agent)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "StakeManager_NotAgent", caller=stage.agent, operator=stage.operator
    )


def test_claim_milestone_for_the_agent_pays_the_operator(stage: Stage) -> None:
    terms = at_full_price(stage)
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    claim(stage, terms, 0, stage.agent)
    assert (stage.credit(stage.operator), stage.credit(stage.agent)) == (60 * DOLLAR, 0)


# ---- a milestone's money ----------------------------------------------------------------------------------------------


def test_claim_milestone_at_the_maximum_price_credits_the_operator_its_share(stage: Stage) -> None:
    terms = at_full_price(stage)
    claim(stage, terms, 0)
    credited = (stage.credit(stage.operator), stage.credit(stage.creator), stage.state(terms)["remaining"])
    assert credited == (60 * DOLLAR, 0, 40 * DOLLAR)


def test_claim_milestone_with_a_dispatcher_takes_the_fee_from_the_operators_share(stage: Stage) -> None:
    terms = at_full_price(stage, with_dispatcher(stage))
    claim(stage, terms, 0)
    credited = (stage.credit(stage.operator), stage.credit(stage.dispatcher.address), stage.credit(stage.creator))
    assert credited == (58_500_000, 1_500_000, 0)


def test_claim_milestone_tells_what_was_claimed_and_who_got_what(stage: Stage) -> None:
    terms = at_full_price(stage, with_dispatcher(stage))
    deadline = stage.state(terms)["deadline"]
    claimed = claim(stage, terms, 0)
    assert [found.name for found in claimed.events] == ["MilestoneClaimed", "MilestonePaid"]
    assert event(claimed, "MilestoneClaimed") == {
        "jobId": stage.job_id(terms),
        "milestone": 0,
        "operator": plain(stage.operator),
        "outputRoot": OUTPUT,
        "manifest": RESULT,
        "nextDeadline": deadline + 300,
    }
    assert event(claimed, "MilestonePaid") == {
        "jobId": stage.job_id(terms),
        "milestone": 0,
        "operator": plain(stage.operator),
        "toOperator": 58_500_000,
        "toDispatcher": 1_500_000,
    }


def test_claim_milestone_at_a_price_of_nothing_counts(stage: Stage) -> None:
    terms = stage.terms(minPrice=0, maxPrice=1, rampSeconds=2**32 - 1)
    stage.assigned(terms)
    for milestone in range(2):
        claim(stage, terms, milestone)
    assert stage.state(terms)["status"] == COMPLETED
    assert (stage.credit(stage.operator), stage.credit(stage.creator)) == (0, 1)


# ---- before the last one ----------------------------------------------------------------------------------------------


def test_claim_milestone_early_keeps_the_time_that_was_saved(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    stage.at(deadline - 400)
    claim(stage, terms, 0)
    assert stage.state(terms)["deadline"] == deadline + 300


def test_claim_milestone_before_the_last_holds_stake_and_surplus(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 500)
    stage.accept(terms)
    claim(stage, terms, 0)
    assert int(stage.stakes.lockedStakeOf(stage.operator)) == 50 * TALLY
    assert (stage.credit(stage.creator), stage.state(terms)["remaining"]) == (0, 52 * DOLLAR)


def test_claim_milestone_before_the_last_leaves_the_rest_of_the_job(stage: Stage) -> None:
    terms = at_full_price(stage)
    before = stage.state(terms)
    claim(stage, terms, 0)
    later = before["timer"] + 300
    changed = {"nextMilestone": 1, "paidMilestones": 1, "remaining": 40 * DOLLAR, "timer": later, "deadline": later}
    assert stage.state(terms) == {**before, **changed}


# ---- the last one -----------------------------------------------------------------------------------------------------


def test_claim_milestone_the_last_returns_what_is_saved(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 500)
    stage.accept(terms)
    claim(stage, terms, 0)
    last = claim(stage, terms, 1)
    assert event(last, "JobCompleted")["surplus"] == 20 * DOLLAR
    assert (stage.credit(stage.operator), stage.credit(stage.creator)) == (80 * DOLLAR, 20 * DOLLAR)


def test_claim_milestone_the_last_at_the_maximum_price_returns_nothing(stage: Stage) -> None:
    terms = at_full_price(stage)
    claim(stage, terms, 0)
    last = claim(stage, terms, 1)
    assert (event(last, "JobCompleted")["surplus"], stage.credit(stage.creator)) == (0, 0)


@pytest.mark.parametrize(
    ("minimum", "maximum", "shares"),
    [
        (1, 1, [5_000, 5_000]),
        (0, 1, [1, 9_999]),
        (7, 100_000_007, [3_333, 3_333, 3_334]),
        (MOST - 2, MOST, [1] * 5 + [9_995]),
    ],
)
def test_claim_milestone_with_amounts_that_do_not_divide_spends_the_deposit_to_the_unit(
    stage: Stage, minimum: int, maximum: int, shares: list[int]
) -> None:
    job = {"minPrice": minimum, "maxPrice": maximum, "shareBps": shares, "durationSeconds": [9] * len(shares)}
    terms = stage.create(with_dispatcher(stage, dispatcherFeeBps=333, rampSeconds=1_000, **job))
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 333)
    stage.accept(terms)
    price = minimum + (maximum - minimum) * 333 // 1_000
    claims = [claim(stage, terms, m) for m in range(len(shares))]
    paid = [event(claimed, "MilestonePaid") for claimed in claims]
    parts = [share(price, bps) for bps in shares]
    assert [found["toDispatcher"] for found in paid] == [share(part, 333) for part in parts]
    assert [found["toOperator"] for found in paid] == [part - share(part, 333) for part in parts]
    assert event(claims[-1], "JobCompleted")["surplus"] == stage.credit(stage.creator) == maximum - sum(parts)
    assert stage.credit(stage.operator) == sum(found["toOperator"] for found in paid)


def test_claim_milestone_the_last_completes_the_job(stage: Stage) -> None:
    terms = stage.assigned()
    claim(stage, terms, 0)
    last = claim(stage, terms, 1)
    assert event(last, "MilestoneClaimed")["nextDeadline"] == 0
    assert event(last, "JobCompleted")["operator"] == plain(stage.operator)
    assert stage.state(terms) == {
        "operator": ZERO,
        "timer": 0,
        "round": 1,
        "nextMilestone": 2,
        "status": COMPLETED,
        "remaining": 0,
        "bounty": 0,
        "acceptedAfter": 0,
        "paidMilestones": 0,
        "economyVersion": 0,
        "openedAt": 0,
        "deadline": 0,
    }


def test_claim_milestone_the_last_frees_the_stake(stage: Stage) -> None:
    terms = stage.assigned()
    for milestone in range(2):
        claim(stage, terms, milestone)
    left = (stage.stakes.freeStakeOf(stage.operator), stage.stakes.lockedStakeOf(stage.operator))
    assert plain(left) == (50 * TALLY, 0)


def test_claim_milestone_the_last_without_bounty_pays_none(stage: Stage) -> None:
    terms = stage.assigned()
    claim(stage, terms, 0)
    assert events(claim(stage, terms, 1), "BountyPaid") == []


def test_claim_milestone_of_completed_job_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    for milestone in range(2):
        claim(stage, terms, milestone)
    call = arguments(stage, terms, 2)
    assert refusal(stage.escrow.claimMilestone, *call, sender=stage.settlement) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=COMPLETED, wanted=ASSIGNED
    )


def test_claim_milestone_of_reopened_job_pays_each_its_own_price_to_the_unit(stage: Stage) -> None:
    """100,000,007 for three odd shares: the first at 333 of 1,000 seconds, the others at 777."""
    shares = [3_333, 3_333, 3_334]
    terms = stage.create(minPrice=7, maxPrice=100_000_007, shareBps=shares, durationSeconds=[500] * 3)
    turns = ((stage.operator, 333, (0,)), (stage.rival, 777, (1, 2)))
    for operator, elapsed, milestones in turns:
        stage.bond(operator)
        stage.at(stage.state(terms)["openedAt"] + elapsed)
        stage.accept(terms, operator)
        for milestone in milestones:
            claim(stage, terms, milestone, operator)
        if milestones == (0,):
            stage.expire(terms)
    first, second = 7 + 100_000_000 * 333 // 1_000, 7 + 100_000_000 * 777 // 1_000
    paid = (share(first, 3_333), share(second, 3_333) + share(second, 3_334))
    assert (stage.credit(stage.operator), stage.credit(stage.rival)) == paid
    assert stage.credit(stage.creator) == 100_000_007 - sum(paid)


def test_claim_milestone_the_last_after_a_reopening_pays_the_bounty_to_who_finished(stage: Stage) -> None:
    terms = stage.assigned()
    stage.expire(terms)
    stage.accept(terms, stage.rival)
    claim(stage, terms, 0, stage.rival)
    assert stage.reward(stage.rival) == 0
    last = claim(stage, terms, 1, stage.rival)
    assert event(last, "BountyPaid") == {
        "jobId": stage.job_id(terms),
        "account": plain(stage.rival),
        "amount": 7_500 * 10**15,
    }
    assert stage.reward(stage.rival) == 7_500 * 10**15


# ---- payment without a claim ------------------------------------------------------------------------------------------


def test_pay_milestone_by_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert refusal(stage.escrow.payMilestone, terms.abi(), sender=stage.operator) == refused(
        "JobEscrow_NotSettlement", caller=stage.operator
    )


def test_pay_milestone_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert refusal(stage.escrow.payMilestone, terms.abi(), sender=stage.settlement) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


def test_pay_milestone_that_nobody_claimed_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert refusal(stage.escrow.payMilestone, terms.abi(), sender=stage.settlement) == refused(
        "JobEscrow_NoClaimPending", jobId=stage.job_id(terms)
    )


def test_pay_milestone_that_was_paid_with_its_claim_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    claim(stage, terms, 0)
    assert refusal(stage.escrow.payMilestone, terms.abi(), sender=stage.settlement) == refused(
        "JobEscrow_NoClaimPending", jobId=stage.job_id(terms)
    )
