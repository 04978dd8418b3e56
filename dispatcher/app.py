"""Puts a dispatcher together: the only place where its long-lived parts are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from dispatcher.api import build_api
from dispatcher.api.context import ApiContext
from dispatcher.api.cursors import Cursors
from dispatcher.api.limits import Buckets, Limits
from dispatcher.api.polls import LongPolls
from dispatcher.bell import Bell
from dispatcher.chain_link import ChainLink
from dispatcher.indexer.briefs import BriefReader
from dispatcher.indexer.chain_clock import ChainClock
from dispatcher.indexer.follower import ChainFollower
from dispatcher.indexer.progress import Progress
from dispatcher.loops import repeat
from dispatcher.matching.announcement_desk import AnnouncementDesk
from dispatcher.matching.market_reader import MarketReader
from dispatcher.matching.matcher import Matcher
from dispatcher.matching.offer_desk import OfferDesk
from dispatcher.matching.standings import Standings
from dispatcher.scheduling.keeper import Keeper
from dispatcher.scheduling.timetable import Timetable
from dispatcher.server import Server, bind
from dispatcher.settings import Settings
from dispatcher.store.database import Database, open_database
from dispatcher.store.ledger import feed_name
from tallystick.chain.calls import MarketCalls
from tallystick.chain.deployment import Deployment, load_deployment
from tallystick.chain.keys import Ask, load_account
from tallystick.clock import Clock, SystemClock
from tallystick.ids import Address, parse_address
from tallystick.storage.open import open_store
from tallystick.storage.store import Store

OFFERS_SECONDS = 1.0
DEADLINES_SECONDS = 2.0
ANNOUNCEMENTS_SECONDS = 60.0


@dataclass(frozen=True)
class Running:
    """A dispatcher that serves. `url` holds the port that was found where the settings said 0."""

    url: str
    port: int
    address: Address
    server: Server
    serving: asyncio.Task[None]

    async def until_stopped(self) -> None:
        """Returns once the server was stopped, by a signal or by `server.stop()`."""
        await self.serving
