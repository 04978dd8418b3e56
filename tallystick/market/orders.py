"""Job orders: jobs that a creator signs instead of sending, exactly as contracts/types/JobTypes.sol has them."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Self

from eth_account import Account
from eth_account.messages import SignableMessage
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from tallystick.errors import TermsError
from tallystick.ids import Address, parse_address, raw
from tallystick.market.permits import (
    SIGNATURE_BYTES,
    TokenPermit,
    Uint256,
    encode_token_permit,
)
from tallystick.market.terms import TERMS_TYPE, JobTerms, SigningDomain, Uint64
from tallystick.market.typed_data import Struct, StructType, abi_tuple, typed_message

PERMIT2 = parse_address("0x000000000022D473030F116dDEE9F6B43aC78BA3")
"""Where Permit2 is on every chain that has it. What an order takes through it, its creator must have allowed it."""

MAX_SIGNATURE_BYTES = 16 * 1024
"""More than a contract wallet of a hundred owners needs."""


def _from_hex(value: Any) -> Any:
    return raw(value) if isinstance(value, str) else value


Signature = Annotated[
    bytes,
    BeforeValidator(_from_hex),
    PlainSerializer(lambda value: "0x" + value.hex(), when_used="json"),
    Field(max_length=MAX_SIGNATURE_BYTES),
]
"""Bytes, as 0x-hex in JSON. Of a key 65: r, s, v; of a contract (ERC-1271) whatever it reads."""


class Funding(IntEnum):
    """Where an order's deposit comes from."""

    ALLOWANCE = 0
    PERMIT = 1
    PERMIT2 = 2


class JobOrder(Struct):
    """A job that its creator signs: whoever submits it pays the gas.

    Attributes:
        nonce: Of the creator's, in any order, used once.
        starts_at: The job's opening: from here run its ramp and its windows, whenever it is submitted.
        expires_at: Last second in which it can be submitted.
    """

    terms: JobTerms
    nonce: Uint256
    starts_at: Uint64
    expires_at: Uint64

    @property
    def closes_at(self) -> int:
        """Last second in which the order can become a job: its end, or that of its accept window."""
        return min(self.expires_at, self.starts_at + self.terms.accept_seconds)

    def check(self) -> None:
        """Refuses what the contracts would refuse whenever it is submitted. Raises TermsError."""
        self.terms.check()
        if self.expires_at < self.starts_at:
            raise TermsError(f"The order ends at {self.expires_at}, before it starts at {self.starts_at}.")


class SignedOrder(Struct):
    """An order with what makes it valid.

    Attributes:
        signature: Of `order_message`; with Permit2, of `permit2_message`.
        permit: With PERMIT the signed permit of the payment token; otherwise None.
    """

    order: JobOrder
    funding: Funding
    signature: Signature
    permit: TokenPermit | None = None

    @model_validator(mode="after")
    def _permit_where_funded_by_it(self) -> Self:
        if (self.permit is not None) != (self.funding is Funding.PERMIT):
            raise ValueError(f"An order funded by {self.funding.name} and a permit of {self.permit} do not fit.")
        return self


_ORDER_TYPE = StructType(
    "JobOrder",
    (("terms", "JobTerms"), ("nonce", "uint256"), ("startsAt", "uint64"), ("expiresAt", "uint64")),
    (TERMS_TYPE,),
)


class _TokenPermissions(Struct):
    token: Address
    amount: int


class _PermitWitnessTransfer(Struct):
    permitted: _TokenPermissions
    spender: Address
    nonce: int
    deadline: int
    witness: JobOrder


_TRANSFER_TYPE = StructType(
    "PermitWitnessTransferFrom",
    (
        ("permitted", "TokenPermissions"),
        ("spender", "address"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
        ("witness", "JobOrder"),
    ),
    (StructType("TokenPermissions", (("token", "address"), ("amount", "uint256"))), _ORDER_TYPE),
)


def order_message(order: JobOrder, domain: SigningDomain) -> SignableMessage:
    """What the creator signs where the deposit comes from an allowance or a permit."""
    return typed_message(domain.as_typed_data(), _ORDER_TYPE, order)


def permit2_message(order: JobOrder, domain: SigningDomain) -> SignableMessage:
    """What the creator signs where the deposit comes through Permit2: one signature for the order and the transfer.

    It is under Permit2's own domain; the escrow of `domain` is the spender, so that nobody else can use it.
    """
    transfer = _PermitWitnessTransfer(
        permitted=_TokenPermissions(token=order.terms.payment_token, amount=order.terms.max_price),
        spender=domain.escrow,
        nonce=order.nonce,
        deadline=order.expires_at,
        witness=order,
    )
    permit2 = {"name": "Permit2", "chainId": domain.chain_id, "verifyingContract": PERMIT2}
    return typed_message(permit2, _TRANSFER_TYPE, transfer)


def message_to_sign(order: JobOrder, funding: Funding, domain: SigningDomain) -> SignableMessage:
    """What the creator signs for this way of funding."""
    return permit2_message(order, domain) if funding is Funding.PERMIT2 else order_message(order, domain)


def order_signer(signed: SignedOrder, domain: SigningDomain) -> Address | None:
    """Whose key signed the order; None where the signature is no key's.

    Another answer than the creator does not make it void: a creator that is a contract decides for itself.
    """
    if len(signed.signature) != SIGNATURE_BYTES:
        return None
    message = message_to_sign(signed.order, signed.funding, domain)
    try:
        return parse_address(Account.recover_message(message, signature=signed.signature))
    except (BadSignature, ValidationError, ValueError):
        return None


def nonce_place(nonce: int) -> tuple[int, int]:
    """The word that holds a nonce and its bit there, as a mask."""
    return nonce >> 8, 1 << (nonce & 0xFF)


def order_tuple(order: JobOrder) -> tuple[Any, ...]:
    """The order in ABI order."""
    return abi_tuple(_ORDER_TYPE, order)


def signed_order_tuple(signed: SignedOrder) -> tuple[Any, ...]:
    """The signed order in ABI order, for a contract call."""
    permit = encode_token_permit(signed.permit) if signed.permit else b""
    return order_tuple(signed.order), int(signed.funding), signed.signature, permit
