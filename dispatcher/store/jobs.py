"""Jobs as they are looked up."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatcher.store.entries import entries_after, fold_jobs
from dispatcher.store.tables import EntryRow, JobRow
from tallystick.ids import Address, JobId, ModelId
from tallystick.market.book import Job
from tallystick.market.claims import ModelSpec
from tallystick.market.events import ChainFact, ModelRegistered
from tallystick.wire.api import JobStatusName

_LIVE = ("open", "assigned")


def find_job(session: Session, job_id: JobId) -> Job | None:
    return fold_jobs(session, [job_id]).get(job_id)


def live_jobs(session: Session) -> dict[JobId, Job]:
    """Every job that is open or assigned."""
    job_ids = session.scalars(select(JobRow.job_id).where(JobRow.status.in_(_LIVE))).all()
    return fold_jobs(session, [JobId(job_id) for job_id in job_ids])


def job_page(
    session: Session, *, status: JobStatusName | None, creator: Address | None, limit: int, before: int | None
) -> tuple[list[Job], int | None]:
    """Jobs newest first, and the number to ask with for those behind them; None at the end."""
    query = select(JobRow).order_by(JobRow.created_number.desc()).limit(limit + 1)
    if status is not None:
        query = query.where(JobRow.status == status)
    if creator is not None:
        query = query.where(JobRow.creator == creator)
    if before is not None:
        query = query.where(JobRow.created_number < before)
    rows = session.scalars(query).all()
    shown = rows[:limit]
    jobs = fold_jobs(session, [JobId(row.job_id) for row in shown])
    return [jobs[JobId(row.job_id)] for row in shown], shown[-1].created_number if len(rows) > limit else None


def count_open(session: Session) -> int:
    return session.scalar(select(func.count()).where(JobRow.status == "open")) or 0


def model_specs(session: Session, model_ids: Collection[ModelId]) -> dict[ModelId, ModelSpec]:
    """What was registered under the ids, as far as it was read."""
    bodies = session.scalars(select(EntryRow.body).where(EntryRow.model_id.in_(model_ids)))
    facts = [ModelRegistered.model_validate_json(body) for body in bodies]
    return {fact.model_id: fact.spec for fact in facts}


def recent_work(session: Session, model_id: ModelId, limit: int = 20) -> list[list[ChainFact]]:
    """The facts of the newest finished jobs of a model, job by job."""
    query = (
        select(JobRow.job_id)
        .where(JobRow.model_id == model_id, JobRow.status == "completed")
        .order_by(JobRow.created_number.desc())
        .limit(limit)
    )
    histories = (entries_after(session, 0, 1000, JobId(job_id)) for job_id in session.scalars(query).all())
    return [[entry.fact for entry in entries if entry.fact is not None] for entries in histories]
