"""Whether an account can pay, and how the escrow comes to be allowed to take the deposit: asked before anything is sent,
with errors that say what is missing.

Whatever is allowed here is allowed for exactly one deposit.
"""

from __future__ import annotations

from dataclasses import dataclass

from client_sdk._connection import Connection
from client_sdk._journal import FundedBy
from tallystick.chain.allowances import PERMIT_SECONDS, sign_permit
from tallystick.chain.views import TokenInfo
from tallystick.errors import InsufficientFundsError
from tallystick.ids import Address, JobId
from tallystick.logs import get_logger
from tallystick.market.permits import TokenPermit
from tallystick.market.terms import JobTerms
from tallystick.units import format_amount

log = get_logger(__name__)


@dataclass(frozen=True)
class Grant:
    """How the escrow may take a deposit."""

    funded_by: FundedBy
    permit: TokenPermit | None = None


async def require_balance(connection: Connection, terms: JobTerms, token: TokenInfo, *, needs_gas: bool) -> None:
    """Raises InsufficientFundsError for too few tokens, or for no coin to pay gas with where gas is needed."""
    held = await connection.reader.balance_of(token.address, terms.creator)
    if held < terms.max_price:
        raise InsufficientFundsError(
            f"The job deposits {_shown(terms.max_price, token)}; {terms.creator} holds {_shown(held, token)}.",
            remedy=f"Get {_shown(terms.max_price - held, token)} more, or lower the maximum price. "
            "On a local network: `tallystick wallet faucet`.",
        )
    if needs_gas and await connection.reader.native_balance(terms.creator) == 0:
        raise InsufficientFundsError(
            f"{terms.creator} has no native coin to pay gas with.",
            remedy="Send it some. On a local network: `tallystick wallet faucet`.",
        )


async def require_grant(
    connection: Connection, terms: JobTerms, token: TokenInfo, *, job_id: JobId, approve: bool
) -> Grant:
    """What lets the escrow take the deposit: an allowance that is there, else a permit where the token takes one, else
    an approval, which is sent.

    Raises:
        InsufficientFundsError: no allowance is there and `approve` is False.
    """
    escrow = connection.reader.deployment.contracts.job_escrow
    allowed = await connection.reader.allowance(token.address, terms.creator, escrow)
    if allowed >= terms.max_price:
        return Grant("allowance")
    if not approve:
        raise not_allowed(terms, token, escrow, allowed, "fund with approve=True")
    head = await connection.reader.head()
    permit = await signed_for(connection, terms, max(head.time, connection.clock.now()) + PERMIT_SECONDS)
    if permit is not None:
        return Grant("permit", permit)
    call = connection.calls.approve(token.address, escrow, terms.max_price)
    # The block in the key: an allowance is used up, so an approval of last week must not stand for this one.
    await connection.signer().send(f"approve:{job_id}:{head.number}", call)
    log.info("escrow_approved", job_id=job_id, token=token.address, amount=terms.max_price)
    return Grant("approval")


async def signed_for(connection: Connection, terms: JobTerms, deadline: int) -> TokenPermit | None:
    """A permit for the escrow to take exactly the deposit until `deadline`; None where the token takes none."""
    return await sign_permit(
        connection.reader,
        connection.signer().sign,
        token=terms.payment_token,
        owner=terms.creator,
        spender=connection.reader.deployment.contracts.job_escrow,
        amount=terms.max_price,
        deadline=deadline,
    )


def not_allowed(
    terms: JobTerms, token: TokenInfo, spender: Address, allowed: int, otherwise: str
) -> InsufficientFundsError:
    """That `spender` may not take the deposit, and what to do about it."""
    plain = format_amount(terms.max_price, token.decimals).replace(",", "")
    return InsufficientFundsError(
        f"The escrow {spender} may take {_shown(allowed, token)} of {terms.creator}; the job deposits "
        f"{_shown(terms.max_price, token)}.",
        remedy=f"Run `tallystick wallet approve {plain} --token {token.address}`, or {otherwise}.",
    )


def _shown(amount: int, token: TokenInfo) -> str:
    return format_amount(amount, token.decimals, token.symbol)
