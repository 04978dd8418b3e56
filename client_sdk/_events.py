"""One job's history as it becomes known: facts in order, and the news that the chain took some of them back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tallystick.ids import JobId
from tallystick.market.book import Job, apply_fact, fold
from tallystick.market.events import DisputeFact, JobFact
from tallystick.wire.disputes import Disputes, disputes_of

Told = JobFact | DisputeFact
"""What is told of a job: what its book follows from, and what was done about its claims."""

REORGANISED = "ChainReorganised"


@dataclass(frozen=True)
class JobEvent:
    """Something that happened to a job.

    Attributes:
        name: The Solidity event's name, for example `MilestonePaid`, or `ChainReorganised`.
        job: The job after it. After a reorganisation that took back even the creation: as it was before.
        fact: What the contract said; None for `ChainReorganised`.
        rolled_back_to: For `ChainReorganised`: facts of later blocks no longer hold; what still does comes again.
    """

    name: str
    job: Job
    fact: Told | None = None
    rolled_back_to: int | None = None


class JobHistory:
    """An append-only list of events, so that any number of readers can be at any place in it."""

    def __init__(self, job_id: JobId) -> None:
        self.job_id = job_id
        self.events: list[JobEvent] = []
        self.facts: tuple[Told, ...] = ()
        self.job: Job | None = None

    def extend(self, facts: Iterable[Told]) -> None:
        """Appends the facts that are about this job, oldest first."""
        for fact in facts:
            if fact.job_id != self.job_id:
                continue
            if isinstance(fact, JobFact):
                book = apply_fact({} if self.job is None else {self.job_id: self.job}, fact)
                self.job = book.get(self.job_id)
            if self.job is not None:
                self.facts = (*self.facts, fact)
                self.events.append(JobEvent(name=fact.event, job=self.job, fact=fact))

    @property
    def disputes(self) -> Disputes:
        """What was done about the job's claims, as far as is known."""
        return disputes_of(self.facts)

    def roll_back(self, block: int) -> None:
        """Takes back the facts of blocks after `block`."""
        kept = tuple(fact for fact in self.facts if fact.at.block_number <= block)
        if len(kept) == len(self.facts):
            return
        before = self.job
        self.facts = kept
        self.job = fold(fact for fact in kept if isinstance(fact, JobFact)).get(self.job_id)
        shown = self.job or before
        if shown is not None:
            self.events.append(JobEvent(name=REORGANISED, job=shown, rolled_back_to=block))
