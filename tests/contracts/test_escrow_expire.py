"""JobEscrow.expire

expire
├── nobody holds the job → JobEscrow_WrongStatus
├── in the last second of the deadline → JobEscrow_DeadlineNotPassed
└── a second later, by anyone
    ├── nothing was finished → half of the lock is slashed and divided
    ├── the first milestone was paid → only the unfinished part counts, and it stays paid
    ├── the caller is the operator itself → it loses what nobody gets
    ├── amounts that do not divide → the remainder is burnt
    ├── the job opens again: round, price, events
    ├── a second time → the bounty grows
    └── somebody else takes it → goes on behind the paid milestones, at a price of its own
"""

from __future__ import annotations

from typing import Any

from refusals import plain, refusal, refused
from stage import ASSIGNED, BURN, DOLLAR, OPEN, TALLY, ZERO, Stage, Terms, event, events, share


def expire(stage: Stage, terms: Terms, by: Any = None) -> Any:
    """A second after the deadline."""
    stage.at(stage.state(terms)["deadline"] + 1)
    return stage.escrow.expire(terms.abi(), {"from": by or stage.finder})


def rewards(stage: Stage) -> tuple[int, int, int]:
    """Of the finder, the creator and nobody."""
    return tuple(int(stage.stakes.rewardOf(account)) for account in (stage.finder, stage.creator, BURN))


def test_expire_of_open_job_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert refusal(stage.escrow.expire, terms.abi(), sender=stage.finder) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


def test_expire_in_the_last_second_of_the_deadline_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    deadline = stage.state(terms)["deadline"]
    stage.at(deadline)
    assert refusal(stage.escrow.expire, terms.abi(), sender=stage.finder) == refused(
        "JobEscrow_DeadlineNotPassed", deadline=deadline, nowAt=deadline
    )


def test_expire_of_untouched_job_divides_half_of_the_lock(stage: Stage) -> None:
    terms = stage.assigned()
    slashed = event(expire(stage, terms), "StakeSlashed")
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
    expire(stage, terms)
    assert rewards(stage) == (2_500 * 10**15, 10 * TALLY, 5 * TALLY)
    assert int(stage.stakes.bountyOf(stage.job_id(terms))) == 7_500 * 10**15


def test_expire_frees_what_is_not_slashed(stage: Stage) -> None:
    terms = stage.assigned()
    expire(stage, terms)
    left = (stage.stakes.freeStakeOf(stage.operator), stage.stakes.lockedStakeOf(stage.operator))
    assert plain(left) == (25 * TALLY, 0)


def test_expire_after_the_first_milestone_slashes_for_the_second_only(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    assert event(expire(stage, terms), "JobExpired")["slashed"] == 10 * TALLY


def test_expire_after_the_first_milestone_leaves_it_paid(stage: Stage) -> None:
    terms = stage.assigned(rampSeconds=0)
    stage.settle(terms, 0)
    expire(stage, terms)
    assert (stage.credit(stage.operator), stage.state(terms)["nextMilestone"]) == (60 * DOLLAR, 1)


def test_expire_by_the_operator_itself_still_costs_what_nobody_gets(stage: Stage) -> None:
    terms = stage.assigned()
    expire(stage, terms, by=stage.operator)
    back = int(stage.stakes.freeStakeOf(stage.operator)) + int(stage.stakes.rewardOf(stage.operator))
    assert back == 50 * TALLY - 25 * TALLY + 2_500 * 10**15


def test_expire_with_amounts_that_do_not_divide_burns_the_remainder(stage: Stage) -> None:
    terms = stage.assigned(stakeLock=2 * TALLY + 38)
    slashed = event(expire(stage, terms), "StakeSlashed")
    parts = (slashed["toFinder"], slashed["toCreator"], slashed["toBounty"])
    assert slashed["amount"] == TALLY + 19
    assert parts == (share(TALLY + 19, 1_000), share(TALLY + 19, 4_000), share(TALLY + 19, 3_000))
    assert slashed["burned"] == TALLY + 19 - sum(parts) > share(TALLY + 19, 2_000)


def test_expire_opens_the_job_again(stage: Stage) -> None:
    terms = stage.assigned()
    expired = expire(stage, terms)
    assert stage.state(terms) == {
        "status": OPEN,
        "nextMilestone": 0,
        "round": 2,
        "openedAt": expired.timestamp,
        "deadline": 0,
        "operator": ZERO,
        "price": 0,
        "remaining": 100 * DOLLAR,
    }


def test_expire_emits_what_happened_and_what_is_offered_now(stage: Stage) -> None:
    terms = stage.assigned()
    expired = expire(stage, terms)
    assert events(expired, "JobExpired") == [
        {
            "jobId": stage.job_id(terms),
            "operator": plain(stage.operator),
            "finder": plain(stage.finder),
            "slashed": 25 * TALLY,
        }
    ]
    assert events(expired, "JobReopened") == [
        {"jobId": stage.job_id(terms), "round": 2, "nextMilestone": 0, "bounty": 7_500 * 10**15}
    ]


def test_expire_a_second_time_adds_to_the_bounty(stage: Stage) -> None:
    terms = stage.assigned()
    expire(stage, terms)
    stage.accept(terms, stage.rival)
    assert event(expire(stage, terms), "JobReopened")["bounty"] == 15 * TALLY


def test_expire_lets_the_next_operator_go_on_at_its_own_price(stage: Stage) -> None:
    terms = stage.assigned(rampSeconds=0)
    stage.settle(terms, 0)
    expire(stage, terms)
    stage.accept(terms, stage.rival)
    stage.settle(terms, 1, stage.rival)
    assert (stage.credit(stage.operator), stage.credit(stage.rival)) == (60 * DOLLAR, 40 * DOLLAR)
