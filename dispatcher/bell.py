"""A bell that any number of waiters hear once: what a long poll and the matcher wait for."""

from __future__ import annotations

import asyncio


class Bell:
    """Take `listen()` first, look second, wait third: then nothing rings unheard in between."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """Set at the next ring after this call."""
        return self._next


async def heard(ring: asyncio.Event, seconds: float) -> bool:
    """Whether it rang within the time."""
    try:
        await asyncio.wait_for(ring.wait(), seconds)
    except TimeoutError:
        return False
    return True
