from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from executor_builders import (
    DEPLOYMENT,
    INPUT,
    SRS,
    address,
    created,
    hash_of,
    job_manifest,
    model_manifest,
    model_spec,
    put,
    tensors,
    terms,
)

from executor.documents import Bounds
from executor.inspection import Dossier, Inspector
from tallystick.errors import (
    ArtifactCorruptError,
    ArtifactMissingError,
    ArtifactTooLargeError,
    ModelError,
    TallystickError,
    TensorError,
    TermsError,
)
from tallystick.hashing import sha256
from tallystick.ids import ModelId, bytes32
from tallystick.market.book import Job, opened
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.manifests import ArtifactRef, SrsRef
from tallystick.market.terms import ProofKind
from tallystick.merkle import milestones_root
from tallystick.storage.cid import parse_cid
from tallystick.storage.folder import FolderStore
from tallystick.tensors import QuantisedTensors

Changes = dict[str, Any]


@dataclass
class Reader:
    """The chain's registry."""

    spec: ModelSpec
    deployment: Any = DEPLOYMENT

    async def model_spec(self, model_id: ModelId) -> ModelSpec:
        return self.spec


@dataclass
class Creator:
    """Publishes a sound job, and breaks it where a test says so."""

    store: FolderStore
    model: Changes = field(default_factory=dict)
    spec: Changes = field(default_factory=dict)
    job: Changes = field(default_factory=dict)
    terms: Changes = field(default_factory=dict)
    inputs: list[QuantisedTensors] = field(default_factory=lambda: [tensors(0), tensors(1)])

    def publish(self) -> tuple[Job, Reader]:
        model = model_manifest(self.store, **self.model)
        spec = model_spec(model).model_copy(update=self.spec)
        manifest = job_manifest(self.store, spec, self.inputs, **self.job)
        self.store.put(model.encode())
        self.store.put(manifest.encode())
        held = terms(
            model_id=model_id_of(spec),
            manifest=manifest.digest(),
            input_root=bytes32(milestones_root([t.root() for t in self.inputs])),
        ).model_copy(update=self.terms)
        return opened(created(held)), Reader(spec)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "shared")


@pytest.fixture
def inspect(tmp_path: Path) -> Callable[..., Any]:
    async def ask(creator: Creator, *, ceremony: Path | None = None, bounds: Bounds | None = None) -> Dossier:
        job, reader = creator.publish()
        inspector = Inspector(
            reader,
            creator.store,
            jobs=tmp_path / "jobs",
            ceremony_folder=ceremony,
            bounds=bounds or Bounds(artifact=1 << 20, job=1 << 20),
        )
        return await inspector.dossier(job)

    return ask


async def test_dossier_given_a_sound_job_knows_the_root_of_each_milestones_input(
    store: FolderStore, inspect: Callable[..., Any]
) -> None:
    dossier = await inspect(Creator(store))

    assert dossier.input_roots == (tensors(0).root(), tensors(1).root())


async def test_dossier_given_a_sound_job_keeps_its_srs_in_the_jobs_folder(
    store: FolderStore, inspect: Callable[..., Any], tmp_path: Path
) -> None:
    dossier = await inspect(Creator(store))

    assert dossier.circuit.srs_path.is_relative_to(tmp_path / "jobs")
    assert dossier.circuit.srs_path.read_bytes() == SRS


OUT_OF_RANGE = QuantisedTensors(shapes=(INPUT.shape,), values=((999, 0, 0, 0),))
OTHER_SHAPE = QuantisedTensors(shapes=((1, 3),), values=((1, 2, 3),))
NOWHERE = ArtifactRef(cid="bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", size_bytes=0)

DISHONEST: list[tuple[str, Changes, type[TallystickError], str]] = [
    ("inputs of another job", {"terms": {"input_root": hash_of("other")}}, TermsError, "hash to"),
    ("one input too few", {"terms": {"share_bps": (1, 2, 3)}}, TermsError, "3 milestones and 2 inputs"),
    ("a manifest of another model", {"job": {"model_id": hash_of("other")}}, TermsError, "about model"),
    ("another program", {"spec": {"program_id": hash_of("other")}}, ModelError, "about program"),
    ("a foreign adapter", {"spec": {"adapter": address("thief")}}, ModelError, "EZKL adapter"),
    ("other semantics", {"spec": {"semantics_version": 2}}, ModelError, "semantics"),
    ("weights apart", {"spec": {"weights_root": hash_of("w")}}, ModelError, "weights"),
    ("another proof kind", {"spec": {"proof_kind": ProofKind.OPTIMISTIC}}, ModelError, "proven as"),
    ("another model's id", {"terms": {"model_id": hash_of("other")}}, ModelError, "specification is of"),
    ("values that hang a prover", {"inputs": [OUT_OF_RANGE, tensors(1)]}, TensorError, "outside"),
    ("another shape", {"inputs": [tensors(0), OTHER_SHAPE]}, TensorError, "shape"),
    ("a manifest that is nowhere", {"terms": {"manifest": hash_of("nowhere")}}, ArtifactMissingError, "not in"),
    ("a model that is nowhere", {"spec": {"manifest": hash_of("nowhere")}}, ArtifactMissingError, "not in"),
    ("a network that is nowhere", {"model": {"onnx": NOWHERE}}, ArtifactMissingError, "not in"),
]


@pytest.mark.parametrize(("changes", "error", "words"), [case[1:] for case in DISHONEST], ids=[c[0] for c in DISHONEST])
async def test_dossier_given_a_job_that_is_not_what_it_says_refuses_with_the_reason(
    store: FolderStore, inspect: Callable[..., Any], changes: Changes, error: type[TallystickError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await inspect(Creator(store, **changes))


async def test_dossier_given_an_artifact_of_another_size_than_announced_refuses(
    store: FolderStore, inspect: Callable[..., Any]
) -> None:
    onnx = put(store, b"a model")

    with pytest.raises(ArtifactCorruptError, match="7 bytes where 8 are announced"):
        await inspect(Creator(store, model={"onnx": onnx.model_copy(update={"size_bytes": 8})}))


async def test_dossier_given_an_artifact_larger_than_announced_does_not_read_it_whole(
    store: FolderStore, inspect: Callable[..., Any]
) -> None:
    onnx = put(store, b"a model")

    with pytest.raises(ArtifactTooLargeError):
        await inspect(Creator(store, model={"onnx": onnx.model_copy(update={"size_bytes": 6})}))


@pytest.mark.parametrize("bounds", [Bounds(artifact=100, job=1 << 20), Bounds(artifact=1 << 20, job=150)])
async def test_dossier_given_more_bytes_than_are_fetched_refuses(
    store: FolderStore, inspect: Callable[..., Any], bounds: Bounds
) -> None:
    with pytest.raises(ArtifactTooLargeError, match="this agent fetches"):
        await inspect(Creator(store), bounds=bounds)


async def test_dossier_given_an_srs_with_another_digest_refuses_and_keeps_nothing(
    store: FolderStore, inspect: Callable[..., Any], tmp_path: Path
) -> None:
    srs = SrsRef(logrows=1, sha256=hash_of("other"), origin="development", artifact=put(store, SRS))

    with pytest.raises(ArtifactCorruptError, match="SHA-256"):
        await inspect(Creator(store, model={"srs": srs}))
    assert not list((tmp_path / "jobs").rglob("srs"))


async def test_dossier_given_a_ceremony_takes_the_operators_own_file(
    store: FolderStore, inspect: Callable[..., Any], tmp_path: Path
) -> None:
    ours = tmp_path / "ceremonies" / "ceremony-1.srs"
    ours.parent.mkdir()
    ours.write_bytes(SRS)
    srs = SrsRef(logrows=1, sha256=bytes32(sha256(SRS)), origin="ceremony")

    dossier = await inspect(Creator(store, model={"srs": srs}), ceremony=ours.parent)

    assert dossier.circuit.srs_path == ours


async def test_dossier_given_a_ceremony_that_is_not_here_says_where_to_put_it(
    store: FolderStore, inspect: Callable[..., Any]
) -> None:
    srs = SrsRef(logrows=1, sha256=bytes32(sha256(SRS)), origin="ceremony")

    with pytest.raises(ArtifactMissingError, match=r"ceremony-1\.srs"):
        await inspect(Creator(store, model={"srs": srs}))


async def test_dossier_given_a_ceremony_that_its_creator_brings_along_does_not_believe_it(
    store: FolderStore, inspect: Callable[..., Any]
) -> None:
    brought = ArtifactRef(cid=store.put(SRS), size_bytes=len(SRS))
    srs = SrsRef(logrows=1, sha256=bytes32(sha256(SRS)), origin="ceremony", artifact=brought)

    with pytest.raises(ArtifactMissingError, match=r"ceremony folder"):
        await inspect(Creator(store, model={"srs": srs}))


async def test_input_of_given_a_damaged_copy_fetches_it_again(
    store: FolderStore, inspect: Callable[..., Any], tmp_path: Path
) -> None:
    dossier = await inspect(Creator(store))
    cid = dossier.manifest.inputs[1].cid
    [damaged] = (tmp_path / "jobs").rglob(cid)
    damaged.write_bytes(b"damaged")

    assert dossier.input_of(1) == tensors(1)
    assert parse_cid(cid).names(damaged.read_bytes())


async def test_input_of_given_a_creator_who_is_gone_has_its_copy(
    store: FolderStore, inspect: Callable[..., Any], tmp_path: Path
) -> None:
    dossier = await inspect(Creator(store))
    shutil.rmtree(tmp_path / "shared")

    assert dossier.input_of(0) == tensors(0)
