"""What an account holds and is owed, and taking it home."""

from __future__ import annotations

from dataclasses import dataclass

from client_sdk._connection import Connection
from client_sdk._request import Tokens
from tallystick.chain.calls import Call
from tallystick.chain.views import TokenInfo
from tallystick.errors import InputError
from tallystick.ids import Address, Bytes32, parse_address
from tallystick.units import parse_amount

LOCAL_CHAIN_IDS = (31337, 1337)
"""What development chains call themselves: the only ones whose test tokens anyone may mint."""

COIN = 10**18
"""One native coin, in wei."""


@dataclass(frozen=True)
class TokenBalance:
    """Amounts in the token's smallest unit.

    Attributes:
        held: In the account itself.
        owed: Waits in the contracts until it is withdrawn.
    """

    token: TokenInfo
    held: int
    owed: int


@dataclass(frozen=True)
class Balances:
    """`native` in wei, to pay gas with."""

    account: Address
    native: int
    tokens: tuple[TokenBalance, ...]


@dataclass(frozen=True)
class Withdrawal:
    """One transfer home, in the token's smallest unit."""

    token: TokenInfo
    amount: int
    transaction_hash: Bytes32


class Wallet:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def balances(self, account: Address, token: str | None = None) -> Balances:
        """See `AsyncClient.balances`."""
        reader = self._connection.reader
        stake = reader.deployment.tokens.stake
        tokens = []
        for address in dict.fromkeys((*self._payment_tokens(token), stake)):
            owed = await reader.credit_of(address, account)
            owed += await reader.reward_of(account) if address == stake else 0
            held = await reader.balance_of(address, account)
            tokens.append(TokenBalance(await reader.token(address), held, owed))
        return Balances(account, await reader.native_balance(account), tuple(tokens))

    async def withdraw(self, token: str | None = None) -> list[Withdrawal]:
        """See `AsyncClient.withdraw`."""
        account = self._connection.signer().address
        reader, calls = self._connection.reader, self._connection.calls
        stake = reader.deployment.tokens.stake
        block = (await reader.head()).number
        done = []
        for address in dict.fromkeys((*self._payment_tokens(token), stake)):
            if credit := await reader.credit_of(address, account):
                call = calls.withdraw(address, account)
                done.append(await self._withdraw(call, f"withdraw:{address}:{block}", address, credit))
        if reward := await reader.reward_of(account):
            call = calls.withdraw_reward(account)
            done.append(await self._withdraw(call, f"withdraw_reward:{block}", stake, reward))
        return done

    async def approve(self, amount: Tokens, token: str | None = None) -> TokenBalance:
        """See `AsyncClient.approve`."""
        signing, reader = self._connection.signer(), self._connection.reader
        info = await reader.token(self._one_token(token))
        units = parse_amount(str(amount), info.decimals)
        escrow = reader.deployment.contracts.job_escrow
        block = (await reader.head()).number
        call = self._connection.calls.approve(info.address, escrow, units)
        await signing.send(f"approve:{info.address}:{units}:{block}", call)
        return TokenBalance(info, await reader.balance_of(info.address, signing.address), 0)

    async def mint_test_tokens(self, amount: Tokens, to: str | None = None) -> Balances:
        """See `AsyncClient.mint_test_tokens`."""
        signing, reader = self._connection.signer(), self._connection.reader
        if reader.deployment.chain_id not in LOCAL_CHAIN_IDS:
            raise InputError(
                f"Chain {reader.deployment.chain_id} is no local one: its tokens are not for the taking.",
                remedy="Start a local network with `tallystick localnet start`.",
            )
        account = parse_address(to) if to else signing.address
        block = (await reader.head()).number
        for address in dict.fromkeys((*self._payment_tokens(None), reader.deployment.tokens.stake)):
            units = parse_amount(str(amount), (await reader.token(address)).decimals)
            call = self._connection.calls.mint_test_token(address, account, units)
            await signing.send(f"mint:{address}:{account}:{block}", call)
        if await reader.native_balance(account) < COIN:
            call = Call(to=account, data=b"", description=f"send {account} a coin for gas", value=COIN)
            await signing.send(f"coin:{account}:{block}", call)
        return await self.balances(account)

    async def _withdraw(self, call: Call, key: str, token: Address, amount: int) -> Withdrawal:
        receipt = await self._connection.signer().send(key, call)
        return Withdrawal(await self._connection.reader.token(token), amount, receipt.transaction_hash)

    def _payment_tokens(self, token: str | None) -> tuple[Address, ...]:
        if token is not None:
            return (parse_address(token),)
        own = self._connection.reader.deployment.tokens.payment
        return (own,) if own else ()

    def _one_token(self, token: str | None) -> Address:
        tokens = self._payment_tokens(token)
        if not tokens:
            raise InputError("This deployment has no payment token of its own.", remedy="Name one.")
        return tokens[0]
