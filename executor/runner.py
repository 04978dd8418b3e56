"""Proving: one proof at a time, and each finished proof on disk before anyone hears of it."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from executor.proofs import find_proof, save_proof
from executor.threads import in_thread
from executor.turns import Turns
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.proving.prover import CircuitFiles, Limits, Progress, Proved, Prover, ProvingStep
from tallystick.tensors import QuantisedTensors

log = get_logger(__name__)

Made = TypeVar("Made")


class ProofRunner:
    """The prover behind a queue. `deadline` is when the result is needed, chain time: the earliest goes first.

    Args:
        jobs: Folder with one for each job, for `<job id>/<milestone>.proof`.
        limits: Of each step of the prover.
    """

    def __init__(self, prover: Prover, jobs: Path, limits: Limits) -> None:
        self._prover = prover
        self._jobs = jobs
        self._limits = limits
        self._turns = Turns()

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
        await self._in_turn(deadline, lambda: self._prover.ensure_keys(circuit, limits=self._limits, progress=progress))

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
        await self._in_turn(deadline, lambda: self._prover.rehearse(circuit, inputs, limits=limits, progress=progress))

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
        return await self._in_turn(deadline, lambda: self._prove(circuit, inputs, place, progress))

    def kept(self, circuit: CircuitFiles, inputs: QuantisedTensors, *, job_id: JobId, milestone: int) -> Proved | None:
        """The proof of one milestone that is on disk already."""
        return find_proof(self._place(job_id, milestone), circuit.manifest.program_id, inputs)

    def _place(self, job_id: JobId, milestone: int) -> Path:
        return self._jobs / job_id / f"{milestone}.proof"

    async def _in_turn(self, deadline: int, work: Callable[[], Made]) -> Made:
        """Cancelling stops the wait alone: a prover that works cannot be stopped, so its turn lasts until it is done."""

        async def take_turn() -> Made:
            async with self._turns.turn(deadline):
                return await in_thread(work, "prover")

        turn = asyncio.ensure_future(take_turn())
        # If nobody waits any more, nobody would look at its error either.
        turn.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(turn)

    def _prove(self, circuit: CircuitFiles, inputs: QuantisedTensors, place: Path, progress: Progress) -> Proved:
        """In the thread to the end, so that a proof is kept even when nobody waits for it any more."""
        proved = self._prover.prove(circuit, inputs, limits=self._limits, progress=progress)
        save_proof(place, proved)
        return proved

    def forget(self, job_id: JobId) -> None:
        """Removes a finished job's folder."""
        shutil.rmtree(self._jobs / job_id, ignore_errors=True)

    def forget_all_but(self, keep: Collection[JobId]) -> None:
        """What an earlier process left of jobs that are over."""
        for folder in self._jobs.glob("0x*"):
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)


def _logged(job_id: JobId, milestone: int | None) -> Progress:
    def say(step: ProvingStep) -> None:
        about = {"job_id": job_id, "milestone": milestone, "step": step.name}
        if step.took_seconds is None:
            log.info("step_started", **about, estimate_seconds=step.estimate_seconds)
        else:
            took = round(step.took_seconds, 2)
            log.info("step_finished", **about, took_seconds=took, peak_memory_bytes=step.peak_memory_bytes)

    return say
