"""How `Optimistic` results come about: one run with its trace, all of it published, and a claim that carries its root."""

from __future__ import annotations

from collections.abc import Callable

from executor.acceptance import Findings
from executor.methods import Put
from executor.optimistic.inspection import ProgramDossier, ProgramInspector
from executor.optimistic.publishing import build_trace_claim, publish
from executor.optimistic.run_times import trace_bytes
from executor.optimistic.runner import TraceRunner
from tallystick.dispute.held import HeldTrace
from tallystick.errors import RevertError
from tallystick.ids import JobId
from tallystick.market.book import Job
from tallystick.market.claims import Claim
from tallystick.market.manifests import JobManifest

_ROOT_ERRORS = "MilestoneSettlement_BadTraceRoot"


class OptimisticMethod:
    """See `Method`.

    Args:
        free_disk: Bytes that are free where traces are kept.
    """

    def __init__(self, inspector: ProgramInspector, runner: TraceRunner, free_disk: Callable[[], int]) -> None:
        self._inspector = inspector
        self._runner = runner
        self._free_disk = free_disk

    @property
    def tool(self) -> str:
        return self._runner.engine.tool

    @property
    def limit_seconds(self) -> float:
        return self._runner.limit_seconds

    async def inspect(self, job: Job) -> JobManifest:
        return (await self._inspector.dossier(job)).manifest

    def findings(self, job: Job) -> Findings:
        unpaid = job.terms.milestone_count - job.next_milestone
        needed = unpaid * trace_bytes(self._known(job).model.program)
        return Findings(None, None, (), disk_bytes=needed, free_disk_bytes=self._free_disk())

    async def estimate(self, job: Job) -> float:
        return self._runner.engine.estimate_seconds(self._known(job).model)

    async def prepare(self, job: Job, deadline: int) -> None:
        await self._runner.prepare(self._known(job), deadline)

    def trials(self, job: Job) -> range:
        """One run, which tells how long they take, unless that is known: every program has a result for every input."""
        known = self._runner.engine.measured_seconds(self._known(job).model) is not None
        return range(job.next_milestone, job.next_milestone + (0 if known else 1))

    async def estimate_rehearsal(self, job: Job) -> float:
        return await self.estimate(job)

    async def rehearse(self, job: Job, milestone: int, deadline: int, _at_most: float) -> None:
        """The run itself, whose trace is kept. It cannot be stopped, but what it has to compute was known before."""
        await self.make(job, milestone, deadline, fresh=False)

    async def has(self, job: Job, milestone: int) -> bool:
        return await self._runner.kept(self._known(job), job_id=job.job_id, milestone=milestone) is not None

    async def make(self, job: Job, milestone: int, deadline: int, *, fresh: bool) -> None:
        await self._runner.make(
            self._known(job), job_id=job.job_id, milestone=milestone, deadline=deadline, fresh=fresh
        )

    async def claim(self, job: Job, milestone: int, deadline: int, put: Put) -> Claim:
        dossier = self._known(job)
        made = await self._runner.make(dossier, job_id=job.job_id, milestone=milestone, deadline=deadline)
        result = await publish(job.job_id, milestone, dossier, made, put)
        return build_trace_claim(dossier, milestone, made, result)

    async def before_claim(self, *_: object) -> None:
        """Nothing helps a claim that was refused."""

    def blames_result(self, error: RevertError) -> bool:
        return error.name == _ROOT_ERRORS

    def drop(self, job_id: JobId) -> None:
        self._inspector.drop(job_id)

    async def held(self, job: Job, milestone: int) -> HeldTrace:
        """What answers demands on a claim: the trace that was claimed, computed again where it was lost.

        Raises:
            ArtifactError: the job's documents cannot be had any more.
            ModelError: what is computed is not what was claimed.
        """
        dossier = await self._inspector.dossier(job)
        made = await self._runner.make_at_once(dossier, job_id=job.job_id, milestone=milestone)
        trace = made.trace(dossier.model.program, dossier.inputs_of(milestone))
        return HeldTrace(trace, dossier.model.commitment)

    def _known(self, job: Job) -> ProgramDossier:
        return self._inspector.known(job.job_id)
