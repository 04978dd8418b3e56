"""From an open job to a yes or a no: the policy, the job's documents, a trial of its keys and of its inputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from executor.acceptance import LATER_SECONDS, Accept, Decline, Findings
from executor.desk import Desk
from executor.inspection import Dossier, Inspector
from executor.journal import Journal
from executor.runner import ProofRunner
from executor.threads import in_thread
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

    def __init__(self, desk: Desk, inspector: Inspector, runner: ProofRunner, journal: Journal, unmet: Unmet) -> None:
        self._desk = desk
        self._inspector = inspector
        self._runner = runner
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
        dossier = await self._inspector.dossier(job)
        origin = dossier.circuit.manifest.srs.origin
        unmet = self._unmet(dossier.manifest.requirements)
        second = await self._desk.decide(job, assignment, Findings(None, origin, unmet))
        if isinstance(second, Decline):
            return second
        against = await self._try_model(job, dossier) or await self._try_inputs(job, dossier)
        if against is not None:
            return against
        estimate = await self._runner.estimate(dossier.circuit)
        return await self._desk.decide(job, assignment, Findings(estimate, origin, unmet))

    async def _try_model(self, job: Job, dossier: Dossier) -> Decline | None:
        """Makes the keys before anything is promised: a model whose files do not give the registered program cannot be
        proven, and its creator would earn from our failure. The keys are kept, so a known model costs nothing here."""
        model, backend = job.terms.model_id, self._runner.backend
        against = self._journal.verdict_on(model, backend)
        if against is None:
            estimate = await self._runner.estimate(dossier.circuit)
            if estimate > self._runner.limit_seconds:
                return Decline("too_slow", f"keys and a proof should take {estimate:.0f} s here, beyond the limit")
            if not self._desk.can_spare(estimate):
                return self._no_time("its keys", estimate)
            against = await self._try_keys(job, dossier)
            self._journal.judge_model(model, backend, against)
        return Decline("unsound", against) if against else None

    async def _try_keys(self, job: Job, dossier: Dossier) -> str:
        try:
            await self._runner.prepare(dossier.circuit, job_id=job.job_id, deadline=job.accept_closes_at)
        except ModelError as error:
            return str(error)
        return ""

    async def _try_inputs(self, job: Job, dossier: Dossier) -> Decline | None:
        """Rehearses every milestone that is not paid yet before anything is promised: inputs that are each in their range
        may still lead to values that the circuit cannot hold, and a lock would be lost for what nobody can prove.

        An offer lives some twenty seconds. Where this takes longer the offer lapses meanwhile; each milestone is remembered
        as soon as it is tried, so that the look at the next offer has little or nothing left to try and answers at once.
        """
        for milestone in range(job.next_milestone, job.terms.milestone_count):
            against = self._journal.rehearsal_of(job.job_id, milestone, self._runner.backend)
            if against is None:
                # Asked before each: the jobs that are held may have become more, and have less time left.
                estimate = await self._runner.estimate_rehearsal(dossier.circuit)
                if not self._desk.can_spare(estimate):
                    return self._no_time(f"trying the input of milestone {milestone}", estimate)
                try:
                    against = await self._rehearse(job, dossier, milestone)
                except STOPPED as error:
                    again = self._desk.now() + AFTER_A_STOP_SECONDS
                    return Decline("rehearsal_stopped", f"milestone {milestone}: {error}", retry_at=again)
                self._journal.note_rehearsal(job.job_id, milestone, self._runner.backend, against)
            if against:
                return Decline("unprovable", f"milestone {milestone} cannot be proven: {against}")
        return None

    async def _rehearse(self, job: Job, dossier: Dossier, milestone: int) -> str:
        inputs = await in_thread(lambda: dossier.input_of(milestone), "input")
        try:
            await self._runner.rehearse(
                dossier.circuit,
                inputs,
                job_id=job.job_id,
                milestone=milestone,
                deadline=job.accept_closes_at,
                # An estimate goes by the circuit's rows alone, and its maker may mean harm: what takes much longer than
                # it is stopped before it makes held work late. Half, because witness and mock are two steps.
                at_most=self._desk.spare_seconds() / 2,
            )
        except TensorError as error:
            return str(error)
        return ""

    def _no_time(self, what: str, seconds: float) -> Decline:
        reason = f"{what} should take {seconds:.0f} s, and the work already taken cannot wait so long"
        return Decline("queue", reason, retry_at=self._desk.now() + LATER_SECONDS)
