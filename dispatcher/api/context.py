"""What the routes stand on: made once by `app.py`, read by every request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from dispatcher.api.cursors import Cursors
from dispatcher.api.limits import Buckets
from dispatcher.api.polls import LongPolls
from dispatcher.bell import Bell
from dispatcher.indexer.briefs import BriefReader
from dispatcher.indexer.chain_clock import ChainClock
from dispatcher.indexer.progress import Progress
from dispatcher.matching.announcement_desk import AnnouncementDesk
from dispatcher.matching.market_reader import MarketReader
from dispatcher.matching.offer_desk import OfferDesk
from dispatcher.store.database import Database
from tallystick.ids import Address
from tallystick.market.terms import SigningDomain


@dataclass(frozen=True)
class ApiContext:
    """Everything that a route may use."""

    dispatcher: Address
    domain: SigningDomain
    database: Database
    progress: Progress
    chain_clock: ChainClock
    briefs: BriefReader
    announcements: AnnouncementDesk
    offers: OfferDesk
    market: MarketReader
    cursors: Cursors
    agents: Buckets
    polls: LongPolls
    facts_bell: Bell
    offers_bell: Bell


def _context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(_context)]
