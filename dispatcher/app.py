"""The parts of a dispatcher and how they hang together: each is made here, once, when another first asks for it."""

from __future__ import annotations

from functools import cached_property

from eth_account.signers.local import LocalAccount

from dispatcher.api.context import ApiContext
from dispatcher.api.cursors import Cursors
from dispatcher.api.limits import Buckets, Limits
from dispatcher.api.polls import LongPolls
from dispatcher.bell import Bell
from dispatcher.chain_link import ChainLink, SenderLink
from dispatcher.indexer.brief_fetcher import BriefFetcher
from dispatcher.indexer.briefs import BriefReader
from dispatcher.indexer.chain_clock import ChainClock
from dispatcher.indexer.follower import ChainFollower
from dispatcher.indexer.progress import Progress
from dispatcher.matching.announcement_desk import AnnouncementDesk
from dispatcher.matching.market_reader import MarketReader
from dispatcher.matching.matcher import Matcher
from dispatcher.matching.offer_desk import OfferDesk
from dispatcher.matching.standings import Standings
from dispatcher.scheduling.keeper import Keeper
from dispatcher.scheduling.timetable import Timetable
from dispatcher.settings import Settings
from dispatcher.store.database import Database
from tallystick.chain.calls import MarketCalls
from tallystick.chain.deployment import Deployment
from tallystick.chain.scanner import Cursor, FactScanner
from tallystick.clock import SystemClock
from tallystick.ids import Address, parse_address
from tallystick.storage.store import Store

OFFERS_SECONDS = 1.0
DEADLINES_SECONDS = 2.0
ANNOUNCEMENTS_SECONDS = 60.0


class DispatcherApp:
    """The parts of one dispatcher. What must be closed (`link`, `sender`, the database) is closed by `lifetime.py`."""

    def __init__(
        self,
        *,
        settings: Settings,
        limits: Limits,
        deployment: Deployment,
        account: LocalAccount,
        store: Store,
        database: Database,
        feed: str,
    ) -> None:
        self.settings = settings
        self.limits = limits
        self.deployment = deployment
        self.domain = deployment.domain()
        self.account = account
        self.address = parse_address(account.address)
        self.store = store
        self.database = database
        self.feed = feed
        self.clock = SystemClock()
        self.chain_clock = ChainClock(self.clock)
        self.progress = Progress(confirmations_wanted=settings.confirmations)
        self.facts_bell, self.market_bell, self.offers_bell = Bell(), Bell(), Bell()

    # ---- reading the chain --------------------------------------------------------------------------------------------

    @cached_property
    def link(self) -> ChainLink:
        return ChainLink(self.settings.rpc, self.deployment, timeout_seconds=self.settings.rpc_timeout_seconds)

    async def _open_scanner(self, cursor: Cursor | None) -> FactScanner:
        return FactScanner(await self.link.reader(), self.deployment.block, cursor)

    async def _is_agent(self, operator: Address, agent: Address) -> bool:
        return await (await self.link.reader()).is_agent(operator, agent)

    @cached_property
    def follower(self) -> ChainFollower:
        return ChainFollower(
            database=self.database,
            open_scanner=self._open_scanner,
            progress=self.progress,
            clock=self.clock,
            chain_clock=self.chain_clock,
            bells=(self.facts_bell, self.market_bell),
            poll_seconds=self.settings.poll_seconds,
        )

    @cached_property
    def fetcher(self) -> BriefFetcher:
        return BriefFetcher(
            database=self.database,
            store=self.store,
            live=self.follower.live,
            clock=self.clock,
            facts_bell=self.facts_bell,
            market_bell=self.market_bell,
        )

    # ---- matching -----------------------------------------------------------------------------------------------------

    @cached_property
    def announcements(self) -> AnnouncementDesk:
        return AnnouncementDesk(
            database=self.database,
            is_agent=self._is_agent,
            domain=self.domain,
            clock=self.clock,
            market_bell=self.market_bell,
        )

    @cached_property
    def offers(self) -> OfferDesk:
        return OfferDesk(
            database=self.database,
            find_job=self.follower.live.get,
            account=self.account,
            domain=self.domain,
            clock=self.chain_clock,
            offers_bell=self.offers_bell,
            market_bell=self.market_bell,
        )

    @cached_property
    def market(self) -> MarketReader:
        return MarketReader(
            database=self.database,
            live=self.follower.live,
            briefs=BriefReader(self.database),
            announcements=self.announcements,
            standings=Standings(connect=self.link.reader, progress=self.progress),
            progress=self.progress,
            clock=self.clock,
            chain_clock=self.chain_clock,
            dispatcher=self.address,
        )

    @cached_property
    def matcher(self) -> Matcher:
        return Matcher(
            live=self.follower.live,
            market=self.market,
            offers=self.offers,
            progress=self.progress,
            market_bell=self.market_bell,
            offer_seconds=self.settings.offer_seconds,
        )

    # ---- time passing -------------------------------------------------------------------------------------------------

    @cached_property
    def sender(self) -> SenderLink:
        settings = self.settings
        return SenderLink(self.link, self.account, settings.keeper_journal, confirmations=settings.confirmations)

    @cached_property
    def keeper(self) -> Keeper:
        return Keeper(
            live=self.follower.live,
            calls=MarketCalls(self.deployment),
            clock=self.chain_clock,
            open_sender=self.sender.sender if self.settings.keeper else None,
        )

    @cached_property
    def timetable(self) -> Timetable:
        timetable = Timetable()
        timetable.every(OFFERS_SECONDS, "offers", self.offers.sweep)
        timetable.every(DEADLINES_SECONDS, "deadlines", self.keeper.sweep)
        timetable.every(ANNOUNCEMENTS_SECONDS, "announcements", self.announcements.forget_old)
        return timetable

    # ---- serving ------------------------------------------------------------------------------------------------------

    @cached_property
    def api_context(self) -> ApiContext:
        return ApiContext(
            dispatcher=self.address,
            domain=self.domain,
            database=self.database,
            progress=self.progress,
            chain_clock=self.chain_clock,
            briefs=BriefReader(self.database),
            announcements=self.announcements,
            offers=self.offers,
            market=self.market,
            cursors=Cursors(self.feed),
            agents=Buckets(self.limits.agent_rate, self.limits.agent_burst),
            polls=LongPolls(self.limits.long_polls),
            facts_bell=self.facts_bell,
            offers_bell=self.offers_bell,
        )
