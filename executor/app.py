"""The parts of an executor's agent and how they hang together: each is made here, once, when another first asks for it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from eth_account.signers.local import LocalAccount

from executor.acceptance import LOCAL_CHAINS, Policy
from executor.agent import ExecutorAgent
from executor.defender import Defender
from executor.desk import Desk
from executor.dispatcher_link import DispatcherLink
from executor.documents import Bounds
from executor.follower import Follower, load_cursor
from executor.hands import Hands
from executor.hardware import Installed, free_disk, read_capability, read_cores, unmet_requirements
from executor.inspection import Inspector
from executor.journal import Journal
from executor.judge import PASSING, Judge
from executor.methods import Method, Methods
from executor.optimistic.engine import Engine
from executor.optimistic.faults import FaultyMethod, Misbehaviour
from executor.optimistic.inspection import ProgramInspector
from executor.optimistic.method import OptimisticMethod
from executor.optimistic.runner import TraceRunner
from executor.optimistic.traces import honest
from executor.order_taker import OrderTaker
from executor.orders import OrderBox
from executor.runner import ProofRunner
from executor.sending import Sending
from executor.settings import BackendName, Settings
from executor.turns import Turns
from executor.zk_method import ZkMethod
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
from tallystick.market.terms import ProofKind
from tallystick.proving.ezkl_prover import DEFAULT_KEY_CACHE_BYTES, EzklProver
from tallystick.proving.prover import Limits
from tallystick.service.backend_choice import BackendChoice
from tallystick.service.patience import Patience
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


def make_engine(home: Path, backend: BackendName = "auto", threads: int = 0) -> Engine:
    """The engine on the backend that is known to be exact here; measured times in the home folder. Raises InputError."""
    return Engine(BackendChoice(home, backend), threads or read_cores(), home)


class AgentParts:
    """The parts of one agent. What must be closed is handed in, and closed by `lifetime.py`.

    Args:
        misbehaviour: How it is wrong on purpose; None: not at all.
    """

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
        misbehaviour: Misbehaviour | None = None,
    ) -> None:
        self.settings = settings
        self.misbehaviour = misbehaviour
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
    def turns(self) -> Turns:
        """Proofs and runs both want all of the machine."""
        return Turns()

    @cached_property
    def engine(self) -> Engine:
        return make_engine(self.settings.home, self.settings.backend, self.settings.engine_threads)

    @property
    def provers(self) -> list[Installed]:
        """What is announced: whatever makes the kinds of results that are taken."""
        kinds = self.settings.proof_kinds
        ezkl: list[Installed] = [self.prover] if ProofKind.ZK in kinds else []
        return [*ezkl, self.engine] if ProofKind.OPTIMISTIC in kinds else ezkl

    @cached_property
    def prover(self) -> EzklProver:
        return make_prover(self.settings.home, self.settings.prover_threads, self.settings.key_cache_bytes)

    @cached_property
    def capability(self) -> Capability:
        return read_capability(
            self.provers,
            self.settings.home,
            region=self.settings.region,
            min_milestone_price=self.settings.min_milestone_price,
            payment_tokens=self.policy.payment_tokens,
            max_jobs=self.settings.max_jobs,
        )

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
        claim_seconds = usual if settings.claim_seconds is None else settings.claim_seconds
        return Policy(
            operator=settings.operator,
            min_milestone_price=settings.min_milestone_price,
            payment_tokens=tokens,
            max_jobs=settings.max_jobs,
            safety=settings.safety,
            claim_seconds=claim_seconds,
            allow_development_srs=settings.allow_development_srs,
            proof_kinds=settings.proof_kinds,
            max_window_seconds=settings.max_window_seconds,
            # An answer is made of what is on disk, and takes its way to a block as a claim does.
            answer_seconds=claim_seconds,
        )

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.policy, self.reader, self.follower, self.works, self.clock)

    @cached_property
    def store(self) -> Store:
        return open_store(self.settings.store)

    @property
    def bounds(self) -> Bounds:
        settings = self.settings
        return Bounds(settings.max_artifact_bytes, settings.max_job_bytes, settings.max_trace_bytes)

    @cached_property
    def zk(self) -> ZkMethod:
        settings = self.settings
        inspector = Inspector(
            self.reader, self.store, jobs=self.jobs, ceremony_folder=settings.ceremony_folder, bounds=self.bounds
        )
        limits = Limits(seconds=settings.proof_seconds, memory_bytes=settings.proof_memory)
        return ZkMethod(inspector, ProofRunner(self.prover, self.jobs, limits, self.turns), self.calls)

    @cached_property
    def optimistic(self) -> OptimisticMethod:
        inspector = ProgramInspector(self.reader, self.store, jobs=self.jobs, bounds=self.bounds)
        keep = honest if self.misbehaviour is None else self.misbehaviour.keep
        runner = TraceRunner(self.engine, self.jobs, self.turns, self.settings.proof_seconds, keep)

        def room() -> int:
            return free_disk(self.settings.home)

        if self.misbehaviour is None:
            return OptimisticMethod(inspector, runner, room)
        return FaultyMethod(inspector, runner, room, self.misbehaviour)

    @cached_property
    def methods(self) -> Methods:
        kinds = self.settings.proof_kinds
        by_kind: dict[ProofKind, Method] = {}
        if ProofKind.ZK in kinds:
            by_kind[ProofKind.ZK] = self.zk
        if ProofKind.OPTIMISTIC in kinds:
            by_kind[ProofKind.OPTIMISTIC] = self.optimistic
        return Methods(by_kind, self.jobs)

    @cached_property
    def judge(self) -> Judge:
        return Judge(
            self.desk,
            self.methods,
            self.journal,
            unmet=lambda text: unmet_requirements(text, self.capability),
        )

    # ---- what is done -----------------------------------------------------------------------------------------------

    @cached_property
    def sending(self) -> Patience:
        return Patience("transactions", (*CHAIN_AWAY, InsufficientFundsError), self.journal)

    @cached_property
    def calls(self) -> MarketCalls:
        return MarketCalls(self.deployment)

    @cached_property
    def defender(self) -> Defender | None:
        """None where there is nothing to defend, or where nothing is to be answered on purpose."""
        withholds = self.misbehaviour is not None and self.misbehaviour.withholds
        if withholds or ProofKind.OPTIMISTIC not in self.settings.proof_kinds:
            return None
        return Defender(
            agent=self.address,
            follower=self.follower,
            desk=self.desk,
            hold=self.optimistic.held,
            sending=Sending(self.sender, self.sending),
            calls=self.calls,
            journal=self.journal,
        )

    @cached_property
    def hands(self) -> Hands:
        return Hands(
            chain=self.reader,
            transactions=self.sender,
            calls=self.calls,
            store=self.store,
            methods=self.methods,
            judge=self.judge,
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
            calls=self.calls,
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
