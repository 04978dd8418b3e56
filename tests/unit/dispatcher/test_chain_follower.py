"""Following a chain that reorganises, goes away and comes back. The chain stands in for the scanner's seam."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from dispatcher_builders import DOMAIN, NOW, Chain, terms

from dispatcher.bell import Bell
from dispatcher.indexer.chain_clock import ChainClock
from dispatcher.indexer.follower import ChainFollower
from dispatcher.indexer.progress import Progress
from dispatcher.store.database import Database
from dispatcher.store.jobs import find_job
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.clock import ManualClock
from tallystick.errors import ChainUnavailableError
from tallystick.market.terms import JobStatus, job_id_of

JOB_ID = job_id_of(terms(), DOMAIN)
MAIN, FORK = Chain(), Chain("fork")


class Script:
    """Scanners that give the next step of a script, whoever opens them, and tell with which cursors."""

    def __init__(self, *steps: ScanStep | Exception) -> None:
        self.steps = list(steps)
        self.cursors: list[Cursor | None] = []

    async def open(self, cursor: Cursor | None) -> Script:
        self.cursors.append(cursor)
        return self

    async def poll(self) -> ScanStep:
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


class Room:
    def __init__(self, database: Database, *steps: ScanStep | Exception) -> None:
        self.script = Script(*steps)
        self.bell = Bell()
        self.clock = ManualClock(NOW)
        self.chain_clock = ChainClock(self.clock)
        self.progress = Progress(confirmations_wanted=2)
        self.follower = ChainFollower(
            database=database,
            open_scanner=self.script.open,
            progress=self.progress,
            clock=self.clock,
            chain_clock=self.chain_clock,
            bells=(self.bell,),
            poll_seconds=0.5,
        )


async def test_step_given_new_facts_holds_the_job_live(database: Database) -> None:
    room = Room(database, MAIN.step([MAIN.created(1)], head=1))

    await room.follower.step()

    assert room.follower.live[JOB_ID].status is JobStatus.OPEN


async def test_step_given_a_refund_holds_the_job_no_more(database: Database) -> None:
    room = Room(database, MAIN.step([MAIN.created(1)], head=1), MAIN.step([MAIN.refunded(2, JOB_ID)], head=2))

    await room.follower.step()
    await room.follower.step()

    assert room.follower.live == {}


async def test_step_given_a_rolled_back_creation_holds_the_job_no_more(database: Database) -> None:
    room = Room(database, MAIN.step([MAIN.created(5)], head=5), FORK.step([], head=6, rolled_back_to=4))

    await room.follower.step()
    await room.follower.step()

    assert room.follower.live == {}


async def test_step_given_a_rolled_back_end_holds_the_job_again(database: Database) -> None:
    room = Room(
        database,
        MAIN.step([MAIN.created(1)], head=1),
        MAIN.step([MAIN.refunded(5, JOB_ID)], head=5),
        FORK.step([], head=6, rolled_back_to=4),
    )

    for _ in range(3):
        await room.follower.step()

    assert room.follower.live[JOB_ID].status is JobStatus.OPEN


async def test_step_given_new_facts_rings(database: Database) -> None:
    room = Room(database, MAIN.step([MAIN.created(1)], head=1))
    ring = room.bell.listen()

    await room.follower.step()

    assert ring.is_set()


async def test_step_given_an_empty_block_does_not_ring(database: Database) -> None:
    room = Room(database, MAIN.step([], head=1))
    ring = room.bell.listen()

    await room.follower.step()

    assert not ring.is_set()


async def test_step_given_more_to_read_does_not_rest(database: Database) -> None:
    room = Room(database, MAIN.step([], head=5_000, scanned=2_000))

    assert await room.follower.step() == 0.0


async def test_step_given_more_to_read_shows_the_lag(database: Database) -> None:
    room = Room(database, MAIN.step([], head=5_000, scanned=2_000))

    await room.follower.step()

    assert (room.progress.status, room.progress.lag_blocks) == ("behind", 3_000)


async def test_step_at_the_head_rests(database: Database) -> None:
    room = Room(database, MAIN.step([], head=5))

    assert await room.follower.step() == 0.5


async def test_failed_shows_the_trouble_and_what_was_read_before(database: Database) -> None:
    room = Room(database, MAIN.step([], head=5), ChainUnavailableError("The RPC does not answer."))
    await room.follower.step()

    with pytest.raises(ChainUnavailableError) as caught:
        await room.follower.step()
    room.follower.failed(caught.value)

    assert (room.progress.status, room.progress.indexed_block) == ("chain_unavailable", 5)
    assert "does not answer" in str(room.progress.trouble)


async def test_step_after_a_failure_starts_from_what_is_on_disk(database: Database) -> None:
    room = Room(database, MAIN.step([], head=5), MAIN.step([], head=6))
    await room.follower.step()
    room.follower.failed(ChainUnavailableError("gone"))

    await room.follower.step()

    assert [cursor.number if cursor else None for cursor in room.script.cursors] == [None, 5]


async def test_step_after_a_failure_clears_the_trouble(database: Database) -> None:
    room = Room(database, MAIN.step([], head=5))
    room.follower.failed(ChainUnavailableError("gone"))

    await room.follower.step()

    assert (room.progress.status, room.progress.trouble) == ("ok", None)


async def test_load_after_a_restart_holds_the_live_jobs_before_the_chain_is_asked(database: Database) -> None:
    before = Room(database, MAIN.step([MAIN.created(1)], head=3))
    await before.follower.step()

    after = Room(database)
    await after.follower.load()

    assert list(after.follower.live) == [JOB_ID]
    assert after.progress.indexed_block == 3


async def test_step_after_a_restart_goes_on_from_the_kept_cursor(database: Database) -> None:
    before = Room(database, MAIN.step([MAIN.created(1)], head=3))
    await before.follower.step()
    after = Room(database, MAIN.step([MAIN.assigned(4, JOB_ID)], head=4))
    await after.follower.load()

    await after.follower.step()

    assert after.script.cursors == [Cursor(((3, MAIN.block_hash(3)),))]
    found = await database.run(find_job, JOB_ID)
    assert found is not None
    assert found.status is JobStatus.ASSIGNED


@pytest.fixture
async def read(database: Database) -> AsyncIterator[Progress]:
    room = Room(database, MAIN.step([MAIN.created(4)], head=5))
    await room.follower.step()
    yield room.progress


async def test_finality_of_given_enough_confirmations_is_final(read: Progress) -> None:
    assert read.finality_of(4) == "final"


async def test_finality_of_given_one_confirmation_too_few_is_pending(read: Progress) -> None:
    assert read.finality_of(5) == "pending"
