"""Carrying out instructions: what the machine only decides. Each may be cut off at any await and done again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from executor.acceptance import LATER_SECONDS, Accept
from executor.claims import build_claim, result_manifest
from executor.desk import Desk
from executor.follower import Follower
from executor.inspection import Dossier, Inspector
from executor.journal import Journal
from executor.judge import Judge
from executor.lookout import Lookout
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
from executor.patience import Patience
from executor.ports import Chain, Transactions
from executor.release import is_worth_its_fee
from executor.runner import ProofRunner
from executor.threads import in_thread
from executor.work import Do, Instruction
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.receipts import Receipt
from tallystick.errors import (
    JobUnknownError,
    RevertError,
    TransactionLostError,
)
from tallystick.ids import Address, JobId, raw
from tallystick.market.book import Job
from tallystick.market.claims import program_id_of
from tallystick.market.events import JobReleased, MilestoneClaimed
from tallystick.market.manifests import ArtifactRef
from tallystick.market.terms import JobStatus
from tallystick.proving.prover import Proved
from tallystick.storage.store import Store

_SETTLED = (RevertError, TransactionLostError)
"""Ends of a transaction after which the chain is asked how things stand."""

_PROOF_ERRORS = "EzklVerifierAdapter_"
_PROGRAM_NOT_SHOWN = "EzklVerifierAdapter_ProgramNotRegistered"

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
        inspector: Inspector,
        judge: Judge,
        runner: ProofRunner,
        desk: Desk,
        follower: Follower,
        journal: Journal,
        chain_link: Patience,
        sending: Patience,
        store_link: Patience,
    ) -> None:
        self._chain = chain
        self._transactions = transactions
        self._calls = calls
        self._store = store
        self._inspector = inspector
        self._judge = judge
        self._runner = runner
        self._desk = desk
        self._follower = follower
        self._journal = journal
        self._chain_link = chain_link
        self._lookout = Lookout(chain, follower, chain_link, operator=desk.policy.operator, agent=transactions.address)
        self._sending = sending
        self._store_link = store_link
        self._cleaning: dict[JobId, asyncio.Future[None]] = {}
        self._do: dict[Do, Callable[[Instruction], Awaitable[Event | None]]] = {
            Do.INSPECT: self._inspect,
            Do.SEND_ACCEPT: self._send_accept,
            Do.READ_CHAIN: self._read_chain,
            Do.PREPARE: self._prepare,
            Do.PROVE: self._prove,
            Do.SEND_CLAIM: self._send_claim,
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
            receipt = await self._send(f"accept:{told.job_id}:{told.round}", told.attempt, call)
        except _SETTLED as error:
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

    async def _dossier(self, job_id: JobId) -> Dossier:
        return await self._store_link.until_answered(lambda: self._inspector.dossier(self._job(job_id)))

    async def _prepare(self, told: Instruction) -> Event:
        dossier = await self._dossier(told.job_id)
        short = await self._time_short(told, dossier)
        if short is not None:
            return short
        await self._runner.prepare(dossier.circuit, job_id=told.job_id, deadline=self._deadline(told))
        return KeysReady(cause=told.cause, turn=told.turn)

    async def _prove(self, told: Instruction) -> Event:
        dossier = await self._dossier(told.job_id)
        short = await self._time_short(told, dossier)
        if short is not None:
            return short
        await self._proof(told, dossier, fresh=told.fresh)
        return ProofReady(cause=told.cause, turn=told.turn)

    async def _time_short(self, told: Instruction, dossier: Dossier) -> TimeShort | None:
        """Where the time that is left is less than the work should still take; None where it is enough, or where the
        machine has decided to go on whatever it is."""
        # Again for each milestone: what the last one took makes the estimate better, and after a restart there is none.
        needed = await self._runner.estimate(dossier.circuit)
        self._desk.note_estimate(told.job_id, needed)
        if told.committed or told.deadline is None:
            return None
        left = told.deadline - self._desk.now()
        if needed <= left:
            return None
        if not told.fresh and await self._kept_proof(told, dossier) is not None:
            return None
        return TimeShort(cause=told.cause, turn=told.turn, needed_seconds=needed, left_seconds=left)

    async def _kept_proof(self, told: Instruction, dossier: Dossier) -> Proved | None:
        inputs = await in_thread(lambda: dossier.input_of(told.milestone), "input")
        return self._runner.kept(dossier.circuit, inputs, job_id=told.job_id, milestone=told.milestone)

    async def _proof(self, told: Instruction, dossier: Dossier, *, fresh: bool = False) -> Proved:
        inputs = await in_thread(lambda: dossier.input_of(told.milestone), "input")
        return await self._runner.prove(
            dossier.circuit,
            inputs,
            job_id=told.job_id,
            milestone=told.milestone,
            deadline=self._deadline(told),
            fresh=fresh,
        )

    def _deadline(self, told: Instruction) -> int:
        """For the queue alone. The book may not have the acceptance yet, the work has it from the contract."""
        return told.deadline or self._desk.now()

    async def _send_claim(self, told: Instruction) -> Event:
        call = await self._claim(told)
        key = f"claim:{told.job_id}:{told.round}:{told.milestone}"
        try:
            receipt = await self._send_claim_call(key, told, call)
        except _SETTLED as error:
            says = await self.chain_says(told.job_id, told.cause)
            if not _may_still_claim(says, told):
                return says
            at_fault = isinstance(error, RevertError) and (not error.name or error.name.startswith(_PROOF_ERRORS))
            return ClaimRefused(cause=told.cause, turn=told.turn, reason=str(error), proof_at_fault=at_fault)
        claimed = [fact for fact in receipt.facts if isinstance(fact, MilestoneClaimed) and fact.job_id == told.job_id]
        next_deadline = claimed[-1].next_deadline or None if claimed else None
        return ClaimMined(cause=told.cause, turn=told.turn, block=receipt.block_number, next_deadline=next_deadline)

    async def _send_claim_call(self, key: str, told: Instruction, call: Call) -> Receipt:
        """The verifier checks only programs that it was shown. Where the creator has not done so, we do, because a lock is
        worth more than the gas."""
        try:
            return await self._send(key, told.attempt, call)
        except RevertError as error:
            if error.name != _PROGRAM_NOT_SHOWN:
                raise
        proved = await self._proof(told, await self._dossier(told.job_id))
        show = self._calls.register_program(proved.vka)
        await self._send(f"program:{program_id_of(proved.vka)}", told.attempt, show)
        return await self._send(key, told.attempt, call)

    async def _claim(self, told: Instruction) -> Call:
        """The call, with everything that it points at in the store already."""
        job, dossier = self._job(told.job_id), await self._dossier(told.job_id)
        proved = await self._proof(told, dossier)
        output = proved.outputs.encode()
        place = ArtifactRef(cid=await self._put(output), size_bytes=len(output))
        result = result_manifest(told.job_id, told.milestone, place)
        await self._put(result.encode())
        return self._calls.claim(job.terms, build_claim(dossier, told.milestone, proved, result))

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
            receipt = await self._send(f"release:{told.job_id}:{told.round}", told.attempt, call)
        except _SETTLED as error:
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
        token = self._job(told.job_id).terms.payment_token
        credit = await self._ask(lambda: self._chain.credit_of(token, self.operator))
        if credit:
            call = self._calls.withdraw(token, self.operator)
            await self._withdraw(f"collect:{token}:{told.job_id}", told.attempt, call)
        reward = await self._ask(lambda: self._chain.reward_of(self.operator))
        if reward:
            call = self._calls.withdraw_reward(self.operator)
            await self._withdraw(f"reward:{told.job_id}", told.attempt, call)
        note = f"{credit} of the payment token and {reward} of the stake token sent to the operator"
        return Collected(cause=told.cause, turn=told.turn, note=note if credit or reward else "nothing left to collect")

    async def _withdraw(self, key: str, attempt: int, call: Call) -> None:
        try:
            await self._send(key, attempt, call)
        except RevertError as error:
            # Anyone may send it home: then somebody was faster, and it is where it belongs.
            if not error.name.endswith("_NothingToWithdraw"):
                raise

    async def _clean_up(self, told: Instruction) -> None:
        await self.forget(told.job_id)

    async def forget(self, job_id: JobId) -> None:
        """Removes what was fetched and made for a job."""
        self._inspector.drop(job_id)
        cleaning = asyncio.ensure_future(in_thread(lambda: self._runner.forget(job_id), "clean up"))
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

    async def _send(self, key: str, attempt: int, call: Call) -> Receipt:
        """The same key for the same purpose for ever, unless an earlier attempt can no longer count."""
        full = f"{key}:{attempt}" if attempt else key
        return await self._sending.until_answered(lambda: self._transactions.send(full, call))


def _may_still_claim(says: ChainSays, told: Instruction) -> bool:
    in_time = says.deadline is not None and says.block_time <= says.deadline
    return says.mine and in_time and (says.round, says.next_milestone) == (told.round, told.milestone)
