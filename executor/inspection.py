"""The documents of a `Zk` job, fetched and checked before anything is promised."""

from __future__ import annotations

import hashlib
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
from tallystick.errors import ArtifactCorruptError, ArtifactMissingError
from tallystick.ids import raw
from tallystick.market.book import Job
from tallystick.market.claims import ModelSpec
from tallystick.market.manifests import (
    JobManifest,
    ModelManifest,
    SrsRef,
)
from tallystick.market.terms import JobTerms
from tallystick.proving.digests import FileDigests
from tallystick.proving.prover import CircuitFiles
from tallystick.proving.ranges import check_inputs
from tallystick.proving.srs import check_srs
from tallystick.service.home import write_atomic
from tallystick.service.threads import in_thread
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import get_manifest
from tallystick.storage.store import Store
from tallystick.tensors import QuantisedTensors

SEMANTICS_VERSION = 1
"""Of the circuits that this version proves."""


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

    def known(self, job_id: str) -> Dossier:
        """What `dossier` returned, which was not dropped since."""
        return self._dossiers[job_id]

    def drop(self, job_id: str) -> None:
        self._dossiers.pop(job_id, None)

    # ---- the parts, in the order in which they depend on each other ------------------------------------------------

    def _check_spec(self, spec: ModelSpec, terms: JobTerms) -> None:
        adapter = self._reader.deployment.contracts.ezkl_verifier_adapter
        check_spec(spec, terms, Expected(adapter, "EZKL adapter", SEMANTICS_VERSION))

    def _read(self, job: Job, spec: ModelSpec) -> Dossier:
        terms, folder = job.terms, self._jobs / job.job_id
        store = CopyingStore(FolderStore(folder / "artifacts"), self._shared)
        manifest = get_manifest(store, terms.manifest, JobManifest)
        model = get_manifest(store, spec.manifest, ModelManifest)
        check_manifests(terms, spec, manifest, model.program_id)
        brought = [model.srs.artifact] if model.srs.artifact else []
        check_sizes([model.onnx, model.settings, *manifest.inputs, *brought], self._bounds)
        circuit = CircuitFiles(
            manifest=model,
            onnx=fetch(store, model.onnx, self._bounds),
            settings=fetch(store, model.settings, self._bounds),
            srs_path=self._srs(store, model.srs, folder / "srs"),
        )
        return Dossier(store, manifest, circuit, self._input_roots(store, terms, manifest, model))

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
            data = fetch(store, wanted.artifact, self._bounds)
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
            tensors = QuantisedTensors.decode(fetch(store, ref, self._bounds))
            check_inputs(tensors, model.inputs)
            roots.append(tensors.root())
        check_input_roots(terms, roots)
        return tuple(roots)
