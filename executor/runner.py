"""Proving: one proof at a time, and each finished proof on disk before anyone hears of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from executor.proofs import find_proof, save_proof
from executor.turns import Turns
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.proving.prover import CircuitFiles, Limits, Progress, Proved, Prover, ProvingStep
from tallystick.service.threads import in_thread
from tallystick.tensors import QuantisedTensors

log = get_logger(__name__)


class ProofRunner:
    """The prover behind a queue. `deadline` is when the result is needed, chain time: the earliest goes first.

    Args:
        jobs: Folder with one for each job, for `<job id>/<milestone>.proof`.
        limits: Of each step of the prover.
        turns: Shared with whatever else wants all of the machine.
    """

    def __init__(self, prover: Prover, jobs: Path, limits: Limits, turns: Turns | None = None) -> None:
        self._prover = prover
        self._jobs = jobs
        self._limits = limits
        self._turns = turns or Turns()

    @property
    def backend(self) -> str:
        """The prover with its version, which keys and times depend on."""
        return f"{self._prover.backend} {self._prover.version}"

    @property
    def limit_seconds(self) -> float:
        """How long one step of the prover may take."""
        return self._limits.seconds

    async def estimate(self, circuit: CircuitFiles) -> float:
        """Seconds of one proof, and of making its keys where they are not cached."""
        return await in_thread(lambda: self._prover.estimate_seconds(circuit), "estimate")

    async def prepare(self, circuit: CircuitFiles, *, job_id: JobId, deadline: int) -> None:
        """Makes the keys and checks that they are the registered model's. Raises ModelError, ProvingError."""
        progress = _logged(job_id, None)
        await self._turns.work(
            deadline, "prover", lambda: self._prover.ensure_keys(circuit, limits=self._limits, progress=progress)
        )

    async def estimate_rehearsal(self, circuit: CircuitFiles) -> float:
        """Seconds of trying one input, and of making the keys where they are not cached."""
        return await in_thread(lambda: self._prover.estimate_rehearsal_seconds(circuit), "estimate")

    async def rehearse(
        self,
        circuit: CircuitFiles,
        inputs: QuantisedTensors,
        *,
        job_id: JobId,
        milestone: int,
        deadline: int,
        at_most: float = math.inf,
    ) -> None:
        """Tries whether one milestone can be proven.

        Args:
            at_most: Seconds for each step, where that is less than what any step may take.

        Raises:
            TensorError: it cannot; see `Prover.rehearse`.
        """
        limits = replace(self._limits, seconds=min(self._limits.seconds, at_most))
        progress = _logged(job_id, milestone)
        await self._turns.work(
            deadline, "prover", lambda: self._prover.rehearse(circuit, inputs, limits=limits, progress=progress)
        )

    async def prove(
        self,
        circuit: CircuitFiles,
        inputs: QuantisedTensors,
        *,
        job_id: JobId,
        milestone: int,
        deadline: int,
        fresh: bool = False,
    ) -> Proved:
        """The proof of one milestone, from disk where it is there already, unless it must be `fresh`.

        Raises:
            TensorError, ModelError, ProvingError: see `Prover.prove`.
        """
        found = None if fresh else self.kept(circuit, inputs, job_id=job_id, milestone=milestone)
        if found is not None:
            return found
        place = self._place(job_id, milestone)
        progress = _logged(job_id, milestone)
        return await self._turns.work(deadline, "prover", lambda: self._prove(circuit, inputs, place, progress))

    def kept(self, circuit: CircuitFiles, inputs: QuantisedTensors, *, job_id: JobId, milestone: int) -> Proved | None:
        """The proof of one milestone that is on disk already."""
        return find_proof(self._place(job_id, milestone), circuit.manifest.program_id, inputs)

    def _place(self, job_id: JobId, milestone: int) -> Path:
        return self._jobs / job_id / f"{milestone}.proof"

    def _prove(self, circuit: CircuitFiles, inputs: QuantisedTensors, place: Path, progress: Progress) -> Proved:
        """In the thread to the end, so that a proof is kept even when nobody waits for it any more."""
        proved = self._prover.prove(circuit, inputs, limits=self._limits, progress=progress)
        save_proof(place, proved)
        return proved


def _logged(job_id: JobId, milestone: int | None) -> Progress:
    def say(step: ProvingStep) -> None:
        about = {"job_id": job_id, "milestone": milestone, "step": step.name}
        if step.took_seconds is None:
            log.info("step_started", **about, estimate_seconds=step.estimate_seconds)
        else:
            took = round(step.took_seconds, 2)
            log.info("step_finished", **about, took_seconds=took, peak_memory_bytes=step.peak_memory_bytes)

    return say
