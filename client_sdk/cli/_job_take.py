"""Commands that take what a job gave: results and receipts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client_sdk._receipt import JobReceipt
from client_sdk.cli._command import Session
from client_sdk.cli._files import write_outputs
from client_sdk.cli._job_look import JobArgument
from client_sdk.cli._views import receipt_table


async def result(
    session: Session,
    job_id: JobArgument,
    milestone: Annotated[int | None, typer.Option(help="One milestone's. Else all of them.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write .json or .npy instead of showing it.")] = None,
) -> None:
    """Fetch a job's checked result."""
    async with session.client() as client:
        job = await client.job(job_id)
        with session.screen.working("fetching and checking"):
            outputs = await job.result_floats(milestone)
    then = f"Keep the proof of it: tallystick job receipt {job_id}"
    if out is not None:
        write_outputs(out, outputs)
        session.screen.finish({"job_id": job_id, "written": str(out)}, f"Written to {out}.", then=then)
        return
    lines = [str(output) for output in outputs]
    session.screen.finish({"job_id": job_id, "milestone": milestone, "outputs": outputs}, *lines, then=then)


async def receipt(
    session: Session,
    job_id: JobArgument,
    out: Annotated[Path | None, typer.Option(help="Also write it as JSON.")] = None,
) -> None:
    """Make a job's receipt: who was paid what, what was given back or slashed, gas, seconds."""
    async with session.client() as client:
        job = await client.job(job_id)
        made = await job.receipt()
        info = await client.token(job.terms.payment_token)
        stake = await client.token(client.deployment.tokens.stake)
    if out is not None:
        made.save(out)
    then = f"Anyone can check it: tallystick job verify {out}" if out else "Keep it: add --out receipt.json"
    session.screen.finish(made.model_dump(mode="json", by_alias=True), receipt_table(made, info, stake), then=then)


async def verify(
    session: Session,
    file: Annotated[Path, typer.Argument(help="A receipt that `job receipt --out` wrote.", show_default=False)],
) -> None:
    """Check a receipt word by word against the chain."""
    kept = JobReceipt.load(file)
    async with session.client() as client:
        with session.screen.working("reading the chain"):
            await client.verify(kept)
    said = f"The chain bears out every word of {file}: job {kept.job_id}, {kept.status}."
    values = {"job_id": kept.job_id, "verified": True, "status": kept.status}
    session.screen.finish(values, said, then=f"Fetch the result: tallystick job result {kept.job_id}")
