"""Follows jobs on the chain. The chain is the truth, so this needs no dispatcher and survives the chain's changes of mind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from client_sdk._events import JobHistory, Told
from tallystick.chain.scanner import ScanStep
from tallystick.errors import ChainUnavailableError, JobUnknownError
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.events import ChainFact, DisputeFact, JobFact

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long an endpoint may be away before whoever waits is told."""

CATCH_UP_PATIENCE_SECONDS = 3.0
"""The same for somebody who asked a question: enough for a chain that was changing while it was read."""

REORG_DEPTH = 64
"""Blocks that a scan starts before the first job it is for, so that it notices when that job is reorganised away."""

log = get_logger(__name__)


class FactSource(Protocol):
    """As much of `ChainReader` as following needs."""

    async def facts(self, first: int, last: int) -> Sequence[ChainFact]: ...


class Scanner(Protocol):
    """As much of `FactScanner` as following needs."""

    async def poll(self) -> ScanStep: ...


class Follower:
    """One scan for all the jobs that somebody watches. Whoever waits drives it; nothing runs while nobody does.

    Args:
        reader: Where facts come from.
        make_scanner: A scanner of the same facts, from a block on.
        first_block: The deployment's: no fact is older.
        poll_seconds: Pause between two looks at the chain.
        patience_seconds: How long the endpoint may be away before whoever waits is told.
    """

    def __init__(
        self,
        reader: FactSource,
        make_scanner: Callable[[int], Scanner],
        *,
        first_block: int,
        poll_seconds: float = POLL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._reader = reader
        self._make_scanner = make_scanner
        self._first_block = first_block
        self._poll_seconds = poll_seconds
        self._patience_seconds = patience_seconds
        self._scanner: Scanner | None = None
        self._histories: dict[JobId, JobHistory] = {}
        self._lock = asyncio.Lock()
        self._turn = 0
        self._scanned = -1
        self._away_since: float | None = None
        self.head = -1
        self.head_time = 0

    async def watch(self, job_id: JobId, start_block: int | None = None) -> JobHistory:
        """The job's history, known up to the head.

        Args:
            start_block: A block at or before the job's creation; None looks from the deployment on.

        Raises:
            JobUnknownError: no such job was created since.
            ChainUnavailableError: the endpoint does not answer.
        """
        start_block = self._first_block if start_block is None else start_block
        history = await self._history(job_id, start_block)
        await self.catch_up(start_block)
        if history.job is None:
            self._histories.pop(job_id, None)
            raise JobUnknownError(
                f"There is no job {job_id} on this chain up to block {self.head}.",
                remedy="Check the id, and that the network is the one where the job was funded.",
            )
        return history

    async def catch_up(self, block: int = 0) -> None:
        """Looks at the chain, at least once and up to its head. Raises ChainUnavailableError within seconds.

        Args:
            block: A block that is known to be there. Nodes behind one address do not all know the newest one, so the
                head has to have come this far, if it does so within this follower's patience.
        """
        patience_seconds = min(self._patience_seconds, CATCH_UP_PATIENCE_SECONDS)
        patience_ends = time.monotonic() + self._patience_seconds
        waits_for_block = False
        while True:
            await self.advance(pause=waits_for_block, patience_seconds=patience_seconds)
            if self._is_caught_up and (self.head >= block or time.monotonic() >= patience_ends):
                return
            waits_for_block = self._is_caught_up

    async def advance(self, *, pause: bool = True, patience_seconds: float | None = None) -> None:
        """Returns once the chain was looked at anew, by this caller or by another that was waiting already.

        Raises:
            ChainUnavailableError: the endpoint has been away for longer than this follower's patience.
        """
        turn = self._turn
        async with self._lock:
            if self._turn != turn:
                return
            if pause and self._is_caught_up:
                await asyncio.sleep(self._poll_seconds)
            await self._look(self._patience_seconds if patience_seconds is None else patience_seconds)
            self._turn += 1

    @property
    def _is_caught_up(self) -> bool:
        return 0 <= self.head <= self._scanned

    async def _history(self, job_id: JobId, start_block: int) -> JobHistory:
        async with self._lock:
            known = self._histories.get(job_id)
            if known is not None:
                return known
            history = JobHistory(job_id)
            if self._scanner is None:
                start_block = max(self._first_block, start_block - REORG_DEPTH)
                self._scanner = self._make_scanner(start_block)
                self._scanned = start_block - 1
            elif start_block <= self._scanned:
                # Facts of another fork than the scanner's are no harm: its next look finds the fork and takes them back.
                history.extend(about_jobs(await self._reader.facts(start_block, self._scanned)))
            self._histories[job_id] = history
            return history

    async def _look(self, patience_seconds: float) -> None:
        if self._scanner is None:
            return
        try:
            step = await self._scanner.poll()
        except ChainUnavailableError as error:
            self._away_since = self._away_since or time.monotonic()
            away_seconds = time.monotonic() - self._away_since
            if away_seconds >= patience_seconds:
                raise
            log.warning("chain_unavailable", away_seconds=round(away_seconds, 1), error=error.what)
            await asyncio.sleep(self._poll_seconds)
            return
        self._away_since = None
        self._take(step)

    def _take(self, step: ScanStep) -> None:
        self.head, self.head_time = step.head.number, step.head.time
        if step.cursor.number is not None:
            self._scanned = step.cursor.number
        facts = about_jobs(step.facts)
        for history in self._histories.values():
            if step.rolled_back_to is not None:
                history.roll_back(step.rolled_back_to)
            history.extend(facts)


def about_jobs(facts: Sequence[ChainFact]) -> list[Told]:
    """Those that are told of jobs."""
    return [fact for fact in facts if isinstance(fact, JobFact | DisputeFact)]
