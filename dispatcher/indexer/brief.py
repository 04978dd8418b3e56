"""A job's documents and whether they fit together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from dispatcher.store.manifests import KeptManifest
from tallystick.errors import ArtifactCorruptError
from tallystick.ids import Bytes32
from tallystick.market.book import Job
from tallystick.market.claims import ModelSpec
from tallystick.market.manifests import AnyModelManifest, JobManifest, decode_model_manifest
from tallystick.market.terms import JobMode


@dataclass(frozen=True)
class Brief:
    """What a job asks for. Where there is `trouble`, nobody can be offered it."""

    manifest: JobManifest | None = None
    model: AnyModelManifest | None = None
    trouble: str | None = None


def brief_of(job: Job, spec: ModelSpec | None, kept: Mapping[Bytes32, KeptManifest]) -> Brief:
    """The brief that follows from what was fetched so far."""
    if spec is None:
        return Brief(trouble=f"No registration of model {job.terms.model_id} has been read from the chain.")
    job_body, trouble = _body("job", kept.get(job.terms.manifest))
    if trouble:
        return Brief(trouble=trouble)
    model_body, trouble = _body("model", kept.get(spec.manifest))
    if trouble:
        return Brief(trouble=trouble)
    try:
        manifest, model = _job_manifest(job_body), _model_manifest(model_body)
    except ArtifactCorruptError as error:
        return Brief(trouble=f"A manifest cannot be used: {error}")
    return Brief(manifest=manifest, model=model, trouble=_contradiction(job, spec, manifest, model))


def _body(noun: str, kept: KeptManifest | None) -> tuple[str, str | None]:
    if kept is None:
        return "", f"The {noun}'s manifest has not been fetched yet."
    if kept.body is None:
        return "", f"The {noun}'s manifest cannot be had: {kept.trouble}"
    return kept.body, None


@lru_cache(maxsize=256)
def _job_manifest(body: str) -> JobManifest:
    return JobManifest.decode(body.encode())


@lru_cache(maxsize=256)
def _model_manifest(body: str) -> AnyModelManifest:
    return decode_model_manifest(body.encode())


def _contradiction(job: Job, spec: ModelSpec, manifest: JobManifest, model: AnyModelManifest) -> str | None:
    kinds = [job.terms.proof_kind.name.lower(), spec.proof_kind.name.lower(), model.proof_kind]
    inputs_wanted = job.terms.milestone_count if job.terms.mode is JobMode.PARALLEL else 1
    if manifest.model_id != job.terms.model_id:
        return f"The job's manifest is about model {manifest.model_id}, its terms about {job.terms.model_id}."
    if len(manifest.inputs) != inputs_wanted:
        return f"The job's manifest has {len(manifest.inputs)} inputs; its terms need {inputs_wanted}."
    if len(set(kinds)) > 1:
        return f"The job's terms are of proof kind {kinds[0]}, its model's registration of {kinds[1]}, the manifest of {kinds[2]}."
    if model.program_id != spec.program_id:
        return f"The model's manifest is about program {model.program_id}, its registration about {spec.program_id}."
    return None
