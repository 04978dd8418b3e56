"""From an open job to a yes or a no: the policy, the job's documents, a trial of its keys and of its inputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from executor.acceptance import LATER_SECONDS, Accept, Decline
from executor.desk import Desk
from executor.journal import Journal
from executor.methods import Method, Methods
from tallystick.errors import (
    ArtifactMissingError,
    ChainUnavailableError,
    ModelError,
    ProverMemoryError,
    ProverTimeoutError,
    RpcRefusedError,
    StoreUnavailableError,
    TallystickError,
    TensorError,
)
from tallystick.market.book import Job

PASSING = (ArtifactMissingError, StoreUnavailableError, ChainUnavailableError, RpcRefusedError)
"""Troubles that say nothing against a job."""

STOPPED = (ProverTimeoutError, ProverMemoryError)
"""Ends of a rehearsal that may be the machine's fault at the moment."""

AFTER_A_STOP_SECONDS = 300
"""Until a rehearsal that was stopped is tried again: it may have cost minutes, which other jobs want too."""

AT_ONCE = 4
"""A market with a thousand open jobs must not become a thousand downloads."""

Unmet = Callable[[str], tuple[str, ...]]
"""The requirements in a text that this machine does not meet, as sentences. Raises RequirementError."""


class Judge:
    """Asks in the order of cost: the chain's words, then documents, then minutes of computing."""

    def __init__(self, desk: Desk, methods: Methods, journal: Journal, unmet: Unmet) -> None:
        self._desk = desk
        self._methods = methods
        self._journal = journal
        self._unmet = unmet
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def judge(self, job: Job) -> Accept | Decline:
        """The answer; a yes promises the job's stake, see `Desk.decide`."""
        async with self._turns:
            try:
                return await self._judge(job)
            except PASSING as error:
                return Decline("unreachable", str(error), retry_at=self._desk.now() + LATER_SECONDS)
            except TallystickError as error:
                return Decline("unsound", str(error))

    async def _judge(self, job: Job) -> Accept | Decline:
        offer = self._journal.offer_of(job.job_id, job.round)
        assignment = offer.assignment if offer else None
        first = await self._desk.decide(job, assignment, None)
        if isinstance(first, Decline):
            return first
        method = self._methods.of(job)
        manifest = await method.inspect(job)
        found = replace(method.findings(job), unmet=self._unmet(manifest.requirements))
        second = await self._desk.decide(job, assignment, found)
        if isinstance(second, Decline):
            return second
        against = await self._try_model(job, method) or await self._try_inputs(job, method)
        if against is not None:
            return against
        found = replace(found, estimate_seconds=await method.estimate(job))
        return await self._desk.decide(job, assignment, found)

    async def _try_model(self, job: Job, method: Method) -> Decline | None:
        """Once for each model, before anything is promised."""
        model, tool = job.terms.model_id, method.tool
        against = self._journal.verdict_on(model, tool)
        if against is None:
            estimate = await method.estimate(job)
            if estimate > method.limit_seconds:
                return Decline("too_slow", f"making a result should take {estimate:.0f} s here, beyond the limit")
            if not self._desk.can_spare(estimate):
                return self._no_time("trying its model", estimate)
            against = await self._prepare(job, method)
            self._journal.judge_model(model, tool, against)
        return Decline("unsound", against) if against else None

    async def _prepare(self, job: Job, method: Method) -> str:
        try:
            await method.prepare(job, job.accept_closes_at)
        except ModelError as error:
            return str(error)
        return ""

    async def _try_inputs(self, job: Job, method: Method) -> Decline | None:
        """Rehearses before anything is promised.

        An offer lives some twenty seconds. Where this takes longer the offer lapses meanwhile; each milestone is remembered
        as soon as it is tried, so that the look at the next offer has little or nothing left to try and answers at once.
        """
        for milestone in method.trials(job):
            against = self._journal.rehearsal_of(job.job_id, milestone, method.tool)
            if against is None:
                # Asked before each: the jobs that are held may have become more, and have less time left.
                estimate = await method.estimate_rehearsal(job)
                if not self._desk.can_spare(estimate):
                    return self._no_time(f"trying the input of milestone {milestone}", estimate)
                try:
                    against = await self._rehearse(job, method, milestone)
                except STOPPED as error:
                    again = self._desk.now() + AFTER_A_STOP_SECONDS
                    return Decline("rehearsal_stopped", f"milestone {milestone}: {error}", retry_at=again)
                self._journal.note_rehearsal(job.job_id, milestone, method.tool, against)
            if against:
                return Decline("unprovable", f"milestone {milestone} cannot be proven: {against}")
        return None

    async def _rehearse(self, job: Job, method: Method, milestone: int) -> str:
        # An estimate goes by the circuit's rows alone, and its maker may mean harm: what takes much longer than it is stopped
        # before it makes held work late. Half, because witness and mock are two steps.
        at_most = self._desk.spare_seconds() / 2
        try:
            await method.rehearse(job, milestone, job.accept_closes_at, at_most)
        except TensorError as error:
            return str(error)
        return ""

    def _no_time(self, what: str, seconds: float) -> Decline:
        reason = f"{what} should take {seconds:.0f} s, and the work already taken cannot wait so long"
        return Decline("queue", reason, retry_at=self._desk.now() + LATER_SECONDS)
