"""Optimistic models: a package published and registered, found again, and not believed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from client_builders import DEPLOYMENT
from optimistic_world import PROGRAM, OptimisticWorld

from client_sdk._engine import needs_engine
from client_sdk._models import Models
from client_sdk._programs import MOST_TENSORS, check_disputable, read_program_package
from tallystick.engine.encoding import decode_program
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Program
from tallystick.errors import ArtifactCorruptError, InputError, KeystoreError, ModelError
from tallystick.market.claims import model_id_of
from tallystick.market.manifests import ArtifactRef, ProgramManifest
from tallystick.market.terms import ProofKind
from tallystick.storage.manifests import get_model_manifest, put_manifest


@pytest.fixture
def world(tmp_path: Path) -> OptimisticWorld:
    return OptimisticWorld(tmp_path)


def models_of(world: OptimisticWorld, **changes: Any) -> Models:
    return Models(world.reconnected(**changes), lambda: pytest.fail("a program needs no prover"))


def manifest_of(world: OptimisticWorld) -> ProgramManifest:
    manifest = world.program_model.manifest
    assert isinstance(manifest, ProgramManifest)
    return manifest


def respelled(world: OptimisticWorld, spec_changes: Any = None, **changes: Any) -> str:
    """The id of a model registered with another manifest or specification."""
    manifest = manifest_of(world).model_copy(update=changes)
    update = {"manifest": put_manifest(world.store, manifest), **(spec_changes or {})}
    spec = world.program_model.spec.model_copy(update=update)
    world.chain.specs[model_id_of(spec)] = spec
    return model_id_of(spec)


@pytest.mark.parametrize("form", ["folder", "package"])
async def test_register_program_publishes_what_others_need_and_registers_it(world: OptimisticWorld, form: str) -> None:
    package = world.package.directory if form == "folder" else world.package

    model = await models_of(world).register_program(package, name="opcodes")

    manifest = get_model_manifest(world.store, model.spec.manifest)
    assert isinstance(manifest, ProgramManifest)
    assert decode_program(world.store.get(manifest.program.cid)).steps == PROGRAM.steps
    assert world.store.get(manifest.package.cid) == world.package.manifest.encode()
    assert [key.partition(":")[0] for key, _ in world.signing.sent] == ["register"]


async def test_register_program_gives_a_handle_of_its_kind(world: OptimisticWorld) -> None:
    model = await models_of(world).register_program(world.package, name="opcodes")

    assert (model.name, model.proof_kind, model.spec.adapter) == (
        "opcodes",
        ProofKind.OPTIMISTIC,
        DEPLOYMENT.contracts.trace_dispute,
    )
    assert model.spec.program_id == world.package.manifest.program_hash
    assert [(one.name, one.dims, one.held) for one in model.inputs] == [("image", (1, 6, 6, 4), "quantised")]  # type: ignore[union-attr]
    assert [one.name for one in model.outputs] == ["answer"]


async def test_register_program_twice_gives_the_same_model(world: OptimisticWorld) -> None:
    first = await models_of(world).register_program(world.package, name="opcodes")
    second = await models_of(world).register_program(world.package.directory, name="opcodes")

    assert first.model_id == second.model_id


async def test_register_program_given_a_folder_that_is_no_package_says_what_makes_one(world: OptimisticWorld) -> None:
    with pytest.raises(ModelError, match="is no package") as raised:
        await models_of(world).register_program(world.store_folder, name="opcodes")
    assert "tallystick model compile" in raised.value.remedy
    assert world.signing.sent == []


async def test_register_program_given_a_damaged_file_publishes_nothing(world: OptimisticWorld) -> None:
    (world.package.directory / "program.bin").write_bytes(b"TALLYPRG")

    with pytest.raises(ArtifactCorruptError):
        await models_of(world).register_program(world.package.directory, name="opcodes")
    assert world.signing.sent == []


async def test_register_program_given_no_key_says_so(world: OptimisticWorld) -> None:
    with pytest.raises(KeystoreError):
        await models_of(world, signing=None).register_program(world.package, name="opcodes")


def test_read_program_package_given_other_semantics_says_which(world: OptimisticWorld) -> None:
    manifest = world.package.manifest.model_copy(update={"semantics_version": 2})
    package = dataclasses.replace(world.package, manifest=manifest)

    with pytest.raises(ModelError, match="has semantics 2, and this release 1") as raised:
        read_program_package(package)
    assert "Compile the model again" in raised.value.remedy


def with_steps(count: int) -> Program:
    return dataclasses.replace(PROGRAM, steps=PROGRAM.steps[:1] * count)


def with_tensor(byte_size: int) -> Program:
    step = dataclasses.replace(PROGRAM.steps[0], header=TensorHeader(DType.U8, (byte_size,)))
    return dataclasses.replace(PROGRAM, steps=(step,))


@pytest.mark.parametrize("program", [with_steps(MOST_TENSORS), with_tensor(256 << 20)])
def test_check_disputable_given_what_the_clock_has_time_for_takes_it(program: Program) -> None:
    check_disputable(program)


@pytest.mark.parametrize(
    ("program", "sentence", "remedy"),
    [
        (with_steps(MOST_TENSORS + 1), r"2,049 steps; .* 2,048 at most", "Split the model"),
        (with_tensor((256 << 20) + 1), r"Tensor 0 of the program's steps, u8.*256 MiB at most", "--batch"),
    ],
)
def test_check_disputable_given_more_than_can_be_demanded_in_time_refuses_it(
    program: Program, sentence: str, remedy: str
) -> None:
    with pytest.raises(ModelError, match=sentence) as raised:
        check_disputable(program)
    assert remedy in raised.value.remedy


async def test_get_given_a_program_reads_it_back(world: OptimisticWorld) -> None:
    model = await models_of(world).get(world.program_model.model_id)

    assert model == world.program_model


@pytest.mark.parametrize(
    ("changes", "spec_changes", "sentence"),
    [
        ({}, {"adapter": DEPLOYMENT.contracts.ezkl_verifier_adapter}, "which this version does not know"),
        ({}, {"semantics_version": 2}, "has semantics 1, its registration 2"),
        ({"program_id": "0x" + "11" * 32}, {}, "names program 0x1111"),
        (
            {},
            {"proof_kind": ProofKind.ZK, "adapter": DEPLOYMENT.contracts.ezkl_verifier_adapter},
            "is of proof kind optimistic, its registration of zk",
        ),
    ],
)
async def test_get_given_a_registration_that_its_manifest_contradicts_refuses_it(
    world: OptimisticWorld, changes: Any, spec_changes: Any, sentence: str
) -> None:
    model_id = respelled(world, spec_changes, **changes)

    with pytest.raises(ModelError, match=sentence):
        await models_of(world).get(model_id)  # type: ignore[arg-type]


async def test_program_given_another_program_under_its_name_refuses_it(world: OptimisticWorld) -> None:
    data = world.store.get(manifest_of(world).program.cid)
    place = data.rindex(bytes([1] * 40))  # ones of a weight
    other = data[:place] + b"\2" + data[place + 1 :]
    named = ArtifactRef(cid=world.store.put(other), size_bytes=len(other))
    models = models_of(world)
    model = await models.get(respelled(world, program=named))  # type: ignore[arg-type]

    with pytest.raises(ModelError, match="has the hash 0x"):
        await models.program(model)


async def test_program_given_tensors_that_it_does_not_have_refuses_it(world: OptimisticWorld) -> None:
    manifest = manifest_of(world)
    wider = manifest.output.model_copy(update={"dims": (1, *manifest.output.dims)})
    models = models_of(world)
    model = await models.get(respelled(world, output=wider))  # type: ignore[arg-type]

    with pytest.raises(ModelError, match="describes other tensors"):
        await models.program(model)


async def test_program_given_a_circuit_says_that_it_has_none(world: OptimisticWorld) -> None:
    with pytest.raises(InputError, match="has a circuit, and no program"):
        await models_of(world).program(world.model)


def test_needs_engine_given_a_missing_library_says_what_to_install() -> None:
    with pytest.raises(InputError, match="An audit needs the module 'numba'") as raised, needs_engine("An audit"):
        raise ModuleNotFoundError("No module named 'numba'", name="numba")
    assert raised.value.remedy == "Run `pip install 'tallystick[engine]'`."


def test_needs_engine_given_a_module_of_ours_does_not_hide_it() -> None:
    with pytest.raises(ModuleNotFoundError), needs_engine():
        raise ModuleNotFoundError("No module named 'tallystick.none'", name="tallystick.none")
