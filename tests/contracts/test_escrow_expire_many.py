"""JobEscrow.expireMany

expireMany
├── nothing → nothing, 0
├── jobs of every kind in one call
│   ├── late → reopened and slashed as by `expire`, the caller is the finder
│   ├── late, a second time in the list → skipped
│   └── open, refunded, completed, unknown, in time, with a claim that awaits finality → skipped
├── none that is late → nothing happens, 0
├── one in the last second of its deadline → skipped; a second later → reopened
└── two late jobs of one operator → each costs the unfinished part of its own lock
"""

from __future__ import annotations

from typing import Any

import pytest
from refusals import plain
from stage import ASSIGNED, OPEN, TALLY, Stage, Terms, events

DAY = 86_400


def late(stage: Stage, salt: int, **changed: Any) -> Terms:
    """Assigned, and late in an hour."""
    return stage.assigned(salt=salt, **changed)


def skipped(stage: Stage) -> list[Terms]:
    """One of every kind that is not late in an hour."""
    slow = {"durationSeconds": [DAY, DAY]}
    is_open, refunded = stage.create(salt=11, acceptSeconds=DAY), stage.create(salt=12)
    stage.escrow.cancel(refunded.abi(), {"from": stage.creator})
    completed = stage.assigned(salt=13, shareBps=[10_000], durationSeconds=[500])
    stage.settle(completed, 0)
    pending = stage.assigned(stage.traced_terms(salt=14))
    stage.settle(pending, 0)
    return [is_open, refunded, completed, stage.terms(salt=15), stage.assigned(salt=16, **slow), pending]


def expire_many(stage: Stage, jobs: list[Terms]) -> tuple[int, Any]:
    """What the call returns, and the same call as a transaction. An hour after the last of the jobs was made."""
    stage.at(stage.now() + 3_600)
    call = [terms.abi() for terms in jobs]
    returned = int(stage.escrow.expireMany.call(call, {"from": stage.finder}))
    return returned, stage.escrow.expireMany(call, {"from": stage.finder})


def test_expire_many_of_nothing_does_nothing(stage: Stage) -> None:
    returned, sent = expire_many(stage, [])
    assert (returned, list(sent.events)) == (0, [])


def test_expire_many_of_every_kind_expires_each_late_one_once(stage: Stage) -> None:
    one, two = late(stage, 1), late(stage, 2)
    others = skipped(stage)
    returned, sent = expire_many(stage, [*others[:2], one, *others[2:4], one, two, *others[4:], two])
    assert returned == 2
    assert events(sent, "JobExpired") == [
        {
            "jobId": stage.job_id(terms),
            "operator": plain(stage.operator),
            "finder": plain(stage.finder),
            "slashed": 25 * TALLY,
        }
        for terms in (one, two)
    ]
    assert [found.name for found in sent.events] == ["JobExpired", "JobReopened", "StakeSlashed"] * 2


def test_expire_many_of_every_kind_leaves_the_others_as_they_are(stage: Stage) -> None:
    one, others = late(stage, 1), skipped(stage)
    before = [stage.state(terms) for terms in others]
    expire_many(stage, [*others, one, *others])
    assert [stage.state(terms) for terms in others] == before
    assert (stage.state(one)["status"], stage.state(one)["round"]) == (OPEN, 2)


def test_expire_many_of_none_that_is_late_does_nothing(stage: Stage) -> None:
    returned, sent = expire_many(stage, skipped(stage))
    assert (returned, list(sent.events)) == (0, [])


def test_expire_many_in_the_last_second_of_a_deadline_skips_the_job(stage: Stage) -> None:
    terms = late(stage, 1)
    stage.at(stage.state(terms)["deadline"])
    stage.escrow.expireMany([terms.abi()], {"from": stage.finder})
    assert stage.state(terms)["status"] == ASSIGNED


def test_expire_many_a_second_after_a_deadline_expires_the_job(stage: Stage) -> None:
    terms = late(stage, 1)
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.escrow.expireMany([terms.abi()], {"from": stage.finder})
    assert stage.state(terms)["status"] == OPEN


@pytest.mark.parametrize("finished", [0, 1])
def test_expire_many_slashes_each_job_for_its_own_unfinished_part(stage: Stage, finished: int) -> None:
    one, two = late(stage, 1), late(stage, 2, stakeLock=20 * TALLY)
    for milestone in range(finished):
        stage.settle(one, milestone)
    expire_many(stage, [one, two])
    slash = (10 if finished else 25) * TALLY + 10 * TALLY
    left = (stage.stakes.stakeOf(stage.operator), stage.stakes.lockedStakeOf(stage.operator))
    assert plain(left) == (70 * TALLY - slash, 0)
