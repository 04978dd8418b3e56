"""Commands about single jobs: give one back, take one straight from its creator."""

from __future__ import annotations

import asyncio
import getpass
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from executor.cli_options import ColdKey, ColdPassword, Home, HotKey, Json, Operator, Record, Rpc, cold_settings
from executor.orders import OrderBox, read_order
from executor.settings import ColdSettings, OrderSettings, load_settings
from tallystick.clock import SystemClock
from tallystick.errors import InputError
from tallystick.ids import parse_job_id
from tallystick.logs import configure_logging
from tallystick.service.console import guarded, print_json

LOOK_SECONDS = 0.5


def release(
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="A job that this operator holds.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    rpc: Rpc = None,
    deployment: Record = None,
    operator_keystore: ColdKey = None,
    operator_password_file: ColdPassword = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Give a job back before its deadline, with the operator's own key. Tells the fee, and asks first."""
    options = cold_settings(locals())

    async def give_back() -> None:
        # The chain's library is slow to import.
        from executor import manual_release  # noqa: PLC0415
        from executor.staking import open_vault  # noqa: PLC0415

        settings = load_settings(ColdSettings, options)
        wanted = parse_job_id(job_id)
        async with open_vault(settings, getpass.getpass) as vault:
            offer = await manual_release.ask_release(vault, settings.home, wanted)
            told = await manual_release.sentence(vault, offer)
            if not yes:
                _ask(told, as_json)
            done = await manual_release.release(vault, offer)
        if as_json:
            print_json({"event": "released", **done})
        else:
            typer.echo(f"Job {wanted} is open again; {done['fee']} of your stake are its bounty now.")

    guarded(as_json, give_back)


def _ask(told: str, as_json: bool) -> None:
    if as_json:
        raise InputError(told, remedy="A program cannot be asked: add --yes.")
    typer.echo(told)
    typer.confirm("Give it back?", abort=True)


def accept_order(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An order that its creator signed.")],
    *,
    wait: Annotated[float, typer.Option(help="Seconds to wait for what the agent makes of it.")] = 120.0,
    rpc: Rpc = None,
    deployment: Record = None,
    operator: Operator = None,
    keystore: HotKey = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Have the agent take an order: checked and tried here, then rehearsed, posted and accepted by the agent."""
    options = {name: value for name, value in locals().items() if name in OrderSettings.model_fields}
    configure_logging(json=as_json, level="warning")

    async def hand_in() -> None:
        settings = load_settings(OrderSettings, options)
        signed = read_order(file)
        box = await _checked(settings, signed)
        job_id = box.put(signed)
        ends = time.monotonic() + wait
        while (answer := box.answer_to(job_id)) is None and time.monotonic() < ends:  # noqa: ASYNC110  # another process answers
            await asyncio.sleep(LOOK_SECONDS)
        _tell(job_id, None if answer is None else answer.taken, answer.reason if answer else "", as_json)

    guarded(as_json, hand_in)


async def _checked(settings: OrderSettings, signed: Any) -> OrderBox:
    """Asks what the contract would ask, with the agent as the sender. Raises InputError, ChainError."""
    from executor.order_checks import check_order  # noqa: PLC0415
    from tallystick.chain.calls import MarketCalls  # noqa: PLC0415
    from tallystick.chain.deployment import load_deployment  # noqa: PLC0415
    from tallystick.chain.keys import keystore_address  # noqa: PLC0415
    from tallystick.chain.reader import ChainReader  # noqa: PLC0415

    record = load_deployment(settings.deployment)
    agent = keystore_address(settings.keystore)
    async with await ChainReader.connect(settings.rpc, record, settings.rpc_timeout_seconds) as reader:
        await check_order(reader, signed, max((await reader.head()).time, SystemClock().now()))
        call = MarketCalls(record).accept_order(signed, settings.operator)
        await reader.simulate(call, sender=agent)
    return OrderBox(settings.home, record.domain())


def _tell(job_id: str, taken: bool | None, reason: str, as_json: bool) -> None:
    if as_json:
        print_json({"event": "order", "job_id": job_id, "taken": taken, "reason": reason})
    elif taken is None:
        typer.echo(
            f"Job {job_id} waits for the agent of this home. Start it, or look later: tallystick executor status"
        )
    else:
        typer.echo(f"Job {job_id} is {'taken' if taken else 'not taken'}: {reason}.")
    if taken is False:
        raise typer.Exit(1)
