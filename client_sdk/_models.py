"""Models: made into circuits or programs, published, registered, and found again by their id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_sdk._connection import Connection
from client_sdk._engine import needs_engine
from tallystick.chain.deployment import Contracts
from tallystick.errors import ArtifactError, InputError, ModelError, RevertError
from tallystick.ids import ZERO_BYTES32, Bytes32, ModelId
from tallystick.logs import get_logger
from tallystick.market.claims import ModelSpec, model_id_of, program_id_of
from tallystick.market.events import ModelRegistered
from tallystick.market.manifests import (
    AnyModelManifest,
    ArtifactRef,
    ModelManifest,
    ProgramManifest,
    ProgramTensor,
    SrsRef,
)
from tallystick.market.terms import ProofKind
from tallystick.proving.prover import Circuit, Limits, Progress, Prover, no_progress
from tallystick.storage.manifests import get_model_manifest, put_manifest
from tallystick.tensors import TensorSpec

if TYPE_CHECKING:
    from client_sdk._programs import HeldProgram, Programs
    from tallystick.engine.compiler.package import Package

SEMANTICS_VERSION = 1
"""Of circuits; a program says its own."""
MAX_ONNX_BYTES = 64 << 20
MAX_NAME = 80

log = get_logger(__name__)


@dataclass(frozen=True)
class ModelHandle:
    """A registered model whose manifest was read and checked.

    Attributes:
        manifest: A ProgramManifest where the proof kind is Optimistic.
    """

    model_id: ModelId
    spec: ModelSpec
    manifest: AnyModelManifest

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def proof_kind(self) -> ProofKind:
        """How results are shown to be right, for every job of this model."""
        return self.spec.proof_kind

    @property
    def inputs(self) -> tuple[TensorSpec, ...] | tuple[ProgramTensor, ...]:
        return self.manifest.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...] | tuple[ProgramTensor, ...]:
        return (self.manifest.output,) if isinstance(self.manifest, ProgramManifest) else self.manifest.outputs


@dataclass(frozen=True)
class ModelListing:
    """A registered model as the chain has it; `name` is None where its manifest cannot be read from here."""

    model_id: ModelId
    name: str | None
    proof_kind: ProofKind
    registered_block: int


class Models:
    """
    Args:
        make_prover: Called when a model is first made into a circuit, because provers are heavy to load.
    """

    def __init__(self, connection: Connection, make_prover: Callable[[], Prover]) -> None:
        self._connection = connection
        self._make_prover = make_prover
        self._known: dict[ModelId, ModelHandle] = {}

    async def register(
        self,
        onnx: bytes,
        calibration: Sequence[Any],
        *,
        name: str,
        limits: Limits | None = None,
        progress: Progress = no_progress,
    ) -> ModelHandle:
        """See `AsyncClient.register_model`."""
        signing = self._connection.signer()
        _check_name(name)
        circuit = await asyncio.to_thread(self._build, onnx, calibration, limits or Limits(), progress)
        manifest = await asyncio.to_thread(self._publish, circuit, name)
        spec = ModelSpec(
            proof_kind=ProofKind.ZK,
            semantics_version=SEMANTICS_VERSION,
            adapter=self._connection.reader.deployment.contracts.ezkl_verifier_adapter,
            program_id=manifest.program_id,
            weights_root=ZERO_BYTES32,
            manifest=manifest.digest(),
        )
        model_id = model_id_of(spec)
        # The verifier first: a model that is registered can be claimed for from then on.
        await signing.send(f"program:{spec.program_id}", self._connection.calls.register_program(circuit.vka))
        await signing.send(f"register:{model_id}", self._connection.calls.register_model(spec))
        log.info("model_registered", model_id=model_id, name=name)
        return self._remember(ModelHandle(model_id, spec, manifest))

    async def register_program(self, package: Package | Path, *, name: str) -> ModelHandle:
        """See `AsyncClient.register_program`."""
        signing = self._connection.signer()
        _check_name(name)
        manifest = await asyncio.to_thread(self._publish_program, package, name)
        spec = ModelSpec(
            proof_kind=ProofKind.OPTIMISTIC,
            semantics_version=manifest.semantics_version,
            adapter=self._connection.reader.deployment.contracts.trace_dispute,
            program_id=manifest.program_id,
            weights_root=ZERO_BYTES32,
            manifest=manifest.digest(),
        )
        model_id = model_id_of(spec)
        await signing.send(f"register:{model_id}", self._connection.calls.register_model(spec))
        log.info("model_registered", model_id=model_id, name=name)
        return self._remember(ModelHandle(model_id, spec, manifest))

    async def program(self, model: ModelHandle) -> HeldProgram:
        """An Optimistic model's program, fetched and checked once.

        Raises:
            InputError: the model is of another kind, or the engine is not installed.
            ModelError: what its manifest names is not what was registered.
            ArtifactError: it is not to be had.
        """
        if not isinstance(model.manifest, ProgramManifest):
            raise InputError(f"Model {model.model_id} has a circuit, and no program: its claims are proven.")
        return await asyncio.to_thread(self._programs.get, model.manifest)

    @cached_property
    def _programs(self) -> Programs:
        with needs_engine("A program"):
            from client_sdk._programs import Programs  # noqa: PLC0415  (the engine is an extra)
        return Programs(self._connection.store)

    async def get(self, model_id: ModelId) -> ModelHandle:
        """See `AsyncClient.model`."""
        if model_id in self._known:
            return self._known[model_id]
        try:
            spec = await self._connection.reader.model_spec(model_id)
        except RevertError as error:
            if error.name != "ModelRegistry_UnknownModel":
                raise
            raise ModelError(
                f"No model {model_id} is registered on this chain.",
                remedy="List those that are with `tallystick model list`, or register it.",
            ) from error
        manifest = await self._read_manifest(spec.manifest)
        _check(model_id, spec, manifest, self._connection.reader.deployment.contracts)
        return self._remember(ModelHandle(model_id, spec, manifest))

    async def list(self) -> list[ModelListing]:
        """See `AsyncClient.models`."""
        reader = self._connection.reader
        facts = await reader.facts(reader.deployment.block, (await reader.head()).number)
        registered = [fact for fact in facts if isinstance(fact, ModelRegistered)]
        return [
            ModelListing(fact.model_id, await self._name_of(fact.spec), fact.spec.proof_kind, fact.at.block_number)
            for fact in registered
        ]

    def _remember(self, model: ModelHandle) -> ModelHandle:
        self._known[model.model_id] = model
        return model

    def _build(self, onnx: bytes, calibration: Sequence[Any], limits: Limits, progress: Progress) -> Circuit:
        srs_folder = self._connection.home / "srs"
        srs_folder.mkdir(parents=True, exist_ok=True)
        return self._make_prover().build_circuit(
            onnx, calibration, srs_folder=srs_folder, limits=limits, progress=progress
        )

    def _publish(self, circuit: Circuit, name: str) -> ModelManifest:
        manifest = ModelManifest(
            name=name,
            prover_version=circuit.prover_version,
            onnx=self._put(circuit.onnx),
            settings=self._put(circuit.settings),
            srs=self._publish_srs(circuit.srs, circuit.srs_path),
            inputs=circuit.inputs,
            outputs=circuit.outputs,
            program_id=program_id_of(circuit.vka),
        )
        put_manifest(self._connection.store, manifest)
        return manifest

    def _publish_program(self, package: Package | Path, name: str) -> ProgramManifest:
        with needs_engine("A program"):
            from client_sdk._programs import publish_program  # noqa: PLC0415  (the engine is an extra)
        return publish_program(self._connection.store, package, name)

    def _publish_srs(self, srs: SrsRef, path: Path) -> SrsRef:
        """Only a development string travels with its model: nobody else has it."""
        if srs.origin == "ceremony" or srs.artifact is not None:
            return srs
        return srs.model_copy(update={"artifact": self._put(path.read_bytes())})

    def _put(self, data: bytes) -> ArtifactRef:
        return ArtifactRef(cid=self._connection.store.put(data), size_bytes=len(data))

    async def _read_manifest(self, digest: Bytes32) -> AnyModelManifest:
        return await asyncio.to_thread(get_model_manifest, self._connection.store, digest)

    async def _name_of(self, spec: ModelSpec) -> str | None:
        try:
            return (await self._read_manifest(spec.manifest)).name
        except ArtifactError:
            return None


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= MAX_NAME:
        raise InputError(f"A model's name has 1 to {MAX_NAME} characters, not {len(name)}.")


def _check(model_id: ModelId, spec: ModelSpec, manifest: AnyModelManifest, contracts: Contracts) -> None:
    """A manifest is the creator's word; the id commits to the specification alone."""
    if model_id_of(spec) != model_id:
        raise ModelError(f"The endpoint's specification of model {model_id} has another id: {model_id_of(spec)}.")
    adapters = {ProofKind.ZK: contracts.ezkl_verifier_adapter, ProofKind.OPTIMISTIC: contracts.trace_dispute}
    if spec.adapter != adapters.get(spec.proof_kind):
        known = " or ".join(f"{kind.name} with adapter {adapter}" for kind, adapter in adapters.items())
        raise ModelError(
            f"Model {model_id} is checked by {spec.adapter} ({spec.proof_kind.name}), which this version does not know.",
            remedy=f"Use a model of proof kind {known}.",
        )
    if manifest.proof_kind != spec.proof_kind.name.lower():
        raise ModelError(
            f"The manifest of model {model_id} is of proof kind {manifest.proof_kind}, its registration of "
            f"{spec.proof_kind.name.lower()}.",
            remedy=_ANEW,
        )
    if manifest.program_id != spec.program_id:
        raise ModelError(
            f"The manifest of model {model_id} names program {manifest.program_id}, its registration "
            f"{spec.program_id}.",
            remedy=_ANEW,
        )
    if isinstance(manifest, ProgramManifest) and manifest.semantics_version != spec.semantics_version:
        raise ModelError(
            f"The manifest of model {model_id} has semantics {manifest.semantics_version}, its registration "
            f"{spec.semantics_version}.",
            remedy=_ANEW,
        )


_ANEW = "Whoever registered it made a mistake; register the model anew."


def read_onnx(path: Path) -> bytes:
    """Raises InputError for a file that is missing or too large."""
    try:
        size = path.stat().st_size
        if size > MAX_ONNX_BYTES:
            raise InputError(f"{path} has {size} bytes; a model has at most {MAX_ONNX_BYTES}.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"The model {path} cannot be read: {error.strerror}.", remedy="Check the path.") from error
