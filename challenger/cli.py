"""`tallystick challenger`: joined to the one command through an entry point."""

from __future__ import annotations

import asyncio
import getpass
import signal
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from challenger.cases import Case
from challenger.cli_check import check
from challenger.cli_options import (
    Backend,
    Commit,
    Home,
    HotKey,
    Json,
    LogLevel,
    MaxDemandFees,
    MinProfit,
    NativeWorth,
    Password,
    Record,
    Rpc,
    StakeWorth,
    StorePlace,
)
from challenger.settings import PREFIX, HomeSettings, Settings, load_settings
from tallystick.clock import SystemClock
from tallystick.logs import configure_logging
from tallystick.service.console import guarded, print_json

app = typer.Typer(
    help="Shows that wrong claims are wrong, for a share of the slash.", no_args_is_help=True, add_completion=False
)


@app.callback(
    help=f"Shows that wrong claims are wrong, for a share of the slash. Every option can also be set as {PREFIX}<OPTION>."
)
def challenger() -> None:
    """Shows that wrong claims are wrong, for a share of the slash."""


@app.command()
def run(
    *,
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
    sample: Annotated[str | None, typer.Option(help="Share of all claims to look at: 0.25 or 25%. [all]")] = None,
    backend: Backend = None,
    confirmations: Annotated[int | None, typer.Option(help="Blocks until a transaction is believed. [1]")] = None,
    poll_seconds: Annotated[float | None, typer.Option(help="Rest between looks at the chain. [1]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done and why; send nothing.")] = False,
    once: Annotated[bool, typer.Option("--once", help="See to what stands now, and end.")] = False,
    as_json: Json = False,
    log_level: LogLevel = "info",
) -> None:
    """Watch all Optimistic claims, show those that are wrong, collect. Safe to kill at any time."""
    options = {name: value for name, value in locals().items() if name in Settings.model_fields}

    def begin() -> Coroutine[Any, Any, None]:
        configure_logging(json=as_json, level=log_level)
        return _run(load_settings(Settings, options), as_json=as_json, dry_run=dry_run, once=once)

    guarded(as_json, begin)


@app.command()
def status(*, home: Home = None, as_json: Json = False) -> None:
    """Tell what the challenger of a home folder has looked at and won, also while it runs."""
    configure_logging(json=as_json, level="warning")

    async def look() -> None:
        from challenger.console import print_status  # noqa: PLC0415  # the engine is slow to import
        from challenger.status import read_status  # noqa: PLC0415

        found = read_status(load_settings(HomeSettings, {"home": home}).home, SystemClock())
        if as_json:
            print_json({"event": "status", **found})
        else:
            print_status(found)

    guarded(as_json, look)


app.command()(check)


# ---- running --------------------------------------------------------------------------------------------------------


async def _run(settings: Settings, *, as_json: bool, dry_run: bool, once: bool) -> None:
    # The engine and the chain's library are slow to import, and other commands do without.
    from challenger.console import Telling, print_told, summary, told  # noqa: PLC0415
    from challenger.lifetime import assembled_challenger, run_challenger  # noqa: PLC0415
    from challenger.pursuit import Plan  # noqa: PLC0415

    def tell(case: Case, plan: Plan, done: str) -> None:
        if as_json:
            print_json(told(case, plan, done, parts.account))
        elif dry_run or done:
            print_told(case, plan, done, parts.account, None)

    telling = Telling(as_json=as_json)
    async with assembled_challenger(
        settings, sends=not dry_run, progress=telling, tell=tell, ask=getpass.getpass
    ) as parts:
        if as_json:
            print_json({"event": "ready", "account": parts.account, "home": str(settings.home), "dry_run": dry_run})
        else:
            who = f"{parts.account} watches" if parts.sender else "Nothing is sent: watches"
            typer.echo(f"{who} all claims; home {settings.home}.")
        working = asyncio.ensure_future(run_challenger(parts, once=once))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, working.cancel)
        try:
            await working
        except asyncio.CancelledError:
            if not working.cancelled():
                raise
        cases = parts.journal.open_cases()
        following = "Next: tallystick challenger status"
        if as_json:
            print_json({"event": "ended", "summary": summary(cases), "next": following})
        else:
            typer.echo(f"{summary(cases)}\n{following}")
