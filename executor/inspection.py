"""A job's documents, fetched and checked before anything is promised. A creator may be dishonest: it earns a part of
what a failed executor loses. So whatever would make the work impossible must come to light here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from executor.copies import CopyingStore
from executor.files import write_atomic
from executor.threads import in_thread
from tallystick.chain.deployment import Deployment
from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, ArtifactTooLargeError, ModelError, TermsError
from tallystick.ids import ZERO_BYTES32, ModelId, raw
from tallystick.market.book import Job
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.manifests import (
    ArtifactRef,
    JobManifest,
    ModelManifest,
    SrsRef,
)
from tallystick.market.terms import JobTerms
from tallystick.merkle import milestones_root
from tallystick.proving.digests import FileDigests
from tallystick.proving.prover import CircuitFiles
from tallystick.proving.ranges import check_inputs
from tallystick.proving.srs import check_srs
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import get_manifest
from tallystick.storage.store import Store
from tallystick.tensors import QuantisedTensors
from tallystick.units import format_size

SEMANTICS_VERSION = 1
"""Of the circuits that this version proves."""


class SpecReader(Protocol):
    deployment: Deployment

    async def model_spec(self, model_id: ModelId) -> ModelSpec: ...


@dataclass(frozen=True)
class Bounds:
    """What is fetched at most, in bytes: of one artifact, and of everything that a job names."""

    artifact: int
    job: int


@dataclass(frozen=True)
class Dossier:
    """A job's documents, all of them what the chain's hashes say.

    Attributes:
        store: Has them, and copies of them.
        input_roots: 32 bytes for each milestone.
    """

    store: Store
    manifest: JobManifest
    circuit: CircuitFiles
    input_roots: tuple[bytes, ...]

    def input_of(self, milestone: int) -> QuantisedTensors:
        """One milestone's input, checked again because it comes from a disk. Raises ArtifactError."""
        ref = self.manifest.inputs[milestone]
        tensors = QuantisedTensors.decode(self.store.get(ref.cid, max_bytes=ref.size_bytes))
        if tensors.root() != self.input_roots[milestone]:
            raise ArtifactCorruptError(f"The input of milestone {milestone} has changed since it was checked.")
        return tensors


class Inspector:
    """Makes dossiers and remembers them until they are dropped.

    Args:
        shared: Where creators put artifacts.
        jobs: Folder with one for each job, where copies are kept: `<job id>/artifacts`, `<job id>/srs`.
        ceremony_folder: Where the operator keeps the strings of public ceremonies, `ceremony-<logrows>.srs`; or None.
    """

    def __init__(
        self, reader: SpecReader, shared: Store, *, jobs: Path, ceremony_folder: Path | None, bounds: Bounds
    ) -> None:
        self._reader = reader
        self._shared = shared
        self._jobs = jobs
        self._ceremony_folder = ceremony_folder
        self._bounds = bounds
        self._digests = FileDigests()
        self._dossiers: dict[str, Dossier] = {}

    async def dossier(self, job: Job) -> Dossier:
        """Everything checked except the circuit's keys, which take minutes.

        Raises:
            TermsError, ModelError, TensorError, ArtifactCorruptError, ArtifactTooLargeError: the job is not what it
                says it is; nobody should work for it.
            ArtifactMissingError, StoreUnavailableError, ChainUnavailableError: may be better later.
        """
        known = self._dossiers.get(job.job_id)
        if known is None:
            spec = await self._reader.model_spec(job.terms.model_id)
            self._check_spec(spec, job.terms)
            known = await in_thread(lambda: self._read(job, spec), "inspect")
            self._dossiers[job.job_id] = known
        return known

    def drop(self, job_id: str) -> None:
        self._dossiers.pop(job_id, None)

    # ---- the parts, in the order in which they depend on each other ------------------------------------------------

    def _check_spec(self, spec: ModelSpec, terms: JobTerms) -> None:
        adapter = self._reader.deployment.contracts.ezkl_verifier_adapter
        checks = [
            (model_id_of(spec) == terms.model_id, f"the chain's specification is of {model_id_of(spec)}"),
            (spec.proof_kind is terms.proof_kind, f"it is proven as {spec.proof_kind.name.lower()}"),
            (spec.adapter == adapter, f"its proofs are checked by {spec.adapter}, not by the EZKL adapter {adapter}"),
            (spec.semantics_version == SEMANTICS_VERSION, f"its semantics have version {spec.semantics_version}"),
            (spec.weights_root == ZERO_BYTES32, "its weights are committed to apart from the circuit"),
        ]
        for holds, trouble in checks:
            if not holds:
                raise ModelError(f"Model {terms.model_id} is none that this agent proves: {trouble}.")

    def _read(self, job: Job, spec: ModelSpec) -> Dossier:
        terms, folder = job.terms, self._jobs / job.job_id
        store = CopyingStore(FolderStore(folder / "artifacts"), self._shared)
        manifest = get_manifest(store, terms.manifest, JobManifest)
        model = get_manifest(store, spec.manifest, ModelManifest)
        self._check_manifests(terms, spec, manifest, model)
        self._check_sizes(manifest, model)
        circuit = CircuitFiles(
            manifest=model,
            onnx=self._fetch(store, model.onnx),
            settings=self._fetch(store, model.settings),
            srs_path=self._srs(store, model.srs, folder / "srs"),
        )
        return Dossier(store, manifest, circuit, self._input_roots(store, terms, manifest, model))

    def _check_manifests(self, terms: JobTerms, spec: ModelSpec, manifest: JobManifest, model: ModelManifest) -> None:
        if manifest.model_id != terms.model_id:
            raise TermsError(
                f"The job's manifest is about model {manifest.model_id}, its terms about {terms.model_id}."
            )
        if len(manifest.inputs) != terms.milestone_count:
            raise TermsError(f"The job has {terms.milestone_count} milestones and {len(manifest.inputs)} inputs.")
        if model.program_id != spec.program_id:
            raise ModelError(
                f"The model's manifest is about program {model.program_id}, its registration about {spec.program_id}."
            )

    def _check_sizes(self, manifest: JobManifest, model: ModelManifest) -> None:
        named = [model.onnx, model.settings, *manifest.inputs, *([model.srs.artifact] if model.srs.artifact else [])]
        total, most = sum(ref.size_bytes for ref in named), self._bounds.job
        if total > most:
            raise ArtifactTooLargeError(
                f"The job's artifacts have {format_size(total)} together; this agent fetches {format_size(most)}."
            )

    def _fetch(self, store: Store, ref: ArtifactRef) -> bytes:
        if ref.size_bytes > self._bounds.artifact:
            raise ArtifactTooLargeError(
                f"Artifact {ref.cid} has {format_size(ref.size_bytes)}; this agent fetches "
                f"{format_size(self._bounds.artifact)} at most."
            )
        data = store.get(ref.cid, max_bytes=ref.size_bytes)
        if len(data) != ref.size_bytes:
            raise ArtifactCorruptError(
                f"Artifact {ref.cid} has {len(data)} bytes where {ref.size_bytes} are announced."
            )
        return data

    def _srs(self, store: Store, wanted: SrsRef, path: Path) -> Path:
        if wanted.origin == "ceremony":
            # Never fetched: `ceremony` is the creator's word, and the file in our own folder is what makes it true.
            return self._ceremony_srs(wanted)
        if wanted.artifact is None:
            raise ArtifactMissingError(
                f"The model's development SRS {wanted.sha256} of 2**{wanted.logrows} rows is not published with it.",
                remedy="Its creator has to register the model again with the SRS in the store.",
            )
        if not path.is_file():
            data = self._fetch(store, wanted.artifact)
            if hashlib.sha256(data).digest() != raw(wanted.sha256):
                raise ArtifactCorruptError(f"The SRS {wanted.artifact.cid} does not have SHA-256 {wanted.sha256}.")
            write_atomic(path, data)
        check_srs(path, wanted, self._digests)
        return path

    def _ceremony_srs(self, wanted: SrsRef) -> Path:
        name = f"ceremony-{wanted.logrows}.srs"
        ours = None if self._ceremony_folder is None else self._ceremony_folder / name
        if ours is None or not ours.is_file():
            raise ArtifactMissingError(
                f"The model needs the ceremony's SRS {wanted.sha256} of 2**{wanted.logrows} rows, which is not here.",
                remedy=f"Put it into the ceremony folder as {name}.",
            )
        check_srs(ours, wanted, self._digests)
        return ours

    def _input_roots(
        self, store: Store, terms: JobTerms, manifest: JobManifest, model: ModelManifest
    ) -> tuple[bytes, ...]:
        roots = []
        for ref in manifest.inputs:
            tensors = QuantisedTensors.decode(self._fetch(store, ref))
            check_inputs(tensors, model.inputs)
            roots.append(tensors.root())
        if milestones_root(roots) != raw(terms.input_root):
            raise TermsError(
                f"The inputs hash to 0x{milestones_root(roots).hex()}, the job was funded for {terms.input_root}.",
                remedy="Do not work for this job: no claim on these inputs can be paid.",
            )
        return tuple(roots)
