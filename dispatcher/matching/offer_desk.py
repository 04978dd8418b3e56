"""Offers: kept before they are signed, signed each time they are handed out.

The signature is a function of the row, so that nothing but the row has to survive a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from eth_account.signers.local import LocalAccount

from dispatcher.bell import Bell
from dispatcher.store.database import Database
from dispatcher.store.offers import KeptOffer, keep_offer, lapse_offers, live_offers, refuse_offer, settle_offers
from tallystick.clock import Clock
from tallystick.errors import DispatcherRefusedError, InputError
from tallystick.ids import Address, JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.terms import Assignment, JobStatus, SigningDomain, assignment_message
from tallystick.wire.announcement import refuser_of
from tallystick.wire.api import Offer, Refusal, SignedRefusal

log = get_logger(__name__)


class OfferDesk:
    """Keeps offers.

    Args:
        find_job: A live job as the ledger has it; None where there is none.
        clock: The chain's: an assignment's end is compared with block times.
        offers_bell: Rung when an offer was made.
        market_bell: Rung when one ended before its time, so that the next in line need not wait.
    """

    def __init__(
        self,
        *,
        database: Database,
        find_job: Callable[[JobId], Job | None],
        account: LocalAccount,
        domain: SigningDomain,
        clock: Clock,
        offers_bell: Bell,
        market_bell: Bell,
    ) -> None:
        self._database = database
        self._find_job = find_job
        self._account = account
        self._domain = domain
        self._clock = clock
        self._offers_bell = offers_bell
        self._market_bell = market_bell
        self._sign = lru_cache(maxsize=1024)(self._signature)

    async def make(self, offer: KeptOffer) -> bool:
        """Whether the offer was made: not while another one of the same opening is live."""
        made = await self._database.run(keep_offer, offer)
        if made:
            log.info(
                "offer_made",
                job_id=offer.job_id,
                round=offer.round,
                operator=offer.operator,
                agent=offer.agent,
                expires_at=offer.expires_at,
            )
            self._offers_bell.ring()
        return made

    async def offers_to(self, agent: Address) -> list[Offer]:
        """What the agent can accept now, signed."""
        kept = await self._database.run(live_offers, agent)
        return [self._signed(offer, job) for offer in kept if (job := self._job_on_offer(offer)) is not None]

    def check(self, signed: SignedRefusal) -> None:
        """Raises DispatcherRefusedError unless the agent itself signed its refusal."""
        try:
            signer = refuser_of(signed, self._domain)
        except InputError as error:
            raise DispatcherRefusedError(error.what, code="signature_invalid", status=403) from error
        if signer != signed.refusal.agent:
            raise DispatcherRefusedError(
                f"The refusal of {signed.refusal.agent} is signed by {signer}.", code="signature_mismatch", status=403
            )

    async def refuse(self, refusal: Refusal) -> None:
        """Ends the agent's offer. Raises DispatcherRefusedError where it has none of that job."""
        job_id, agent, reason = refusal.job_id, refusal.agent, refusal.reason
        if not await self._database.run(
            refuse_offer, job_id=job_id, round_=refusal.round, agent=agent, reason=reason, now=self._clock.now()
        ):
            raise DispatcherRefusedError(
                f"Round {refusal.round} of job {job_id} is not on offer to {agent}.",
                code="offer_unknown",
                status=404,
                remedy="Nothing to do: the offer has run out or was taken.",
            )
        log.info("offer_refused", job_id=job_id, round=refusal.round, agent=agent, reason=reason)
        self._market_bell.ring()

    async def sweep(self) -> int:
        """Ends what has run out, or is open no more. Returns how many offers ended."""
        lapsed = await self._database.run(lapse_offers, self._clock.now())
        for offer in lapsed:
            log.info("offer_lapsed", job_id=offer.job_id, round=offer.round, agent=offer.agent)
        live = await self._database.run(live_offers)
        over = [offer for offer in live if self._job_on_offer(offer) is None]
        await self._database.run(settle_offers, over, self._clock.now())
        if lapsed or over:
            self._market_bell.ring()
        return len(lapsed) + len(over)

    def _job_on_offer(self, offer: KeptOffer) -> Job | None:
        """The offer's job, where it can be accepted by this offer now."""
        job = self._find_job(offer.job_id)
        if job is None or job.status is not JobStatus.OPEN or job.round != offer.round:
            return None
        return job if self._clock.now() <= offer.expires_at else None

    def _signed(self, offer: KeptOffer, job: Job) -> Offer:
        assignment = Assignment(
            job_id=offer.job_id, operator=offer.operator, round=offer.round, expires_at=offer.expires_at
        )
        return Offer(
            job_id=offer.job_id,
            terms=job.terms,
            assignment=assignment,
            signature=self._sign(assignment),
            round=offer.round,
        )

    def _signature(self, assignment: Assignment) -> str:
        return "0x" + bytes(self._account.sign_message(assignment_message(assignment, self._domain)).signature).hex()
