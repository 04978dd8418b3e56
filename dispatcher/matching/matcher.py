"""Acts on what the policy decides, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dispatcher.bell import Bell, heard
from dispatcher.indexer.progress import Progress
from dispatcher.matching.market_reader import MarketReader
from dispatcher.matching.offer_desk import OfferDesk
from dispatcher.matching.policy import decide
from dispatcher.store.offers import KeptOffer
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.terms import JobStatus

TICK_SECONDS = 1.0
"""Longest rest between two rounds: prices rise and refusals end by time alone."""

log = get_logger(__name__)


class Matcher:
    """One round after another; each looks at everything anew, so that nothing can be forgotten in between."""

    def __init__(
        self,
        *,
        live: Mapping[JobId, Job],
        market: MarketReader,
        offers: OfferDesk,
        progress: Progress,
        market_bell: Bell,
        offer_seconds: int,
    ) -> None:
        self._live = live
        self._market = market
        self._offers = offers
        self._progress = progress
        self._bell = market_bell
        self._offer_seconds = offer_seconds

    async def step(self) -> float:
        """One round, then rest until the bell rings or a tick has passed."""
        ring = self._bell.listen()
        # Offers made while the chain is out of sight could be for jobs that are long taken.
        if self._progress.status != "chain_unavailable":
            await self.match()
        await heard(ring, TICK_SECONDS)
        return 0.0

    async def match(self) -> int:
        """Makes every offer that the policy decides now; returns how many."""
        openings = [job for job in self._live.values() if job.status is JobStatus.OPEN]
        if not openings:
            return 0
        market = await self._market.read(openings)
        made = 0
        # In a thread: with many jobs and executors it takes long enough to keep a request waiting.
        for decision in await asyncio.to_thread(decide, market):
            expires_at = min(market.now + self._offer_seconds, decision.job.accept_closes_at)
            offer = KeptOffer(
                job_id=decision.job.job_id,
                round=decision.job.round,
                operator=decision.executor.announcement.operator,
                agent=decision.executor.announcement.agent,
                offered_at=market.now,
                expires_at=expires_at,
            )
            made += await self._offers.make(offer)
        return made
