"""What is checked of any job's documents, whatever its proof kind. A creator may be dishonest: it earns a part of what a failed
executor loses. So whatever would make the work impossible must come to light before anything is promised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tallystick.chain.deployment import Deployment
from tallystick.errors import ArtifactCorruptError, ArtifactTooLargeError, ModelError, TermsError
from tallystick.ids import ZERO_BYTES32, Address, Bytes32, ModelId, raw
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.manifests import ArtifactRef, JobManifest
from tallystick.market.terms import JobTerms
from tallystick.merkle import milestones_root
from tallystick.storage.store import Store
from tallystick.units import format_size


class SpecReader(Protocol):
    @property
    def deployment(self) -> Deployment: ...

    async def model_spec(self, model_id: ModelId) -> ModelSpec: ...


@dataclass(frozen=True)
class Bounds:
    """What is fetched at most, in bytes: of one artifact, and of everything that a job names.

    Attributes:
        trace: What one milestone's trace may have.
    """

    artifact: int
    job: int
    trace: int = 1 << 30


@dataclass(frozen=True)
class Expected:
    """What a model's specification must say, beside its id and proof kind.

    Attributes:
        adapter: The contract that checks or judges such claims, and its name for people.
    """

    adapter: Address
    adapter_name: str
    semantics_version: int


def check_spec(spec: ModelSpec, terms: JobTerms, expected: Expected) -> None:
    """Raises ModelError for a model that this agent cannot make results of."""
    where = f"its claims are checked by {spec.adapter}, not by the {expected.adapter_name} {expected.adapter}"
    checks = [
        (model_id_of(spec) == terms.model_id, f"the chain's specification is of {model_id_of(spec)}"),
        (spec.proof_kind is terms.proof_kind, f"it is proven as {spec.proof_kind.name.lower()}"),
        (spec.adapter == expected.adapter, where),
        (
            spec.semantics_version == expected.semantics_version,
            f"its semantics have version {spec.semantics_version}, ours {expected.semantics_version}",
        ),
        (spec.weights_root == ZERO_BYTES32, "its weights are committed to apart from its program"),
    ]
    for holds, trouble in checks:
        if not holds:
            raise ModelError(f"Model {terms.model_id} is none that this agent proves: {trouble}.")


def check_manifests(terms: JobTerms, spec: ModelSpec, manifest: JobManifest, program_id: Bytes32) -> None:
    """Whether job and model are what terms and specification say. `program_id`: by the model's manifest."""
    if manifest.model_id != terms.model_id:
        raise TermsError(f"The job's manifest is about model {manifest.model_id}, its terms about {terms.model_id}.")
    if len(manifest.inputs) != terms.milestone_count:
        raise TermsError(f"The job has {terms.milestone_count} milestones and {len(manifest.inputs)} inputs.")
    if program_id != spec.program_id:
        raise ModelError(
            f"The model's manifest is about program {program_id}, its registration about {spec.program_id}."
        )


def check_sizes(named: Iterable[ArtifactRef], bounds: Bounds) -> None:
    """Raises ArtifactTooLargeError where all that a job names is more than is fetched."""
    total = sum(ref.size_bytes for ref in named)
    if total > bounds.job:
        raise ArtifactTooLargeError(
            f"The job's artifacts have {format_size(total)} together; this agent fetches {format_size(bounds.job)}."
        )


def fetch(store: Store, ref: ArtifactRef, bounds: Bounds) -> bytes:
    """An artifact of exactly the announced size. Raises ArtifactError."""
    if ref.size_bytes > bounds.artifact:
        raise ArtifactTooLargeError(
            f"Artifact {ref.cid} has {format_size(ref.size_bytes)}; this agent fetches "
            f"{format_size(bounds.artifact)} at most."
        )
    data = store.get(ref.cid, max_bytes=ref.size_bytes)
    if len(data) != ref.size_bytes:
        raise ArtifactCorruptError(f"Artifact {ref.cid} has {len(data)} bytes where {ref.size_bytes} are announced.")
    return data


def check_input_roots(terms: JobTerms, roots: Sequence[bytes]) -> None:
    """Whether these are the inputs that the job was funded for: 32 bytes for each milestone. Raises TermsError."""
    if milestones_root(roots) != raw(terms.input_root):
        raise TermsError(
            f"The inputs hash to 0x{milestones_root(roots).hex()}, the job was funded for {terms.input_root}.",
            remedy="Do not work for this job: no claim on these inputs can be paid.",
        )
