"""The documents of an `Optimistic` job, fetched and checked before anything is promised."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from executor.copies import CopyingStore
from executor.documents import (
    Bounds,
    Expected,
    SpecReader,
    check_input_roots,
    check_manifests,
    check_sizes,
    check_spec,
    fetch,
)
from executor.optimistic.run_times import trace_bytes
from tallystick.dispute.artifacts import decode_inputs
from tallystick.dispute.levels import MOST_LEVELS, levels
from tallystick.engine.commitments import ProgramCommitment, array_root, program_commitment
from tallystick.engine.encoding import decode_program
from tallystick.engine.program import SEMANTICS_VERSION, Array, Program
from tallystick.engine.trace import inputs_root
from tallystick.errors import ArtifactCorruptError, ArtifactTooLargeError, ModelError
from tallystick.ids import Bytes32, JobId, bytes32
from tallystick.market.book import Job
from tallystick.market.claims import ModelSpec
from tallystick.market.manifests import ArtifactRef, JobManifest, ProgramManifest
from tallystick.market.terms import JobTerms
from tallystick.service.threads import in_thread
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import get_manifest
from tallystick.storage.store import Store
from tallystick.units import format_size


@dataclass(frozen=True, eq=False)
class LoadedProgram:
    """A program that is what its registration says, with its hashes. Jobs of one model share it."""

    program_id: Bytes32
    program: Program
    commitment: ProgramCommitment


@dataclass(frozen=True, eq=False)
class ProgramDossier:
    """A job's documents, all of them what the chain's hashes say.

    Attributes:
        store: Has them, and copies of them.
        input_roots: 32 bytes for each milestone.
    """

    store: Store
    manifest: JobManifest
    model: LoadedProgram
    input_roots: tuple[bytes, ...]

    def inputs_of(self, milestone: int) -> tuple[Array, ...]:
        """One milestone's inputs [*dims], checked again because they come from a disk. Raises ArtifactError."""
        ref = self.manifest.inputs[milestone]
        data = self.store.get(ref.cid, max_bytes=ref.size_bytes)
        arrays = decode_inputs(data, self.model.program)
        if root_of(arrays) != self.input_roots[milestone]:
            raise ArtifactCorruptError(f"The input of milestone {milestone} has changed since it was checked.")
        return arrays


class ProgramInspector:
    """Makes dossiers and remembers them until they are dropped.

    Args:
        shared: Where creators put artifacts.
        jobs: Folder with one for each job, where copies are kept: `<job id>/artifacts`.
    """

    def __init__(self, reader: SpecReader, shared: Store, *, jobs: Path, bounds: Bounds) -> None:
        self._reader = reader
        self._shared = shared
        self._jobs = jobs
        self._bounds = bounds
        self._dossiers: dict[str, ProgramDossier] = {}
        self._programs: weakref.WeakValueDictionary[str, LoadedProgram] = weakref.WeakValueDictionary()

    async def dossier(self, job: Job) -> ProgramDossier:
        """Everything checked.

        Raises:
            TermsError, ModelError, ArtifactCorruptError, ArtifactTooLargeError: the job is not what it says it is, or
                larger than this agent takes; nobody should work for it.
            ArtifactMissingError, StoreUnavailableError, ChainUnavailableError: may be better later.
        """
        known = self._dossiers.get(job.job_id)
        if known is None:
            spec = await self._reader.model_spec(job.terms.model_id)
            adapter = self._reader.deployment.contracts.trace_dispute
            check_spec(spec, job.terms, Expected(adapter, "judge of traces", SEMANTICS_VERSION))
            known = await in_thread(lambda: self._read(job, spec), "inspect")
            self._dossiers[job.job_id] = known
        return known

    def known(self, job_id: JobId) -> ProgramDossier:
        """What `dossier` returned, which was not dropped since."""
        return self._dossiers[job_id]

    def drop(self, job_id: str) -> None:
        self._dossiers.pop(job_id, None)

    # ---- the parts, in the order in which they depend on each other ------------------------------------------------

    def _read(self, job: Job, spec: ModelSpec) -> ProgramDossier:
        terms = job.terms
        store = CopyingStore(FolderStore(self._jobs / job.job_id / "artifacts"), self._shared)
        manifest = get_manifest(store, terms.manifest, JobManifest)
        model = get_manifest(store, spec.manifest, ProgramManifest)
        check_manifests(terms, spec, manifest, model.program_id)
        # The package's own manifest is for people: nothing here needs it, so nothing of it is fetched.
        check_sizes([model.program, *manifest.inputs], self._bounds)
        loaded = self._program(store, model.program, spec.program_id)
        return ProgramDossier(store, manifest, loaded, self._input_roots(store, terms, manifest, loaded.program))

    def _program(self, store: Store, ref: ArtifactRef, program_id: Bytes32) -> LoadedProgram:
        # Fetched also where another job's is at hand: this job must be answerable for when that one is gone.
        encoded = fetch(store, ref, self._bounds)
        known = self._programs.get(program_id)
        if known is not None:
            return known
        program = decode_program(encoded)
        commitment = program_commitment(program)
        if bytes32(commitment.program_hash) != program_id:
            raise ModelError(
                f"The model's program hashes to 0x{commitment.program_hash.hex()}, its registration says {program_id}."
            )
        check_levels(program)
        self._check_trace(program)
        loaded = self._programs[program_id] = LoadedProgram(program_id, program, commitment)
        return loaded

    def _check_trace(self, program: Program) -> None:
        size, most = trace_bytes(program), self._bounds.trace
        if size > most:
            raise ArtifactTooLargeError(
                f"One run leaves a trace of {format_size(size)}; this agent keeps {format_size(most)} at most."
            )

    def _input_roots(self, store: Store, terms: JobTerms, manifest: JobManifest, program: Program) -> tuple[bytes, ...]:
        roots = tuple(root_of(decode_inputs(fetch(store, ref, self._bounds), program)) for ref in manifest.inputs)
        check_input_roots(terms, roots)
        return roots


def root_of(arrays: Sequence[Array]) -> bytes:
    """A milestone's input root: 32 bytes."""
    return inputs_root([array_root(array) for array in arrays])


def check_levels(program: Program) -> None:
    """Whether every leaf of every input, constant and step can be asked for within the clock. Raises ModelError.

    A claim on a program for which that is not so could not be disputed when its trace is withheld, so nobody should take it.
    """
    lists = (
        ("input", program.inputs),
        ("constant", program.constant_headers),
        ("step", tuple(step.header for step in program.steps)),
    )
    for kind, headers in lists:
        for index, header in enumerate(headers):
            needed = levels(len(headers), header.byte_size)
            if needed > MOST_LEVELS:
                raise ModelError(
                    f"To ask for a leaf of the tensor of {kind} {index} of {len(headers)}, of "
                    f"{format_size(header.byte_size)}, takes {needed} levels of demands; the clock allows for {MOST_LEVELS}.",
                    remedy="Compile the model for smaller tensors or fewer steps.",
                )
