"""One at a time, the most urgent first."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from tallystick.service.threads import in_thread

Made = TypeVar("Made")


class Turns:
    """Lets one in at a time: of those who wait, the one with the earliest deadline."""

    def __init__(self) -> None:
        self._taken = False
        self._arrivals = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, deadline: int) -> AsyncIterator[None]:
        if self._taken:
            await self._wait(deadline)
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    async def work(self, deadline: int, name: str, work: Callable[[], Made]) -> Made:
        """What `work`, done in a thread when its turn has come, returns. Cancelling stops the wait alone: what works cannot be
        stopped, so its turn lasts until it is done."""

        async def take_turn() -> Made:
            async with self.turn(deadline):
                return await in_thread(work, name)

        taken = asyncio.ensure_future(take_turn())
        # If nobody waits any more, nobody would look at its error either.
        taken.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(taken)

    async def _wait(self, deadline: int) -> None:
        self._arrivals += 1
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (deadline, self._arrivals, turn))
        try:
            await turn
        except asyncio.CancelledError:
            # Given the turn and cancelled in the same moment: it must not be lost.
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """The turn stays taken while it changes hands, so that nobody slips in between."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False
