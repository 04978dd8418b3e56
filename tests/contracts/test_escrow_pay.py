"""JobEscrow.payMilestone: what a claim does to the money. Claims themselves are in test_settlement_claim.py.

payMilestone
├── the caller is not the settlement → JobEscrow_NotSettlement
├── nobody holds the job → JobEscrow_WrongStatus
├── another milestone than the next
│   ├── one further on → JobEscrow_WrongMilestone
│   └── the one just paid → JobEscrow_WrongMilestone
├── the price is the maximum
│   ├── → the operator is credited its share
│   └── with a dispatcher's fee → the fee comes out of it
├── the price is below the maximum → what is saved goes back to the creator
├── the amounts do not divide → nothing is lost, nothing is left
├── not the last milestone
│   ├── → the next deadline counts from the old one, however early it was
│   └── → the stake stays locked
└── the last milestone
    ├── → the job is completed and forgets its operator
    ├── → the lock is free again
    └── after a reopening → the bounty goes to the operator that finished
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts
from refusals import plain, refusal, refused
from stage import ASSIGNED, COMPLETED, DOLLAR, OPEN, TALLY, ZERO, Stage, Terms, event, events, share


def pay(stage: Stage, terms: Terms, milestone: int) -> Any:
    """As the settlement, whose checks are another file's subject."""
    settlement = accounts.at(stage.settlement.address, force=True)
    return stage.escrow.payMilestone(terms.abi(), milestone, {"from": settlement})


def at_full_price(stage: Stage, terms: Terms | None = None, **changed: Any) -> Terms:
    return stage.assigned(terms, **{"rampSeconds": 0, **changed} if terms is None else {})


def test_pay_milestone_by_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert refusal(stage.escrow.payMilestone, terms.abi(), 0, sender=stage.operator) == refused(
        "JobEscrow_NotSettlement", caller=stage.operator
    )


def test_pay_milestone_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert refusal(stage.escrow.payMilestone, terms.abi(), 0, sender=stage.settlement) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


def test_pay_milestone_out_of_order_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert refusal(stage.escrow.payMilestone, terms.abi(), 1, sender=stage.settlement) == refused(
        "JobEscrow_WrongMilestone", milestone=1, next=0
    )


def test_pay_milestone_twice_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    pay(stage, terms, 0)
    assert refusal(stage.escrow.payMilestone, terms.abi(), 0, sender=stage.settlement) == refused(
        "JobEscrow_WrongMilestone", milestone=0, next=1
    )


def test_pay_milestone_at_the_maximum_price_credits_the_operator_its_share(stage: Stage) -> None:
    terms = at_full_price(stage)
    pay(stage, terms, 0)
    credited = (stage.credit(stage.operator), stage.credit(stage.creator), stage.state(terms)["remaining"])
    assert credited == (60 * DOLLAR, 0, 40 * DOLLAR)


def test_pay_milestone_with_a_dispatcher_takes_the_fee_from_the_operators_share(stage: Stage) -> None:
    terms = at_full_price(stage, stage.dispatched_terms(exclusiveSeconds=0, rampSeconds=0))
    pay(stage, terms, 0)
    credited = (stage.credit(stage.operator), stage.credit(stage.dispatcher.address), stage.credit(stage.creator))
    assert credited == (58_500_000, 1_500_000, 0)


def test_pay_milestone_below_the_maximum_price_returns_what_is_saved(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 500)
    stage.accept(terms)
    pay(stage, terms, 0)
    assert (stage.credit(stage.operator), stage.credit(stage.creator)) == (48 * DOLLAR, 12 * DOLLAR)


def test_pay_milestone_emits_who_got_what(stage: Stage) -> None:
    terms = at_full_price(stage, stage.dispatched_terms(exclusiveSeconds=0, rampSeconds=0))
    deadline = stage.state(terms)["deadline"]
    assert event(pay(stage, terms, 0), "MilestonePaid") == {
        "jobId": stage.job_id(terms),
        "milestone": 0,
        "operator": plain(stage.operator),
        "toOperator": 58_500_000,
        "toDispatcher": 1_500_000,
        "toCreator": 0,
        "nextDeadline": deadline + 300,
    }


@pytest.mark.parametrize(
    ("minimum", "maximum", "shares"),
    [
        (1, 1, [5_000, 5_000]),
        (0, 1, [1, 9_999]),
        (7, 100_000_007, [3_333, 3_333, 3_334]),
        (2**128 - 3, 2**128 - 1, [1] * 7 + [9_993]),
        (12_345, 99_999, [39] * 255 + [55]),
    ],
)
def test_pay_milestone_with_amounts_that_do_not_divide_spends_the_deposit_to_the_unit(
    stage: Stage, minimum: int, maximum: int, shares: list[int]
) -> None:
    changed = {"minPrice": minimum, "maxPrice": maximum, "shareBps": shares, "dispatcherFeeBps": 333}
    terms = stage.create(stage.dispatched_terms(exclusiveSeconds=0, durationSeconds=[9] * len(shares), **changed))
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 333)
    stage.accept(terms)
    price = stage.state(terms)["price"]
    paid = [event(pay(stage, terms, m), "MilestonePaid") for m in range(len(shares))]
    parts = [(e["toOperator"] + e["toDispatcher"], e["toCreator"]) for e in paid]
    assert [worked for worked, _ in parts] == [share(price, bps) for bps in shares]
    assert sum(worked + saved for worked, saved in parts) == maximum
    assert stage.state(terms)["remaining"] == 0


def test_pay_milestone_early_keeps_the_time_that_was_saved(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    stage.at(deadline - 400)
    pay(stage, terms, 0)
    assert stage.state(terms)["deadline"] == deadline + 300


def test_pay_milestone_before_the_last_keeps_the_stake_locked(stage: Stage) -> None:
    terms = stage.assigned()
    pay(stage, terms, 0)
    assert int(stage.stakes.lockedStakeOf(stage.operator)) == 50 * TALLY


def test_pay_milestone_the_last_completes_the_job(stage: Stage) -> None:
    terms = stage.assigned()
    opened_at = stage.state(terms)["openedAt"]
    pay(stage, terms, 0)
    price = stage.state(terms)["price"]
    last = pay(stage, terms, 1)
    assert event(last, "JobCompleted") == {"jobId": stage.job_id(terms), "operator": plain(stage.operator)}
    assert stage.state(terms) == {
        "status": COMPLETED,
        "nextMilestone": 2,
        "round": 1,
        "openedAt": opened_at,
        "deadline": 0,
        "operator": ZERO,
        "price": price,
        "remaining": 0,
    }


def test_pay_milestone_the_last_frees_the_stake(stage: Stage) -> None:
    terms = stage.assigned()
    pay(stage, terms, 0)
    last = pay(stage, terms, 1)
    assert event(last, "StakeReleased")["amount"] == 50 * TALLY
    assert int(stage.stakes.freeStakeOf(stage.operator)) == 50 * TALLY


def test_pay_milestone_the_last_without_bounty_pays_none(stage: Stage) -> None:
    terms = stage.assigned()
    pay(stage, terms, 0)
    assert events(pay(stage, terms, 1), "BountyPaid") == []


def test_pay_milestone_the_last_after_a_reopening_pays_the_bounty_to_who_finished(stage: Stage) -> None:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.escrow.expire(terms.abi(), {"from": stage.finder})
    bounty = int(stage.stakes.bountyOf(stage.job_id(terms)))
    stage.accept(terms, stage.rival)
    pay(stage, terms, 0)
    assert int(stage.stakes.rewardOf(stage.rival)) == 0
    pay(stage, terms, 1)
    assert int(stage.stakes.rewardOf(stage.rival)) == bounty == 7_500_000_000_000_000_000
