"""The parts of a challenger and how they hang together: each is made here, once, when another first asks for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from challenger.checker import Checker, Progress
from challenger.docket import Docket
from challenger.follower import Follower, load_cursor
from challenger.gathering import Gatherer
from challenger.hands import Hands
from challenger.journal import Journal
from challenger.library import Library
from challenger.pursuit import Pursuit
from challenger.settings import Settings
from challenger.strategy import CommitWhen, Policy
from challenger.watcher import Tell, Watcher
from tallystick.chain.calls import MarketCalls
from tallystick.chain.reader import ChainReader
from tallystick.chain.scanner import FactScanner
from tallystick.chain.sender import Sender
from tallystick.dispute.economics import Worth
from tallystick.engine.backends import Backend
from tallystick.errors import ChainUnavailableError, InputError, InsufficientFundsError, RpcRefusedError
from tallystick.ids import Address, JobId
from tallystick.service.patience import Patience
from tallystick.storage.open import open_store
from tallystick.storage.store import Store

CHAIN_AWAY = (ChainUnavailableError, RpcRefusedError)

LOCAL_CHAINS = frozenset({31337, 1337})
"""Development chains: nobody watches their pools for witnesses to copy, and their blocks come at once."""

LOCAL_MARGIN_SECONDS = 2
MARGIN_SECONDS = 30
"""Until a transaction is in a block: two to three blocks of a chain in public use."""


def policy_of(settings: Settings, chain_id: int) -> Policy:
    """Raises InputError where one of two currencies' worths is missing."""
    worth, stake, native = None, settings.stake_worth, settings.native_worth
    if stake is not None and native is not None:
        worth = Worth(stake, native)
    elif stake is not None or native is not None:
        raise InputError(
            "The worth of one currency says nothing without that of the other.",
            remedy="Give both --stake-worth and --native-worth, or neither.",
        )
    is_local = chain_id in LOCAL_CHAINS
    commit = CommitWhen(settings.commit)
    usual = LOCAL_MARGIN_SECONDS if is_local else MARGIN_SECONDS
    return Policy(
        worth=worth,
        min_profit=settings.min_profit,
        max_demand_fees=settings.max_demand_fees,
        commit=CommitWhen.NEVER if is_local and commit is CommitWhen.AUTO else commit,
        sample_bps=settings.sample,
        margin_seconds=usual if settings.margin_seconds is None else settings.margin_seconds,
    )


class ChallengerParts:
    """The parts of one challenger. What must be closed is handed in, and closed by `lifetime.py`.

    Args:
        sender: None where nothing may be sent.
        account: Ours, where it is known.
        only: Which claims are looked at.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        backend: Backend,
        journal: Journal,
        chain_link: Patience,
        reader: ChainReader,
        sender: Sender | None,
        account: Address | None,
        progress: Progress,
        tell: Tell,
        only: Callable[[JobId, int], bool] = lambda *_: True,
    ) -> None:
        self.settings = settings
        self.backend = backend
        self.journal = journal
        self.chain_link = chain_link
        self.reader = reader
        self.sender = sender
        self.account = account
        self.deployment = reader.deployment
        self._progress = progress
        self._tell = tell
        self._only = only

    @cached_property
    def policy(self) -> Policy:
        return policy_of(self.settings, self.deployment.chain_id)

    @cached_property
    def store(self) -> Store:
        return open_store(self.settings.store)

    @cached_property
    def follower(self) -> Follower:
        scanner = FactScanner(self.reader, self.deployment.block, load_cursor(self.journal))
        return Follower(scanner, self.journal)

    @cached_property
    def library(self) -> Library:
        settings = self.settings
        return Library(
            settings.home / "programs",
            self.store,
            self.backend,
            max_bytes=settings.max_artifact_bytes,
            cache_bytes=settings.cache_bytes,
        )

    @cached_property
    def checker(self) -> Checker:
        return Checker(
            self.library,
            Gatherer(self.store, self.settings.max_artifact_bytes),
            judge=self.deployment.contracts.trace_dispute,
            max_trace_bytes=self.settings.max_trace_bytes,
            look_seconds=self.settings.look_seconds,
        )

    @cached_property
    def sending(self) -> Patience:
        return Patience("transactions", (*CHAIN_AWAY, InsufficientFundsError), self.journal)

    @cached_property
    def hands(self) -> Hands:
        return Hands(
            chain=self.reader,
            transactions=self.sender,
            calls=MarketCalls(self.deployment),
            journal=self.journal,
            chain_link=self.chain_link,
            sending=self.sending,
        )

    @cached_property
    def pursuit(self) -> Pursuit:
        return Pursuit(
            chain=self.reader,
            follower=self.follower,
            journal=self.journal,
            checker=self.checker,
            hands=self.hands,
            policy=self.policy,
            account=self.account,
            progress=self._progress,
        )

    @cached_property
    def docket(self) -> Docket:
        return Docket(
            chain=self.reader,
            follower=self.follower,
            journal=self.journal,
            checker=self.checker,
            pursuit=self.pursuit,
            policy=self.policy,
            progress=self._progress,
        )

    @cached_property
    def watcher(self) -> Watcher:
        return Watcher(
            follower=self.follower,
            journal=self.journal,
            docket=self.docket,
            pursuit=self.pursuit,
            account=self.account,
            chain_link=self.chain_link,
            sends=self.sender is not None,
            tell=self._tell,
            only=self._only,
        )
