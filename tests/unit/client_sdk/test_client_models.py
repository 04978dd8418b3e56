"""Models: published, registered, found again, and not believed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from client_builders import INPUT, OUTPUT, World, at, hash_of, model_in

from client_sdk._models import Models, read_onnx
from tallystick.errors import ArtifactMissingError, InputError, KeystoreError, ModelError
from tallystick.ids import raw
from tallystick.market.claims import program_id_of
from tallystick.market.events import ModelRegistered
from tallystick.market.manifests import ModelManifest, SrsRef
from tallystick.proving.prover import Circuit, Limits, Progress
from tallystick.storage.manifests import get_manifest

VKA = (b"\x01" * 32, b"\x02" * 32)


class FakeProver:
    """Makes the same circuit of everything; the real one is tested with real circuits."""

    backend = "ezkl"
    version = "23.0.5"

    def __init__(self, srs_path: Path, origin: str = "development") -> None:
        self.srs_path = srs_path
        self.origin = origin

    def build_circuit(
        self, onnx: bytes, calibration: Sequence[Any], *, srs_folder: Path, limits: Limits, progress: Progress
    ) -> Circuit:
        self.srs_path.write_bytes(b"srs")
        srs = SrsRef.model_validate({"logrows": 10, "sha256": hash_of("srs"), "origin": self.origin})
        return Circuit(onnx, b"{}", srs, self.srs_path, VKA, (INPUT,), (OUTPUT,), 10, self.version)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def models_of(world: World, origin: str = "development") -> Models:
    prover: Any = FakeProver(world.connection.home / "srs.bin", origin)
    return Models(world.connection, lambda: prover)


async def test_register_publishes_what_an_executor_needs_and_registers_its_digest(world: World) -> None:
    model = await models_of(world).register(b"onnx", [[0.0]], name="digits")

    manifest = get_manifest(world.store, model.spec.manifest, ModelManifest)
    assert world.store.get(manifest.onnx.cid) == b"onnx"
    assert world.store.get(manifest.settings.cid) == b"{}"
    assert manifest.program_id == model.spec.program_id == program_id_of(VKA)
    assert raw(model.spec.manifest) in world.signing.sent[-1][1].data


async def test_register_given_a_development_srs_ships_it_with_the_model(world: World) -> None:
    model = await models_of(world).register(b"onnx", [[0.0]], name="digits")

    assert model.manifest.srs.artifact is not None
    assert world.store.get(model.manifest.srs.artifact.cid) == b"srs"


async def test_register_given_a_ceremonys_srs_ships_only_its_hash(world: World) -> None:
    model = await models_of(world, "ceremony").register(b"onnx", [[0.0]], name="digits")

    assert model.manifest.srs.artifact is None


async def test_register_shows_the_verifier_the_program_before_anyone_can_claim_for_it(world: World) -> None:
    await models_of(world).register(b"onnx", [[0.0]], name="digits")

    (program, call), (registration, _) = world.signing.sent
    assert (program.partition(":")[0], registration.partition(":")[0]) == ("program", "register")
    assert b"".join(VKA) in call.data


async def test_register_twice_sends_nothing_more(world: World) -> None:
    models = models_of(world)

    assert await models.register(b"onnx", [[0.0]], name="a") == await models.register(b"onnx", [[0.0]], name="a")
    assert len(world.signing.sent) == 2


async def test_register_given_a_client_without_a_key_is_refused_before_the_circuit_is_made(world: World) -> None:
    def make_prover() -> Any:
        raise AssertionError("no circuit without a key")

    models = Models(world.reconnected(signing=None), make_prover)

    with pytest.raises(KeystoreError):
        await models.register(b"onnx", [[0.0]], name="a")


async def test_get_given_a_registered_model_reads_its_manifest(world: World) -> None:
    assert await models_of(world).get(world.model.model_id) == world.model


async def test_get_given_a_specification_that_does_not_hash_to_the_id_is_refused(world: World) -> None:
    other = model_in(world.store, inputs=())
    world.chain.specs[world.model.model_id] = other.spec

    with pytest.raises(ModelError, match="has another id"):
        await models_of(world).get(world.model.model_id)


async def test_get_given_an_adapter_of_another_kind_is_refused(world: World) -> None:
    spec = world.model.spec.model_copy(update={"adapter": "0x" + "11" * 20})
    from tallystick.market.claims import model_id_of

    world.chain.specs[model_id_of(spec)] = spec

    with pytest.raises(ModelError, match="which this version does not know"):
        await models_of(world).get(model_id_of(spec))


async def test_get_given_a_manifest_that_no_store_has_says_which(world: World) -> None:
    spec = world.model.spec.model_copy(update={"manifest": hash_of("nowhere")})
    from tallystick.market.claims import model_id_of

    world.chain.specs[model_id_of(spec)] = spec

    with pytest.raises(ArtifactMissingError):
        await models_of(world).get(model_id_of(spec))


async def test_list_names_each_model_whose_manifest_is_here(world: World) -> None:
    lost = world.model.spec.model_copy(update={"manifest": hash_of("nowhere")})
    for index, spec in enumerate((world.model.spec, lost)):
        world.happen(ModelRegistered(at=at(2, index), model_id=world.model.model_id, spec=spec))

    assert [model.name for model in await models_of(world).list()] == ["doubler", None]


def test_read_onnx_given_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"digits\.onnx cannot be read: No such file"):
        read_onnx(tmp_path / "digits.onnx")


@pytest.mark.parametrize("name", ["", "x" * 81])
async def test_register_given_a_name_that_nobody_could_publish_is_refused_before_the_circuit_is_made(
    world: World, name: str
) -> None:
    with pytest.raises(InputError, match=r"1 to 80 characters"):
        await models_of(world).register(b"onnx", [[0.0]], name=name)
    assert world.signing.sent == []
