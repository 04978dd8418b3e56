"""The dispatcher as its users see it, also when it is down, lies or refuses."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tallystick.errors import DispatcherRefusedError, DispatcherUnavailableError
from tallystick.ids import Address, JobId
from tallystick.wire.api import ProblemView, QuoteRequest
from tallystick.wire.dispatcher_client import MAX_RESPONSE_BYTES, DispatcherClient

AGENT = Address("0x" + "11" * 20)
JOB = JobId("0x" + "44" * 32)

Answer = Callable[[httpx.Request], httpx.Response]


def client_of(answer: Answer) -> DispatcherClient:
    return DispatcherClient("http://dispatcher/", transport=httpx.MockTransport(answer))


def always(response: httpx.Response) -> Answer:
    return lambda _: response


async def test_offers_asks_for_the_agents_and_says_how_long_it_waits() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"offers": []})

    async with client_of(answer) as client:
        await client.offers(AGENT, wait_seconds=20)

    assert str(seen[0].url) == f"http://dispatcher/v1/executors/{AGENT}/offers?wait_seconds=20"
    assert seen[0].extensions["timeout"]["read"] == 30.0


async def test_jobs_given_no_filter_sends_none() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"jobs": [], "next_after": None})

    async with client_of(answer) as client:
        await client.jobs()

    assert dict(seen[0].url.params) == {"limit": "50"}


async def test_quote_given_an_answer_returns_it_typed() -> None:
    view = {
        "capable": 0,
        "total": 0,
        "milestones": 1,
        "lowest_price": None,
        "median_price": None,
        "seconds_estimate": None,
        "reasons": [],
        "kinds": [],
    }
    async with client_of(always(httpx.Response(200, json=view))) as client:
        assert (await client.quote(QuoteRequest())).capable == 0


async def test_health_given_a_dispatcher_that_is_down_says_that_work_goes_on() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    async with client_of(answer) as client:
        with pytest.raises(DispatcherUnavailableError, match="directly on the chain"):
            await client.health()


async def test_health_given_a_dispatcher_that_is_too_slow_is_unavailable() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    async with client_of(answer) as client:
        with pytest.raises(DispatcherUnavailableError, match="ReadTimeout"):
            await client.health()


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_health_given_a_gateways_error_is_unavailable(status: int) -> None:
    async with client_of(always(httpx.Response(status, text="bad gateway"))) as client:
        with pytest.raises(DispatcherUnavailableError, match=str(status)):
            await client.health()


async def test_health_given_another_servers_page_is_unavailable() -> None:
    async with client_of(always(httpx.Response(200, text="<html>router</html>"))) as client:
        with pytest.raises(DispatcherUnavailableError, match="no HealthView"):
            await client.health()


async def test_health_given_an_endless_answer_stops_reading() -> None:
    async with client_of(always(httpx.Response(200, content=b"x" * (MAX_RESPONSE_BYTES + 1)))) as client:
        with pytest.raises(DispatcherUnavailableError, match="more than"):
            await client.health()


async def test_job_given_a_refusal_carries_its_name_words_and_values() -> None:
    problem = ProblemView(error="job_unknown", message="No job.", remedy="Check the id.", values={"job_id": JOB})
    answer = always(httpx.Response(404, content=problem.model_dump_json()))

    async with client_of(answer) as client:
        with pytest.raises(DispatcherRefusedError) as caught:
            await client.job(JOB)

    error = caught.value
    assert (error.code, error.status, error.values) == ("job_unknown", 404, {"job_id": JOB})
    assert str(error) == "No job. Check the id."


async def test_job_given_a_refusal_of_another_form_names_the_status() -> None:
    async with client_of(always(httpx.Response(403, text="forbidden"))) as client:
        with pytest.raises(DispatcherRefusedError, match="HTTP 403"):
            await client.job(JOB)
