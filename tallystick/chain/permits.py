"""Which tokens take allowances by signature (EIP-2612), and under which domain. Tokens say it in different ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from tallystick.chain.abi import Function, Parameter, contract_abi
from tallystick.chain.tokens import NO_ANSWER, CallFunction
from tallystick.errors import ChainError
from tallystick.ids import Address, bytes32
from tallystick.market.permits import TokenDomain, domain_separator

_PERMIT_TYPEHASH = bytes32(
    keccak(text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
)
_NAME_FIELD, _VERSION_FIELD, _SALT_FIELD = 0x01, 0x02, 0x10
"""EIP-5267: the bits of what a domain has. A salt is no part of `TokenDomain`: tokens do without."""

_VERSION = Function("version", (), (Parameter("", "string", "string"),))
_TYPEHASH = Function("PERMIT_TYPEHASH", (), (Parameter("", "bytes32", "bytes32"),))


@dataclass(frozen=True)
class PermitSupport:
    """What an owner needs to sign a permit. `nonce`: the owner's next one, at this moment."""

    domain: TokenDomain
    nonce: int


class PermitReader:
    """Asks tokens through `call(to, function, *arguments)`; remembers the domains, which change with a token's code at most."""

    def __init__(self, call: CallFunction, chain_id: int) -> None:
        self._call = call
        self._chain_id = chain_id
        self._domains: dict[Address, TokenDomain | None] = {}

    async def support(self, token: Address, owner: Address) -> PermitSupport | None:
        """None for a token without permits, with another kind of them, or whose domain cannot be found out.

        Asking first is what makes a permit safe to use: the contracts pass over one that the token does not take.
        """
        if token not in self._domains:
            self._domains[token] = await self._domain_of(token)
        domain = self._domains[token]
        nonce = await self._ask(token, contract_abi("MockToken").functions["nonces"], owner) if domain else None
        return PermitSupport(domain, int(nonce[0])) if domain and nonce else None

    async def _domain_of(self, token: Address) -> TokenDomain | None:
        functions = contract_abi("MockToken").functions
        separator = await self._ask(token, functions["DOMAIN_SEPARATOR"])
        typehash = await self._ask(token, _TYPEHASH)
        if not separator or (typehash and typehash[0] != _PERMIT_TYPEHASH):
            return None  # DAI's permit, for one, has other fields under the same name
        for domain in await self._candidates(token):
            if domain_separator(domain) == separator[0]:
                return domain
        return None

    async def _candidates(self, token: Address) -> list[TokenDomain]:
        """What the token says of its domain, or what those that say nothing usually have."""
        functions = contract_abi("MockToken").functions
        said = await self._ask(token, functions["eip712Domain"])
        if said:
            fields, name, version, *_ = said
            held = int(fields, 16)
            named = name if held & _NAME_FIELD else None
            return (
                [] if held & _SALT_FIELD else [self._domain(token, named, version if held & _VERSION_FIELD else None)]
            )
        name = await self._ask(token, functions["name"])
        if not name:
            return []
        version = await self._ask(token, _VERSION)
        return [self._domain(token, name[0], held) for held in (*(version or ()), "1", None)]

    def _domain(self, token: Address, name: str | None, version: str | None) -> TokenDomain:
        return TokenDomain(name=name, version=version, chain_id=self._chain_id, token=token)

    async def _ask(self, token: Address, function: Function, *arguments: Any) -> list[Any] | None:
        try:
            return await self._call(token, function, *arguments)
        except NO_ANSWER:
            raise
        except ChainError:
            return None
