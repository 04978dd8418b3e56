"""What only the operator's own key can do: put stake down, take it back, say which agents act for it.

It runs as a command of its own and never inside an agent, so that the machine that runs models holds no key to money.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount

from executor.settings import ColdSettings
from tallystick.chain.allowances import PERMIT_SECONDS, sign_permit
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.deployment import load_deployment
from tallystick.chain.keys import Ask, load_account
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.sender import Sender
from tallystick.chain.views import TokenInfo
from tallystick.clock import Clock, SystemClock
from tallystick.errors import InsufficientFundsError
from tallystick.ids import Address
from tallystick.market.permits import TokenPermit
from tallystick.units import format_amount, parse_amount


@dataclass(frozen=True)
class Vault:
    """The operator's own account on the chain."""

    reader: ChainReader
    sender: Sender
    calls: MarketCalls
    account: LocalAccount
    clock: Clock

    @property
    def operator(self) -> Address:
        return self.sender.address

    async def stake_token(self) -> TokenInfo:
        return await self.reader.token(self.reader.deployment.tokens.stake)

    async def deposit(self, text: str) -> str:
        """Adds `text` whole stake tokens to the stake, in one transaction where the token takes permits.

        Returns:
            How the stake manager came to be allowed to take them: `allowance`, which it had; `permit`; `approval`, a
            transaction before.

        Raises: InputError, InsufficientFundsError, ChainError.
        """
        token = await self.stake_token()
        amount = parse_amount(text, token.decimals)
        held = await self.reader.balance_of(token.address, self.operator)
        if held < amount:
            raise InsufficientFundsError(
                f"{self.operator} holds {format_amount(held, token.decimals, token.symbol)}, "
                f"not {format_amount(amount, token.decimals, token.symbol)}.",
                remedy="Get more of the stake token, or deposit less.",
            )
        spender = self.reader.deployment.contracts.stake_manager
        way = "allowance"
        if await self.reader.allowance(token.address, self.operator, spender) < amount:
            permit = await self._permit(token.address, spender, amount)
            if permit is not None:
                await self.send("deposit", self.calls.deposit_stake_with_permit(self.operator, amount, permit))
                return "permit"
            await self.send("approve", self.calls.approve(token.address, spender, amount))
            way = "approval"
        await self.send("deposit", self.calls.deposit_stake(self.operator, amount))
        return way

    async def _permit(self, token: Address, spender: Address, amount: int) -> TokenPermit | None:
        now = max((await self.reader.head()).time, self.clock.now())
        return await sign_permit(
            self.reader,
            lambda message: bytes(self.account.sign_message(message).signature),
            token=token,
            owner=self.operator,
            spender=spender,
            amount=amount,
            deadline=now + PERMIT_SECONDS,
        )

    async def appoint(self, agent: Address) -> None:
        """Lets `agent` accept, claim and release for this operator. Appointing twice changes nothing."""
        if not await self.reader.is_agent(self.operator, agent):
            await self.send("appoint", self.calls.appoint_agent(agent))

    async def revoke(self, agent: Address) -> None:
        """Takes that back. Jobs that the agent holds can then be finished by another agent or this key alone."""
        if await self.reader.is_agent(self.operator, agent):
            await self.send("revoke", self.calls.revoke_agent(agent))

    async def request_unbond(self, text: str) -> None:
        """Starts the delay after which `text` whole stake tokens can be taken back, locked or not. It starts anew for
        everything that is unbonding already."""
        token = await self.stake_token()
        await self.send("unbond", self.calls.request_unbond(parse_amount(text, token.decimals)))

    async def cancel_unbond(self) -> None:
        """Puts everything that is unbonding back to use."""
        await self.send("cancel", self.calls.cancel_unbond())

    async def complete_unbond(self) -> None:
        """Takes back what has waited long enough and is not locked any more."""
        await self.send("complete", self.calls.complete_unbond())

    async def summary(self) -> dict[str, Any]:
        """Stake and balance, in whole tokens. `locked` and `unbonding` are parts of `stake` that may overlap; what is
        in neither is `free` to be locked for jobs."""
        token = await self.stake_token()
        unbonding, ready_at = await self.reader.unbonding(self.operator)
        amounts = {
            "stake": await self.reader.stake_of(self.operator),
            "free": await self.reader.free_stake(self.operator),
            "locked": await self.reader.locked_stake(self.operator),
            "unbonding": unbonding,
            "held": await self.reader.balance_of(token.address, self.operator),
        }
        shown = {name: format_amount(amount, token.decimals, token.symbol) for name, amount in amounts.items()}
        return {"operator": self.operator, **shown, "unbonding_ready_at": ready_at if unbonding else None}

    async def send(self, what: str, call: Call) -> Receipt:
        """A command that is given twice means it twice, so each has keys of its own."""
        return await self.sender.send(f"{what}:{time.time_ns()}", call)


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
        yield Vault(reader, sender, MarketCalls(deployment), account, SystemClock())
