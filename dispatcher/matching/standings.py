"""What the chain says about announced executors, asked once a block."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from dispatcher.indexer.progress import Progress
from dispatcher.matching.market import Standing
from tallystick.errors import ChainError
from tallystick.ids import Address, Bytes32
from tallystick.logs import get_logger

Pair = tuple[Address, Address]
"""Operator and agent."""

ASKED_AT_ONCE = 16

log = get_logger(__name__)


class StakeReader(Protocol):
    """`tallystick.chain.reader.ChainReader`, as far as it is used here."""

    async def is_agent(self, operator: Address, agent: Address) -> bool: ...
    async def free_stake(self, operator: Address) -> int: ...
    async def locked_stake(self, operator: Address) -> int: ...


class Standings:
    """Remembers answers until the head moves: between two blocks nothing can have changed."""

    def __init__(self, *, connect: Callable[[], Awaitable[StakeReader]], progress: Progress) -> None:
        self._connect = connect
        self._progress = progress
        self._known: dict[Pair, Standing] = {}
        self._known_at: Bytes32 | None = None

    async def of(self, pairs: Collection[Pair]) -> dict[Pair, Standing]:
        """Of as many of the pairs as the chain answers for now. An old answer is never given for a new one."""
        if self._known_at != self._progress.head_hash:
            self._known, self._known_at = {}, self._progress.head_hash
        known = self._known
        missing = [pair for pair in pairs if pair not in known]
        if missing and self._progress.trouble is None:
            try:
                known |= await self._ask(missing)
            except ChainError as error:
                log.warning("standings_missed", executors=len(missing), error=str(error))
        return {pair: known[pair] for pair in pairs if pair in known}

    async def _ask(self, pairs: Collection[Pair]) -> dict[Pair, Standing]:
        reader = await self._connect()
        gate = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(operator: Address, agent: Address) -> Standing:
            async with gate:
                return Standing(
                    is_agent=await reader.is_agent(operator, agent),
                    free_stake=await reader.free_stake(operator),
                    locked_stake=await reader.locked_stake(operator),
                )

        answers = await asyncio.gather(*(ask(*pair) for pair in pairs))
        return dict(zip(pairs, answers, strict=True))
