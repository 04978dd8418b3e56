"""`tallystick executor`: joined to the one command through an entry point."""

from __future__ import annotations

import asyncio
import getpass
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from executor.cli_doctor import doctor
from executor.cli_jobs import accept_order, release
from executor.cli_options import (
    ColdKey,
    ColdPassword,
    Home,
    HotKey,
    Json,
    LogLevel,
    Operator,
    Price,
    Record,
    Region,
    Rpc,
    cold_settings,
)
from executor.console import print_status
from executor.hardware import read_capability
from executor.settings import PREFIX, ColdSettings, HomeSettings, MachineSettings, Settings, load_settings
from executor.status import read_status
from tallystick.clock import SystemClock
from tallystick.ids import parse_address
from tallystick.logs import configure_logging
from tallystick.service.console import guarded, print_json

app = typer.Typer(help="Runs and proves models for pay.", no_args_is_help=True, add_completion=False)


@app.callback(help=f"Runs and proves models for pay. Every option can also be set as {PREFIX}<OPTION>.")
def executor() -> None:
    """Runs and proves models for pay."""


@app.command()
def run(
    *,
    rpc: Rpc = None,
    deployment: Record = None,
    store: Annotated[str | None, typer.Option(help="Where artifacts are: dir:/path or ipfs:/ip4/...")] = None,
    dispatcher: Annotated[str | None, typer.Option(help="URL of a dispatcher; jobs are found without one too.")] = None,
    home: Home = None,
    operator: Operator = None,
    keystore: HotKey = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the keystore's password.")] = None,
    region: Region = None,
    min_milestone_price: Price = None,
    payment_tokens: Annotated[str | None, typer.Option(help="Tokens taken, by comma. (the deployment's)")] = None,
    max_jobs: Annotated[int | None, typer.Option(help="Jobs held at once. [2]")] = None,
    confirmations: Annotated[int | None, typer.Option(help="Blocks until a transaction is believed. [1]")] = None,
    poll_seconds: Annotated[float | None, typer.Option(help="Rest between looks at the chain. [1]")] = None,
    claim_seconds: Annotated[int | None, typer.Option(help="Time kept for a claim. [2 locally, else 30]")] = None,
    ceremony_folder: Annotated[Path | None, typer.Option(help="Where public SRS files are.")] = None,
    allow_development_srs: Annotated[bool | None, typer.Option(help="Also on chains that are not local.")] = None,
    prover_threads: Annotated[int | None, typer.Option(help="Cores for the prover. (all)")] = None,
    proof_kinds: Annotated[str | None, typer.Option(help="Taken, by comma. [zk,optimistic]")] = None,
    backend: Annotated[str | None, typer.Option(help="For programs: auto, numpy, onnxruntime or cuda. [auto]")] = None,
    engine_threads: Annotated[int | None, typer.Option(help="Cores for one run of a program. (all)")] = None,
    fault: Annotated[
        str | None,
        typer.Option(
            help="Be wrong on purpose, on a development chain: op=7,element=120, weights, output, withhold or late."
        ),
    ] = None,
    as_json: Json = False,
    log_level: LogLevel = "info",
) -> None:
    """Work until stopped: find jobs, prove, claim, collect. Safe to kill at any time."""
    options = {name: value for name, value in locals().items() if name in Settings.model_fields}

    def begin() -> Coroutine[Any, Any, None]:
        configure_logging(json=as_json, level=log_level)
        return _run(load_settings(Settings, options), as_json)

    guarded(as_json, begin)


@app.command()
def status(*, home: Home = None, as_json: Json = False) -> None:
    """Tell what the agent of a home folder is doing and has earned, also while it runs."""
    configure_logging(json=as_json, level="warning")

    async def look() -> None:
        found = read_status(load_settings(HomeSettings, {"home": home}).home, SystemClock())
        if as_json:
            print_json({"event": "status", **found})
        else:
            print_status(found)

    guarded(as_json, look)


@app.command()
def stake(
    *,
    amount: Annotated[str | None, typer.Option(help="Stake to add, in whole tokens, for example 100.")] = None,
    agent: Annotated[str | None, typer.Option(help="Agent that may act for this operator.")] = None,
    rpc: Rpc = None,
    deployment: Record = None,
    operator_keystore: ColdKey = None,
    operator_password_file: ColdPassword = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put stake down and appoint an agent, with the operator's own key. Without either, tell how things stand."""
    settings = cold_settings(locals())

    async def act(vault: Any) -> dict[str, Any]:
        done = {} if amount is None else {"funded_by": await vault.deposit(amount)}
        if agent is not None:
            await vault.appoint(parse_address(agent))
        return done

    _with_vault(settings, as_json, act)


@app.command()
def unstake(
    *,
    amount: Annotated[str | None, typer.Option(help="Stake to take back, in whole tokens; the delay starts.")] = None,
    complete: Annotated[bool, typer.Option("--complete", help="Take home what has waited long enough.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Put all that is unbonding back to use.")] = False,
    revoke: Annotated[str | None, typer.Option(help="Agent that may no longer act for this operator.")] = None,
    rpc: Rpc = None,
    deployment: Record = None,
    operator_keystore: ColdKey = None,
    operator_password_file: ColdPassword = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take stake back or revoke an agent, with the operator's own key."""
    settings = cold_settings(locals())

    async def act(vault: Any) -> dict[str, Any]:
        if revoke is not None:
            await vault.revoke(parse_address(revoke))
        if cancel:
            await vault.cancel_unbond()
        if complete:
            await vault.complete_unbond()
        if amount is not None:
            await vault.request_unbond(amount)
        return {}

    _with_vault(settings, as_json, act)


app.command()(release)
app.command()(accept_order)
app.command()(doctor)


@app.command()
def capability(
    *, home: Home = None, region: Region = None, min_milestone_price: Price = None, as_json: Json = False
) -> None:
    """Print what is read from this machine and would be announced."""
    configure_logging(json=as_json, level="warning")

    async def read() -> None:
        # The prover is needed by `run` and here alone, and takes a second to import.
        from executor.app import make_engine, make_prover  # noqa: PLC0415

        folder = load_settings(HomeSettings, {"home": home}).home
        machine = load_settings(MachineSettings, {"region": region, "min_milestone_price": min_milestone_price})
        found = read_capability(
            [make_prover(folder), make_engine(folder)],
            folder,
            region=machine.region,
            min_milestone_price=machine.min_milestone_price,
        )
        plain = found.model_dump(mode="json")
        print_json({"event": "capability", **plain} if as_json else plain, pretty=not as_json)

    guarded(as_json, read)


# ---- running --------------------------------------------------------------------------------------------------------


async def _run(settings: Settings, as_json: bool) -> None:
    from executor.lifetime import assembled_agent, describe, run_agent  # noqa: PLC0415

    async with assembled_agent(settings, ask=getpass.getpass) as parts:
        working = asyncio.ensure_future(run_agent(parts))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, working.cancel)
        if as_json:
            print_json({"event": "ready", **describe(parts)})
        else:
            print(f"Agent {parts.address} works for {parts.settings.operator}; home {parts.settings.home}.", flush=True)
        try:
            await working
        except asyncio.CancelledError:
            if not working.cancelled():
                raise


def _with_vault(
    options: dict[str, Any], as_json: bool, act: Callable[[Any], Coroutine[Any, Any, dict[str, Any]]]
) -> None:
    from executor.staking import open_vault  # noqa: PLC0415

    async def go() -> None:
        async with open_vault(load_settings(ColdSettings, options), getpass.getpass) as vault:
            done = await act(vault)
            summary = {**await vault.summary(), **done}
        print_json({"event": "stake", **summary} if as_json else summary, pretty=not as_json)

    guarded(as_json, go)
