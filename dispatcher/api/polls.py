"""Long polls: an answer as soon as there is one, or an empty one when the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from dispatcher.bell import Bell
from tallystick.wire.api import MAX_WAIT_SECONDS

T = TypeVar("T")

WaitSeconds = Annotated[int, Query(ge=0, le=MAX_WAIT_SECONDS, description="Hold the answer until there is one.")]


class LongPolls:
    """Holds a bounded number at once; one too many is answered at once, as if it had not asked to wait."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._over = asyncio.Event()

    def end(self) -> None:
        """Answers everyone who waits, with nothing, and makes nobody wait from now on: the server is to stop."""
        self._over.set()

    async def until_some(self, look: Callable[[], Awaitable[Sequence[T]]], bell: Bell, seconds: int) -> Sequence[T]:
        """What `look` finds: at once, or after any ring of `bell` within `seconds`; empty where it found nothing."""
        ring = bell.listen()
        found = await look()
        if found or seconds == 0 or self._free == 0 or self._over.is_set():
            return found
        self._free -= 1
        try:
            return await self._wait(look, bell, ring, seconds)
        finally:
            self._free += 1

    async def _wait(
        self, look: Callable[[], Awaitable[Sequence[T]]], bell: Bell, ring: asyncio.Event, seconds: int
    ) -> Sequence[T]:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while (left := ends_at - loop.time()) > 0:
            if not await self._rings(ring, left):
                break
            ring = bell.listen()
            if found := await look():
                return found
        return []

    async def _rings(self, ring: asyncio.Event, seconds: float) -> bool:
        """Whether it rang within the time, and there is still a server to answer."""
        waits = [asyncio.create_task(event.wait()) for event in (ring, self._over)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return ring.is_set() and not self._over.is_set()
