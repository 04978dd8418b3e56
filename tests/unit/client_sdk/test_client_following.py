"""One scan for many jobs, driven by whoever waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from client_builders import World
from client_job_facts import JOB_ID, assigned, completed, created, whole_job

from client_sdk._following import Follower
from tallystick.chain.scanner import ScanStep
from tallystick.errors import ChainUnavailableError, JobUnknownError
from tallystick.ids import JobId

OTHER = JobId("0x" + "22" * 32)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class Outage:
    """A scanner whose endpoint is away for the first polls."""

    def __init__(self, world: World, start: int, failures: int) -> None:
        self._scanner = world._make_scanner(start)
        self._failures = failures

    async def poll(self) -> ScanStep:
        self._failures -= 1
        if self._failures >= 0:
            raise ChainUnavailableError("The RPC endpoint is away.")
        return await self._scanner.poll()


async def test_watch_given_an_old_job_knows_all_of_it(world: World) -> None:
    world.happen(*whole_job())

    history = await world.follower.watch(JOB_ID)

    assert len(history.events) == 7


async def test_watch_given_an_unknown_job_says_up_to_which_block_it_looked(world: World) -> None:
    with pytest.raises(JobUnknownError, match=f"no job {OTHER} on this chain up to block 1"):
        await world.follower.watch(OTHER)


async def test_watch_given_a_second_older_job_reads_back_what_the_scan_has_passed(world: World) -> None:
    newer = created(90).model_copy(update={"job_id": OTHER})
    world.happen(*whole_job(), newer)
    await world.follower.watch(OTHER, 90)

    history = await world.follower.watch(JOB_ID, 2)

    assert len(history.events) == 7


async def test_watch_given_a_fresh_job_starts_the_scan_a_little_before_it(world: World) -> None:
    world.happen(created(500))
    await world.follower.watch(JOB_ID, 500)

    assert world.scanners[0].start == 500 - 64


async def test_watch_given_the_same_job_twice_shares_one_history(world: World) -> None:
    world.happen(created())

    assert await world.follower.watch(JOB_ID) is await world.follower.watch(JOB_ID)


async def test_advance_given_two_waiters_looks_once(world: World) -> None:
    world.happen(created())
    await world.follower.watch(JOB_ID)
    before = world.scanners[0].polls

    await asyncio.gather(world.follower.advance(), world.follower.advance())

    assert world.scanners[0].polls == before + 1


async def test_advance_given_a_reorganisation_takes_facts_back_in_every_history(world: World) -> None:
    world.happen(created(2), assigned(3))
    history = await world.follower.watch(JOB_ID)
    world.chain.happened.remove(assigned(3))
    world.chain.happened.append(assigned(6, fork="b"))
    world.chain.head_number = 6
    world.scanners[0].rollback = 2

    await world.follower.advance()

    assert [event.name for event in history.events] == ["JobCreated", "JobAssigned", "ChainReorganised", "JobAssigned"]


async def test_advance_given_a_short_outage_goes_on(world: World) -> None:
    follower = Follower(
        world.chain, lambda start: Outage(world, start, 2), first_block=1, poll_seconds=0, patience_seconds=60
    )
    world.happen(created(), completed(5))

    history = await follower.watch(JOB_ID)

    assert len(history.events) == 2


async def test_advance_given_a_long_outage_tells_whoever_waits(world: World) -> None:
    follower = Follower(
        world.chain, lambda start: Outage(world, start, 9), first_block=1, poll_seconds=0, patience_seconds=0
    )

    with pytest.raises(ChainUnavailableError, match="away"):
        await follower.watch(JOB_ID)


async def test_watch_given_a_node_that_lags_behind_the_jobs_block_waits_for_it(world: World) -> None:
    follower = Follower(world.chain, world._make_scanner, first_block=1, poll_seconds=0, patience_seconds=5)
    watching = asyncio.create_task(follower.watch(JOB_ID, 9))
    await asyncio.sleep(0)
    world.happen(created(9))

    assert (await watching).job is not None
