"""One life of an agent over a market in memory: all of the executor is real, and so are its files."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from executor_builders import AGENT, DEPLOYMENT, DOMAIN, OPERATOR, TOKEN
from executor_market import Chain, Contracts, Scanner, Sent, Transactions
from executor_prover import KilledError, QuickProver, Trap

from executor.acceptance import Policy
from executor.agent import ExecutorAgent
from executor.defender import Defender
from executor.desk import Desk
from executor.documents import Bounds
from executor.follower import Follower, load_cursor
from executor.hands import Hands
from executor.inspection import Inspector
from executor.journal import FILE_NAME, Journal
from executor.judge import PASSING, Judge
from executor.methods import Methods
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
from executor.turns import Turns
from executor.work import JobWork, Stage
from executor.zk_method import ZkMethod
from tallystick.chain.calls import MarketCalls
from tallystick.chain.scanner import Cursor
from tallystick.errors import ChainUnavailableError, InsufficientFundsError
from tallystick.ids import JobId
from tallystick.market.events import JobFact
from tallystick.market.terms import ProofKind
from tallystick.proving.prover import Limits
from tallystick.service.backend_choice import BackendChoice
from tallystick.service.patience import Patience
from tallystick.storage.store import Store
from tallystick.wire.api import Offer

POLICY = Policy(
    operator=OPERATOR,
    min_milestone_price=500,
    payment_tokens=frozenset({TOKEN}),
    max_jobs=2,
    safety=2.0,
    claim_seconds=10,
    allow_development_srs=False,
)


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


class TrappedJournal(Journal):
    """The real journal, which can be killed before and after each write."""

    trap: Trap
    words: list[str]

    def put_work(self, work: JobWork, offer: Offer | None = None) -> None:
        self.words.append(work.last_word)
        self.trap.step(f"write {work.stage}")
        super().put_work(work, offer)
        self.trap.step(f"wrote {work.stage}")

    def note_rehearsal(self, *about: Any) -> None:
        self.trap.step("write rehearsal")
        super().note_rehearsal(*about)
        self.trap.step("wrote rehearsal")

    def record(self, *, facts: Iterable[JobFact], **others: Any) -> None:
        self.trap.step("record facts")
        super().record(facts=facts, **others)
        self.trap.step("recorded facts")


LOOKS_A_SECOND = 20


class Process:
    """An agent from its start until `end`. Several lives share the contracts, what was sent, and the home folder."""

    def __init__(
        self,
        home: Path,
        contracts: Contracts,
        sent: Sent,
        shared: Store,
        *,
        trap: Trap | None = None,
        policy: Policy = POLICY,
        unmet: Callable[[str], tuple[str, ...]] = lambda _: (),
        misbehaviour: Misbehaviour | None = None,
        free_disk: int = 1 << 40,
    ) -> None:
        self.sent = sent
        self.clock = contracts.clock
        self._seen: object = None
        self._still = 0
        self.defends = misbehaviour is None or not misbehaviour.withholds
        self.trap = trap or Trap()
        self.prover = QuickProver(self.trap)
        self.journal = TrappedJournal.open(home / FILE_NAME, contracts.clock, identity="test")
        self.journal.trap, self.journal.words = self.trap, []
        self.works = self.journal.works()
        self.refusals: list[tuple[Offer, str]] = []
        chain = Chain(contracts, self.trap)
        self.follower = Follower(
            Scanner(contracts, self.trap, load_cursor(self.journal) or Cursor()), self.journal, OPERATOR
        )
        self.desk = Desk(policy, chain, self.follower, self.works, contracts.clock)
        jobs, bounds, calls, turns = home / "jobs", Bounds(1 << 20, 1 << 21), MarketCalls(DEPLOYMENT), Turns()
        self.engine = Engine(BackendChoice(home, "numpy"), 1, home)
        runs = TraceRunner(self.engine, jobs, turns, 60.0, misbehaviour.keep if misbehaviour else honest)
        programs = ProgramInspector(chain, shared, jobs=jobs, bounds=bounds)
        if misbehaviour is None:
            self.optimistic = OptimisticMethod(programs, runs, lambda: free_disk)
        else:
            self.optimistic = FaultyMethod(programs, runs, lambda: free_disk, misbehaviour)
        circuits = Inspector(chain, shared, jobs=jobs, ceremony_folder=None, bounds=bounds)
        zk = ZkMethod(circuits, ProofRunner(self.prover, jobs, Limits(), turns), calls)
        self.methods = Methods({ProofKind.ZK: zk, ProofKind.OPTIMISTIC: self.optimistic}, jobs)
        chain_link = Patience("chain", (ChainUnavailableError,), self.journal, sleep=no_pause)
        self.judge = Judge(self.desk, self.methods, self.journal, unmet)
        self.hands = Hands(
            chain=chain,
            transactions=Transactions(contracts, self.trap, sent),
            calls=calls,
            store=shared,
            methods=self.methods,
            judge=self.judge,
            desk=self.desk,
            follower=self.follower,
            journal=self.journal,
            chain_link=chain_link,
            sending=self._sending(),
            store_link=Patience("artifacts", PASSING, self.journal, sleep=no_pause),
            sleep=no_pause,
        )
        self.defender = Defender(
            agent=AGENT,
            follower=self.follower,
            desk=self.desk,
            hold=self.optimistic.held,
            sending=Sending(Transactions(contracts, self.trap, sent), self._sending()),
            calls=calls,
            journal=self.journal,
            sleep=no_pause,
        )
        self.box = OrderBox(home, DOMAIN)
        self.order_taker = OrderTaker(
            box=self.box,
            chain=chain,
            judge=self.judge,
            desk=self.desk,
            follower=self.follower,
            transactions=Transactions(contracts, self.trap, sent),
            calls=calls,
            sending=self._sending(),
            forget=self.hands.forget,
            sleep=no_pause,
        )
        self.agent = ExecutorAgent(
            agent=AGENT,
            works=self.works,
            follower=self.follower,
            desk=self.desk,
            hands=self.hands,
            journal=self.journal,
            chain_link=chain_link,
            refuse=self._refuse,
            poll_seconds=0.002,
            sleep=no_pause,
        )

    def _sending(self) -> Patience:
        away = (ChainUnavailableError, InsufficientFundsError)
        return Patience("transactions", away, self.journal, sleep=no_pause)

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.agent.run())
            tasks.create_task(self.order_taker.run())
            if self.defends:
                tasks.create_task(self.defender.run())

    async def _refuse(self, offer: Offer, reason: str) -> None:
        self.refusals.append((offer, reason))

    def stage(self, job_id: JobId) -> Stage | None:
        work = self.works.get(job_id)
        return work.stage if work else None

    def let_time_pass(self) -> None:
        """To be called at each look: a second for every twenty at which nothing has changed, so that no deadline is missed because
        a machine is slow."""
        seen = [work.story for work in self.works.values()]
        self._still = self._still + 1 if seen == self._seen else 0
        self._seen = seen
        if self._still == LOOKS_A_SECOND:
            self._still = 0
            self.clock.advance(1)

    async def run_until(self, condition: Callable[[], bool], *, seconds: float = 90) -> None:
        """Runs until the condition holds. Raises KilledError where the trap closed, AssertionError where time ran out."""
        running = asyncio.ensure_future(self._live())
        try:
            async with asyncio.timeout(seconds):
                while not condition() and not running.done():  # noqa: ASYNC110  # conditions are any, not one event
                    await asyncio.sleep(0.001)
        except TimeoutError:
            stories = {work.job_id[:8]: work.story for work in self.works.values()}
            raise AssertionError(f"not within {seconds} s: {stories}") from None
        finally:
            running.cancel()
            outcome = (await asyncio.gather(running, return_exceptions=True))[0]
            self.journal.close()
        if isinstance(outcome, BaseExceptionGroup) and outcome.subgroup(KilledError):
            raise KilledError
        if isinstance(outcome, Exception):
            raise outcome

    async def run_until_over(self, job_id: JobId) -> JobWork:
        """Runs until the job is over here, and returns how it ended."""
        await self.run_until(lambda: job_id in self.works and self.works[job_id].is_over)
        return self.works[job_id]

    async def run_until_killed_or(self, condition: Callable[[], bool]) -> None:
        """Runs until the trap closes, or the condition holds."""
        with contextlib.suppress(KilledError):
            await self.run_until(condition)

    async def run_until_killed(self) -> bool:
        """Whether the trap closed before there was nothing left to do."""
        with contextlib.suppress(KilledError):
            await self.run_until(lambda: bool(self.works) and all(work.is_over for work in self.works.values()))
            return False
        return True


NewProcess = Callable[..., Process]
