"""One at a time for each key, in the order of asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Turns:
    """Locks by key that are there only while somebody uses or awaits them."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    def __len__(self) -> int:
        return len(self._turns)

    @asynccontextmanager
    async def take(self, key: str) -> AsyncIterator[None]:
        """Waits until nobody else has this key's turn, and has it until the block ends."""
        turn = self._turns.setdefault(key, _Turn())
        # Counted, not read off the lock: a lock that was just released looks free while its next owner is waking up.
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[key]
