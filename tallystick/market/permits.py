"""Allowances by signature (EIP-2612), so that one transaction both allows and takes."""

from __future__ import annotations

from typing import Annotated, Any

from eth_abi.abi import encode as abi_encode
from eth_account.messages import SignableMessage
from pydantic import Field

from tallystick.errors import InputError
from tallystick.ids import ZERO_BYTES32, AddressField, Bytes32, Bytes32Field, bytes32
from tallystick.market.typed_data import Struct, StructType, abi_tuple, typed_message

Uint256 = Annotated[int, Field(ge=0, lt=2**256)]

SIGNATURE_BYTES = 65


class TokenDomain(Struct):
    """The EIP-712 domain under which a token takes permits. None for what its domain leaves out."""

    name: str | None
    version: str | None
    chain_id: int
    token: AddressField

    def as_typed_data(self) -> dict[str, Any]:
        held = {"name": self.name, "version": self.version, "chainId": self.chain_id, "verifyingContract": self.token}
        return {field: value for field, value in held.items() if value is not None}


class Permit(Struct):
    """What the owner of tokens signs: `spender` may take `value` of them, in the token's smallest unit.

    Attributes:
        nonce: The owner's next one at this token.
        deadline: Last second in which the signature can be used.
    """

    owner: AddressField
    spender: AddressField
    value: Uint256
    nonce: Uint256
    deadline: Uint256


class TokenPermit(Struct):
    """A signed permit as the contracts take it; owner, spender and value follow from where it is used."""

    deadline: Uint256
    v: Annotated[int, Field(ge=0, lt=2**8)]
    r: Bytes32Field
    s: Bytes32Field


_PERMIT_TYPE = StructType(
    "Permit",
    (
        ("owner", "address"),
        ("spender", "address"),
        ("value", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ),
)
_TOKEN_PERMIT_TYPE = StructType(
    "TokenPermit", (("deadline", "uint256"), ("v", "uint8"), ("r", "bytes32"), ("s", "bytes32"))
)


_NO_PERMIT = TokenPermit(deadline=0, v=0, r=ZERO_BYTES32, s=ZERO_BYTES32)


def permit_message(permit: Permit, domain: TokenDomain) -> SignableMessage:
    """What the owner signs."""
    return typed_message(domain.as_typed_data(), _PERMIT_TYPE, permit)


def domain_separator(domain: TokenDomain) -> Bytes32:
    """As the token's `DOMAIN_SEPARATOR` should have it."""
    return bytes32(typed_message(domain.as_typed_data(), _TOKEN_PERMIT_TYPE, _NO_PERMIT).header)


def signed_permit(permit: Permit, signature: bytes) -> TokenPermit:
    """The permit with its signature: r, s, v in 65 bytes. Raises InputError for another length.

    A contract cannot sign one: EIP-2612 knows no other signature.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise InputError(
            f"A permit's signature has {SIGNATURE_BYTES} bytes, not {len(signature)}.",
            remedy="Sign with the token owner's own key; a contract approves instead.",
        )
    v = signature[64]
    return TokenPermit(
        deadline=permit.deadline,
        v=v + 27 if v < 27 else v,
        r=bytes32(signature[:32]),
        s=bytes32(signature[32:64]),
    )


def token_permit_tuple(permit: TokenPermit) -> tuple[Any, ...]:
    """The signed permit in ABI order, for a contract call."""
    return abi_tuple(_TOKEN_PERMIT_TYPE, permit)


def encode_token_permit(permit: TokenPermit) -> bytes:
    """The signed permit ABI-encoded, as a signed order carries it."""
    return abi_encode(["(uint256,uint8,bytes32,bytes32)"], [token_permit_tuple(permit)])
