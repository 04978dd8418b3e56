"""The dispatcher as this agent uses it: announce, hear of offers, say no. The agent goes on when it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from eth_account.signers.local import LocalAccount

from tallystick.clock import Clock
from tallystick.errors import DispatcherError, DispatcherRefusedError
from tallystick.ids import Address, parse_address
from tallystick.logs import get_logger
from tallystick.market.terms import SigningDomain, job_id_of
from tallystick.service.patience import Patience, Sleep
from tallystick.wire.announcement import sign_announcement, sign_refusal
from tallystick.wire.api import (
    MAX_WAIT_SECONDS,
    Announcement,
    AnnouncementAccepted,
    Offer,
    Refusal,
    SignedAnnouncement,
    SignedRefusal,
)
from tallystick.wire.capability import Capability

log = get_logger(__name__)

ANNOUNCED_SECONDS = 120
"""How long one announcement counts. The next goes out after a third of it, so that two may be lost on the way."""


class Dispatcher(Protocol):
    async def announce(self, signed: SignedAnnouncement) -> AnnouncementAccepted: ...

    async def offers(self, agent: Address, wait_seconds: int = 0) -> list[Offer]: ...

    async def refuse(self, signed: SignedRefusal) -> None: ...


class DispatcherLink:
    """One agent's side of the conversation.

    Args:
        link: Patience with DispatcherUnavailableError.
        offered: Told of each offer that is one to us.
    """

    def __init__(
        self,
        *,
        dispatcher: Dispatcher,
        operator: Address,
        account: LocalAccount,
        domain: SigningDomain,
        capability: Capability,
        clock: Clock,
        link: Patience,
        offered: Callable[[Offer], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._dispatcher = dispatcher
        self._operator = operator
        self._account = account
        self._agent = parse_address(account.address)
        self._domain = domain
        self._capability = capability
        self._clock = clock
        self._link = link
        self._offered = offered
        self._sleep = sleep
        self._nonce = 0
        self._wanted = asyncio.Event()
        self._heard = False

    async def announce_for_ever(self) -> None:
        """Announces again before the last announcement ends, and at once when the dispatcher comes back."""
        while True:
            self._wanted.clear()
            await self._announce()
            try:
                async with asyncio.timeout(ANNOUNCED_SECONDS / 3):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def _announce(self) -> None:
        try:
            await self._link.until_answered(lambda: self._dispatcher.announce(self._signed()))
        except DispatcherRefusedError as error:
            log.warning("announcement_refused", code=error.code, trouble=str(error))
            latest = int(error.values.get("latest_nonce") or 0)
            if latest > self._nonce:
                # This machine's clock was ahead once, or another process announced for this agent.
                self._nonce = latest
                await self._announce()

    async def listen_for_ever(self) -> None:
        """Holds a long poll for offers. A dispatcher that was away may have forgotten us, so it hears from us again."""
        while True:
            returns = self._link.returns
            offers = await self._link.until_answered(self._offers)
            if self._link.returns != returns:
                self._wanted.set()
            for offer in offers:
                self._hear(offer)
            if offers or not self._heard:
                # An offer stays on the list until it is taken, refused or over; a refusal comes without a wait.
                await self._sleep(1)

    async def _offers(self) -> list[Offer]:
        try:
            offers = await self._dispatcher.offers(self._agent, wait_seconds=MAX_WAIT_SECONDS)
        except DispatcherRefusedError as error:
            log.debug("offers_refused", code=error.code, trouble=str(error))
            self._heard = False
            return []
        self._heard = True
        return offers

    def _hear(self, offer: Offer) -> None:
        """What is offered is checked again on the chain; here only that it is meant for us and is about its own terms."""
        assignment = offer.assignment
        genuine = (
            assignment.operator == self._operator
            and (assignment.job_id, assignment.round) == (offer.job_id, offer.round)
            and job_id_of(offer.terms, self._domain) == offer.job_id
        )
        if genuine:
            self._offered(offer)
        else:
            log.warning("offer_misleading", job_id=offer.job_id, operator=assignment.operator)

    async def refuse(self, offer: Offer, reason: str) -> None:
        """A courtesy: whether it arrives changes nothing here."""
        refusal = Refusal(
            job_id=offer.job_id,
            round=offer.round,
            agent=self._agent,
            reason=reason[:300],
            issued_at=self._clock.now(),
        )
        try:
            await self._dispatcher.refuse(sign_refusal(refusal, self._account, self._domain))
        except DispatcherError as error:
            log.debug("refusal_unheard", job_id=offer.job_id, trouble=str(error))

    def _signed(self) -> SignedAnnouncement:
        now = self._clock.now()
        self._nonce = max(self._nonce + 1, now)
        announcement = Announcement(
            operator=self._operator,
            agent=self._agent,
            capability=self._capability,
            issued_at=now,
            expires_at=now + ANNOUNCED_SECONDS,
            nonce=self._nonce,
        )
        return sign_announcement(announcement, self._account, self._domain)
