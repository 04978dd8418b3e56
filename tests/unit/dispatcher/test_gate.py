"""The outermost layer: bytes, seconds, rates, and no trace of what went wrong inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from dispatcher.api.gate import Gate
from dispatcher.api.limits import Limits

LIMITS = Limits(body_bytes=100, request_seconds=0.05, address_rate=0.001, address_burst=5)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} bytes")(scope, receive, send)


async def fail(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("the secret is 42")


async def hang(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


App = Callable[[Scope, Receive, Send], Awaitable[None]]


def client_of(app: App, limits: Limits = LIMITS) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Gate(app, limits)), base_url="http://dispatcher")


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 30


async def test_gate_given_a_body_within_the_bound_passes_it_on() -> None:
    async with client_of(echo) as client:
        assert (await client.post("/", content=b"x" * 100)).text == "100 bytes"


async def test_gate_given_a_declared_body_beyond_the_bound_refuses_it() -> None:
    async with client_of(echo) as client:
        answer = await client.post("/", content=b"x" * 101)

    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")


async def test_gate_given_an_undeclared_body_beyond_the_bound_refuses_it() -> None:
    async with client_of(echo) as client:
        answer = await client.post("/", content=chunks(4))

    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")


async def test_gate_given_a_length_that_is_no_number_refuses_it() -> None:
    async with client_of(echo) as client:
        answer = await client.post("/", content=chunks(1), headers={"content-length": "-1"})

    assert answer.status_code == 413


async def test_gate_given_a_request_that_takes_too_long_ends_it() -> None:
    async with client_of(hang) as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.json()["error"]) == (504, "too_slow")


async def test_gate_given_a_failure_inside_says_nothing_about_it() -> None:
    async with client_of(fail) as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert "secret" not in answer.text


async def test_gate_given_too_many_requests_from_one_address_says_when_to_come_back() -> None:
    async with client_of(echo) as client:
        for _ in range(5):
            await client.get("/")
        answer = await client.get("/")

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip"])
async def test_gate_given_a_forwarded_address_counts_the_real_one(header: str) -> None:
    async with client_of(echo) as client:
        for number in range(5):
            await client.get("/", headers={header: f"10.0.0.{number}"})
        answer = await client.get("/", headers={header: "10.0.0.99"})

    assert answer.status_code == 429
