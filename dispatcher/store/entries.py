"""The feed of facts as it is read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatcher.store.tables import EntryRow
from tallystick.ids import JobId
from tallystick.market.book import Job, fold
from tallystick.market.events import ChainFact, JobFact

ROLLED_BACK = "RolledBack"

_JOB_EVENTS = [kind.model_fields["event"].default for kind in get_args(JobFact)]

_FACT: TypeAdapter[ChainFact] = TypeAdapter(ChainFact)
_JOB_FACT: TypeAdapter[JobFact] = TypeAdapter(JobFact)


@dataclass(frozen=True)
class Entry:
    """One entry of the feed: a fact, or, without one, the news that facts after `block_number` are gone."""

    number: int
    block_number: int
    fact: ChainFact | None


def row_of(fact: ChainFact) -> EntryRow:
    return EntryRow(
        event=fact.event,
        block_number=fact.at.block_number,
        job_id=getattr(fact, "job_id", None),
        model_id=getattr(fact, "model_id", None),
        body=fact.model_dump_json(),
    )


def rollback_row(last_block: int) -> EntryRow:
    return EntryRow(event=ROLLED_BACK, block_number=last_block, job_id=None, body="")


def entries_after(session: Session, number: int, limit: int, job_id: JobId | None = None) -> list[Entry]:
    """The next entries behind `number`, oldest first; of one job where one is named."""
    query = select(EntryRow).where(EntryRow.number > number).order_by(EntryRow.number).limit(limit)
    if job_id is not None:
        query = query.where(EntryRow.job_id == job_id)
    return [_entry(row) for row in session.scalars(query)]


def last_number(session: Session) -> int:
    """Of the newest entry; 0 where there is none."""
    return session.scalar(select(func.max(EntryRow.number))) or 0


def fold_jobs(session: Session, job_ids: Iterable[JobId]) -> dict[JobId, Job]:
    """The named jobs as all their facts make them. A job without facts is left out."""
    jobs: dict[JobId, Job] = {}
    for names in _batches(list(job_ids)):
        # What is done in a dispute is about a job too, and changes nothing in the book.
        of_book = EntryRow.job_id.in_(names) & EntryRow.event.in_(_JOB_EVENTS)
        query = select(EntryRow.body).where(of_book).order_by(EntryRow.number)
        jobs |= fold(_JOB_FACT.validate_json(body) for body in session.scalars(query))
    return jobs


def facts_of(session: Session, job_ids: Iterable[JobId]) -> dict[JobId, list[ChainFact]]:
    """All facts about the named jobs, oldest first."""
    facts: dict[JobId, list[ChainFact]] = {}
    for names in _batches(list(job_ids)):
        query = select(EntryRow).where(EntryRow.job_id.in_(names)).order_by(EntryRow.number)
        for row in session.scalars(query):
            facts.setdefault(JobId(str(row.job_id)), []).append(_FACT.validate_json(row.body))
    return facts


def _entry(row: EntryRow) -> Entry:
    fact = None if row.event == ROLLED_BACK else _FACT.validate_json(row.body)
    return Entry(number=row.number, block_number=row.block_number, fact=fact)


def _batches(job_ids: list[JobId], size: int = 500) -> Iterable[Sequence[JobId]]:
    """SQLite takes a bounded number of parameters in one statement."""
    return (job_ids[start : start + size] for start in range(0, len(job_ids), size))
