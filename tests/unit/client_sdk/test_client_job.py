"""The handle: waiting, hearing, moving a job on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from client_builders import START, World
from client_job_facts import JOB_ID, assigned, completed, created, refunded, whole_job

from client_sdk._callbacks import listen
from client_sdk._events import JobEvent
from client_sdk._job import AsyncJob
from client_sdk._models import Models
from client_sdk.testing import FakeDispatcher
from tallystick.errors import (
    ChainUnavailableError,
    DispatcherUnavailableError,
    JobPendingError,
    JobUnknownError,
    KeystoreError,
)
from tallystick.market.events import MilestonePaid
from tallystick.market.terms import JobStatus
from tallystick.wire.dispatcher_client import DispatcherClient


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class Kept(list[asyncio.Task[None]]):
    """Background tasks that a test waits for."""


async def job_of(world: World, *facts: Any, keep: Kept | None = None, **changes: Any) -> AsyncJob:
    world.happen(*facts)
    history = await world.follower.watch(JOB_ID)
    connection = world.reconnected(**changes)
    models = Models(connection, lambda: pytest.fail("no prover is needed"))
    return AsyncJob(connection, models, history, keep=(Kept() if keep is None else keep).append)


async def test_wait_given_a_job_that_is_over_returns_at_once(world: World) -> None:
    job = await job_of(world, *whole_job())

    assert (await job.wait(timeout=1)).status is JobStatus.COMPLETED


async def test_wait_given_a_job_that_ends_meanwhile_tells_of_each_event_from_now_on(world: World) -> None:
    job = await job_of(world, *whole_job()[:2])
    told: list[str] = []
    waiting = asyncio.create_task(job.wait(timeout=5, on_progress=lambda event: told.append(event.name)))
    await asyncio.sleep(0)
    world.happen(*whole_job()[2:])

    assert (await waiting).status is JobStatus.COMPLETED
    assert told == ["MilestoneClaimed", "MilestonePaid", "MilestoneClaimed", "MilestonePaid", "JobCompleted"]


async def test_wait_given_a_refunded_job_returns_it(world: World) -> None:
    job = await job_of(world, created(), refunded())

    assert (await job.wait(timeout=1)).status is JobStatus.REFUNDED


async def test_wait_given_too_little_time_says_how_far_the_job_is_and_that_it_goes_on(world: World) -> None:
    job = await job_of(world, created(), assigned())

    with pytest.raises(JobPendingError, match=r"assigned after 0\.01 s: 0 of 2 milestones are paid") as raised:
        await job.wait(timeout=0.01)
    assert f"tallystick job watch {JOB_ID}" in raised.value.remedy


async def test_wait_given_confirmations_waits_for_them(world: World) -> None:
    job = await job_of(world, *whole_job(), confirmations=3)
    assert not job.is_final

    world.chain.head_number += 2
    await job.wait(timeout=1)

    assert job.is_final


async def test_events_given_a_whole_job_yields_its_history_and_ends(world: World) -> None:
    job = await job_of(world, *whole_job())

    assert [event.name async for event in job.events()][::6] == ["JobCreated", "JobCompleted"]


async def test_events_given_two_readers_tells_both_everything(world: World) -> None:
    job = await job_of(world, *whole_job())

    async def read() -> list[str]:
        return [event.name async for event in job.events()]

    first, second = await asyncio.gather(read(), read())
    assert first == second and len(first) == 7


async def test_on_given_a_name_calls_back_with_those_events_alone(world: World) -> None:
    kept = Kept()
    job = await job_of(world, *whole_job(), keep=kept)
    heard: list[int] = []
    job.on("MilestonePaid", lambda event: heard.append(event.job.next_milestone))

    await asyncio.wait_for(kept[0], 2)

    assert heard == [1, 2]


async def test_on_given_a_class_and_a_coroutine_function_awaits_it(world: World) -> None:
    kept = Kept()
    job = await job_of(world, *whole_job(), keep=kept)
    heard: list[str] = []

    async def hear(event: JobEvent) -> None:
        await asyncio.sleep(0)
        heard.append(event.name)

    job.on(MilestonePaid, hear)
    await asyncio.wait_for(kept[0], 2)

    assert heard == ["MilestonePaid", "MilestonePaid"]


async def test_on_given_a_callback_that_fails_still_calls_the_others(world: World) -> None:
    kept = Kept()
    job = await job_of(world, *whole_job(), keep=kept)
    heard: list[str] = []

    def fail(event: JobEvent) -> None:
        raise ValueError("the caller's own trouble")

    job.on("*", fail)
    job.on("*", lambda event: heard.append(event.name))
    await asyncio.wait_for(asyncio.gather(*kept), 2)

    assert len(heard) == 7


async def test_on_given_a_later_callback_tells_it_of_what_was_before(world: World) -> None:
    kept = Kept()
    job = await job_of(world, *whole_job(), keep=kept)
    job.on("*", lambda event: None)
    await asyncio.wait_for(kept[0], 2)
    heard: list[str] = []

    job.on("JobCreated", lambda event: heard.append(event.name))
    await asyncio.wait_for(kept[1], 2)

    assert heard == ["JobCreated"]


async def test_listen_given_an_outage_goes_on_where_it_was(world: World) -> None:
    job = await job_of(world, *whole_job())
    outages = [ChainUnavailableError("The RPC endpoint is away.")]
    heard: list[str] = []

    async def events_from(place: int) -> AsyncIterator[JobEvent]:
        for event in job.history[place:4] if outages else job.history[place:]:
            yield event
        if outages:
            raise outages.pop()

    await listen(events_from, "*", lambda event: heard.append(event.name), retry_seconds=0)

    assert heard == [event.name for event in job.history]


async def test_on_given_its_end_calls_no_more(world: World) -> None:
    kept = Kept()
    job = await job_of(world, created(), keep=kept)
    heard: list[str] = []
    job.on("*", lambda event: heard.append(event.name))()
    world.happen(completed())

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(kept[0], 2)
    assert heard == []


@pytest.mark.parametrize("verb", ["cancel", "refund", "expire"])
async def test_a_moving_verb_sends_one_call_under_a_key_of_its_round(world: World, verb: str) -> None:
    job = await job_of(world, created())

    await getattr(job, verb)()

    [(key, call)] = world.signing.sent
    assert key == f"{verb}:{JOB_ID}:1"
    assert call.description.startswith(verb)


async def test_cancel_given_a_node_that_lags_returns_the_job_after_the_transaction(world: World) -> None:
    job = await job_of(world, created())
    plain = world.follower._look
    looks: list[int] = []

    async def look_late(patience_seconds: float) -> None:
        """The first look after the transaction is answered by a node that has not seen it."""
        if not looks:
            world.chain.head_number -= 1
            await plain(patience_seconds)
            world.chain.head_number += 1
        else:
            await plain(patience_seconds)
        looks.append(world.follower.head)

    before = world.follower.head
    send = world.signing.send

    async def cancel(key: str, call: Any) -> Any:
        receipt = await send(key, call)
        world.chain.happened.append(refunded(receipt.block_number))
        world.follower._look = look_late  # type: ignore[method-assign]
        return receipt

    world.signing.send = cancel  # type: ignore[method-assign]
    world.follower._patience_seconds = 5

    assert (await job.cancel()).status is JobStatus.REFUNDED
    assert looks == [before, before + 1]


async def test_cancel_given_a_client_without_a_key_is_refused(world: World) -> None:
    job = await job_of(world, created(), signing=None)

    with pytest.raises(KeystoreError):
        await job.cancel()


async def test_why_given_a_dispatcher_asks_it(world: World) -> None:
    fake = FakeDispatcher(world.chain.deployment)
    job = await job_of(world, created(), dispatcher=DispatcherClient(fake.url, transport=fake.transport))

    assert (await job.why()).job_id == JOB_ID


async def test_why_given_no_dispatcher_says_how_to_name_one(world: World) -> None:
    job = await job_of(world, created())

    with pytest.raises(DispatcherUnavailableError, match="--dispatcher"):
        await job.why()


async def test_snapshot_given_a_reorganisation_that_lost_the_job_says_so(world: World) -> None:
    job = await job_of(world, created())
    world.chain.happened.clear()
    world.scanners[0].rollback = 1

    with pytest.raises(JobUnknownError, match="was reorganised"):
        await job.refresh()


@pytest.mark.parametrize(
    ("facts", "seconds", "said"),
    [
        ((created(),), 25, "waits for an executor"),
        ((created(),), 120, "job why"),
        ((created(),), 700, "job refund"),
        ((created(), assigned()), 60, "being worked on"),
        ((created(), assigned()), 100, "job expire"),
        (tuple(whole_job()[:3]), 40, "being worked on"),
        (tuple(whole_job()[:3]), 60, "job finalize"),
        ((*whole_job()[:4], whole_job()[4]), 40, "Every milestone is claimed"),
        ((created(), refunded()), 100, "wallet withdraw"),
        (tuple(whole_job()), 100, "job result"),
    ],
)
async def test_advice_given_any_state_names_the_next_step(
    world: World, facts: tuple[Any, ...], seconds: int, said: str
) -> None:
    job = await job_of(world, *facts)
    world.clock.advance(seconds)

    assert said in job.advice()
    assert world.clock.now() == START + seconds


async def test_finalize_given_the_same_claims_again_sends_one_call(world: World) -> None:
    job = await job_of(world, *whole_job()[:3])

    await job.finalize()
    await job.finalize()

    assert [key for key, _ in world.signing.sent] == [f"finalize:{JOB_ID}:1:0"]
