"""What can be wrong with an order, asked before minutes are spent on it, with errors that say what is missing.

The contract asks all of it again; a simulation of the transaction is the last word.
"""

from __future__ import annotations

from typing import Protocol

from eth_account import Account

from tallystick.chain.deployment import Deployment
from tallystick.chain.permits import PermitSupport
from tallystick.chain.views import BlockHead
from tallystick.errors import InputError, InsufficientFundsError
from tallystick.ids import Address, raw
from tallystick.market.orders import PERMIT2, Funding, SignedOrder, order_signer
from tallystick.market.permits import Permit, permit_message


class OrderChain(Protocol):
    """`ChainReader`, as far as it is used here."""

    @property
    def deployment(self) -> Deployment: ...

    async def head(self) -> BlockHead: ...

    async def is_contract(self, account: Address) -> bool: ...

    async def is_order_nonce_used(self, creator: Address, nonce: int) -> bool: ...

    async def balance_of(self, token: Address, account: Address) -> int: ...

    async def allowance(self, token: Address, owner: Address, spender: Address) -> int: ...

    async def permit_support(self, token: Address, owner: Address) -> PermitSupport | None: ...


async def check_order(chain: OrderChain, signed: SignedOrder, now: int) -> None:
    """Refuses what could not become a job at chain time `now`.

    Raises:
        TermsError: terms that the contracts would refuse.
        InputError: outside its time, its nonce used, or signed by somebody else.
        InsufficientFundsError: its creator does not have, or has not allowed, the deposit.
    """
    signed.order.check()
    _check_time(signed, now)
    await _check_signature(chain, signed)
    await _check_nonce(chain, signed)
    await _check_balance(chain, signed)
    await _check_allowance(chain, signed, now)


def _check_time(signed: SignedOrder, now: int) -> None:
    order = signed.order
    if now < order.starts_at:
        raise InputError(f"The order starts at {order.starts_at}, in {order.starts_at - now} s.", remedy="Wait.")
    if now > order.closes_at:
        raise InputError(
            f"The order closed at {order.closes_at}, {now - order.closes_at} s ago.",
            remedy="Ask its creator for a new one.",
        )


async def _check_signature(chain: OrderChain, signed: SignedOrder) -> None:
    creator, signer = signed.order.terms.creator, order_signer(signed, chain.deployment.domain())
    # A creator that is a contract decides for itself, which only the simulation can tell.
    if signer == creator or await chain.is_contract(creator):
        return
    raise InputError(
        f"The order names {creator} as its creator; its signature is by {signer or 'no key'}, for this market.",
        remedy="Ask its creator to sign it for this deployment.",
    )


async def _check_nonce(chain: OrderChain, signed: SignedOrder) -> None:
    creator, nonce = signed.order.terms.creator, signed.order.nonce
    if await chain.is_order_nonce_used(creator, nonce):
        raise InputError(f"The order's nonce {nonce} is used: it was posted or cancelled.", remedy="Look for its job.")


async def _check_balance(chain: OrderChain, signed: SignedOrder) -> None:
    terms = signed.order.terms
    held = await chain.balance_of(terms.payment_token, terms.creator)
    if held < terms.max_price:
        raise InsufficientFundsError(
            f"The order deposits {terms.max_price} units of {terms.payment_token}; its creator holds {held}.",
            remedy="Wait until its creator has them.",
        )


async def _check_allowance(chain: OrderChain, signed: SignedOrder, now: int) -> None:
    terms = signed.order.terms
    spender = PERMIT2 if signed.funding is Funding.PERMIT2 else chain.deployment.contracts.job_escrow
    allowed = await chain.allowance(terms.payment_token, terms.creator, spender)
    # Whoever saw the permit may have used it by itself: the allowance is there then.
    if allowed >= terms.max_price or await _has_good_permit(chain, signed, now):
        return
    raise InsufficientFundsError(
        f"The order deposits {terms.max_price} units of {terms.payment_token}; its creator allows {spender} {allowed}"
        + (", and its permit does not fit any more." if signed.permit else "."),
        remedy="Ask its creator to approve the deposit, or to sign anew.",
    )


async def _has_good_permit(chain: OrderChain, signed: SignedOrder, now: int) -> bool:
    terms, permit = signed.order.terms, signed.permit
    support = await chain.permit_support(terms.payment_token, terms.creator) if permit else None
    if permit is None or support is None or now > permit.deadline:
        return False
    told = Permit(
        owner=terms.creator,
        spender=chain.deployment.contracts.job_escrow,
        value=terms.max_price,
        nonce=support.nonce,
        deadline=permit.deadline,
    )
    signature = raw(permit.r) + raw(permit.s) + bytes([permit.v])
    try:
        signer = Account.recover_message(permit_message(told, support.domain), signature=signature)
    except ValueError:
        return False
    return bool(signer == terms.creator)
