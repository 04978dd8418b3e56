"""What only the operator's own key can do: put stake down, take it back, say which agents act for it.

It runs as a command of its own and never inside an agent, so that the machine that runs models holds no key to money.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from executor.settings import ColdSettings
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.deployment import load_deployment
from tallystick.chain.keys import Ask, load_account
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import Sender
from tallystick.errors import InsufficientFundsError
from tallystick.ids import Address
from tallystick.units import format_amount, parse_amount


@dataclass(frozen=True)
class Vault:
    """The operator's own account on the chain."""

    reader: ChainReader
    sender: Sender
    calls: MarketCalls

    @property
    def operator(self) -> Address:
        return self.sender.address

    async def deposit(self, text: str) -> None:
        """Adds `text` whole stake tokens to the free stake. Raises InputError, InsufficientFundsError, ChainError."""
        token = await self.reader.token(self.reader.deployment.tokens.stake)
        amount = parse_amount(text, token.decimals)
        held = await self.reader.balance_of(token.address, self.operator)
        if held < amount:
            raise InsufficientFundsError(
                f"{self.operator} holds {format_amount(held, token.decimals, token.symbol)}, "
                f"not {format_amount(amount, token.decimals, token.symbol)}.",
                remedy="Get more of the stake token, or deposit less.",
            )
        spender = self.reader.deployment.contracts.stake_manager
        if await self.reader.allowance(token.address, self.operator, spender) < amount:
            await self._send("approve", self.calls.approve(token.address, spender, amount))
        await self._send("deposit", self.calls.deposit_stake(self.operator, amount))

    async def appoint(self, agent: Address) -> None:
        """Lets `agent` accept and claim for this operator. Appointing twice changes nothing."""
        if not await self.reader.is_agent(self.operator, agent):
            await self._send("appoint", self.calls.appoint_agent(agent))

    async def revoke(self, agent: Address) -> None:
        """Takes that back. Jobs that the agent holds can then be finished by another agent or this key alone."""
        if await self.reader.is_agent(self.operator, agent):
            await self._send("revoke", self.calls.revoke_agent(agent))

    async def request_unbond(self, text: str) -> None:
        """Starts the delay after which `text` whole stake tokens can be taken back."""
        token = await self.reader.token(self.reader.deployment.tokens.stake)
        await self._send("unbond", self.calls.request_unbond(parse_amount(text, token.decimals)))

    async def complete_unbond(self) -> None:
        """Takes back what has waited long enough."""
        await self._send("complete", self.calls.complete_unbond())

    async def summary(self) -> dict[str, Any]:
        """Stake and rewards, in whole tokens."""
        token = await self.reader.token(self.reader.deployment.tokens.stake)
        unbonding, ready_at = await self.reader.unbonding(self.operator)
        amounts = {
            "free": await self.reader.free_stake(self.operator),
            "locked": await self.reader.locked_stake(self.operator),
            "unbonding": unbonding,
            "held": await self.reader.balance_of(token.address, self.operator),
        }
        shown = {name: format_amount(amount, token.decimals, token.symbol) for name, amount in amounts.items()}
        return {"operator": self.operator, **shown, "unbonding_ready_at": ready_at or None}

    async def _send(self, what: str, call: Call) -> None:
        # A command that is given twice means it twice, so each has keys of its own.
        await self.sender.send(f"{what}:{time.time_ns()}", call)


@asynccontextmanager
async def open_vault(settings: ColdSettings, ask: Ask | None) -> AsyncIterator[Vault]:
    """Settles first what an earlier command left in flight. Raises InputError, ChainError."""
    async with AsyncExitStack() as stack:
        deployment = load_deployment(settings.deployment)
        account = load_account(settings.operator_keystore, settings.operator_password_file, ask)
        reader = await ChainReader.connect(settings.rpc, deployment, settings.rpc_timeout_seconds)
        stack.push_async_callback(reader.close)
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        sender = Sender(reader, account, settings.home / f"operator-{account.address}.sqlite3")
        stack.callback(sender.close)
        await sender.resume()
        yield Vault(reader, sender, MarketCalls(deployment))
