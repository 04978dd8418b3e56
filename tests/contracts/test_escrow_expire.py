"""JobEscrow.expire. Many at once: test_escrow_expire_many.py. Claims that await finality: test_escrow_optimistic.py.

expire
├── nobody holds the job
│   ├── it was never created → JobEscrow_WrongStatus
│   ├── it is open → JobEscrow_WrongStatus
│   └── it is completed → JobEscrow_WrongStatus
├── in the last second of the deadline → JobEscrow_DeadlineNotPassed
├── the first milestone is paid, and only its own deadline has passed → JobEscrow_DeadlineNotPassed
└── a second later, by anyone
    ├── nothing was finished → half of the lock is slashed and divided
    ├── the first milestone was paid → only the unfinished part counts, and it stays paid
    ├── the caller is the operator itself → it loses what nobody gets
    ├── the operator is leaving → what is unbonding is slashed all the same
    ├── amounts that do not divide → the slash is rounded down once; the remainder of its parts is burnt
    ├── governance has changed the economy since → the job's own counts
    ├── the job opens again: round, price, events in their order
    ├── the bounty
    │   ├── of a second time → on top of the first
    │   └── does not fit its 96 bits → what does not fit is burnt
    └── somebody else takes it → goes on behind the paid milestones, at a price of its own
"""

from __future__ import annotations

import pytest
from refusals import plain, refusal, refused
from stage import (
    ASSIGNED,
    BURN,
    COMPLETED,
    DOLLAR,
    ECONOMY,
    OPEN,
    TALLY,
    ZERO,
    Stage,
    event,
    share,
)

MOST = 2**96 - 1


def rewards(stage: Stage) -> tuple[int, ...]:
    """Of the finder, the creator and nobody."""
    return tuple(stage.reward(account) for account in (stage.finder, stage.creator, BURN))


def test_expire_of_unknown_job_reverts(stage: Stage) -> None:
    terms = stage.terms()
    assert refusal(stage.escrow.expire, terms.abi(), sender=stage.finder) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=0, wanted=ASSIGNED
    )


def test_expire_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.at(stage.now() + 10_000)
    assert refusal(stage.escrow.expire, terms.abi(), sender=stage.finder) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


def test_expire_of_completed_job_reverts(stage: Stage) -> None:
    terms = stage.assigned(shareBps=[10_000], durationSeconds=[500])
    stage.settle(terms, 0)
    stage.at(stage.now() + 10_000)
    assert refusal(stage.escrow.expire, terms.abi(), sender=stage.finder) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=COMPLETED, wanted=ASSIGNED
    )


def test_expire_in_the_last_second_of_the_deadline_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    stage.at(deadline)
    assert refusal(stage.escrow.expire, terms.abi(), sender=stage.finder) == refused(
        "JobEscrow_DeadlineNotPassed", deadline=deadline, nowAt=deadline
    )


def test_expire_after_the_deadline_of_a_paid_milestone_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    first = stage.state(terms)["deadline"]
    stage.settle(terms, 0)
    stage.at(first + 1)
    assert refusal(stage.escrow.expire, terms.abi(), sender=stage.finder) == refused(
        "JobEscrow_DeadlineNotPassed", deadline=first + 300, nowAt=first + 1
    )


# ---- the slash --------------------------------------------------------------------------------------------------------


def test_expire_of_untouched_job_divides_half_of_the_lock(stage: Stage) -> None:
    terms = stage.assigned()
    slashed = event(stage.expire(terms), "StakeSlashed")
    assert slashed == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "finder": plain(stage.finder),
        "amount": 25 * TALLY,
        "toFinder": share(25 * TALLY, 1_000),
        "toCreator": share(25 * TALLY, 4_000),
        "toBounty": share(25 * TALLY, 3_000),
        "burned": share(25 * TALLY, 2_000),
    }


def test_expire_of_untouched_job_credits_each_its_part(stage: Stage) -> None:
    terms = stage.assigned()
    stage.expire(terms)
    assert rewards(stage) == (2_500 * 10**15, 10 * TALLY, 5 * TALLY)
    assert stage.state(terms)["bounty"] == 7_500 * 10**15


def test_expire_frees_what_is_not_slashed(stage: Stage) -> None:
    terms = stage.assigned()
    stage.expire(terms)
    left = (stage.stakes.freeStakeOf(stage.operator), stage.stakes.lockedStakeOf(stage.operator))
    assert plain(left) == (25 * TALLY, 0)


def test_expire_after_the_first_milestone_slashes_for_the_second_only(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    assert event(stage.expire(terms), "JobExpired")["slashed"] == 10 * TALLY


def test_expire_after_the_first_milestone_leaves_it_paid(stage: Stage) -> None:
    terms = stage.assigned(rampSeconds=0)
    stage.settle(terms, 0)
    stage.expire(terms)
    left = stage.state(terms)
    assert (stage.credit(stage.operator), left["nextMilestone"], left["paidMilestones"]) == (60 * DOLLAR, 1, 1)


def test_expire_by_the_operator_itself_still_costs_what_nobody_gets(stage: Stage) -> None:
    terms = stage.assigned()
    stage.expire(terms, by=stage.operator)
    back = int(stage.stakes.freeStakeOf(stage.operator)) + stage.reward(stage.operator)
    assert back == 50 * TALLY - 25 * TALLY + 2_500 * 10**15


def test_expire_slashes_stake_that_is_unbonding(stage: Stage) -> None:
    terms = stage.assigned()
    stage.stakes.requestUnbond(50 * TALLY, {"from": stage.operator})
    stage.expire(terms)
    left = (stage.stakes.stakeOf(stage.operator), stage.stakes.unbondingOf(stage.operator)[0])
    assert plain(left) == (25 * TALLY, 25 * TALLY)


@pytest.mark.parametrize("slashed", [TALLY + 19, TALLY + 1, TALLY + 9_999])
def test_expire_with_amounts_that_do_not_divide_burns_the_remainder(stage: Stage, slashed: int) -> None:
    terms = stage.assigned(stakeLock=2 * slashed + 1)
    division = event(stage.expire(terms), "StakeSlashed")
    parts = [division[name] for name in ("toFinder", "toCreator", "toBounty")]
    assert division["amount"] == slashed
    assert parts == [share(slashed, 1_000), share(slashed, 4_000), share(slashed, 3_000)]
    assert division["burned"] == slashed - sum(parts) > share(slashed, 2_000)


def test_expire_of_the_second_of_odd_shares_rounds_the_slash_down_once(stage: Stage) -> None:
    """Rounding the unfinished part first, and then the slash, would lose a unit here."""
    stage.parameters.setEconomy((3_333, *ECONOMY[1:]), {"from": stage.governor})
    lock = TALLY + 5
    terms = stage.assigned(stakeLock=lock, shareBps=[3_333, 6_667])
    stage.settle(terms, 0)
    assert event(stage.expire(terms), "JobExpired")["slashed"] == lock * 6_667 * 3_333 // 10**8


def test_expire_of_job_from_before_a_change_slashes_by_the_old_economy(stage: Stage) -> None:
    earlier = stage.assigned(salt=1)
    stage.parameters.setEconomy((8_000, 2_000, 3_000, 1_000, *ECONOMY[4:]), {"from": stage.governor})
    later = stage.assigned(salt=2)
    old, new = event(stage.expire(earlier), "StakeSlashed"), event(stage.expire(later), "StakeSlashed")
    names = ("amount", "toFinder", "toCreator", "toBounty", "burned")
    assert [old[name] for name in names] == [
        25 * TALLY,
        *(share(25 * TALLY, bps) for bps in (1_000, 4_000, 3_000, 2_000)),
    ]
    assert [new[name] for name in names] == [
        40 * TALLY,
        *(share(40 * TALLY, bps) for bps in (2_000, 3_000, 1_000, 4_000)),
    ]


# ---- the job afterwards -----------------------------------------------------------------------------------------------


def test_expire_opens_the_job_again(stage: Stage) -> None:
    terms = stage.assigned()
    expired = stage.expire(terms)
    assert stage.state(terms) == {
        "operator": ZERO,
        "timer": expired.timestamp,
        "round": 2,
        "nextMilestone": 0,
        "status": OPEN,
        "remaining": 100 * DOLLAR,
        "bounty": 7_500 * 10**15,
        "acceptedAfter": 0,
        "paidMilestones": 0,
        "economyVersion": 1,
        "openedAt": expired.timestamp,
        "deadline": 0,
    }


def test_expire_tells_what_happened_and_what_is_offered_now(stage: Stage) -> None:
    terms = stage.assigned()
    expired = stage.expire(terms)
    assert [found.name for found in expired.events] == ["JobExpired", "JobReopened", "StakeSlashed"]
    assert event(expired, "JobExpired") == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "finder": plain(stage.finder),
        "slashed": 25 * TALLY,
    }
    assert event(expired, "JobReopened") == {
        "jobId": stage.job_id(terms),
        "round": 2,
        "nextMilestone": 0,
        "bounty": 7_500 * 10**15,
    }


def test_expire_a_second_time_adds_to_the_bounty(stage: Stage) -> None:
    terms = stage.assigned()
    stage.expire(terms)
    stage.accept(terms, stage.rival)
    assert event(stage.expire(terms), "JobReopened")["bounty"] == 15 * TALLY


def test_expire_with_a_bounty_that_does_not_fit_burns_the_rest(stage: Stage) -> None:
    """71 % of the largest lock, twice, is more than a bounty holds."""
    stage.parameters.setEconomy((8_000, 100, 0, 8_900, *ECONOMY[4:]), {"from": stage.governor})
    terms = stage.assigned(stakeLock=MOST)
    first = event(stage.expire(terms), "StakeSlashed")
    stage.accept(terms, stage.rival)
    second = event(stage.expire(terms), "StakeSlashed")
    slashed, to_bounty = share(MOST, 8_000), share(share(MOST, 8_000), 8_900)
    assert (first["toBounty"], second["toBounty"]) == (to_bounty, MOST - to_bounty)
    assert second["burned"] == slashed - share(slashed, 100) - (MOST - to_bounty)
    assert stage.state(terms)["bounty"] == MOST
    assert stage.reward(BURN) == first["burned"] + second["burned"]
    assert int(stage.stakes.stakeOf(stage.rival)) == MOST - slashed


def test_expire_lets_the_next_operator_go_on_at_its_own_price(stage: Stage) -> None:
    terms = stage.create()
    for operator, milestone, elapsed in ((stage.operator, 0, 250), (stage.rival, 1, 750)):
        stage.bond(operator)
        stage.at(stage.state(terms)["openedAt"] + elapsed)
        stage.accept(terms, operator)
        stage.settle(terms, milestone, operator)
        if milestone == 0:
            stage.expire(terms)
    credits = (stage.credit(stage.operator), stage.credit(stage.rival), stage.credit(stage.creator))
    assert credits == (42 * DOLLAR, 36 * DOLLAR, 22 * DOLLAR)
