"""Facts in, jobs out: the entries, the jobs that follow from them and the cursor change in one transaction."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dispatcher.store.entries import ROLLED_BACK, fold_jobs, rollback_row, row_of
from dispatcher.store.tables import EntryRow, JobRow, MetaRow
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.ids import JobId
from tallystick.market.book import Job


@dataclass(frozen=True)
class Changes:
    """The jobs that a step changed, as they are now; those in `gone` exist no more."""

    jobs: dict[JobId, Job]
    gone: frozenset[JobId]


def record_step(session: Session, step: ScanStep) -> Changes:
    """Takes in one scan: forgets what the chain dropped, adds what it brought, keeps how far it went."""
    touched: set[JobId] = set()
    if step.rolled_back_to is not None:
        touched |= _roll_back(session, step.rolled_back_to)
    rows = [row_of(fact) for fact in step.facts]
    session.add_all(rows)
    session.flush()
    touched |= {JobId(row.job_id) for row in rows if row.job_id is not None}
    _put(session, "cursor", step.cursor.encode())
    return _refold(session, touched)


def _roll_back(session: Session, last_block: int) -> set[JobId]:
    dropped = (EntryRow.block_number > last_block) & (EntryRow.event != ROLLED_BACK)
    job_ids = session.scalars(select(EntryRow.job_id).where(dropped, EntryRow.job_id.is_not(None)).distinct()).all()
    session.execute(delete(EntryRow).where(dropped))
    session.add(rollback_row(last_block))
    return {JobId(job_id) for job_id in job_ids if job_id is not None}


def _refold(session: Session, job_ids: set[JobId]) -> Changes:
    """Every touched job anew from all its facts: after a reorganisation nothing of the old fold may remain."""
    session.execute(delete(JobRow).where(JobRow.job_id.in_(job_ids)))
    jobs = fold_jobs(session, job_ids)
    session.add_all(_job_row(session, job) for job in jobs.values())
    return Changes(jobs=jobs, gone=frozenset(job_ids - jobs.keys()))


def _job_row(session: Session, job: Job) -> JobRow:
    created = session.scalar(select(func.min(EntryRow.number)).where(EntryRow.job_id == job.job_id))
    return JobRow(
        job_id=job.job_id,
        created_number=created,
        status=job.status.name.lower(),
        creator=job.terms.creator,
        model_id=job.terms.model_id,
    )


def load_cursor(session: Session) -> Cursor | None:
    """How far an earlier process read; None for a new database."""
    row = session.get(MetaRow, "cursor")
    return None if row is None else Cursor.decode(row.value)


def feed_name(session: Session) -> str:
    """Names this feed, so that a cursor of another database is told apart from one of this."""
    row = session.get(MetaRow, "feed")
    if row is None:
        row = MetaRow(key="feed", value=secrets.token_hex(4))
        session.add(row)
    return row.value


def _put(session: Session, key: str, value: str) -> None:
    session.merge(MetaRow(key=key, value=value))
