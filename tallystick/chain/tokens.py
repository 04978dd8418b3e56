"""ERC-20 tokens as they are found: some do not name themselves, some name themselves in bytes32."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tallystick.chain.abi import Function, Parameter, contract_abi
from tallystick.chain.views import TokenInfo
from tallystick.errors import ChainError, ChainUnavailableError, InputError, RpcRefusedError
from tallystick.ids import Address, raw

MAX_SYMBOL = 16

CallFunction = Callable[..., Awaitable[list[Any]]]

NO_ANSWER = (ChainUnavailableError, RpcRefusedError)
"""Troubles of the endpoint, which say nothing about the token."""

_SYMBOL_BYTES32 = Function("symbol", (), (Parameter("", "bytes32", "bytes32"),))


def clean_symbol(symbol: str, address: Address) -> str:
    """A symbol that can be printed: a token chooses its own, and could choose a terminal's control codes."""
    kept = "".join(letter for letter in symbol if letter.isprintable()).strip()[:MAX_SYMBOL]
    return kept or f"{address[:6]}..{address[-4:]}"


class TokenReader:
    """Reads tokens through `call(to, function, *arguments)`; remembers what cannot change."""

    def __init__(self, call: CallFunction) -> None:
        self._call = call
        self._known: dict[Address, TokenInfo] = {}

    async def info(self, token: Address) -> TokenInfo:
        if token not in self._known:
            await self.balance_of(token, token)  # the one question that every token answers
            symbol = clean_symbol(await self._symbol(token), token)
            self._known[token] = TokenInfo(address=token, symbol=symbol, decimals=await self._decimals(token))
        return self._known[token]

    async def balance_of(self, token: Address, account: Address) -> int:
        return await self._amount(token, "balanceOf", account)

    async def allowance(self, token: Address, owner: Address, spender: Address) -> int:
        return await self._amount(token, "allowance", owner, spender)

    async def _amount(self, token: Address, name: str, *arguments: Address) -> int:
        try:
            [amount] = await self._call(token, contract_abi("MockToken").functions[name], *arguments)
        except NO_ANSWER:
            raise
        except ChainError as error:
            raise InputError(
                f"{token} is not an ERC-20 token: it does not answer {name}.", remedy="Check the token's address."
            ) from error
        return int(amount)

    async def _symbol(self, token: Address) -> str:
        for function in (contract_abi("MockToken").functions["symbol"], _SYMBOL_BYTES32):
            try:
                [symbol] = await self._call(token, function)
            except NO_ANSWER:
                raise
            except ChainError:
                continue
            if function is _SYMBOL_BYTES32:
                return raw(symbol).rstrip(b"\0").decode(errors="replace")
            return str(symbol)
        return ""

    async def _decimals(self, token: Address) -> int:
        try:
            [decimals] = await self._call(token, contract_abi("MockToken").functions["decimals"])
        except NO_ANSWER:
            raise
        except ChainError:
            return 0
        return int(decimals)
