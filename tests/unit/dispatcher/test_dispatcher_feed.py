"""The feed and the quotes, through the client, down to the database."""

from __future__ import annotations

import asyncio

import pytest
from api_room import ApiRoom
from dispatcher_builders import DOMAIN, Chain, capability, terms

from tallystick.errors import DispatcherRefusedError
from tallystick.market.terms import job_id_of
from tallystick.wire.api import QuoteRequest

JOB_ID = job_id_of(terms(), DOMAIN)
CHAIN = Chain()


async def one_open_job(room: ApiRoom) -> None:
    await room.happen(CHAIN.registered(1), CHAIN.created(1))


# ---- events ----------------------------------------------------------------------------------------------------------


async def test_events_from_the_beginning_are_all_facts_in_order(room: ApiRoom) -> None:
    await one_open_job(room)

    page = await room.client.events()

    assert [event.fact.event for event in page.events if event.fact] == ["ModelRegistered", "JobCreated"]


async def test_events_behind_a_cursor_are_only_what_came_since(room: ApiRoom) -> None:
    await one_open_job(room)
    read = await room.client.events()
    await room.happen(CHAIN.assigned(2, JOB_ID))

    page = await room.client.events(after=read.next_cursor)

    assert [event.fact.event for event in page.events if event.fact] == ["JobAssigned"]


async def test_events_given_a_reorganisation_tell_where_to_forget(room: ApiRoom) -> None:
    await one_open_job(room)
    await room.happen(CHAIN.assigned(5, JOB_ID))
    read = await room.client.events()

    await room.happen(rolled_back_to=4)

    page = await room.client.events(after=read.next_cursor)
    assert [(event.fact, event.rolled_back_to) for event in page.events] == [(None, 4)]


async def test_events_given_a_wait_answer_as_soon_as_something_happens(room: ApiRoom) -> None:
    await one_open_job(room)
    read = await room.client.events()
    waiting = asyncio.create_task(room.client.events(after=read.next_cursor, wait_seconds=20))
    await asyncio.sleep(0.01)

    await room.happen(CHAIN.assigned(2, JOB_ID))

    assert len((await asyncio.wait_for(waiting, 5)).events) == 1


async def test_events_given_nothing_new_keep_the_cursor(room: ApiRoom) -> None:
    await one_open_job(room)
    read = await room.client.events()

    assert (await room.client.events(after=read.next_cursor)).next_cursor == read.next_cursor


async def test_events_given_another_databases_cursor_are_refused(room: ApiRoom) -> None:
    with pytest.raises(DispatcherRefusedError) as caught:
        await room.client.events(after="other-3")

    assert (caught.value.code, caught.value.status) == ("cursor_unknown", 410)


@pytest.mark.parametrize("wait", ["26", "-1", "long"])
async def test_events_given_a_wait_out_of_bounds_are_refused(room: ApiRoom, wait: str) -> None:
    assert (await room.http.get(f"/v1/events?wait_seconds={wait}")).status_code == 422


async def test_job_events_are_of_that_job_alone(room: ApiRoom) -> None:
    await one_open_job(room)
    await room.happen(CHAIN.created(2, terms(salt=2)))

    page = await room.client.job_events(JOB_ID)

    assert [event.fact.job_id for event in page.events if event.fact] == [JOB_ID]  # type: ignore[union-attr]


async def test_job_events_tell_of_an_early_release_and_of_a_fault(room: ApiRoom) -> None:
    await one_open_job(room)
    await room.happen(CHAIN.assigned(2, JOB_ID), *CHAIN.released(3, JOB_ID))
    await room.happen(CHAIN.assigned(4, JOB_ID, "other", 2), *CHAIN.faulted(5, JOB_ID, "other"))

    page = await room.client.job_events(JOB_ID)

    names = [event.fact.event for event in page.events if event.fact]
    assert names == [
        "JobCreated",
        "JobAssigned",
        "JobReleased",
        "JobReopened",
        "JobAssigned",
        "JobFaulted",
        "JobReopened",
    ]


# ---- quotes ----------------------------------------------------------------------------------------------------------


async def test_quote_given_executors_tells_their_prices(room: ApiRoom) -> None:
    await room.announce("alice")
    await room.announce("bob", capability=capability(region="us"))

    view = await room.client.quote(QuoteRequest(requirements="region=us"))

    assert (view.capable, view.total, view.lowest_price) == (1, 2, 400)


async def test_quote_given_a_model_with_finished_jobs_estimates_its_time(room: ApiRoom) -> None:
    await one_open_job(room)
    await room.happen(
        CHAIN.assigned(10, JOB_ID),
        *CHAIN.paid(30, JOB_ID, 0),
        *CHAIN.paid(60, JOB_ID, 1),
        CHAIN.completed(60, JOB_ID),
    )

    view = await room.client.quote(QuoteRequest(model_id=terms().model_id))

    assert view.seconds_estimate == 25.0


async def test_quote_given_requirements_that_do_not_parse_points_at_the_place(room: ApiRoom) -> None:
    with pytest.raises(DispatcherRefusedError) as caught:
        await room.client.quote(QuoteRequest(requirements="gpu>=one"))

    assert (caught.value.code, caught.value.values) == ("requirements_unreadable", {"column": 5})
