"""Commands that ask for work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client_sdk._request import JobRequest
from client_sdk.cli._command import Session
from client_sdk.cli._files import read_inputs
from client_sdk.cli._job_look import follow, table_of
from client_sdk.cli._views import job_values, quote_table, reason_lines

Model = Annotated[str, typer.Option(help="Id of a registered model.", show_default=False)]
Requirements = Annotated[str, typer.Option(help='What an executor must have, for example "vram>=16GiB region=eu".')]
Token = Annotated[str | None, typer.Option(help="Payment token's address. Else the deployment's own.")]


async def quote(
    session: Session,
    model: Model = "",
    milestones: Annotated[int, typer.Option(min=1, max=256)] = 1,
    requirements: Requirements = "",
    token: Token = None,
) -> None:
    """Ask the dispatcher who could take such a job now, and for how much."""
    async with session.client() as client:
        answer = await client.quote(
            model or None, milestones=milestones, requirements=requirements, payment_token=token
        )
        address = token or client.deployment.tokens.payment
        info = await client.token(address) if address else None
    then = "Fund it: tallystick job fund" if answer.capable else "Loosen the requirements, or wait for more executors."
    lines = reason_lines(answer.reasons)
    session.screen.finish(answer.model_dump(mode="json"), quote_table(answer, info), *lines, then=then)


async def fund(
    session: Session,
    *,
    model: Model,
    inputs: Annotated[Path, typer.Option(help="JSON or .npy; several milestones stacked along the first axis.")],
    max_price: Annotated[str, typer.Option(help="For the whole job, in tokens; the rest comes back.")],
    milestones: Annotated[int | None, typer.Option(help="How many the inputs should make.")] = None,
    requirements: Requirements = "",
    min_price: Annotated[str | None, typer.Option(help="Where the price starts to rise from.")] = None,
    ramp: Annotated[str | None, typer.Option(help="How long it rises. Else half of --accept-within.")] = None,
    stake_lock: Annotated[str | None, typer.Option(help="Stake at risk. Else the protocol's least.")] = None,
    deadline: Annotated[str, typer.Option(help="Time for each milestone, once accepted.")] = "10m",
    accept_within: Annotated[str, typer.Option(help="Time in which somebody has to accept.")] = "10m",
    exclusive: Annotated[str | None, typer.Option(help="Time of the dispatcher's first choice. Else 60s.")] = None,
    dispatcher_fee_bps: Annotated[int, typer.Option(help="Of each payment, for the dispatcher.")] = 0,
    token: Token = None,
    note: Annotated[str, typer.Option(help="A line for people.")] = "",
    salt: Annotated[int | None, typer.Option(help="Makes a retry safe across machines.")] = None,
    approve: Annotated[bool, typer.Option(help="Approve the escrow for exactly the deposit where needed.")] = True,
    watch: Annotated[bool, typer.Option("--watch", help="Stay until the job is over.")] = False,
) -> None:
    """Fund a job. The same command again after a crash goes on with the same job and pays once."""
    request = JobRequest(
        model=model,
        inputs=read_inputs(inputs),
        max_price=max_price,
        milestones=milestones,
        min_price=min_price,
        ramp=ramp,
        requirements=requirements,
        payment_token=token,
        stake_lock=stake_lock,
        deadline=deadline,
        accept_within=accept_within,
        exclusive=exclusive,
        dispatcher_fee_bps=dispatcher_fee_bps,
        note=note,
        salt=salt,
        approve=approve,
    )
    async with session.client(sign=True) as client:
        with session.screen.working("checking and funding"):
            job = await client.fund(request)
        for warning in job.warnings:
            session.screen.warn(warning.code, warning.text)
        # Whoever only watches from here on must not keep other commands of this key waiting.
        client.release_key()
        if watch:
            await follow(session, job, await client.token(job.terms.payment_token))
        shown = await table_of(client, job.snapshot)
        session.screen.finish(job_values(job.snapshot), shown, then=job.advice())
