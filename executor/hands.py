"""Carrying out instructions: what the machine only decides. Each may be cut off at any await and done again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from executor.acceptance import LATER_SECONDS, Accept
from executor.collecting import Collector
from executor.desk import Desk
from executor.follower import Follower
from executor.journal import Journal
from executor.judge import Judge
from executor.lookout import Lookout
from executor.methods import Method, Methods
from executor.news import (
    AcceptMined,
    AcceptRefused,
    ChainSays,
    ClaimMined,
    ClaimRefused,
    Collected,
    Event,
    KeysReady,
    ProofReady,
    Released,
    ReleaseDeclined,
    TimeShort,
    Verdict,
)
from executor.ports import Chain, Transactions
from executor.release import is_worth_its_fee
from executor.sending import SETTLED, Sending
from executor.settling import Settler
from executor.work import Do, Instruction
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.receipts import Receipt
from tallystick.errors import (
    JobUnknownError,
    RevertError,
)
from tallystick.ids import Address, JobId, raw
from tallystick.market.book import Job
from tallystick.market.events import JobFact, JobReleased, MilestoneClaimed, MilestonePaid
from tallystick.market.terms import JobStatus
from tallystick.service.patience import Patience, Sleep
from tallystick.service.threads import in_thread
from tallystick.storage.store import Store

Found = TypeVar("Found")


class Hands:
    """One method for each kind of instruction; each returns the event that it led to.

    Args:
        chain_link, sending, store_link: Patience with the endpoint's answers, with transactions (which also wait for gas
            money), and with the store.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        transactions: Transactions,
        calls: MarketCalls,
        store: Store,
        methods: Methods,
        judge: Judge,
        desk: Desk,
        follower: Follower,
        journal: Journal,
        chain_link: Patience,
        sending: Patience,
        store_link: Patience,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._chain = chain
        self._sending = Sending(transactions, sending)
        self._calls = calls
        self._store = store
        self._methods = methods
        self._judge = judge
        self._desk = desk
        self._follower = follower
        self._journal = journal
        self._chain_link = chain_link
        self._lookout = Lookout(chain, follower, chain_link, operator=desk.policy.operator, agent=transactions.address)
        self._settler = Settler(desk, follower, self._lookout, self._sending, calls, sleep=sleep)
        self._collector = Collector(chain, self._sending, calls, chain_link, desk.policy.operator)
        self._store_link = store_link
        self._cleaning: dict[JobId, asyncio.Future[None]] = {}
        self._do: dict[Do, Callable[[Instruction], Awaitable[Event | None]]] = {
            Do.INSPECT: self._inspect,
            Do.SEND_ACCEPT: self._send_accept,
            Do.READ_CHAIN: self._read_chain,
            Do.PREPARE: self._prepare,
            Do.PROVE: self._prove,
            Do.SEND_CLAIM: self._send_claim,
            Do.AWAIT_FINALITY: self._settler.until_final,
            Do.SEND_RELEASE: self._send_release,
            Do.COLLECT: self._collect,
            Do.CLEAN_UP: self._clean_up,
        }

    @property
    def operator(self) -> Address:
        return self._desk.policy.operator

    async def perform(self, instruction: Instruction) -> Event | None:
        """Raises TallystickError where the instruction came to nothing."""
        return await self._do[instruction.do](instruction)

    async def chain_says(self, job_id: JobId, cause: str, *, resumed: bool = False) -> ChainSays:
        """How the job stands on the chain, waited for."""
        return await self._lookout.look(job_id, cause, resumed=resumed)

    def _job(self, job_id: JobId) -> Job:
        job = self._follower.book.get(job_id)
        if job is None:
            raise JobUnknownError(f"Job {job_id} is not on the chain any more.")
        return job

    # ---- before the job is ours -----------------------------------------------------------------------------------

    async def _inspect(self, told: Instruction) -> Event:
        if told.job_id in self._cleaning:
            # Of an earlier look: it would remove under our hands what this one fetches.
            await asyncio.wait([self._cleaning[told.job_id]])
        answer = await self._judge.judge(self._job(told.job_id))
        accepted = isinstance(answer, Accept)
        retry_at = None if isinstance(answer, Accept) else answer.retry_at
        return Verdict(cause=told.cause, turn=told.turn, accepted=accepted, reason=answer.reason, retry_at=retry_at)

    async def _send_accept(self, told: Instruction) -> Event:
        job = self._job(told.job_id)
        offer = self._journal.offer_of(told.job_id, told.round)
        assignment, signature = (offer.assignment, raw(offer.signature)) if offer else (None, b"")
        call = self._calls.accept(job.terms, self.operator, assignment, signature)
        try:
            receipt = await self._sending.send(f"accept:{told.job_id}:{told.round}", told.attempt, call)
        except SETTLED as error:
            says = await self.chain_says(told.job_id, told.cause)
            if (says.status, says.round) != (JobStatus.OPEN, told.round):
                return says
            # An offer that was refused helps no more; without one our time comes when the exclusive time is over.
            retry_at = max(self._desk.now() + LATER_SECONDS, job.exclusive_until)
            return AcceptRefused(cause=told.cause, turn=told.turn, reason=str(error), retry_at=retry_at)
        return AcceptMined(cause=told.cause, turn=told.turn, block=receipt.block_number)

    async def _read_chain(self, told: Instruction) -> Event:
        return await self.chain_says(told.job_id, told.cause)

    # ---- the work -------------------------------------------------------------------------------------------------

    async def _method(self, job: Job) -> Method:
        """With the job's documents read, which it may have lost."""
        method = self._methods.of(job)
        await self._store_link.until_answered(lambda: method.inspect(job))
        return method

    async def _prepare(self, told: Instruction) -> Event:
        job = self._job(told.job_id)
        method = await self._method(job)
        short = await self._time_short(told, job, method)
        if short is not None:
            return short
        await method.prepare(job, self._deadline(told))
        return KeysReady(cause=told.cause, turn=told.turn)

    async def _prove(self, told: Instruction) -> Event:
        job = self._job(told.job_id)
        method = await self._method(job)
        short = await self._time_short(told, job, method)
        if short is not None:
            return short
        await method.make(job, told.milestone, self._deadline(told), fresh=told.fresh)
        return ProofReady(cause=told.cause, turn=told.turn)

    async def _time_short(self, told: Instruction, job: Job, method: Method) -> TimeShort | None:
        """Where the time that is left is less than the work should still take; None where it is enough, or where the
        machine has decided to go on whatever it is."""
        # Again for each milestone: what the last one took makes the estimate better, and after a restart there is none.
        needed = await method.estimate(job)
        self._desk.note_estimate(told.job_id, needed)
        if told.committed or told.deadline is None:
            return None
        left = told.deadline - self._desk.now()
        if needed <= left:
            return None
        if not told.fresh and await method.has(job, told.milestone):
            return None
        return TimeShort(cause=told.cause, turn=told.turn, needed_seconds=needed, left_seconds=left)

    def _deadline(self, told: Instruction) -> int:
        """For the queue alone. The book may not have the acceptance yet, the work has it from the contract."""
        return told.deadline or self._desk.now()

    async def _send_claim(self, told: Instruction) -> Event:
        job = self._job(told.job_id)
        method = await self._method(job)
        claim = await method.claim(job, told.milestone, self._deadline(told), self._put)
        try:
            receipt = await self._send_claim_call(told, job, method, self._calls.claim(job.terms, claim))
        except SETTLED as error:
            says = await self.chain_says(told.job_id, told.cause)
            if not _may_still_claim(says, told):
                return says
            at_fault = isinstance(error, RevertError) and method.blames_result(error)
            return ClaimRefused(cause=told.cause, turn=told.turn, reason=str(error), proof_at_fault=at_fault)
        await self._settler.finalize_early(told)
        return _claim_mined(told, receipt)

    async def _send_claim_call(self, told: Instruction, job: Job, method: Method, call: Call) -> Receipt:
        key = f"claim:{told.job_id}:{told.round}:{told.milestone}"
        try:
            return await self._sending.send(key, told.attempt, call)
        except RevertError as error:
            first = await method.before_claim(job, told.milestone, self._deadline(told), error)
            if first is None:
                raise
        await self._sending.send(first[0], told.attempt, first[1])
        return await self._sending.send(key, told.attempt, call)

    async def _put(self, data: bytes) -> str:
        return await self._store_link.until_answered(lambda: in_thread(lambda: self._store.put(data), "put"))

    # ---- letting go -----------------------------------------------------------------------------------------------

    async def _send_release(self, told: Instruction) -> Event:
        job = self._job(told.job_id)
        try:
            fee, late_slash = await self._ask(lambda: self._prices(job, told.milestone))
            if not is_worth_its_fee(fee, late_slash):
                reason = f"giving it back costs {fee} now, being late {late_slash}"
                return ReleaseDeclined(cause=told.cause, turn=told.turn, reason=reason)
            call = self._calls.release_early(job.terms)
            receipt = await self._sending.send(f"release:{told.job_id}:{told.round}", told.attempt, call)
        except SETTLED as error:
            says = await self.chain_says(told.job_id, told.cause)
            if not _may_still_claim(says, told):
                return says
            return ReleaseDeclined(cause=told.cause, turn=told.turn, reason=str(error))
        stated = [fact.fee for fact in receipt.facts if isinstance(fact, JobReleased) and fact.job_id == told.job_id]
        return Released(cause=told.cause, turn=told.turn, block=receipt.block_number, fee=(stated or [fee])[0])

    async def _prices(self, job: Job, milestone: int) -> tuple[int, int]:
        """Of letting go now, and of being late: in the stake token's smallest unit."""
        economy = await self._chain.economy_of(job.economy_version)
        return await self._chain.release_fee_of(job.terms), economy.late_slash(job.terms, milestone)

    # ---- afterwards -----------------------------------------------------------------------------------------------

    async def _collect(self, told: Instruction) -> Event:
        """Sends home what the operator is owed, to its own address: no other can receive it."""
        note = await self._collector.collect(told, self._job(told.job_id).terms.payment_token)
        return Collected(cause=told.cause, turn=told.turn, note=note)

    async def _clean_up(self, told: Instruction) -> None:
        await self.forget(told.job_id)

    async def forget(self, job_id: JobId) -> None:
        """Removes what was fetched and made for a job."""
        self._methods.drop(job_id)
        cleaning = asyncio.ensure_future(in_thread(lambda: self._methods.forget(job_id), "clean up"))
        self._cleaning[job_id] = cleaning
        cleaning.add_done_callback(lambda _: self._cleaned(job_id, cleaning))
        # The next look may come first and cut this short; the thread goes on all the same.
        await asyncio.shield(cleaning)

    def _cleaned(self, job_id: JobId, cleaning: asyncio.Future[None]) -> None:
        if self._cleaning.get(job_id) is cleaning:
            del self._cleaning[job_id]

    # ---- patience -------------------------------------------------------------------------------------------------

    async def _ask(self, ask: Callable[[], Awaitable[Found]]) -> Found:
        return await self._chain_link.until_answered(ask)


def _claim_mined(told: Instruction, receipt: Receipt) -> ClaimMined:
    mine = [fact for fact in receipt.facts if isinstance(fact, JobFact) and fact.job_id == told.job_id]
    claimed = [fact for fact in mine if isinstance(fact, MilestoneClaimed)]
    return ClaimMined(
        cause=told.cause,
        turn=told.turn,
        block=receipt.block_number,
        next_deadline=claimed[-1].next_deadline or None if claimed else None,
        is_paid=any(isinstance(fact, MilestonePaid) and fact.milestone == told.milestone for fact in mine),
    )


def _may_still_claim(says: ChainSays, told: Instruction) -> bool:
    in_time = says.deadline is not None and says.block_time <= says.deadline
    return says.mine and in_time and (says.round, says.next_milestone) == (told.round, told.milestone)
