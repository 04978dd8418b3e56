"""From an open job to a yes or a no: the policy, the job's documents, and a trial of its keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from executor.acceptance import LATER_SECONDS, Accept, Decline, Findings
from executor.desk import Desk
from executor.inspection import Dossier, Inspector
from executor.journal import Journal
from executor.runner import ProofRunner
from tallystick.errors import (
    ArtifactMissingError,
    ChainUnavailableError,
    ModelError,
    RpcRefusedError,
    StoreUnavailableError,
    TallystickError,
)
from tallystick.market.book import Job

PASSING = (ArtifactMissingError, StoreUnavailableError, ChainUnavailableError, RpcRefusedError)
"""Troubles that say nothing against a job."""

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
        against = await self._try_model(job, dossier)
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
                reason = f"its keys should take {estimate:.0f} s, and the work already taken cannot wait so long"
                return Decline("queue", reason, retry_at=self._desk.now() + LATER_SECONDS)
            against = await self._try_keys(job, dossier)
            self._journal.judge_model(model, backend, against)
        return Decline("unsound", against) if against else None

    async def _try_keys(self, job: Job, dossier: Dossier) -> str:
        try:
            await self._runner.prepare(dossier.circuit, job_id=job.job_id, deadline=job.accept_closes_at)
        except ModelError as error:
            return str(error)
        return ""
