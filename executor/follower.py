"""The chain as this agent has read it: facts on disk, the book of jobs in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol, get_args

from executor.journal import Earning, Journal
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead
from tallystick.ids import Address, Bytes32, JobId
from tallystick.market.book import JobBook, apply_fact, fold
from tallystick.market.events import (
    ChainFact,
    DemandReturned,
    DemandUnanswered,
    JobFact,
    MilestonePaid,
    TraceDemanded,
    TraceShown,
)

BURIED_BLOCKS = 1_000
"""A job that has been over for so many blocks is forgotten: far more than any chain in use has ever reorganised."""


class Scanner(Protocol):
    async def poll(self) -> ScanStep: ...


def load_cursor(journal: Journal) -> Cursor | None:
    """Where an earlier process left off."""
    text = journal.meta("cursor")
    return None if text is None else Cursor.decode(text)


class Follower:
    """Keeps `book` in step with the chain.

    Attributes:
        head: The newest block, once there was a first poll.
        demands: Those on claims of ours that nobody has answered, by id.
        caught_up: Whether everything up to `head` is in the book. Before that, an open job may long be taken.
    """

    def __init__(self, scanner: Scanner, journal: Journal, operator: Address) -> None:
        self._scanner = scanner
        self._journal = journal
        self._operator = operator
        self.book: JobBook = fold(journal.facts())
        self.demands = _by_id(journal)
        self.head: BlockHead | None = None
        self.caught_up = False
        self._cursor: Cursor | None = None

    async def poll(self) -> set[JobId]:
        """Reads on and returns the jobs about which there is news. Raises ChainUnavailableError, having changed nothing."""
        step = await self._scanner.poll()
        self.head, self.caught_up = step.head, step.is_caught_up
        if step.rolled_back_to is None and not step.facts and step.cursor == self._cursor:
            return set()
        facts = [fact for fact in step.facts if isinstance(fact, get_args(JobFact))]
        touched = {fact.job_id for fact in facts} | self._later_than(step.rolled_back_to)
        rolled_back = self._book_up_to(step.rolled_back_to)
        book = _apply(rolled_back, facts)
        self._journal.record(
            rolled_back_to=step.rolled_back_to,
            facts=facts,
            earned=self._earned(facts, book),
            cursor=step.cursor.encode(),
            asked=self._asked(step.facts, book),
            settled=[fact for fact in step.facts if isinstance(fact, TraceShown | DemandReturned | DemandUnanswered)],
        )
        self.book, self._cursor = book, step.cursor
        self.demands = _by_id(self._journal)
        return touched

    def _asked(self, facts: Iterable[ChainFact], book: JobBook) -> list[TraceDemanded]:
        """On claims that are ours after all of this step: on one that was voided or paid meanwhile nothing depends."""
        asked = [fact for fact in facts if isinstance(fact, TraceDemanded)]
        return [fact for fact in asked if fact.job_id in book and book[fact.job_id].operator == self._operator]

    def _later_than(self, block: int | None) -> set[JobId]:
        if block is None:
            return set()
        return {job.job_id for job in self.book.values() if job.updated_block > block}

    def _book_up_to(self, block: int | None) -> JobBook:
        if block is None:
            return self.book
        return fold(fact for fact in self._journal.facts() if fact.at.block_number <= block)

    def _earned(self, facts: Iterable[JobFact], book: JobBook) -> list[Earning]:
        return [
            Earning(
                job_id=fact.job_id,
                milestone=fact.milestone,
                block=fact.at.block_number,
                token=book[fact.job_id].terms.payment_token,
                amount=fact.to_operator,
            )
            for fact in facts
            if isinstance(fact, MilestonePaid) and fact.operator == self._operator and fact.job_id in book
        ]

    def forget_buried(self, keep: Collection[JobId]) -> set[JobId]:
        """Drops jobs that have been over for long, except those to `keep`, and says which."""
        head = self.head.number if self.head else 0
        buried = {
            job.job_id
            for job in self.book.values()
            if job.is_over and job.updated_block + BURIED_BLOCKS < head and job.job_id not in keep
        }
        if buried:
            self._journal.forget_facts(buried)
            self.book = {job_id: job for job_id, job in self.book.items() if job_id not in buried}
        return buried


def _by_id(journal: Journal) -> dict[Bytes32, TraceDemanded]:
    return {demand.demand_id: demand for demand in journal.demands()}


def _apply(book: JobBook, facts: Iterable[JobFact]) -> JobBook:
    for fact in facts:
        book = apply_fact(book, fact)
    return book
