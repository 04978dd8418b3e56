"""The agent: news from the chain and the dispatcher in, instructions out. It decides nothing: `machine.py` does, and
`desk.py`. It runs in one event loop, and `_take` has no await, so that a job's state never changes under its feet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine

from executor.desk import Desk
from executor.follower import Follower
from executor.hands import Hands
from executor.journal import Journal
from executor.machine import adopt, begin, handle
from executor.news import Event, WorkFailed
from executor.work import UNDECIDED, Instruction, JobWork, Stage
from tallystick.errors import ImpossibleTransitionError, TallystickError
from tallystick.ids import Address, JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.terms import JobStatus
from tallystick.service.patience import Patience, Sleep
from tallystick.wire.api import Offer

log = get_logger(__name__)

Refuse = Callable[[Offer, str], Coroutine[None, None, None]]


class ExecutorAgent:
    """All jobs of one agent.

    Args:
        works: The agent's jobs by id, shared with the desk; only this class changes it.
        refuse: Tells the dispatcher that an offer is not taken; never raises. None where there is no dispatcher.
        poll_seconds: Between two looks at the chain.
    """

    def __init__(
        self,
        *,
        agent: Address,
        works: dict[JobId, JobWork],
        follower: Follower,
        desk: Desk,
        hands: Hands,
        journal: Journal,
        chain_link: Patience,
        refuse: Refuse | None,
        poll_seconds: float = 1.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._agent = agent
        self._works = works
        self._follower = follower
        self._desk = desk
        self._hands = hands
        self._journal = journal
        self._chain_link = chain_link
        self._refuse = refuse
        self._poll_seconds = poll_seconds
        self._sleep = sleep
        self._offers: dict[JobId, Offer] = {}
        self._running: dict[JobId, asyncio.Task[None]] = {}
        self._told: dict[JobId, tuple[int, Stage, int]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Until cancelled. What runs then is cut off; the next start goes on from the journal."""
        async with asyncio.TaskGroup() as self._group:
            while True:
                await self.step()
                if self._follower.caught_up:
                    await asyncio.sleep(self._poll_seconds)

    async def step(self) -> None:
        """One look at the chain and at everything that follows from it at once."""
        touched = await self._chain_link.until_answered(self._follower.poll)
        await self._reconcile(touched)
        if self._follower.caught_up:
            self._adopt_lost_jobs()
            self._consider_open_jobs()
        self._forget()

    def offered(self, offer: Offer) -> None:
        """The dispatcher offers a job. It counts once the job itself is on the chain as this agent reads it."""
        self._offers[offer.job_id] = offer
        job = self._follower.book.get(offer.job_id)
        if job is not None and self._follower.caught_up:
            self._consider(job)

    def _forget(self) -> None:
        """What no longer matters: jobs that ended long ago and were never ours, offers that have run out."""
        buried = self._follower.forget_buried(keep=[work.job_id for work in self._live()])
        refused = [job_id for job_id in buried if job_id in self._works and self._works[job_id].stage is Stage.REFUSED]
        self._journal.forget_work(refused)
        for job_id in refused:
            del self._works[job_id]
        now = self._desk.now()
        self._offers = {job_id: o for job_id, o in self._offers.items() if o.assignment.expires_at >= now}

    # ---- news -----------------------------------------------------------------------------------------------------

    def _live(self) -> list[JobWork]:
        return [work for work in self._works.values() if not work.is_over]

    async def _reconcile(self, touched: Collection[JobId]) -> None:
        """Tells each job what the chain says, where there is news, where its time is up, and where nothing is being done
        for it: after a restart that is every job."""
        head = self._follower.head
        if head is None:
            return
        for work in self._live():
            idle = work.job_id not in self._running
            overdue = work.deadline is not None and head.time > work.deadline
            if idle or overdue or work.job_id in touched:
                says = await self._hands.chain_says(work.job_id, f"block {head.number}", resumed=idle)
                self._take(says, work.job_id)

    def _adopt_lost_jobs(self) -> None:
        for job in self._follower.book.values():
            if job.status is not JobStatus.ASSIGNED or (job.operator, job.agent) != (self._hands.operator, self._agent):
                continue
            work = self._works.get(job.job_id)
            if work is None or (work.is_over and not (work.stage is Stage.LOST and work.round == job.round)):
                cause = f"block {job.updated_block}"
                moved, told = adopt(
                    job.job_id,
                    round_=job.round,
                    milestone=job.next_milestone,
                    milestone_count=job.terms.milestone_count,
                    cause=cause,
                    former=work,
                )
                self._keep(moved, told)

    def _consider_open_jobs(self) -> None:
        for job in self._follower.book.values():
            self._consider(job)

    def _consider(self, job: Job) -> None:
        if job.status is not JobStatus.OPEN or self._desk.now() > job.accept_closes_at:
            return
        offer = self._offers.get(job.job_id)
        if offer is not None and offer.round != job.round:
            del self._offers[job.job_id]
            offer = None
        former = self._works.get(job.job_id)
        if former is not None and not self._is_worth_a_look(former, job, offer):
            if former.is_over:
                self._end_offer(former)
            return
        moved, told = begin(
            job.job_id,
            round_=job.round,
            milestone=job.next_milestone,
            milestone_count=job.terms.milestone_count,
            cause=f"offer until {offer.assignment.expires_at}" if offer else f"block {job.updated_block}",
            former=former,
        )
        self._keep(moved, told, offer)

    def _is_worth_a_look(self, former: JobWork, job: Job, offer: Offer | None) -> bool:
        if not former.is_over:
            return False
        if former.round != job.round:
            return True
        if former.stage is not Stage.REFUSED or former.retry_at is None:
            return False
        is_new = offer is not None and offer != self._journal.offer_of(job.job_id, job.round)
        return is_new or self._desk.now() >= former.retry_at

    # ---- what follows ---------------------------------------------------------------------------------------------

    def _take(self, event: Event, job_id: JobId) -> None:
        before = self._works[job_id]
        moved, told = handle(before, event)
        if moved != before:
            self._keep(moved, told)

    def _keep(self, work: JobWork, told: list[Instruction], offer: Offer | None = None) -> None:
        """On disk first, then done: a restart finds the state whose instruction may have been carried out."""
        self._journal.put_work(work, offer)
        self._works[work.job_id] = work
        self._desk.settle(work)
        if told:
            self._tell(work)
        if work.stage not in UNDECIDED and not self._was_offered_meanwhile(work):
            self._end_offer(work)
        for instruction in told:
            self._start(instruction)

    def _was_offered_meanwhile(self, work: JobWork) -> bool:
        """Whether an offer came during a look that ended in a no without it: it is worth a look of its own."""
        offer = self._offers.get(work.job_id)
        if offer is None or work.stage is not Stage.REFUSED or work.retry_at is None:
            return False
        return offer != self._journal.offer_of(work.job_id, work.round)

    def _end_offer(self, work: JobWork) -> None:
        offer = self._offers.pop(work.job_id, None)
        if offer is None or work.stage is not Stage.REFUSED or self._refuse is None or self._group is None:
            return
        self._group.create_task(self._refuse(offer, work.last_word))

    def _start(self, instruction: Instruction) -> None:
        """At most one instruction at a time for a job: what stood before does not count any more."""
        earlier = self._running.pop(instruction.job_id, None)
        if earlier is not None and earlier is not asyncio.current_task():
            earlier.cancel()
        if self._group is None:
            raise RuntimeError("the agent does not run")
        self._running[instruction.job_id] = self._group.create_task(self._carry_out(instruction))

    async def _carry_out(self, instruction: Instruction) -> None:
        job_id = instruction.job_id
        try:
            if instruction.pause_seconds:
                await self._sleep(instruction.pause_seconds)
            event = await self._hands.perform(instruction)
        except TallystickError as error:
            event = WorkFailed(cause=instruction.cause, turn=instruction.turn, reason=str(error))
        except Exception as error:  # one job's fault must not end the others
            log.exception("instruction_failed", job_id=job_id, do=instruction.do)
            reason = f"{type(error).__name__}: {error}"
            event = WorkFailed(cause=instruction.cause, turn=instruction.turn, reason=reason)
        finally:
            if self._running.get(job_id) is asyncio.current_task():
                del self._running[job_id]
        if event is not None:
            self._take_answer(event, job_id)

    def _take_answer(self, event: Event, job_id: JobId) -> None:
        try:
            self._take(event, job_id)
        except ImpossibleTransitionError as error:
            log.error("transition_impossible", job_id=job_id, trouble=str(error))  # noqa: TRY400  # it tells its story

    def _tell(self, work: JobWork) -> None:
        """One line for each thing that happens to a job; what only happens again is for debugging."""
        here = (work.round, work.stage, work.milestone)
        quiet = work.stage is Stage.CONSIDERED or self._told.get(work.job_id) == here
        if not quiet:
            self._told[work.job_id] = here
        say = log.debug if quiet else log.warning if work.stage in (Stage.LOST, Stage.RELEASED) else log.info
        say(
            f"job_{work.stage}",
            job_id=work.job_id,
            round=work.round,
            milestone=work.milestone,
            cause=work.cause,
            why=work.last_word,
        )
