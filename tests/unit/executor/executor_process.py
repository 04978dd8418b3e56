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
from executor.desk import Desk
from executor.follower import Follower, load_cursor
from executor.hands import Hands
from executor.inspection import Bounds, Inspector
from executor.journal import FILE_NAME, Journal
from executor.judge import PASSING, Judge
from executor.order_taker import OrderTaker
from executor.orders import OrderBox
from executor.patience import Patience
from executor.runner import ProofRunner
from executor.work import JobWork, Stage
from tallystick.chain.calls import MarketCalls
from tallystick.chain.scanner import Cursor
from tallystick.errors import ChainUnavailableError, InsufficientFundsError
from tallystick.ids import JobId
from tallystick.market.events import JobFact
from tallystick.proving.prover import Limits
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

    def put_work(self, work: JobWork, offer: Offer | None = None) -> None:
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
    ) -> None:
        self.trap = trap or Trap()
        self.prover = QuickProver(self.trap)
        self.journal = TrappedJournal.open(home / FILE_NAME, contracts.clock, identity="test")
        self.journal.trap = self.trap
        self.works = self.journal.works()
        self.refusals: list[tuple[Offer, str]] = []
        chain = Chain(contracts, self.trap)
        self.follower = Follower(
            Scanner(contracts, self.trap, load_cursor(self.journal) or Cursor()), self.journal, OPERATOR
        )
        self.desk = Desk(policy, chain, self.follower, self.works, contracts.clock)
        self.inspector = Inspector(
            chain, shared, jobs=home / "jobs", ceremony_folder=None, bounds=Bounds(1 << 20, 1 << 21)
        )
        chain_link = Patience("chain", (ChainUnavailableError,), self.journal, sleep=no_pause)
        runner = ProofRunner(self.prover, home / "jobs", Limits())
        self.judge = Judge(self.desk, self.inspector, runner, self.journal, unmet)
        self.hands = Hands(
            chain=chain,
            transactions=Transactions(contracts, self.trap, sent),
            calls=MarketCalls(DEPLOYMENT),
            store=shared,
            inspector=self.inspector,
            judge=self.judge,
            runner=runner,
            desk=self.desk,
            follower=self.follower,
            journal=self.journal,
            chain_link=chain_link,
            sending=self._sending(),
            store_link=Patience("artifacts", PASSING, self.journal, sleep=no_pause),
        )
        self.box = OrderBox(home, DOMAIN)
        self.order_taker = OrderTaker(
            box=self.box,
            chain=chain,
            judge=self.judge,
            desk=self.desk,
            follower=self.follower,
            transactions=Transactions(contracts, self.trap, sent),
            calls=MarketCalls(DEPLOYMENT),
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

    async def _refuse(self, offer: Offer, reason: str) -> None:
        self.refusals.append((offer, reason))

    def stage(self, job_id: JobId) -> Stage | None:
        work = self.works.get(job_id)
        return work.stage if work else None

    async def run_until(self, condition: Callable[[], bool], *, seconds: float = 10) -> None:
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

    async def run_until_killed(self) -> bool:
        """Whether the trap closed before there was nothing left to do."""
        with contextlib.suppress(KilledError):
            await self.run_until(lambda: bool(self.works) and all(work.is_over for work in self.works.values()))
            return False
        return True


NewProcess = Callable[..., Process]
