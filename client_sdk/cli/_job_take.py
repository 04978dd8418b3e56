"""Commands that take what a job gave: results and receipts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client_sdk._audit import DEFAULT_ELEMENTS
from client_sdk._receipt import JobReceipt
from client_sdk.cli._command import Session
from client_sdk.cli._dispute_views import audit_table, finding_lines
from client_sdk.cli._files import write_outputs
from client_sdk.cli._job_look import JobArgument
from client_sdk.cli._moments import moment
from client_sdk.cli._views import receipt_table
from tallystick.errors import InputError


async def result(
    session: Session,
    job_id: JobArgument,
    milestone: Annotated[int | None, typer.Option(help="One milestone's. Else all of them.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write .json or .npy instead of showing it.")] = None,
    provisional: Annotated[
        bool, typer.Option("--provisional", help="What claims say that are not final yet. It may turn out to be wrong.")
    ] = False,
) -> None:
    """Fetch a job's checked result."""
    if provisional:
        await _provisional(session, job_id, milestone, out)
        return
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


async def _provisional(session: Session, job_id: str, milestone: int | None, out: Path | None) -> None:
    """Claims that stand, each marked for what it is."""
    async with session.client() as client:
        job = await client.job(job_id)
        with session.screen.working("fetching and checking"):
            found = await job.claimed_results(milestone)
    values = {"job_id": job_id, "provisional": True, "claims": [vars(one) for one in found]}
    then = f"Look at it before it is final: tallystick job audit {job_id}" if found else job.advice()
    if out is not None:
        write_outputs(out, [one.outputs for one in found])
        said = f"PROVISIONAL results of {len(found)} claims written to {out}."
        session.screen.finish({**values, "written": str(out)}, said, then=then)
        return
    lines = [
        f"PROVISIONAL, milestone {one.milestone} by {one.operator}, final after {moment(one.final_at)}: {one.outputs}"
        for one in found
    ]
    session.screen.finish(values, *(lines or ["No claim stands."]), then=then)


async def audit(
    session: Session,
    job_id: JobArgument,
    *,
    elements: Annotated[int, typer.Option(min=1, help="How many to draw of each claim.")] = DEFAULT_ELEMENTS,
    milestone: Annotated[int | None, typer.Option(help="One milestone's claim. Else every one that stands.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Compute everything again instead, on this machine.")] = False,
    seed: Annotated[str, typer.Option(help="Draw as an earlier audit did: 0x and hex digits.")] = "",
) -> None:
    """Look at an optimistic job's claims before they are final: at random elements, or at everything."""
    drawn_from = _seed(seed)
    async with session.client() as client:
        job = await client.job(job_id)
        with session.screen.working("computing" if full else "looking"):
            audits = await job.audit(elements, drawn_from, milestone=milestone, full=full)
    wrong = next((one for one in audits if not one.is_clean), None)
    then = (wrong or audits[0]).advice() if audits else job.advice()
    values = {"job_id": job_id, "clean": wrong is None, "audits": [one.values() for one in audits]}
    shown = [audit_table(audits), *finding_lines(audits)] if audits else ["No claim stands."]
    session.screen.finish(values, *shown, then=then)


def _seed(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text.removeprefix("0x")) if text else None
    except ValueError:
        raise InputError(f"{text!r} is no seed.", remedy="Write 0x and hex digits, as `--json` shows it.") from None


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
