"""JobEscrow.releaseEarly and JobEscrow.releaseFeeOf. Claims that await finality: test_escrow_optimistic.py.

releaseEarly
├── nobody holds the job → JobEscrow_WrongStatus
├── the caller
│   ├── is a stranger, the creator, another operator → StakeManager_NotAgent
│   ├── is no longer the operator's agent → StakeManager_NotAgent
│   ├── is the operator → released
│   └── is its agent → released, at the operator's cost
├── a second after the deadline → JobEscrow_DeadlinePassed
├── the fee
│   ├── at once → the least
│   ├── in the middle → in the middle
│   ├── in the last second of the deadline → as much as being late costs
│   ├── after the first milestone
│   │   ├── → of the unfinished part only
│   │   ├── while the time it saved lasts → the least
│   │   └── when that is over → grows as before
│   ├── of an amount that does not divide → rounded down
│   ├── governance has changed the economy since → the job's own counts
│   └── does not fit the bounty → only what fits is taken
└── afterwards
    ├── the fee has left the stake, the rest is free, nobody is credited yet
    ├── the job is open: round, price, events in their order
    ├── what was paid stays paid
    └── the fee waits as a bounty
        ├── on top of an earlier one
        └── for whoever completes the job

releaseFeeOf
├── the job is not assigned → JobEscrow_WrongStatus
└── the job is assigned
    ├── → what releaseEarly takes in the same second
    ├── the bounty is almost full → what fits
    └── the deadline has passed → what being late costs
"""

from __future__ import annotations

from typing import Any

import pytest
from refusals import plain, refusal, refused
from stage import ASSIGNED, BURN, DOLLAR, ECONOMY, OPEN, TALLY, ZERO, Stage, Terms, event

MOST = 2**96 - 1
LOCK = 50 * TALLY


def release(stage: Stage, terms: Terms, left: int | None = None, by: Any = None) -> Any:
    """`left` seconds before the deadline; at once where it is not given."""
    if left is not None:
        stage.at(stage.state(terms)["deadline"] - left)
    return stage.escrow.releaseEarly(terms.abi(), {"from": by or stage.operator})


def fee_of(released: Any) -> int:
    return int(event(released, "JobReleased")["fee"])


def test_release_early_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert refusal(stage.escrow.releaseEarly, terms.abi(), sender=stage.operator) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


@pytest.mark.parametrize("who", ["stranger", "creator", "rival"])
def test_release_early_by_somebody_else_reverts(stage: Stage, who: str) -> None:
    terms, caller = stage.assigned(), getattr(stage, who)
    stage.bond(stage.rival)
    assert refusal(stage.escrow.releaseEarly, terms.abi(), sender=caller) == refused(
        "StakeManager_NotAgent", caller=caller, operator=stage.operator
    )


def test_release_early_by_an_agent_that_was_revoked_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    stage.stakes.revokeAgent(stage.agent, {"from": stage.operator})
    assert refusal(stage.escrow.releaseEarly, terms.abi(), sender=stage.agent) == refused(
        "StakeManager_NotAgent", caller=stage.agent, operator=stage.operator
    )


def test_release_early_by_the_agent_is_at_the_operators_cost(stage: Stage) -> None:
    terms = stage.assigned()
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    released = event(release(stage, terms, by=stage.agent), "JobReleased")
    assert released["operator"] == plain(stage.operator)
    assert int(stage.stakes.stakeOf(stage.operator)) == LOCK - released["fee"]


def test_release_early_after_the_deadline_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    stage.at(deadline + 1)
    assert refusal(stage.escrow.releaseEarly, terms.abi(), sender=stage.operator) == refused(
        "JobEscrow_DeadlinePassed", deadline=deadline, nowAt=deadline + 1
    )


# ---- the fee ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "thousandths"),
    [(0, 500), (1, 549), (125, 6_625), (250, 12_750), (375, 18_875), (499, 24_951), (500, 25_000)],
)
def test_release_early_costs_in_a_line_with_the_time_held(stage: Stage, held: int, thousandths: int) -> None:
    """From 1 % of 50 tokens at once to 50 % of them after 500 seconds."""
    terms = stage.assigned()
    assert fee_of(release(stage, terms, 500 - held)) == thousandths * TALLY // 1_000


def test_release_early_at_the_deadline_costs_what_being_late_costs(stage: Stage) -> None:
    lock = TALLY + 7_654_321
    shares = {"stakeLock": lock, "shareBps": [3_333, 6_667], "durationSeconds": [500, 301]}
    jobs = [stage.assigned(salt=salt, **shares) for salt in (1, 2)]
    for terms in jobs:
        stage.settle(terms, 0)
    fee = fee_of(release(stage, jobs[0], 0))
    assert fee == event(stage.expire(jobs[1]), "JobExpired")["slashed"]


def test_release_early_after_the_first_milestone_costs_for_the_second_only(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    assert fee_of(release(stage, terms, 150)) == LOCK * 4_000 // 10_000 * 2_550 // 10_000


@pytest.mark.parametrize("banked", [490, 250, 1, 0])
def test_release_early_in_time_that_was_saved_costs_the_least(stage: Stage, banked: int) -> None:
    """The second milestone's own time is 300 seconds; what lies before them was saved on the first."""
    terms = stage.assigned()
    stage.settle(terms, 0)
    assert fee_of(release(stage, terms, 300 + banked)) == LOCK * 4_000 // 10_000 // 100


def test_release_early_a_second_after_saved_time_costs_more(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    part = LOCK * 4_000 // 10_000
    assert fee_of(release(stage, terms, 299)) == part * (100 * 300 + 4_900) // (10_000 * 300)


def test_release_early_with_an_amount_that_does_not_divide_rounds_the_fee_down(stage: Stage) -> None:
    lock = TALLY + 9_999
    terms = stage.assigned(stakeLock=lock, durationSeconds=[7, 300])
    exact = lock * (100 * 7 + 4_900 * 2)
    assert exact % (10_000 * 7) > 0
    assert fee_of(release(stage, terms, 5)) == exact // (10_000 * 7)


def test_release_early_of_job_from_before_a_change_costs_by_the_old_economy(stage: Stage) -> None:
    earlier = stage.assigned(salt=1)
    stage.parameters.setEconomy((8_000, *ECONOMY[1:7], 2_000), {"from": stage.governor})
    later = stage.assigned(salt=2)
    assert fee_of(release(stage, later, 500)) == LOCK // 5
    assert fee_of(release(stage, earlier, 0)) == LOCK // 2


def brimming(stage: Stage) -> tuple[Terms, int]:
    """A job of the largest lock whose bounty has less room than a fee can take, held by the rival, and that room."""
    stage.parameters.setEconomy((8_000, 100, 0, 8_900, *ECONOMY[4:]), {"from": stage.governor})
    terms = stage.assigned(stakeLock=MOST)
    stage.expire(terms)
    stage.accept(terms, stage.rival)
    return terms, MOST - stage.state(terms)["bounty"]


def test_release_early_with_a_fee_that_does_not_fit_the_bounty_takes_what_fits(stage: Stage) -> None:
    terms, room = brimming(stage)
    assert fee_of(release(stage, terms, 0, by=stage.rival)) == room < MOST * 8 // 10
    assert (stage.state(terms)["bounty"], int(stage.stakes.stakeOf(stage.rival))) == (MOST, MOST - room)


# ---- afterwards -------------------------------------------------------------------------------------------------------


def test_release_early_takes_the_fee_from_the_stake_and_frees_the_rest(stage: Stage) -> None:
    terms = stage.assigned()
    release(stage, terms, 500)
    left = (stage.stakes.stakeOf(stage.operator), stage.stakes.freeStakeOf(stage.operator))
    assert plain(left) == (LOCK * 99 // 100, LOCK * 99 // 100)
    assert [stage.reward(account) for account in (stage.creator, stage.operator, BURN)] == [0, 0, 0]


def test_release_early_opens_the_job_again(stage: Stage) -> None:
    terms = stage.assigned()
    released = release(stage, terms, 500)
    assert stage.state(terms) == {
        "operator": ZERO,
        "timer": released.timestamp,
        "round": 2,
        "nextMilestone": 0,
        "status": OPEN,
        "remaining": 100 * DOLLAR,
        "bounty": LOCK // 100,
        "acceptedAfter": 0,
        "paidMilestones": 0,
        "economyVersion": 1,
        "openedAt": released.timestamp,
        "deadline": 0,
    }
    assert stage.price(terms) == 60 * DOLLAR


def test_release_early_tells_what_happened_and_what_is_offered_now(stage: Stage) -> None:
    terms = stage.assigned()
    released = release(stage, terms, 500)
    assert [found.name for found in released.events] == ["JobReleased", "JobReopened"]
    assert event(released, "JobReleased") == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "fee": LOCK // 100,
    }
    assert event(released, "JobReopened") == {
        "jobId": stage.job_id(terms),
        "round": 2,
        "nextMilestone": 0,
        "bounty": LOCK // 100,
    }


def test_release_early_leaves_paid_milestones_paid(stage: Stage) -> None:
    terms = stage.assigned(rampSeconds=0)
    stage.settle(terms, 0)
    reopened = event(release(stage, terms), "JobReopened")
    left = stage.state(terms)
    assert (reopened["nextMilestone"], left["nextMilestone"], left["paidMilestones"]) == (1, 1, 1)
    assert (stage.credit(stage.operator), left["remaining"]) == (60 * DOLLAR, 40 * DOLLAR)


def test_release_early_adds_to_a_bounty_that_waits(stage: Stage) -> None:
    terms = stage.assigned()
    stage.expire(terms)
    stage.accept(terms, stage.rival)
    released = release(stage, terms, 500, by=stage.rival)
    assert event(released, "JobReopened")["bounty"] == 7_500 * 10**15 + LOCK // 100


def test_release_early_leaves_the_fee_to_whoever_completes_the_job(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    fee = fee_of(release(stage, terms, 100))
    stage.accept(terms, stage.rival)
    finished = stage.settle(terms, 1, stage.rival)
    assert event(finished, "BountyPaid") == {
        "jobId": stage.job_id(terms),
        "account": plain(stage.rival),
        "amount": fee,
    }
    assert (stage.reward(stage.rival), stage.reward(stage.operator)) == (fee, 0)


# ---- the forecast -----------------------------------------------------------------------------------------------------


def test_release_fee_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert refusal(stage.escrow.releaseFeeOf, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


@pytest.mark.parametrize("left", [500, 123, 0])
def test_release_fee_of_assigned_job_is_what_a_release_takes(stage: Stage, left: int) -> None:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"] - left)
    forecast = int(stage.escrow.releaseFeeOf(terms.abi()))
    assert fee_of(stage.escrow.releaseEarly(terms.abi(), {"from": stage.operator})) == forecast


def test_release_fee_that_does_not_fit_the_bounty_is_what_fits(stage: Stage) -> None:
    terms, room = brimming(stage)
    stage.at(stage.state(terms)["deadline"])
    assert int(stage.escrow.releaseFeeOf(terms.abi())) == room


def test_release_fee_after_the_deadline_is_no_more_than_being_late_costs(stage: Stage) -> None:
    """Too late to release, and not expired yet."""
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"] + 1_000)
    assert int(stage.escrow.releaseFeeOf(terms.abi())) == LOCK // 2
