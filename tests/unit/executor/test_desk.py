from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from executor_builders import FREE_STAKE, LOCK, NOW, OPERATOR, TOKEN, open_job
from executor_market import Chain, Contracts
from executor_prover import Trap

from executor.acceptance import Accept, Decline, Findings, Policy
from executor.desk import Desk
from executor.work import JobWork, Stage
from tallystick.chain.views import BlockHead
from tallystick.clock import ManualClock
from tallystick.ids import ZERO_BYTES32, JobId
from tallystick.market.book import Job

POLICY = Policy(
    operator=OPERATOR,
    min_milestone_price=500,
    payment_tokens=frozenset({TOKEN}),
    max_jobs=9,
    safety=2.0,
    claim_seconds=10,
    allow_development_srs=False,
)
KNOWN = Findings(20.0, "development", ())
FIRST, SECOND = open_job(salt=1), open_job(salt=2)


class World:
    """A desk over a market with these jobs."""

    def __init__(self, *works: JobWork, free_stake: int = FREE_STAKE) -> None:
        self.contracts = Contracts(ManualClock(NOW))
        self.contracts.free_stake = free_stake
        self.works: dict[JobId, JobWork] = {work.job_id: work for work in works}
        follower: Any = SimpleNamespace(book={job.job_id: job for job in (FIRST, SECOND)}, head=None)
        self.follower = follower
        self.desk = Desk(POLICY, Chain(self.contracts, Trap()), follower, self.works, self.contracts.clock)

    async def decide(self, job: Job, findings: Findings | None = KNOWN) -> str:
        answer = await self.desk.decide(job, None, findings)
        return answer.code if isinstance(answer, Decline) else "accept"


def work(job: Job, stage: Stage, deadline: int | None = None) -> JobWork:
    return JobWork(job.job_id, 1, 2, stage=stage, deadline=deadline)


async def test_decide_given_two_at_once_and_stake_for_one_promises_it_to_one() -> None:
    world = World(free_stake=LOCK)

    assert sorted(await asyncio.gather(world.decide(FIRST), world.decide(SECOND))) == ["accept", "stake"]


async def test_decide_given_a_promise_and_a_restart_keeps_it() -> None:
    world = World(work(FIRST, Stage.ACCEPTING), free_stake=LOCK)

    assert await world.decide(SECOND) == "stake"


@pytest.mark.parametrize("stage", [Stage.ASSIGNED, Stage.LOST, Stage.REFUSED])
async def test_settle_given_an_acceptance_that_came_to_its_end_gives_the_promise_back(stage: Stage) -> None:
    world = World(free_stake=LOCK)
    await world.decide(FIRST)
    world.desk.settle(work(FIRST, stage))

    assert await world.decide(SECOND) == "accept"


@pytest.mark.parametrize("stage", [Stage.CONSIDERED, Stage.ACCEPTING])
async def test_settle_given_an_acceptance_on_its_way_keeps_the_promise(stage: Stage) -> None:
    world = World(free_stake=LOCK)
    await world.decide(FIRST)
    world.desk.settle(work(FIRST, stage))

    assert await world.decide(SECOND) == "stake"


async def test_decide_given_a_look_without_an_estimate_promises_nothing() -> None:
    world = World(free_stake=LOCK)
    await world.decide(FIRST, None)

    assert await world.decide(SECOND) == "accept"


async def test_decide_given_the_same_job_again_does_not_count_its_own_promise() -> None:
    world = World(free_stake=LOCK)

    assert [await world.decide(FIRST), await world.decide(FIRST)] == ["accept", "accept"]


async def test_decide_given_held_work_of_unknown_length_takes_nothing_more() -> None:
    assert await World(work(FIRST, Stage.PROVING, NOW + 300)).decide(SECOND) == "queue"


async def test_decide_given_held_work_that_leaves_room_accepts() -> None:
    world = World(work(FIRST, Stage.PROVING, NOW + 300))
    world.desk.note_estimate(FIRST.job_id, 20.0)

    assert await world.decide(SECOND) == "accept"


@pytest.mark.parametrize(("seconds", "spared"), [(94, True), (96, False)])
def test_can_spare_given_held_work_keeps_its_deadlines(seconds: float, spared: bool) -> None:
    # Two milestones of 20 s, twice for safety, and 10 s each to claim: the first in 250 s, so 200 s are left for it.
    world = World(work(FIRST, Stage.PROVING, NOW + 250))
    world.desk.note_estimate(FIRST.job_id, 20.0)

    assert world.desk.can_spare(seconds) is spared


def test_can_spare_given_nothing_held_has_all_the_time() -> None:
    assert World().desk.can_spare(10_000)


@pytest.mark.parametrize(("block_time", "now"), [(NOW - 50, NOW), (NOW + 50, NOW + 50)])
def test_now_given_a_quiet_chain_or_one_that_runs_ahead_is_the_later_time(block_time: int, now: int) -> None:
    world = World()
    world.follower.head = BlockHead(1, ZERO_BYTES32, block_time)

    assert world.desk.now() == now


async def test_decide_given_a_yes_tells_the_price() -> None:
    answer = await World().desk.decide(FIRST, None, KNOWN)

    assert isinstance(answer, Accept)
    assert answer.price == 1_000
