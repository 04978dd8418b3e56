"""Running milestones: one at a time, and each finished trace on disk before anyone hears of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from executor.optimistic.engine import Engine
from executor.optimistic.inspection import ProgramDossier
from executor.optimistic.traces import MadeTrace, find_trace, honest, save_trace
from executor.turns import Turns
from tallystick.engine.trace import Commitment, Trace
from tallystick.errors import ModelError
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.service.threads import in_thread

log = get_logger(__name__)

Keep = Callable[[Trace, Commitment], MadeTrace]
"""What is kept of a run and claimed: its own trace, but for those who try out how liars fare."""


class TraceRunner:
    """The engine behind a queue. `deadline` is when a result is needed, chain time: the earliest goes first.

    Args:
        jobs: Folder with one for each job, for `<job id>/<milestone>.trace`.
        turns: Shared with whatever else wants all of the machine.
        seconds: The longest run that is taken on.
    """

    def __init__(self, engine: Engine, jobs: Path, turns: Turns, seconds: float, keep: Keep = honest) -> None:
        self.engine = engine
        self.limit_seconds = seconds
        self._jobs = jobs
        self._turns = turns
        self._keep = keep

    async def prepare(self, dossier: ProgramDossier, deadline: int) -> None:
        """Makes the program ready to run. Raises ModelError."""
        await self._turns.work(deadline, "engine", lambda: self.engine.prepare(dossier.model))

    async def make(
        self, dossier: ProgramDossier, *, job_id: JobId, milestone: int, deadline: int, fresh: bool = False
    ) -> MadeTrace:
        """The trace of one milestone, from disk where it is there already, unless it must be `fresh`.

        Raises:
            ArtifactError: the inputs cannot be had any more.
            ModelError: the engine contradicts itself.
        """
        found = None if fresh else await self.kept(dossier, job_id=job_id, milestone=milestone)
        if found is not None:
            return found
        return await self._turns.work(deadline, "engine", lambda: self._make(dossier, job_id, milestone))

    async def make_at_once(self, dossier: ProgramDossier, *, job_id: JobId, milestone: int) -> MadeTrace:
        """The same for who cannot wait for whatever else the machine is doing. Raises as `make` does."""
        found = await self.kept(dossier, job_id=job_id, milestone=milestone)
        if found is not None:
            return found
        return await in_thread(lambda: self._make(dossier, job_id, milestone), "engine")

    async def kept(self, dossier: ProgramDossier, *, job_id: JobId, milestone: int) -> MadeTrace | None:
        """The trace of one milestone that is on disk already."""
        place, root = self._place(job_id, milestone), dossier.input_roots[milestone]
        return await in_thread(lambda: find_trace(place, dossier.model.program, root), "trace")

    def _place(self, job_id: JobId, milestone: int) -> Path:
        return self._jobs / job_id / f"{milestone}.trace"

    def _make(self, dossier: ProgramDossier, job_id: JobId, milestone: int) -> MadeTrace:
        """In the thread to the end, so that a trace is kept even when nobody waits for it any more."""
        about = {"job_id": job_id, "milestone": milestone, "backend": self.engine.name}
        log.info("run_started", **about, estimate_seconds=round(self.engine.estimate_seconds(dossier.model), 2))
        started = time.perf_counter()
        trace, commitment = self.engine.run(dossier.model, dossier.inputs_of(milestone))
        if commitment.input_root != dossier.input_roots[milestone]:
            raise ModelError(f"The run of milestone {milestone} is about other inputs than the job's.")
        made = self._keep(trace, commitment)
        save_trace(self._place(job_id, milestone), made)
        log.info("run_finished", **about, took_seconds=round(time.perf_counter() - started, 2))
        return made
