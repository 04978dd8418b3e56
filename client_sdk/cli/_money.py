"""Commands about what an account holds and is owed."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from client_sdk._wallet import Balances
from client_sdk.cli._command import Session
from client_sdk.cli._screen import list_table
from tallystick.errors import KeystoreError
from tallystick.units import format_amount

Token = Annotated[str | None, typer.Option(help="Token's address. Else the deployment's own.", show_default=False)]


async def balance(
    session: Session,
    account: Annotated[str | None, typer.Option(help="Any account. Else your own.", show_default=False)] = None,
    token: Token = None,
) -> None:
    """Show what an account holds, and what the contracts owe it."""
    wanted = account or session.address()
    if wanted is None:
        raise KeystoreError("No keystore is named.", remedy="Name one, or an --account.")
    async with session.client() as client:
        balances = await client.balances(wanted, token=token)
    owed = any(one.owed for one in balances.tokens)
    then = "Take it home: tallystick wallet withdraw" if owed else "Fund a job: tallystick job fund"
    session.screen.finish(_values(balances), _table(balances), then=then)


async def withdraw(session: Session, token: Token = None) -> None:
    """Take home whatever the contracts owe you."""
    async with session.client(sign=True) as client:
        with session.screen.working("sending"):
            done = await client.withdraw(token)
    then = "See what you hold: tallystick wallet balance"
    lines = [format_amount(one.amount, one.token.decimals, one.token.symbol) + " withdrawn." for one in done]
    values = [
        {"token": one.token.address, "amount": one.amount, "transaction_hash": one.transaction_hash} for one in done
    ]
    session.screen.finish({"withdrawn": values}, *(lines or ["Nothing is owed to you."]), then=then)


async def approve(
    session: Session,
    amount: Annotated[str, typer.Argument(help="In tokens.", show_default=False)],
    token: Token = None,
) -> None:
    """Let the escrow take up to AMOUNT tokens. `job fund` does that by itself."""
    async with session.client(sign=True) as client:
        with session.screen.working("sending"):
            approved = await client.approve(amount, token)
    said = f"The escrow may take {amount} {approved.token.symbol}."
    values = {"token": approved.token.address, "approved": amount}
    session.screen.finish(values, said, then="Fund a job: tallystick job fund --no-approve")


async def faucet(
    session: Session,
    amount: Annotated[str, typer.Option(help="Of each test token.")] = "1000",
    to: Annotated[str | None, typer.Option(help="Whom to give them. Else yourself.", show_default=False)] = None,
) -> None:
    """Make test tokens. On local networks alone."""
    async with session.client(sign=True) as client:
        with session.screen.working("sending"):
            balances = await client.mint_test_tokens(amount, to)
    session.screen.finish(_values(balances), _table(balances), then="Fund a job: tallystick job fund")


def _values(balances: Balances) -> dict[str, object]:
    tokens = [
        {"token": one.token.address, "symbol": one.token.symbol, "held": one.held, "owed": one.owed}
        for one in balances.tokens
    ]
    return {"account": balances.account, "native": balances.native, "tokens": tokens}


def _table(balances: Balances) -> Table:
    table = list_table("", "held", "owed")
    table.add_row("coin for gas", format_amount(balances.native, 18), "")
    for one in balances.tokens:
        held, owed = (format_amount(amount, one.token.decimals) for amount in (one.held, one.owed))
        table.add_row(one.token.symbol, held, owed)
    return table
