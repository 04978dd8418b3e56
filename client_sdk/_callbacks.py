"""Callbacks on a job's events, run by one background task that lives as long as its client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

from client_sdk._events import JobEvent
from tallystick.logs import get_logger
from tallystick.market.events import JobFact

Callback = Callable[[JobEvent], Awaitable[None] | None]
"""A function or coroutine function of one event."""

Wanted = str | type[JobFact]
"""An event's name, its fact's class, or `"*"` for every event."""

log = get_logger(__name__)


class Callbacks:
    """
    Args:
        events: Makes an iterator over a job's events from the first one on.
        keep: Is given the task, so that whoever owns the job's client can end it.
    """

    def __init__(
        self, events: Callable[[], AsyncIterator[JobEvent]], keep: Callable[[asyncio.Task[None]], None]
    ) -> None:
        self._events = events
        self._keep = keep
        self._task: asyncio.Task[None] | None = None
        self._wanted: list[tuple[str, Callback]] = []

    def add(self, wanted: Wanted, callback: Callback) -> Callable[[], None]:
        """Calls `callback` for each such event from now on. Returns what takes it off again."""
        name = wanted if isinstance(wanted, str) else wanted.__name__
        entry = (name, callback)
        self._wanted.append(entry)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="job-callbacks")
            self._keep(self._task)
        return lambda: self._wanted.remove(entry) if entry in self._wanted else None

    async def _run(self) -> None:
        async for event in self._events():
            for name, callback in tuple(self._wanted):
                if name in ("*", event.name):
                    await _call(callback, event)


async def _call(callback: Callback, event: JobEvent) -> None:
    """A callback that fails is the caller's trouble; the others still hear of the event."""
    try:
        answer = callback(event)
        if inspect.isawaitable(answer):
            await answer
    except Exception:
        log.exception("callback_failed", callback=repr(callback), job_event=event.name, job_id=event.job.job_id)
