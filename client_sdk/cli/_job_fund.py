"""Commands that ask for work."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from client_sdk._request import JobRequest
from client_sdk.cli._command import Session
from client_sdk.cli._files import read_bytes, read_inputs
from client_sdk.cli._job_look import follow, table_of
from client_sdk.cli._kinds import ProofKindWord
from client_sdk.cli._views import funding_words, job_values, order_table, order_values, quote_table, reason_lines
from tallystick.errors import InputError
from tallystick.market.orders import SignedOrder
from tallystick.market.terms import job_id_of

Model = Annotated[str, typer.Option(help="Id of a registered model.", show_default=False)]
Requirements = Annotated[str, typer.Option(help='What an executor must have, for example "vram>=16GiB region=eu".')]
Token = Annotated[str | None, typer.Option(help="Payment token's address. Else the deployment's own.")]


async def quote(
    session: Session,
    *,
    model: Model = "",
    milestones: Annotated[int, typer.Option(min=1, max=256)] = 1,
    requirements: Requirements = "",
    proof_kind: Annotated[ProofKindWord | None, typer.Option(help="Else the model's own, or either.")] = None,
    token: Token = None,
) -> None:
    """Ask the dispatcher who could take such a job now, and for how much, by either proof kind."""
    async with session.client() as client:
        answer = await client.quote(
            model or None,
            milestones=milestones,
            requirements=requirements,
            payment_token=token,
            proof_kind=proof_kind.value if proof_kind else None,
        )
        address = token or client.deployment.tokens.payment
        info = await client.token(address) if address else None
    then = "Fund it: tallystick job fund" if answer.capable else "Loosen the requirements, or wait for more executors."
    lines = reason_lines(answer.reasons)
    session.screen.finish(answer.model_dump(mode="json"), quote_table(answer, info), *lines, then=then)


def _request(
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
    window: Annotated[
        str | None, typer.Option(help="Challenge window of an optimistic model's claims. Else the protocol's least.")
    ] = None,
    token: Token = None,
    note: Annotated[str, typer.Option(help="A line for people.")] = "",
    salt: Annotated[int | None, typer.Option(help="Makes a retry safe across machines.")] = None,
) -> dict[str, Any]:
    """Options of every command that asks for a job, as fields of a JobRequest."""
    return {
        "model": model,
        "inputs": read_inputs(inputs),
        "max_price": max_price,
        "milestones": milestones,
        "requirements": requirements,
        "min_price": min_price,
        "ramp": ramp,
        "payment_token": token,
        "stake_lock": stake_lock,
        "deadline": deadline,
        "accept_within": accept_within,
        "challenge_window": window,
        "note": note,
        "salt": salt,
    }


def _asking(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Gives `function(session, fields, ...)` the options of a request in place of `fields`."""
    asked = inspect.signature(_request, eval_str=True).parameters
    session, _fields, *own = inspect.signature(function, eval_str=True).parameters.values()

    signature = inspect.Signature([session, *asked.values(), *own])

    async def command(session: Session, **given: Any) -> None:
        bound = signature.bind(session, **given)
        bound.apply_defaults()
        fields = _request(**{name: bound.arguments.pop(name) for name in asked})
        await function(fields=fields, **bound.arguments)

    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command


@_asking
async def fund(
    session: Session,
    fields: dict[str, Any],
    *,
    exclusive: Annotated[str | None, typer.Option(help="Time of the dispatcher's first choice. Else 60s.")] = None,
    dispatcher_fee_bps: Annotated[int, typer.Option(help="Of each payment, for the dispatcher.")] = 0,
    approve: Annotated[bool, typer.Option(help="Allow the escrow to take exactly the deposit where needed.")] = True,
    watch: Annotated[bool, typer.Option("--watch", help="Stay until the job is over.")] = False,
) -> None:
    """Fund a job. The same command again after a crash goes on with the same job and pays once."""
    request = JobRequest(**fields, exclusive=exclusive, dispatcher_fee_bps=dispatcher_fee_bps, approve=approve)
    async with session.client(sign=True) as client:
        with session.screen.working("checking and funding"):
            job = await client.fund(request)
        if job.funded_by is not None:
            session.screen.progress("deposit_paid", funding_words(job.funded_by), funded_by=job.funded_by)
        for warning in job.warnings:
            session.screen.warn(warning.code, warning.text)
        # Whoever only watches from here on must not keep other commands of this key waiting.
        client.release_key()
        if watch:
            await follow(session, job, await client.token(job.terms.payment_token))
        shown = await table_of(client, job)
        values = {**job_values(job.snapshot, job.disputes), "funded_by": job.funded_by}
        session.screen.finish(values, shown, then=job.advice())


@_asking
async def sign(
    session: Session,
    fields: dict[str, Any],
    *,
    out: Annotated[Path, typer.Option(help="Where the order goes.")] = Path("order.json"),
    valid_for: Annotated[str | None, typer.Option(help="Time in which it can be taken. Else --accept-within.")] = None,
) -> None:
    """Sign a job as an order, without a transaction: hand it to an executor, who posts and accepts it at once."""
    if out.exists():
        raise InputError(f"{out} is there already.", remedy="Name another file: --out.")
    async with session.client(sign=True) as client:
        with session.screen.working("checking and signing"):
            signed = await client.sign_order(JobRequest(**fields), valid_for=valid_for)
        token = await client.token(signed.order.terms.payment_token)
        job_id = job_id_of(signed.order.terms, client.deployment.domain())
    out.write_text(signed.model_dump_json(indent=2) + "\n")
    then = f"Hand it to an operator: tallystick executor accept-order {out}"
    session.screen.finish(order_values(signed, job_id, out), order_table(signed, job_id, token, out), then=then)


async def cancel_order(
    session: Session, file: Annotated[Path, typer.Argument(metavar="FILE", help="An order of your own.")]
) -> None:
    """Make an order of your own void. One that has become a job is not touched: cancel the job."""
    try:
        signed = SignedOrder.model_validate_json(read_bytes(file))
    except ValueError as error:
        raise InputError(f"{file} is no signed order.", remedy="Name what `tallystick job sign` wrote.") from error
    async with session.client(sign=True) as client:
        with session.screen.working("sending"):
            await client.cancel_order(signed)
    values = {"nonce": signed.order.nonce, "cancelled": True}
    session.screen.finish(values, f"No job can come of {file} any more.", then="Sign another: tallystick job sign")
