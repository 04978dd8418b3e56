"""Whether an account can pay, checked before anything is sent, with errors that say what is missing."""

from __future__ import annotations

from client_sdk._connection import Connection
from tallystick.chain.views import TokenInfo
from tallystick.errors import InsufficientFundsError
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.terms import JobTerms
from tallystick.units import format_amount

log = get_logger(__name__)


async def require_balance(connection: Connection, terms: JobTerms, token: TokenInfo) -> None:
    """Raises InsufficientFundsError for too few tokens, or for no coin to pay gas with."""
    held = await connection.reader.balance_of(token.address, terms.creator)
    if held < terms.max_price:
        raise InsufficientFundsError(
            f"The job deposits {_shown(terms.max_price, token)}; {terms.creator} holds {_shown(held, token)}.",
            remedy=f"Get {_shown(terms.max_price - held, token)} more, or lower the maximum price. "
            "On a local network: `tallystick wallet faucet`.",
        )
    if await connection.reader.native_balance(terms.creator) == 0:
        raise InsufficientFundsError(
            f"{terms.creator} has no native coin to pay gas with.",
            remedy="Send it some. On a local network: `tallystick wallet faucet`.",
        )


async def require_allowance(
    connection: Connection, terms: JobTerms, token: TokenInfo, *, job_id: JobId, approve: bool
) -> None:
    """Approves the escrow for exactly the deposit where the allowance falls short.

    Raises:
        InsufficientFundsError: it falls short and `approve` is False.
    """
    escrow = connection.reader.deployment.contracts.job_escrow
    allowed = await connection.reader.allowance(token.address, terms.creator, escrow)
    if allowed >= terms.max_price:
        return
    if not approve:
        plain = format_amount(terms.max_price, token.decimals).replace(",", "")
        raise InsufficientFundsError(
            f"The escrow {escrow} may take {_shown(allowed, token)} of {terms.creator}; the job deposits "
            f"{_shown(terms.max_price, token)}.",
            remedy=f"Run `tallystick wallet approve {plain} --token {token.address}`, or fund with approve=True.",
        )
    call = connection.calls.approve(token.address, escrow, terms.max_price)
    # The block in the key: an allowance is used up, so an approval of last week must not stand for this one.
    block = (await connection.reader.head()).number
    await connection.signer().send(f"approve:{job_id}:{block}", call)
    log.info("escrow_approved", job_id=job_id, token=token.address, amount=terms.max_price)


def _shown(amount: int, token: TokenInfo) -> str:
    return format_amount(amount, token.decimals, token.symbol)
