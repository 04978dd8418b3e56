"""Commands that look at jobs and change nothing."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from client_sdk._client import AsyncClient
from client_sdk._events import JobEvent
from client_sdk._job import AsyncJob
from client_sdk.cli._command import Session
from client_sdk.cli._views import (
    event_line,
    event_values,
    job_table,
    job_values,
    jobs_table,
    reason_lines,
)
from tallystick.chain.views import TokenInfo

JobArgument = Annotated[str, typer.Argument(metavar="ID", help="A job's id.", show_default=False)]


async def list_jobs(
    session: Session,
    everyone: Annotated[bool, typer.Option("--all", help="Everyone's, not only your own.")] = False,
    status: Annotated[str, typer.Option(help="open, assigned, completed or refunded.")] = "",
) -> None:
    """List jobs, newest first."""
    creator = None if everyone else session.address()
    async with session.client() as client:
        jobs = [job for job in reversed(await client.jobs(creator)) if status in ("", job.status.name.lower())]
    then = f"Look at one: tallystick job show {jobs[0].job_id}" if jobs else "Fund one: tallystick job fund"
    session.screen.finish({"jobs": [job_values(job) for job in jobs]}, jobs_table(jobs), then=then)


async def show(session: Session, job_id: JobArgument) -> None:
    """Show a job as the chain has it: claims in their window, demands, faults, who was slashed."""
    async with session.client() as client:
        job = await client.job(job_id)
        shown = await table_of(client, job)
        session.screen.finish(job_values(job.snapshot, job.disputes), shown, then=job.advice())


async def watch(
    session: Session,
    job_id: JobArgument,
    seconds: Annotated[float | None, typer.Option("--timeout", help="Seconds after which to stop watching.")] = None,
    finalize: Annotated[
        bool,
        typer.Option("--finalize", help="Have claims paid that are final and that nobody had paid. Needs your key."),
    ] = False,
) -> None:
    """Follow a job until it is over. It goes on whether anyone watches or not."""
    async with session.client(sign=finalize) as client:
        job = await client.job(job_id)
        info = await client.token(job.terms.payment_token)
        await follow(session, job, info, seconds=seconds)
        shown = await table_of(client, job)
        session.screen.finish(job_values(job.snapshot, job.disputes), shown, then=job.advice())


async def why(session: Session, job_id: JobArgument) -> None:
    """Ask the dispatcher why a job stands where it stands."""
    async with session.client() as client:
        view = await (await client.job(job_id)).why()
    then = f"Look at the job itself: tallystick job show {job_id}"
    session.screen.finish(view.model_dump(mode="json"), view.summary, *reason_lines(view.reasons), then=then)


async def table_of(client: AsyncClient, job: AsyncJob) -> Table:
    """A job for people, each amount in its own token."""
    payment = await client.token(job.terms.payment_token)
    stake = await client.token(client.deployment.tokens.stake)
    return job_table(job.snapshot, payment, stake, job.disputes)


async def follow(session: Session, job: AsyncJob, token: TokenInfo, *, seconds: float | None = None) -> None:
    """Shows each event, those of the past first, until the job is over. Raises JobPendingError when the time is up."""
    screen = session.screen

    def show_event(event: JobEvent) -> None:
        screen.progress(event.name, event_line(event, token), **event_values(event))
        screen.now(job.advice())

    for event in job.history:
        show_event(event)
    with screen.working(job.advice()):
        await job.wait(seconds, on_progress=show_event)
