"""What is particular to a proof kind, behind one seam: how its jobs are inspected, tried, made and claimed."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from executor.acceptance import Findings
from tallystick.chain.calls import Call
from tallystick.errors import InputError, RevertError
from tallystick.ids import JobId
from tallystick.market.book import Job
from tallystick.market.claims import Claim
from tallystick.market.manifests import JobManifest
from tallystick.market.terms import ProofKind

Put = Callable[[bytes], Awaitable[str]]
"""Puts an artifact where creators and challengers look, and returns its CID. Waits for a store that is away."""


class Method(Protocol):
    """How results of one proof kind come about. A job is inspected before anything else is asked about it; what was read is kept
    until it is dropped. `deadline` is when something is needed, chain time: the earliest goes first."""

    @property
    def tool(self) -> str:
        """What makes results, with its version: another one may come to another end, and takes other times."""
        ...

    @property
    def limit_seconds(self) -> float:
        """How long one step of making a result may take."""
        ...

    async def inspect(self, job: Job) -> JobManifest:
        """The job's manifest, with everything that it names fetched and checked.

        Raises:
            TermsError, ModelError, TensorError, ArtifactCorruptError, ArtifactTooLargeError: the job is not what it
                says it is; nobody should work for it.
            ArtifactMissingError, StoreUnavailableError, ChainUnavailableError: may be better later.
        """
        ...

    def findings(self, job: Job) -> Findings:
        """What inspection found that acceptance asks about, without an estimate and without what the machine lacks."""
        ...

    async def estimate(self, job: Job) -> float:
        """Seconds of one milestone's result, and of what has to be there before it."""
        ...

    async def prepare(self, job: Job, deadline: int) -> None:
        """Whatever results of this model need and is kept. Raises ModelError where the model is unsound, ProvingError."""
        ...

    def trials(self, job: Job) -> range:
        """The milestones that have to be rehearsed before the job is accepted."""
        ...

    async def estimate_rehearsal(self, job: Job) -> float:
        """Seconds of rehearsing one milestone."""
        ...

    async def rehearse(self, job: Job, milestone: int, deadline: int, at_most: float, /) -> None:
        """Tries whether a milestone's result can be made.

        Args:
            at_most: Seconds for each step, where that can be enforced.

        Raises:
            TensorError: it cannot.
        """
        ...

    async def has(self, job: Job, milestone: int) -> bool:
        """Whether a milestone's result is on disk."""
        ...

    async def make(self, job: Job, milestone: int, deadline: int, *, fresh: bool) -> None:
        """Sees to it that a milestone's result is on disk; if `fresh`, another one than what is there.

        Raises:
            TensorError, ModelError, ProvingError: it cannot be made.
        """
        ...

    async def claim(self, job: Job, milestone: int, deadline: int, put: Put) -> Claim:
        """The claim of a result, which is made where it is not there, with everything that the claim points at put away."""
        ...

    async def before_claim(
        self, job: Job, milestone: int, deadline: int, error: RevertError, /
    ) -> tuple[str, Call] | None:
        """What has to be sent, under which key, so that a claim that was refused like this goes through; None: nothing helps."""
        ...

    def blames_result(self, error: RevertError) -> bool:
        """Whether a refused claim is the result's fault, so that another one may do."""
        ...

    def drop(self, job_id: JobId) -> None:
        """Forgets what was read of a job."""
        ...


class Methods:
    """The method of each proof kind, and the folder of each job.

    Args:
        jobs: Folder with one for each job: its artifacts and its results.
    """

    def __init__(self, by_kind: Mapping[ProofKind, Method], jobs: Path) -> None:
        self._by_kind = by_kind
        self._jobs = jobs

    def of(self, job: Job) -> Method:
        """Raises InputError for a proof kind that this agent does not take."""
        kind = job.terms.proof_kind
        if kind not in self._by_kind:
            raise InputError(
                f"Job {job.job_id} is of the proof kind {kind.name.lower()}, which this agent does not take.",
                remedy="Start it with --proof-kinds that name this kind, and it goes on with the job.",
            )
        return self._by_kind[kind]

    def drop(self, job_id: JobId) -> None:
        for method in self._by_kind.values():
            method.drop(job_id)

    def forget(self, job_id: JobId) -> None:
        """Removes a finished job's folder."""
        shutil.rmtree(self._jobs / job_id, ignore_errors=True)

    def forget_all_but(self, keep: Collection[JobId]) -> None:
        """What an earlier process left of jobs that are over."""
        for folder in self._jobs.glob("0x*"):
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)
