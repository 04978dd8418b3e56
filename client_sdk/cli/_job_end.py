"""Commands that move a job on: each is a transaction, each can be sent again without harm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from client_sdk._job import AsyncJob
from client_sdk.cli._command import Session
from client_sdk.cli._job_look import JobArgument, table_of
from client_sdk.cli._views import job_values
from tallystick.market.book import Job


async def cancel(session: Session, job_id: JobArgument) -> None:
    """Take your own open job back. The deposit is credited to you."""
    await _move(session, job_id, AsyncJob.cancel)


async def refund(session: Session, job_id: JobArgument) -> None:
    """Send an open job's deposit home once nobody took it in time. Anyone can."""
    await _move(session, job_id, AsyncJob.refund)


async def expire(session: Session, job_id: JobArgument) -> None:
    """Reopen a job whose executor is late, and have its lock slashed. Anyone can, and earns a finder's share."""
    await _move(session, job_id, AsyncJob.expire)


async def finalize(session: Session, job_id: JobArgument) -> None:
    """Have claims paid whose challenge window is over. Anyone can; a claim with a proof is paid at once."""
    await _move(session, job_id, AsyncJob.finalize)


async def _move(session: Session, job_id: str, verb: Callable[[AsyncJob], Awaitable[Job]]) -> None:
    async with session.client(sign=True) as client:
        job = await client.job(job_id)
        with session.screen.working("sending"):
            after = await verb(job)
        shown = await table_of(client, job)
        session.screen.finish(job_values(after, job.disputes), shown, then=job.advice())
