"""The whole API over a real database, without a socket; the chain stands in at its two seams."""

from __future__ import annotations

from typing import Any

import httpx
from dispatcher_builders import (
    DISPATCHER,
    DOMAIN,
    MODEL_MANIFEST,
    NOW,
    SERVICE,
    Chain,
    account,
    address,
    announcement,
    job_manifest,
)

from dispatcher.api import build_api
from dispatcher.api.context import ApiContext
from dispatcher.api.cursors import Cursors
from dispatcher.api.limits import Buckets, Limits
from dispatcher.api.polls import LongPolls
from dispatcher.bell import Bell
from dispatcher.indexer.briefs import BriefReader
from dispatcher.indexer.chain_clock import ChainClock
from dispatcher.indexer.follower import ChainFollower
from dispatcher.indexer.progress import Progress
from dispatcher.matching.announcement_desk import AnnouncementDesk
from dispatcher.matching.market_reader import MarketReader
from dispatcher.matching.matcher import Matcher
from dispatcher.matching.offer_desk import OfferDesk
from dispatcher.matching.standings import Standings
from dispatcher.store.database import Database
from dispatcher.store.manifests import KeptManifest, keep_manifest
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.clock import ManualClock
from tallystick.errors import ChainUnavailableError
from tallystick.ids import Address
from tallystick.market.events import ChainFact
from tallystick.market.manifests import Manifest
from tallystick.wire.announcement import sign_announcement
from tallystick.wire.api import Announcement
from tallystick.wire.dispatcher_client import DispatcherClient


class ChainAnswers:
    """What the chain says of stakes and appointments; everyone is appointed and rich until a test says otherwise."""

    def __init__(self) -> None:
        self.away = False
        self.free: dict[Address, int] = {}

    async def connect(self) -> ChainAnswers:
        if self.away:
            raise ChainUnavailableError("The RPC does not answer.")
        return self

    async def is_agent(self, operator: Address, agent: Address) -> bool:
        await self.connect()
        return True

    async def free_stake(self, operator: Address) -> int:
        return self.free.get(operator, 1_000)

    async def locked_stake(self, operator: Address) -> int:
        return 0


class ApiRoom:
    """Feed it facts by `happen`, let it match by `match`, ask it through `client`."""

    def __init__(self, database: Database, limits: Limits | None = None) -> None:
        self.database = database
        self.chain = Chain()
        self.answers = ChainAnswers()
        self.clock = ManualClock(NOW)
        self.chain_clock = ChainClock(self.clock)
        self.progress = Progress(confirmations_wanted=1)
        self.facts_bell, self.market_bell, self.offers_bell = Bell(), Bell(), Bell()
        self._steps: list[ScanStep] = []
        self._block = 0
        limits = limits or Limits()
        self.follower = ChainFollower(
            database=database,
            open_scanner=self._open,
            progress=self.progress,
            clock=self.clock,
            chain_clock=self.chain_clock,
            bells=(self.facts_bell, self.market_bell),
            poll_seconds=1,
        )
        self.announcements = AnnouncementDesk(
            database=database,
            is_agent=self.answers.is_agent,
            domain=DOMAIN,
            clock=self.clock,
            market_bell=self.market_bell,
        )
        self.offers = OfferDesk(
            database=database,
            find_job=self.follower.live.get,
            account=SERVICE,
            domain=DOMAIN,
            clock=self.chain_clock,
            offers_bell=self.offers_bell,
            market_bell=self.market_bell,
        )
        self.market = MarketReader(
            database=database,
            live=self.follower.live,
            briefs=BriefReader(database),
            announcements=self.announcements,
            standings=Standings(connect=self.answers.connect, progress=self.progress),
            progress=self.progress,
            clock=self.clock,
            chain_clock=self.chain_clock,
            dispatcher=DISPATCHER,
        )
        self.matcher = Matcher(
            live=self.follower.live,
            market=self.market,
            offers=self.offers,
            progress=self.progress,
            market_bell=self.market_bell,
            offer_seconds=20,
        )
        self.context = ApiContext(
            dispatcher=DISPATCHER,
            domain=DOMAIN,
            database=database,
            progress=self.progress,
            chain_clock=self.chain_clock,
            briefs=BriefReader(database),
            announcements=self.announcements,
            offers=self.offers,
            market=self.market,
            cursors=Cursors("feed"),
            agents=Buckets(limits.agent_rate, limits.agent_burst),
            polls=LongPolls(limits.long_polls),
            facts_bell=self.facts_bell,
            offers_bell=self.offers_bell,
        )
        self.transport = httpx.ASGITransport(build_api(self.context, limits))
        self.client = DispatcherClient("http://dispatcher", transport=self.transport)
        self.http = httpx.AsyncClient(base_url="http://dispatcher", transport=self.transport)

    async def _open(self, _: Cursor | None) -> ApiRoom:
        return self

    async def poll(self) -> ScanStep:
        return self._steps.pop(0)

    async def happen(self, *facts: ChainFact, rolled_back_to: int | None = None) -> None:
        """The chain says these facts, the last of them in its newest block."""
        self._block = max([self._block + 1, *(fact.at.block_number for fact in facts)])
        self._steps.append(self.chain.step(facts, head=self._block, rolled_back_to=rolled_back_to))
        await self.follower.step()

    async def know(self, *manifests: Manifest) -> None:
        """The manifests have been fetched."""
        for one in manifests or (job_manifest(), MODEL_MANIFEST):
            kept = KeptManifest(one.digest(), one.encode().decode(), None, 0, 0)
            await self.database.run(keep_manifest, kept)

    async def announce(self, name: str = "alice", **changes: Any) -> Announcement:
        """An executor announces itself."""
        said = announcement(name, **{"issued_at": self.clock.now(), "expires_at": self.clock.now() + 300, **changes})
        await self.client.announce(sign_announcement(said, account(name), DOMAIN))
        return said

    async def close(self) -> None:
        await self.client.close()
        await self.http.aclose()


def operator(name: str) -> Address:
    return address(f"operator {name}")
