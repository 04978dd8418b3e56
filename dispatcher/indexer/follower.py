"""Follows the chain into the ledger. The scanner reads, the ledger keeps; this only carries between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from dispatcher.bell import Bell
from dispatcher.indexer.chain_clock import ChainClock
from dispatcher.indexer.progress import Progress
from dispatcher.store.database import Database
from dispatcher.store.jobs import live_jobs
from dispatcher.store.ledger import Changes, load_cursor, record_step
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.clock import Clock
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job

log = get_logger(__name__)


class Scanner(Protocol):
    """`tallystick.chain.scanner.FactScanner`, as far as it is used here."""

    async def poll(self) -> ScanStep: ...


OpenScanner = Callable[[Cursor | None], Awaitable[Scanner]]


class ChainFollower:
    """Keeps the ledger up with the chain, and `live` up with the ledger.

    Args:
        bells: Rung whenever the ledger changed.

    Attributes:
        live: Every job that is open or assigned, as of the last block read.
    """

    def __init__(
        self,
        *,
        database: Database,
        open_scanner: OpenScanner,
        progress: Progress,
        clock: Clock,
        chain_clock: ChainClock,
        bells: Sequence[Bell],
        poll_seconds: float,
    ) -> None:
        self.live: dict[JobId, Job] = {}
        self._database = database
        self._open_scanner = open_scanner
        self._progress = progress
        self._clock = clock
        self._chain_clock = chain_clock
        self._bells = bells
        self._poll_seconds = poll_seconds
        self._scanner: Scanner | None = None

    async def load(self) -> None:
        """What an earlier process has read, before the chain is asked for more."""
        cursor = await self._database.run(load_cursor)
        self.live.update(await self._database.run(live_jobs))
        self._progress.indexed_block = cursor.number if cursor else None
        log.info("ledger_loaded", live_jobs=len(self.live), indexed_block=self._progress.indexed_block)

    async def step(self) -> float:
        """Reads one stretch of the chain. Returns how many seconds to rest: 0 while there is more to read at once."""
        if self._scanner is None:
            # From what is on disk, always: a scanner may have gone ahead of a record that failed.
            self._scanner = await self._open_scanner(await self._database.run(load_cursor))
        scan = await self._scanner.poll()
        if scan.rolled_back_to is not None or scan.cursor.number != self._progress.indexed_block:
            self._take(scan, await self._database.run(record_step, scan))
        self._note(scan)
        return self._poll_seconds if scan.is_caught_up else 0.0

    def failed(self, error: Exception) -> None:
        """Called when `step` raised: health says so, and the next step starts from what is on disk."""
        self._scanner = None
        self._progress.trouble = f"{type(error).__name__}: {error}"

    def _take(self, scan: ScanStep, changes: Changes) -> None:
        for job_id, job in changes.jobs.items():
            if job.is_over:
                self.live.pop(job_id, None)
            else:
                self.live[job_id] = job
        for job_id in changes.gone:
            self.live.pop(job_id, None)
        if scan.rolled_back_to is not None:
            log.warning("chain_reorganised", rolled_back_to=scan.rolled_back_to, jobs=len(changes.jobs))
        for fact in scan.facts:
            log.info(
                "fact_indexed", event_name=fact.event, job_id=getattr(fact, "job_id", None), block=fact.at.block_number
            )

    def _note(self, scan: ScanStep) -> None:
        progress = self._progress
        if progress.trouble is not None:
            log.info("chain_reached", head_block=scan.head.number, after=progress.trouble)
        progress.trouble = None
        progress.head_block, progress.head_hash = scan.head.number, scan.head.hash
        progress.indexed_block = scan.cursor.number
        progress.last_read_at = self._clock.now()
        self._chain_clock.observe(scan.head.number, scan.head.time)
        if scan.facts or scan.rolled_back_to is not None:
            for bell in self._bells:
                bell.ring()
