"""The façade has the same surface as the client behind it, and no loop of the caller's."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_builders import World
from client_job_facts import JOB_ID, whole_job

from client_sdk import AsyncClient, AsyncJob, Client, Job
from client_sdk._loop import LoopThread
from client_sdk._models import Models

PAIRS = [(AsyncClient, Client), (AsyncJob, Job)]


def surface(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if not name.startswith("_")}


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    inner = inspect.unwrap(getattr(function, "__func__", function))
    found = inspect.signature(inner).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in found]


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS)
def test_facade_has_every_public_name_of_the_client_behind_it(asynchronous: type, synchronous: type) -> None:
    assert surface(synchronous).keys() == surface(asynchronous).keys()


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS)
def test_facade_takes_the_same_arguments_with_the_same_defaults(asynchronous: type, synchronous: type) -> None:
    for name, value in surface(asynchronous).items():
        if not isinstance(value, property):
            assert parameters(surface(synchronous)[name]) == parameters(value), name


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS)
def test_facade_has_no_coroutines(asynchronous: type, synchronous: type) -> None:
    waiting = [name for name, value in surface(synchronous).items() if inspect.iscoroutinefunction(value)]

    assert waiting == []


def job_in(loop: LoopThread, folder: Path) -> Job:
    async def make() -> AsyncJob:
        world = World(folder)
        world.happen(*whole_job())
        history = await world.follower.watch(JOB_ID)
        return AsyncJob(
            world.connection,
            Models(world.connection, lambda: pytest.fail("no prover is needed")),
            history,
            keep=lambda task: None,
        )

    return Job(loop, loop.run(make()))


def test_events_given_a_whole_job_yields_it_without_a_loop(tmp_path: Path) -> None:
    with LoopThread() as loop:
        assert len(list(job_in(loop, tmp_path).events())) == 7


def test_events_given_a_reader_that_stops_early_lets_go(tmp_path: Path) -> None:
    with LoopThread() as loop:
        events = job_in(loop, tmp_path).events()

        assert next(events).name == "JobCreated"
        events.close()  # type: ignore[attr-defined]


def test_on_given_a_callback_that_uses_the_job_does_not_wait_for_itself(tmp_path: Path) -> None:
    with LoopThread() as loop:
        job = job_in(loop, tmp_path)
        heard = threading.Event()

        def hear(event: Any) -> None:
            job.refresh()
            heard.set()

        job.on("JobCompleted", hear)
        assert heard.wait(5)


def test_run_given_a_call_from_its_own_thread_refuses_instead_of_waiting_for_ever() -> None:
    async def nothing() -> None:
        pass

    with LoopThread() as loop:

        async def call_again() -> None:
            loop.run(nothing())

        with pytest.raises(RuntimeError, match="would wait for itself"):
            loop.run(call_again())


def test_run_given_an_error_raises_it_in_the_callers_thread() -> None:
    async def fail() -> None:
        raise ValueError("here")

    with LoopThread() as loop, pytest.raises(ValueError, match="here"):
        loop.run(fail())


def test_exit_ends_the_thread() -> None:
    with LoopThread() as loop:
        loop.run(asyncio.sleep(0))

    assert not loop._thread.is_alive()
