"""Orders: jobs that a creator signs instead of sending. Whoever takes one pays the gas; the creator pays none."""

from __future__ import annotations

from client_sdk._connection import Connection
from client_sdk._drafting import Drafting
from client_sdk._funds import not_allowed, require_balance, signed_for
from client_sdk._request import Duration, JobRequest, seconds_of
from tallystick.chain.views import TokenInfo
from tallystick.errors import InputError
from tallystick.logs import get_logger
from tallystick.market.orders import PERMIT2, Funding, JobOrder, SignedOrder, message_to_sign, nonce_place
from tallystick.market.permits import TokenPermit
from tallystick.market.terms import JobTerms, job_id_of

log = get_logger(__name__)


class Ordering:
    def __init__(self, connection: Connection, drafting: Drafting) -> None:
        self._connection = connection
        self._drafting = drafting

    async def sign(self, request: JobRequest, valid_for: Duration | None) -> SignedOrder:
        """See `AsyncClient.sign_order`."""
        connection = self._connection
        signing = connection.signer()
        work = await self._drafting.check(request)
        await self._drafting.require_open_market()
        # No dispatcher ever sees an order, so none could choose: it is for whoever holds it.
        terms = await self._drafting.draw_up(request, work, None)
        await require_balance(connection, terms, work.token, needs_gas=False)
        order = await self._order(terms, valid_for)
        funding, permit = await self._fund(order, work.token)
        domain = connection.reader.deployment.domain()
        signature = signing.sign(message_to_sign(order, funding, domain))
        job_id = job_id_of(terms, domain)
        log.info("order_signed", job_id=job_id, funding=funding.name.lower(), closes_at=order.closes_at)
        return SignedOrder(order=order, funding=funding, signature=signature, permit=permit)

    async def cancel(self, signed: SignedOrder) -> None:
        """See `AsyncClient.cancel_order`."""
        signing, order = self._connection.signer(), signed.order
        if order.terms.creator != signing.address:
            raise InputError(f"The order is by {order.terms.creator}; {signing.address} cannot cancel it.")
        if not await self._connection.reader.is_order_nonce_used(order.terms.creator, order.nonce):
            await signing.send(
                f"cancel_order:{order.nonce}", self._connection.calls.cancel_orders(*nonce_place(order.nonce))
            )

    async def _order(self, terms: JobTerms, valid_for: Duration | None) -> JobOrder:
        # From the newest block's time on, not from ours: whoever tries to take it is told the time by that block.
        starts_at = (await self._connection.reader.head()).time
        seconds = terms.accept_seconds if valid_for is None else seconds_of("valid_for", valid_for)
        # The salt is drawn at random and kept by whoever wants to ask for the same job again: it is as good a nonce.
        order = JobOrder(terms=terms, nonce=terms.salt, starts_at=starts_at, expires_at=starts_at + seconds)
        order.check()
        quiet = self._connection.clock.now() - starts_at
        if self._connection.clock.now() > order.closes_at:
            raise InputError(
                f"The chain's newest block is {quiet} s old, and the order would be open for {order.closes_at - starts_at} s.",
                remedy="Wait for a block, or give it more time.",
            )
        return order

    async def _fund(self, order: JobOrder, token: TokenInfo) -> tuple[Funding, TokenPermit | None]:
        """Where the deposit will come from. Raises InsufficientFundsError where it could come from nowhere."""
        terms, reader = order.terms, self._connection.reader
        escrow = reader.deployment.contracts.job_escrow
        allowed = await reader.allowance(token.address, terms.creator, escrow)
        if allowed >= terms.max_price:
            return Funding.ALLOWANCE, None
        permit = await signed_for(self._connection, terms, order.expires_at)
        if permit is not None:
            return Funding.PERMIT, permit
        if await reader.allowance(token.address, terms.creator, PERMIT2) >= terms.max_price:
            return Funding.PERMIT2, None
        raise not_allowed(terms, token, escrow, allowed, "allow Permit2 to take the token")
