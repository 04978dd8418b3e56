from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from executor_builders import DEPLOYMENT, address, created, hash_of, model_manifest, put
from executor_programs import inputs, program, program_manifest, program_spec, program_terms, root_of

from executor.documents import Bounds
from executor.optimistic.inspection import ProgramDossier, ProgramInspector, check_levels
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.encoding import encode_program
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Program
from tallystick.errors import (
    ArtifactCorruptError,
    ArtifactMissingError,
    ArtifactTooLargeError,
    ModelError,
    TallystickError,
    TermsError,
)
from tallystick.ids import ModelId
from tallystick.market.book import Job, opened
from tallystick.market.claims import ModelSpec
from tallystick.market.manifests import ArtifactRef
from tallystick.market.terms import ProofKind
from tallystick.storage.folder import FolderStore

Changes = dict[str, Any]
NOWHERE = ArtifactRef(cid="bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", size_bytes=0)


@dataclass
class Reader:
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
    given: Any = None

    def publish(self) -> tuple[Job, Reader]:
        model = program_manifest(self.store, **self.model)
        self.store.put(model.encode())
        spec = program_spec(model).model_copy(update=self.spec)
        held = program_terms(self.store, spec, given=self.given, job=self.job, **self.terms)
        return opened(created(held)), Reader(spec)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "shared")


@pytest.fixture
def inspect(tmp_path: Path) -> Callable[..., Any]:
    async def ask(creator: Creator, bounds: Bounds | None = None) -> ProgramDossier:
        job, reader = creator.publish()
        bounds = bounds or Bounds(1 << 20, 1 << 21)
        return await ProgramInspector(reader, creator.store, jobs=tmp_path / "jobs", bounds=bounds).dossier(job)

    return ask


async def test_dossier_given_a_sound_job_knows_program_and_inputs(
    store: FolderStore, inspect: Callable[..., Any]
) -> None:
    dossier = await inspect(Creator(store))

    assert dossier.input_roots == (root_of(inputs(0)), root_of(inputs(1)))
    assert np.array_equal(dossier.inputs_of(1)[0], inputs(1)[0])
    assert len(dossier.model.program.steps) == len(program().steps)


async def test_inputs_of_given_a_creator_who_is_gone_has_its_copy(
    store: FolderStore, inspect: Callable[..., Any], tmp_path: Path
) -> None:
    dossier = await inspect(Creator(store))
    shutil.rmtree(tmp_path / "shared")

    assert np.array_equal(dossier.inputs_of(0)[0], inputs(0)[0])


async def test_dossier_given_two_jobs_of_a_program_holds_it_once(store: FolderStore, tmp_path: Path) -> None:
    creator = Creator(store)
    first, reader = creator.publish()
    creator.terms = {"salt": 2}
    second, _ = creator.publish()
    inspector = ProgramInspector(reader, store, jobs=tmp_path / "jobs", bounds=Bounds(1 << 20, 1 << 21))

    assert (await inspector.dossier(first)).model is (await inspector.dossier(second)).model


ONE_SHORT = (inputs(0)[0][:, :-1].copy(),)

DISHONEST: list[tuple[str, Changes, type[TallystickError], str]] = [
    ("inputs of another job", {"terms": {"input_root": hash_of("other")}}, TermsError, "hash to"),
    ("one input too few", {"terms": {"share_bps": (1, 2, 3)}}, TermsError, "3 milestones and 2 inputs"),
    ("an input of another size", {"given": [ONE_SHORT, inputs(1)]}, ArtifactCorruptError, "700 bytes and has 699"),
    ("a manifest of another model", {"job": {"model_id": hash_of("other")}}, TermsError, "about model"),
    ("another program", {"spec": {"program_id": hash_of("other")}}, ModelError, "about program"),
    ("a foreign judge", {"spec": {"adapter": address("thief")}}, ModelError, "judge of traces"),
    ("other semantics", {"spec": {"semantics_version": 2}}, ModelError, "semantics have version 2, ours 1"),
    ("weights apart", {"spec": {"weights_root": hash_of("w")}}, ModelError, "weights"),
    ("another proof kind", {"spec": {"proof_kind": ProofKind.ZK}}, ModelError, "proven as zk"),
    ("another model's id", {"terms": {"model_id": hash_of("other")}}, ModelError, "specification is of"),
    ("a job that is nowhere", {"terms": {"manifest": hash_of("nowhere")}}, ArtifactMissingError, "not in"),
    ("a model that is nowhere", {"spec": {"manifest": hash_of("nowhere")}}, ArtifactMissingError, "not in"),
    ("a program that is nowhere", {"model": {"program": NOWHERE}}, ArtifactMissingError, "not in"),
]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [case[1:] for case in DISHONEST],
    ids=[case[0] for case in DISHONEST],
)
async def test_dossier_given_a_job_that_is_not_what_it_says_refuses_with_the_reason(
    store: FolderStore, inspect: Callable[..., Any], changes: Changes, error: type[TallystickError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await inspect(Creator(store, **changes))


async def test_dossier_given_a_program_of_another_hash_refuses(store: FolderStore, inspect: Callable[..., Any]) -> None:
    other = put(store, encode_program(small_program()))

    with pytest.raises(ModelError, match="program hashes to"):
        await inspect(Creator(store, model={"program": other}))


async def test_dossier_given_bytes_that_are_no_program_refuses(store: FolderStore, inspect: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match="not a program's file"):
        await inspect(Creator(store, model={"program": put(store, b"something else, but long enough to look at")}))


async def test_dossier_given_the_manifest_of_a_circuit_refuses(store: FolderStore, inspect: Callable[..., Any]) -> None:
    circuit = model_manifest(store)
    store.put(circuit.encode())

    with pytest.raises(ArtifactCorruptError, match="not the ProgramManifest"):
        await inspect(Creator(store, spec={"manifest": circuit.digest()}))


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(artifact=1_000, job=1 << 21), "this agent fetches 1000 B at most"),
        (Bounds(artifact=1 << 20, job=1_000), "together"),
        (Bounds(artifact=1 << 20, job=1 << 21, trace=1_309), "leaves a trace"),
    ],
)
async def test_dossier_given_more_bytes_than_are_taken_refuses(
    store: FolderStore, inspect: Callable[..., Any], bounds: Bounds, words: str
) -> None:
    with pytest.raises(ArtifactTooLargeError, match=words):
        await inspect(Creator(store), bounds)


async def test_dossier_given_a_trace_of_just_the_bound_is_taken(
    store: FolderStore, inspect: Callable[..., Any]
) -> None:
    assert await inspect(Creator(store), Bounds(artifact=1 << 20, job=1 << 21, trace=700 + 600 + 10))


def small_program() -> Program:
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.U8, (4,)), "x")
    return b.build(b.lookup(x, np.arange(256, dtype=np.uint8)), "y")


def many_steps(count: int, size: int) -> Program:
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.U8, (size,)), "x")
    for step in range(count):
        x = b.lookup(x, np.roll(np.arange(256, dtype=np.uint8), step % 2 + 1))
    return b.build(x, "y")


@pytest.mark.parametrize("sizes", [(2_049, 256 * 65), (3, 4)])
def test_check_levels_given_tensors_within_the_clock_takes_them(sizes: tuple[int, int]) -> None:
    check_levels(many_steps(*sizes))


def test_check_levels_given_a_leaf_too_deep_for_the_clock_refuses() -> None:
    # More steps than one answer shows, and tensors of more leaves than two levels of nodes lead to.
    deep = many_steps(2_049, (1 << 13) * 256 + 1)

    with pytest.raises(ModelError, match=r"takes 5 levels of demands; the clock allows for 4"):
        check_levels(deep)
