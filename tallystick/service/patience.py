"""Waiting for a neighbour that does not answer: longer from try to try, and one log line at each change of state."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tallystick.errors import TallystickError
from tallystick.logs import get_logger

log = get_logger(__name__)

Answer = TypeVar("Answer")
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Link:
    """How it stands with a neighbour. `trouble`: what is wrong since `since`; empty: nothing."""

    name: str
    trouble: str
    since: int


class LinkRecord(Protocol):
    def put_link(self, name: str, trouble: str) -> None: ...


class Patience:
    """How it stands with one neighbour.

    Args:
        name: `chain`, `dispatcher`, `store`.
        away: Errors that mean it does not answer, rather than that it said no.
        first_seconds, most_seconds: Bounds of the pauses; each is twice the one before, and cut by up to a half at
            random, so that many agents do not come back in one moment.

    Attributes:
        returns: How often it was away and came back.
    """

    def __init__(
        self,
        name: str,
        away: tuple[type[TallystickError], ...],
        record: LinkRecord,
        *,
        first_seconds: float = 0.5,
        most_seconds: float = 30.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self._away = away
        self._record = record
        self._first = first_seconds
        self._most = most_seconds
        self._sleep = sleep
        self._trouble = ""
        self.returns = 0

    async def until_answered(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """What `ask` returns, asked again for as long as the neighbour is away. Every other error passes through."""
        pause = self._first
        while True:
            try:
                answer = await ask()
            except self._away as error:
                self._note(str(error))
            else:
                self._note("")
                return answer
            await self._sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads load, guards nothing
            pause = min(pause * 2, self._most)

    def _note(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            self._record.put_link(self.name, trouble)
            if trouble:
                log.warning("link_lost", link=self.name, trouble=trouble)
            else:
                self.returns += 1
                log.info("link_restored", link=self.name)
        self._trouble = trouble
