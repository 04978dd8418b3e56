"""The chain as this challenger has read it: facts on disk; in memory the book of Optimistic jobs, and what was said of faults."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Protocol, get_args

from challenger.journal import FACT_TYPES, Journal, Told
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead
from tallystick.ids import JobId
from tallystick.market.book import Job, JobBook, apply_fact, opened
from tallystick.market.events import DisputeFact, JobCreated, JobFact, JobFaulted
from tallystick.market.terms import ProofKind

BURIED_BLOCKS = 1_000
"""A job that has been over for so many blocks is forgotten: far more than any chain in use has ever reorganised."""

_JOB_FACTS, _DISPUTE_FACTS = get_args(JobFact), get_args(DisputeFact)


class Scanner(Protocol):
    async def poll(self) -> ScanStep: ...


def load_cursor(journal: Journal) -> Cursor | None:
    """Where an earlier process left off."""
    text = journal.meta("cursor")
    return None if text is None else Cursor.decode(text)


class Follower:
    """Keeps the book in step with the chain.

    Attributes:
        book: Optimistic jobs alone.
        head: The newest block, once there was a first poll.
        caught_up: Whether everything up to `head` is in the book.
    """

    def __init__(self, scanner: Scanner, journal: Journal) -> None:
        self._scanner = scanner
        self._journal = journal
        self.head: BlockHead | None = None
        self.caught_up = False
        self._cursor: Cursor | None = None
        self.book: JobBook = {}
        self._disputes: dict[JobId, list[DisputeFact]] = defaultdict(list)
        self._faults: dict[JobId, list[JobFaulted]] = defaultdict(list)
        self._build(journal.facts())

    def disputes(self, job_id: JobId) -> tuple[DisputeFact, ...]:
        """What challengers and claimers did about a job's claims, oldest first."""
        return tuple(self._disputes.get(job_id, ()))

    def faults(self, job_id: JobId) -> tuple[JobFaulted, ...]:
        """Which of a job's claims were shown to be wrong, and by whom, oldest first."""
        return tuple(self._faults.get(job_id, ()))

    def standing(self) -> list[Job]:
        """Jobs with claims that await finality."""
        return [job for job in self.book.values() if job.claims]

    async def poll(self) -> bool:
        """Reads on; whether there was anything. Raises ChainUnavailableError, having changed nothing."""
        step = await self._scanner.poll()
        self.head, self.caught_up = step.head, step.is_caught_up
        if step.rolled_back_to is None and not step.facts and step.cursor == self._cursor:
            return False
        wanted = self._wanted(step)
        self._journal.record(rolled_back_to=step.rolled_back_to, facts=wanted, cursor=step.cursor.encode())
        if step.rolled_back_to is None:
            self._add(wanted)
        else:
            self._build(self._journal.facts())
        self._cursor = step.cursor
        return True

    def _wanted(self, step: ScanStep) -> list[Told]:
        """Of the facts those that are about Optimistic jobs."""
        known = set(self.book)
        wanted: list[Told] = []
        for fact in step.facts:
            if not isinstance(fact, FACT_TYPES):
                continue
            if isinstance(fact, JobCreated) and fact.terms.proof_kind is ProofKind.OPTIMISTIC:
                known.add(fact.job_id)
            if fact.job_id in known:
                wanted.append(fact)
        return wanted

    def _build(self, facts: Iterable[Told]) -> None:
        self.book = {}
        self._disputes.clear()
        self._faults.clear()
        self._add(facts)

    def _add(self, facts: Iterable[Told]) -> None:
        for fact in facts:
            if isinstance(fact, JobCreated):
                self.book[fact.job_id] = opened(fact)
            elif isinstance(fact, _DISPUTE_FACTS):
                self._disputes[fact.job_id].append(fact)
            elif isinstance(fact, _JOB_FACTS) and fact.job_id in self.book:
                if isinstance(fact, JobFaulted):
                    self._faults[fact.job_id].append(fact)
                self.book[fact.job_id] = apply_fact({fact.job_id: self.book[fact.job_id]}, fact)[fact.job_id]

    def forget_buried(self, keep: Collection[JobId]) -> None:
        """Drops jobs that have been over for long, except those to `keep`."""
        head = self.head.number if self.head else 0
        buried = {
            job.job_id
            for job in self.book.values()
            if job.is_over and job.updated_block + BURIED_BLOCKS < head and job.job_id not in keep
        }
        if buried:
            self._journal.forget_facts(buried)
            for job_id in buried:
                del self.book[job_id]
                self._disputes.pop(job_id, None)
                self._faults.pop(job_id, None)
