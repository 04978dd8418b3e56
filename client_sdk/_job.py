"""A handle on one job: wait for it, hear of it, take its result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from client_sdk._advice import advise
from client_sdk._audit import DEFAULT_ELEMENTS, ClaimAudit
from client_sdk._audits import audit_claims
from client_sdk._callbacks import Callback, Wanted, listen
from client_sdk._connection import Connection
from client_sdk._events import JobEvent, JobHistory
from client_sdk._journal import FundedBy
from client_sdk._models import Models
from client_sdk._outputs import NestedFloats, stack, to_arrays
from client_sdk._receipt import JobReceipt, make_receipt
from client_sdk._results import ClaimedResult, read_claimed, read_floats
from client_sdk._warnings import JobWarning
from tallystick.chain.calls import Call
from tallystick.errors import DispatcherRefusedError, JobPendingError, JobUnknownError, RevertError
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.terms import JobTerms
from tallystick.wire.api import WhyView
from tallystick.wire.disputes import Disputes

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


WHY_PATIENCE, WHY_PAUSE_SECONDS = 10, 0.5
"""How often, and after what pauses, a dispatcher is asked again about a job that it has not read yet."""

FINALIZE_AFTER_SECONDS = 15
"""How long whoever waits leaves it to the operator, or to a keeper, to have a final claim paid."""

log = get_logger(__name__)


class AsyncJob:
    """Made by `AsyncClient.fund` and `AsyncClient.job`; usable while that client is open."""

    def __init__(
        self,
        connection: Connection,
        models: Models,
        history: JobHistory,
        *,
        warnings: tuple[JobWarning, ...] = (),
        funded_by: FundedBy | None = None,
        keep: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._connection = connection
        self._models = models
        self._history = history
        self._keep = keep
        self._warnings = warnings
        self._funded_by = funded_by
        self._not_before = 0

    @property
    def job_id(self) -> JobId:
        return self._history.job_id

    @property
    def terms(self) -> JobTerms:
        return self.snapshot.terms

    @property
    def warnings(self) -> tuple[JobWarning, ...]:
        """What was known to stand in the job's way when it was funded; none of it stopped the funding."""
        return self._warnings

    @property
    def funded_by(self) -> FundedBy | None:
        """How its deposit was allowed: `allowance`, `permit` (in one transaction) or `approval` (one before). None for a
        job that this client did not fund."""
        return self._funded_by

    @property
    def snapshot(self) -> Job:
        """The job as it was last read; `refresh` reads anew. Raises JobUnknownError after a reorganisation lost it."""
        if self._history.job is None:
            raise JobUnknownError(
                f"The chain was reorganised and has no job {self.job_id} any more.",
                remedy="Fund the same request with the job's salt: its transaction is sent once more, never twice.",
            )
        return self._history.job

    @property
    def history(self) -> tuple[JobEvent, ...]:
        """What is known to have happened so far, oldest first."""
        return tuple(self._history.events)

    @property
    def disputes(self) -> Disputes:
        """What was done about the job's claims, as it was last read: demands with their answers, and faults."""
        return self._history.disputes

    @property
    def is_final(self) -> bool:
        """Whether the job is over and its last fact has the client's confirmations."""
        job = self.snapshot
        depth = self._connection.follower.head - job.updated_block + 1
        return job.is_over and depth >= self._connection.confirmations

    async def refresh(self) -> Job:
        """Reads the chain up to its head. Raises ChainUnavailableError."""
        await self._connection.follower.catch_up()
        return self.snapshot

    async def wait(
        self,
        timeout: float | None = None,  # noqa: ASYNC109  (the word that callers look for; asyncio.timeout is inside)
        on_progress: Callable[[JobEvent], None] | None = None,
        *,
        finalize: bool = True,
    ) -> Job:
        """Returns once the job is over: completed or refunded, with the client's confirmations.

        Args:
            timeout: Seconds; None waits as long as it takes.
            on_progress: Called with each event that comes from now on.
            finalize: Whether to have a claim paid, in a transaction of this client's own, that has been final for a while
                and that nobody else had paid. Anyone may; a client that can only read never does.

        Raises:
            JobPendingError: the time ran out. The job goes on.
            ChainUnavailableError: the endpoint has been away for a minute.
        """
        try:
            async with asyncio.timeout(timeout):
                async for event in self._events_from(len(self._history.events), finalize=finalize):
                    if on_progress is not None:
                        on_progress(event)
                return self.snapshot
        except TimeoutError:
            job = self.snapshot
            raise JobPendingError(
                f"Job {self.job_id} is {job.status.name.lower()} after {timeout:g} s: {job.paid_milestones} of "
                f"{job.terms.milestone_count} milestones are paid.",
                remedy=self.advice(),
            ) from None

    async def events(self) -> AsyncIterator[JobEvent]:
        """Every event of the job from its creation on, as the chain tells them; ends once the job is over for good.

        After a `ChainReorganised` event, facts of later blocks no longer hold; those that still do come again.
        Any number of iterators share one scan. Raises ChainUnavailableError when the endpoint stays away.
        """
        async for event in self._events_from(0):
            yield event

    async def _events_from(self, place: int, *, finalize: bool = False) -> AsyncIterator[JobEvent]:
        while True:
            while place < len(self._history.events):
                yield self._history.events[place]
                place += 1
            if self._history.job is not None and self.is_final:
                return
            if finalize:
                await self._finalize_what_waits()
            await self._connection.follower.advance()

    async def _finalize_what_waits(self) -> None:
        """Nobody must be stuck because an operator is lazy. What the chain refuses is tried again later."""
        now = max(self._connection.follower.head_time, self._connection.clock.now())
        final_at = self.snapshot.final_at
        if self._connection.signing is None or final_at is None or now < self._finalize_from(final_at):
            return
        self._not_before = now + FINALIZE_AFTER_SECONDS
        try:
            await self.finalize()
        except RevertError as error:
            # Somebody was faster, or the chain's time is behind ours.
            log.info("finalize_refused", job_id=self.job_id, error=error.what)

    def _finalize_from(self, final_at: int) -> int:
        return max(final_at + FINALIZE_AFTER_SECONDS, self._not_before)

    def on(self, event: Wanted, callback: Callback) -> Callable[[], None]:
        """Has `callback` called with each such event, from the creation on, in the background.

        Args:
            event: `"MilestonePaid"`, the class `MilestonePaid`, or `"*"`.
            callback: A function or a coroutine function. Its exceptions are logged, and nobody else's trouble.

        Returns:
            What takes it off again.
        """
        task = asyncio.get_running_loop().create_task(listen(self._events_from, event, callback))
        self._keep(task)

        def stop() -> None:
            task.cancel()

        return stop

    async def result(self, milestone: int | None = None) -> list[NDArray[float64]]:
        """One array for each output of the model.

        Args:
            milestone: That one's outputs, of the model's output shapes. None: those of all milestones, stacked along
                a new first axis.

        Raises:
            JobPendingError, JobRefundedError: it is not paid.
            ArtifactError: the output is neither in the store nor in the claim, or not what was proven.
            InputError: numpy is not installed.
        """
        return to_arrays(await self.result_floats(milestone))

    async def result_floats(self, milestone: int | None = None) -> list[NestedFloats]:
        """As `result`, as nested lists: what `tolist()` of those arrays gives. Needs no numpy."""
        job = await self.refresh()
        wanted = range(job.terms.milestone_count) if milestone is None else (milestone,)
        outputs = [await read_floats(self._connection, self._models, job, index) for index in wanted]
        return stack(outputs) if milestone is None else outputs[0]

    async def claimed_results(self, milestone: int | None = None) -> list[ClaimedResult]:
        """Provisional results: what the claims say whose challenge window is not over, checked against what each committed
        to. A claim can still turn out to be wrong; then it is void, and another executor computes its milestone again.

        Args:
            milestone: That one's; None: of every claim that stands, which may be none.

        Raises:
            JobPendingError: that milestone has no claim that stands.
            ArtifactError: an output is not to be had, or is not what was claimed.
        """
        return await read_claimed(self._connection, self._models, await self.refresh(), milestone)

    async def audit(
        self,
        n: int = DEFAULT_ELEMENTS,
        seed: bytes | None = None,
        *,
        milestone: int | None = None,
        full: bool = False,
    ) -> list[ClaimAudit]:
        """Looks at claims that stand, before they are final: at `n` elements of each, drawn at random, or at all of it.

        A light audit fetches the roots of the claimer's trace and the tensors that the drawn elements need. It catches
        carelessness and wholesale cheating; `ClaimAudit.confidence` says how surely. One wrong element among millions is
        for a full one, which computes the milestone again, on this machine.

        Args:
            n: Elements drawn, with repetition.
            seed: Of the draws; None takes a new one. Whoever foresees it can be wrong elsewhere.
            milestone: That one's claim; None: every claim that stands.
            full: Compute everything again instead.

        Returns:
            One for each claim, in order of milestones; none where no claim stands.

        Raises:
            JobPendingError: that milestone has no claim that stands.
            InputError: a Zk job, whose claims are proven; `n` is below 1; or the engine is not installed.
            ModelError, ArtifactError: the program or the inputs are not to be had, or the store does not answer.
        """
        job = await self.refresh()
        facts = self._history.facts
        return await audit_claims(
            self._connection, self._models, job, facts, milestone=milestone, n=n, seed=seed, full=full
        )

    async def receipt(self) -> JobReceipt:
        """What was promised, done, paid and taken so far. Raises ChainUnavailableError."""
        await self.refresh()
        return await make_receipt(self._connection.reader, self.job_id, self._history.facts)

    async def why(self) -> WhyView:
        """Why the job stands where it stands, as the dispatcher sees it. Raises DispatcherError."""
        dispatcher = self._connection.require_dispatcher()
        for _ in range(WHY_PATIENCE):
            try:
                return await dispatcher.why(self.job_id)
            except DispatcherRefusedError as error:
                if error.code != "job_unknown":
                    raise
            # The chain has the job, so the dispatcher is only a block behind.
            await asyncio.sleep(WHY_PAUSE_SECONDS)
        return await dispatcher.why(self.job_id)

    def advice(self) -> str:
        """What to do next, in a sentence."""
        return advise(self.snapshot, self._connection.clock.now())

    async def cancel(self) -> Job:
        """Takes the open job back; only its creator can. The deposit is credited, see `AsyncClient.withdraw`.

        Raises:
            RevertError: somebody has taken it, or the caller is not its creator.
        """
        return await self._send("cancel", self._connection.calls.cancel(self.terms))

    async def refund(self) -> Job:
        """Credits the deposit to the creator once nobody took the job in time; anyone can. Raises RevertError."""
        return await self._send("refund", self._connection.calls.refund(self.terms))

    async def expire(self) -> Job:
        """Reopens the job once its executor is late and has its lock slashed; anyone can, and earns a finder's share.

        Raises:
            RevertError: the deadline has not passed.
        """
        return await self._send("expire", self._connection.calls.expire(self.terms))

    async def finalize(self) -> Job:
        """Pays every claim of the job whose challenge window is over; anyone can. Claims with a proof need no such call.

        Raises:
            RevertError: nothing is claimed, or nothing is final yet.
        """
        # One call for each time that something has become final.
        turn = f":{(await self.refresh()).paid_milestones}"
        return await self._send("finalize", self._connection.calls.finalize(self.terms), turn)

    async def _send(self, verb: str, call: Call, turn: str = "") -> Job:
        job = await self.refresh()
        receipt = await self._connection.signer().send(f"{verb}:{self.job_id}:{job.round}{turn}", call)
        await self._connection.follower.catch_up(receipt.block_number)
        return self.snapshot
