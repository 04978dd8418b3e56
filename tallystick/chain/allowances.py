"""Allowances by signature: what a token's owner signs so that one transaction both allows and takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from eth_account.messages import SignableMessage

from tallystick.chain.permits import PermitSupport
from tallystick.ids import Address
from tallystick.market.permits import Permit, TokenPermit, permit_message, signed_permit

PERMIT_SECONDS = 3_600
"""How long a permit for a transaction of now can be used: long enough for any congestion, short enough to forget it."""

Sign = Callable[[SignableMessage], bytes]
"""The owner's signature of a message: r, s, v in 65 bytes."""


class PermitSource(Protocol):
    """`ChainReader`, as far as it is used here."""

    async def permit_support(self, token: Address, owner: Address) -> PermitSupport | None: ...


async def sign_permit(
    source: PermitSource, sign: Sign, *, token: Address, owner: Address, spender: Address, amount: int, deadline: int
) -> TokenPermit | None:
    """A signed allowance of exactly `amount`, in the token's smallest unit, that can be used until `deadline`.

    None for a token that takes no permits, or not under a domain that could be made sure of. Raises
    ChainUnavailableError.
    """
    support = await source.permit_support(token, owner)
    if support is None:
        return None
    permit = Permit(owner=owner, spender=spender, value=amount, nonce=support.nonce, deadline=deadline)
    return signed_permit(permit, sign(permit_message(permit, support.domain)))
