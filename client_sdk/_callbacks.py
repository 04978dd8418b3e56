"""Callbacks on a job's events, each run by a background task that lives as long as its client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

from client_sdk._events import JobEvent
from tallystick.errors import ChainUnavailableError
from tallystick.logs import get_logger
from tallystick.market.events import DisputeFact, JobFact

Callback = Callable[[JobEvent], Awaitable[None] | None]
"""A function or coroutine function of one event."""

Wanted = str | type[JobFact | DisputeFact]
"""An event's name, its fact's class, or `"*"` for every event."""

RETRY_SECONDS = 5.0

log = get_logger(__name__)


async def listen(
    events_from: Callable[[int], AsyncIterator[JobEvent]],
    wanted: Wanted,
    callback: Callback,
    *,
    retry_seconds: float = RETRY_SECONDS,
) -> None:
    """Calls `callback` with each wanted event until there will be no more, through outages of any length.

    Args:
        events_from: Makes an iterator over a job's events from the n-th one on.
    """
    name = wanted if isinstance(wanted, str) else wanted.__name__
    place = 0
    while True:
        try:
            async for event in events_from(place):
                place += 1
                if name in ("*", event.name):
                    await _call(callback, event)
        except ChainUnavailableError as error:
            log.warning("listening_interrupted", event_name=name, error=error.what, retry_seconds=retry_seconds)
            await asyncio.sleep(retry_seconds)
        else:
            return


async def _call(callback: Callback, event: JobEvent) -> None:
    """A callback that fails is the caller's trouble; it still hears of the next event."""
    try:
        answer = callback(event)
        if inspect.isawaitable(answer):
            await answer
    except Exception:
        log.exception("callback_failed", callback=repr(callback), event_name=event.name, job_id=event.job.job_id)
