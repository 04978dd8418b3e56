"""The command that looks at one job's claims now, and explains."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from challenger.cli_options import (
    Backend,
    Commit,
    Home,
    HotKey,
    Json,
    MaxDemandFees,
    MinProfit,
    NativeWorth,
    Password,
    Record,
    Rpc,
    StakeWorth,
    StorePlace,
)
from challenger.settings import Settings, load_settings
from tallystick.errors import JobUnknownError
from tallystick.ids import JobId, parse_job_id
from tallystick.logs import configure_logging
from tallystick.service.console import guarded, print_json


def check(
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="A job with claims that await finality.")],
    *,
    milestone: Annotated[int | None, typer.Option(help="One milestone alone. (all that stand)")] = None,
    prove: Annotated[bool, typer.Option("--prove", help="Show what is wrong, and collect.")] = False,
    rpc: Rpc = None,
    deployment: Record = None,
    store: StorePlace = None,
    home: Home = None,
    keystore: HotKey = None,
    password_file: Password = None,
    stake_worth: StakeWorth = None,
    native_worth: NativeWorth = None,
    min_profit: MinProfit = None,
    max_demand_fees: MaxDemandFees = None,
    commit: Commit = None,
    backend: Backend = None,
    as_json: Json = False,
) -> None:
    """Look at one job's claims now: what is wrong, where, what it would bring, and how to go on."""
    options = {name: value for name, value in locals().items() if name in Settings.model_fields}
    configure_logging(json=as_json, level="warning")

    async def look() -> None:
        settings = load_settings(Settings, {**options, "sample": None}).model_copy(update={"sample": 10_000})
        await _look(settings, parse_job_id(job_id), milestone, prove=prove, as_json=as_json)

    guarded(as_json, look)


async def _look(settings: Settings, job_id: JobId, milestone: int | None, *, prove: bool, as_json: bool) -> None:
    from challenger.console import Telling, print_told, told  # noqa: PLC0415  # the engine is slow to import
    from challenger.lifetime import assembled_challenger, run_challenger  # noqa: PLC0415

    heard: dict[str, tuple[Any, Any, str]] = {}

    def tell(case: Any, plan: Any, done: str) -> None:
        earlier = heard.get(case.key)
        heard[case.key] = (case, plan, "; ".join(filter(None, [earlier[2] if earlier else "", done])))

    def only(job: JobId, number: int) -> bool:
        return job == job_id and milestone in (None, number)

    async with assembled_challenger(
        settings,
        sends=prove,
        # Whoever sends must not forget it. Whoever only looks need not wait for a challenger that runs.
        keeps=prove,
        progress=Telling(as_json=as_json),
        tell=tell,
        ask=getpass.getpass,
        only=only,
    ) as parts:
        await run_challenger(parts, once=True)
        _require_heard(parts, job_id, milestone, bool(heard))
        stake = await parts.reader.token(parts.deployment.tokens.stake)
        for case, plan, done in heard.values():
            latest = parts.journal.case(case.key) or case
            if as_json:
                print_json({**told(latest, plan, done, parts.account), "outcome": latest.outcome})
            else:
                print_told(latest, plan, done, parts.account, stake)


def _require_heard(parts: Any, job_id: JobId, milestone: int | None, heard: bool) -> None:
    if heard:
        return
    job = parts.follower.book.get(job_id)
    if job is None:
        raise JobUnknownError(
            f"The chain has no Optimistic job {job_id}.", remedy="Check the id and the deployment record."
        )
    which = "a claim" if milestone is None else f"a claim of milestone {milestone}"
    failed = next((case.last_word for case in parts.journal.open_cases() if case.last_word), "")
    if failed:
        raise JobUnknownError(f"The claim could not be looked at: {failed}", remedy="Run it again in a moment.")
    raise JobUnknownError(
        f"Job {job_id} has not got {which} that stands; {job.paid_milestones} of its milestones are paid.",
        remedy="Only claims that await finality can be shown to be wrong.",
    )
