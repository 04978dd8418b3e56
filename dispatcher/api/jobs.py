"""Jobs: pages, one, and why it stands where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from dispatcher.api.context import ApiContext, Context
from dispatcher.api.events import event_page
from dispatcher.api.views import NO_DISPUTES, job_view, status_name
from dispatcher.matching.why import why
from dispatcher.store.entries import entries_after
from dispatcher.store.jobs import find_job, job_page
from tallystick.errors import DispatcherRefusedError
from tallystick.ids import AddressField, JobId, JobIdField
from tallystick.market.book import Job
from tallystick.wire.api import MAX_PAGE, EventPage, JobPage, JobStatusName, JobView, WhyView

router = APIRouter(tags=["jobs"], prefix="/v1/jobs")

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
After = Annotated[str | None, Query(max_length=40)]


@router.get("")
async def jobs(
    context: Context,
    status: JobStatusName | None = None,
    creator: AddressField | None = None,
    limit: Limit = 50,
    after: After = None,
) -> JobPage:
    """Newest first; `after` is the `next_after` of the page before."""
    before = None if after is None else context.cursors.read(after)
    found, next_before = await context.database.run(
        job_page, status=status, creator=creator, limit=limit, before=before
    )
    return JobPage(
        jobs=await _views(context, found),
        next_after=None if next_before is None else context.cursors.write(next_before),
    )


@router.get("/{job_id}")
async def job(job_id: JobIdField, context: Context) -> JobView:
    """One job as the chain had it at `indexed_block`: its claims with when they are final, demands and faults."""
    [view] = await _views(context, [await _find(context, job_id)])
    return view


@router.get("/{job_id}/why")
async def why_job(job_id: JobIdField, context: Context) -> WhyView:
    """For an open job: what holds back whom, and what would change that. For others: a sentence."""
    found = await _find(context, job_id)
    disputes = await context.market.disputes([found])
    explained = why(found, await context.market.read([found]), disputes.get(job_id, NO_DISPUTES))
    return WhyView(
        job_id=job_id, status=status_name(found.status), reasons=explained.reasons, summary=explained.summary
    )


@router.get("/{job_id}/events")
async def job_events(job_id: JobIdField, context: Context, after: After = None, limit: Limit = MAX_PAGE) -> EventPage:
    """The facts about one job, oldest first. What the chain has dropped is not among them."""
    await _find(context, job_id)
    start = context.cursors.read(after)
    entries = await context.database.run(entries_after, start, limit, job_id)
    return event_page(context, entries, start)


async def _views(context: ApiContext, jobs: Sequence[Job]) -> tuple[JobView, ...]:
    briefs, disputes = await context.briefs.read(jobs), await context.market.disputes(jobs)
    now = context.chain_clock.now()
    return tuple(
        job_view(job, briefs[job.job_id], context.progress, now, disputes.get(job.job_id, NO_DISPUTES)) for job in jobs
    )


async def _find(context: ApiContext, job_id: JobId) -> Job:
    found = await context.database.run(find_job, job_id)
    if found is None:
        raise DispatcherRefusedError(
            f"No job {job_id} has been read from the chain.",
            code="job_unknown",
            status=404,
            values={"job_id": job_id, "indexed_block": context.progress.indexed_block},
            remedy="Check the id; a job just created shows once its block has been read.",
        )
    return found
