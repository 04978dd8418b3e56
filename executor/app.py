"""The parts of an executor's agent and how they hang together: each is made here, once, when another first asks for it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from eth_account.signers.local import LocalAccount

from executor.acceptance import LOCAL_CHAINS, Policy
from executor.agent import ExecutorAgent
from executor.desk import Desk
from executor.dispatcher_link import DispatcherLink
from executor.follower import Follower, load_cursor
from executor.hands import Hands
from executor.hardware import read_capability, unmet_requirements
from executor.inspection import Bounds, Inspector
from executor.journal import Journal
from executor.judge import PASSING, Judge
from executor.order_taker import OrderTaker
from executor.orders import OrderBox
from executor.patience import Patience
from executor.runner import ProofRunner
from executor.settings import Settings
from tallystick.chain.calls import MarketCalls
from tallystick.chain.reader import ChainReader
from tallystick.chain.scanner import FactScanner
from tallystick.chain.sender import Sender
from tallystick.clock import SystemClock
from tallystick.errors import (
    ChainUnavailableError,
    DispatcherUnavailableError,
    InputError,
    InsufficientFundsError,
    RpcRefusedError,
)
from tallystick.ids import parse_address
from tallystick.proving.ezkl_prover import DEFAULT_KEY_CACHE_BYTES, EzklProver
from tallystick.proving.prover import Limits
from tallystick.storage.open import open_store
from tallystick.storage.store import Store
from tallystick.wire.api import Offer
from tallystick.wire.capability import Capability
from tallystick.wire.dispatcher_client import DispatcherClient

CHAIN_AWAY = (ChainUnavailableError, RpcRefusedError)

LOCAL_CLAIM_SECONDS = 2
CLAIM_SECONDS = 30
"""Until a claim is in a block: two to three blocks of a chain in public use."""


def make_prover(home: Path, threads: int = 0, key_cache_bytes: int | None = DEFAULT_KEY_CACHE_BYTES) -> EzklProver:
    """The one prover of this version, with its keys and measured times in the home folder."""
    environment = {"RAYON_NUM_THREADS": str(threads)} if threads else None
    return EzklProver(home / "prover", environment=environment, key_cache_bytes=key_cache_bytes)


class AgentParts:
    """The parts of one agent. What must be closed is handed in, and closed by `lifetime.py`."""

    def __init__(
        self,
        *,
        settings: Settings,
        account: LocalAccount,
        journal: Journal,
        chain_link: Patience,
        reader: ChainReader,
        sender: Sender,
        dispatcher: DispatcherClient | None,
    ) -> None:
        self.settings = settings
        self.account = account
        self.address = parse_address(account.address)
        self.journal = journal
        self.chain_link = chain_link
        self.reader = reader
        self.sender = sender
        self.dispatcher = dispatcher
        self.deployment = reader.deployment
        self.clock = SystemClock()
        self.works = journal.works()

    # ---- the machine ------------------------------------------------------------------------------------------------

    @cached_property
    def prover(self) -> EzklProver:
        return make_prover(self.settings.home, self.settings.prover_threads, self.settings.key_cache_bytes)

    @cached_property
    def capability(self) -> Capability:
        return read_capability(
            self.prover,
            self.settings.home,
            region=self.settings.region,
            min_milestone_price=self.settings.min_milestone_price,
            payment_tokens=self.policy.payment_tokens,
            max_jobs=self.settings.max_jobs,
        )

    @cached_property
    def runner(self) -> ProofRunner:
        limits = Limits(seconds=self.settings.proof_seconds, memory_bytes=self.settings.proof_memory)
        return ProofRunner(self.prover, self.jobs, limits)

    @property
    def jobs(self) -> Path:
        """A folder for each job: its artifacts and its proofs."""
        return self.settings.home / "jobs"

    # ---- what is known and wanted -----------------------------------------------------------------------------------

    @cached_property
    def follower(self) -> Follower:
        scanner = FactScanner(self.reader, self.deployment.block, load_cursor(self.journal))
        return Follower(scanner, self.journal, self.settings.operator)

    @cached_property
    def policy(self) -> Policy:
        settings, deployment = self.settings, self.deployment
        own = (deployment.tokens.payment,) if deployment.tokens.payment else ()
        tokens = frozenset(settings.payment_tokens or own)
        if not tokens:
            raise InputError("No payment token is taken.", remedy="Name one or more with --payment-tokens.")
        usual = LOCAL_CLAIM_SECONDS if deployment.chain_id in LOCAL_CHAINS else CLAIM_SECONDS
        return Policy(
            operator=settings.operator,
            min_milestone_price=settings.min_milestone_price,
            payment_tokens=tokens,
            max_jobs=settings.max_jobs,
            safety=settings.safety,
            claim_seconds=usual if settings.claim_seconds is None else settings.claim_seconds,
            allow_development_srs=settings.allow_development_srs,
        )

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.policy, self.reader, self.follower, self.works, self.clock)

    @cached_property
    def store(self) -> Store:
        return open_store(self.settings.store)

    @cached_property
    def inspector(self) -> Inspector:
        settings = self.settings
        return Inspector(
            self.reader,
            self.store,
            jobs=self.jobs,
            ceremony_folder=settings.ceremony_folder,
            bounds=Bounds(artifact=settings.max_artifact_bytes, job=settings.max_job_bytes),
        )

    @cached_property
    def judge(self) -> Judge:
        return Judge(
            self.desk,
            self.inspector,
            self.runner,
            self.journal,
            unmet=lambda text: unmet_requirements(text, self.capability),
        )

    # ---- what is done -----------------------------------------------------------------------------------------------

    @cached_property
    def sending(self) -> Patience:
        return Patience("transactions", (*CHAIN_AWAY, InsufficientFundsError), self.journal)

    @cached_property
    def hands(self) -> Hands:
        return Hands(
            chain=self.reader,
            transactions=self.sender,
            calls=MarketCalls(self.deployment),
            store=self.store,
            inspector=self.inspector,
            judge=self.judge,
            runner=self.runner,
            desk=self.desk,
            follower=self.follower,
            journal=self.journal,
            chain_link=self.chain_link,
            sending=self.sending,
            store_link=Patience("artifacts", PASSING, self.journal),
        )

    @cached_property
    def order_taker(self) -> OrderTaker:
        return OrderTaker(
            box=OrderBox(self.settings.home, self.deployment.domain()),
            chain=self.reader,
            judge=self.judge,
            desk=self.desk,
            follower=self.follower,
            transactions=self.sender,
            calls=MarketCalls(self.deployment),
            sending=self.sending,
            forget=self.hands.forget,
        )

    @cached_property
    def agent(self) -> ExecutorAgent:
        return ExecutorAgent(
            agent=self.address,
            works=self.works,
            follower=self.follower,
            desk=self.desk,
            hands=self.hands,
            journal=self.journal,
            chain_link=self.chain_link,
            refuse=self.link.refuse if self.link else None,
            poll_seconds=self.settings.poll_seconds,
        )

    @cached_property
    def link(self) -> DispatcherLink | None:
        if self.dispatcher is None:
            return None
        return DispatcherLink(
            dispatcher=self.dispatcher,
            operator=self.settings.operator,
            account=self.account,
            domain=self.deployment.domain(),
            capability=self.capability,
            clock=self.clock,
            link=Patience("dispatcher", (DispatcherUnavailableError,), self.journal),
            offered=self._offered,
        )

    def _offered(self, offer: Offer) -> None:
        """Looked up late: the agent and the link need each other."""
        self.agent.offered(offer)
