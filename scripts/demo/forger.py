"""The forger's tools: real proofs, honestly made, and what a dishonest executor would do with them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import onnx
from onnx import numpy_helper

from scripts.demo.stage import DIGITS, Stage
from scripts.localnet.people import account
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.sender import Sender
from tallystick.ids import Bytes32, bytes32, parse_address
from tallystick.market.claims import Claim, encode_ezkl_proof, program_id_of
from tallystick.market.manifests import ModelManifest
from tallystick.market.terms import NO_ASSIGNMENT, JobTerms
from tallystick.proving.ezkl_prover import EzklProver
from tallystick.proving.prover import Circuit, CircuitFiles, Limits, Proved
from tallystick.storage.open import open_store
from tallystick.tensors import QuantisedTensors, quantise

OPERATOR = "operator-cedar"


class Forger:
    """Cedar's operator, gone bad: it acts with its own cold key, beside its honest executor process."""

    def __init__(self, stage: Stage) -> None:
        assert stage.model is not None, "registered before this scene"
        assert isinstance(stage.model.manifest, ModelManifest), "a model with a circuit"
        self._stage = stage
        self._manifest = stage.model.manifest
        self._folder = stage.net.folder / "forger"
        self._calls = MarketCalls(stage.reader.deployment)
        self._prover = EzklProver(self._folder / "proving")
        self._senders = {
            name: Sender(stage.reader, account(name), self._folder / f"{name}.sqlite")
            for name in (OPERATOR, "agent-birch")
        }
        self.operator = parse_address(account(OPERATOR).address)

    async def accept(self, terms: JobTerms) -> None:
        """Takes the job without the dispatcher: anyone with enough free stake may, once the exclusive time is over."""
        await self._send("accept", self._calls.accept(terms, self.operator, NO_ASSIGNMENT, b""))

    async def claim(self, label: str, terms: JobTerms, claim: Claim, *, by: str = OPERATOR) -> None:
        """Raises RevertError with the contract's named error; then nothing was sent."""
        await self._send(label, self._calls.claim(terms, claim), by=by)

    async def _send(self, label: str, call: Call, *, by: str = OPERATOR) -> None:
        await self._senders[by].send(label, call)

    def close(self) -> None:
        for sender in self._senders.values():
            sender.close()

    def input_of(self, batch: int) -> QuantisedTensors:
        (images,) = self._stage.samples.batches(batch, 1)
        (spec,) = self._manifest.inputs
        return QuantisedTensors(shapes=(spec.shape,), values=(quantise(images, spec),))

    async def prove(self, inputs: QuantisedTensors) -> Proved:
        """A right proof of the registered model."""
        return await asyncio.to_thread(
            self._prover.prove, self._circuit(), inputs, limits=Limits(), progress=self._stage.proving
        )

    async def prove_other_model(self, inputs: QuantisedTensors) -> Proved:
        """A right proof of another model: the same shapes, one weight changed."""
        return await asyncio.to_thread(self._prove_other_model, inputs)

    def _prove_other_model(self, inputs: QuantisedTensors) -> Proved:
        circuit = self._prover.build_circuit(
            self._changed_model(),
            self._stage.samples.calibration,
            srs_folder=self._srs_path().parent,
            limits=Limits(),
            progress=self._stage.proving,
        )
        return self._prover.prove(self._files_of(circuit), inputs, limits=Limits(), progress=self._stage.proving)

    def _changed_model(self) -> bytes:
        model = onnx.load(DIGITS / "digits.onnx")
        bias = model.graph.initializer[-1]
        values = numpy_helper.to_array(bias).copy()
        values[0] += 1
        bias.CopyFrom(numpy_helper.from_array(values, bias.name))
        serialised: bytes = model.SerializeToString()
        return serialised

    def _files_of(self, circuit: Circuit) -> CircuitFiles:
        manifest = self._manifest.model_copy(update={"program_id": program_id_of(circuit.vka), "srs": circuit.srs})
        return CircuitFiles(manifest, circuit.onnx, circuit.settings, circuit.srs_path)

    def _circuit(self) -> CircuitFiles:
        store = open_store(self._stage.net.record.store)
        manifest = self._manifest
        return CircuitFiles(manifest, store.get(manifest.onnx.cid), store.get(manifest.settings.cid), self._srs_path())

    def _srs_path(self) -> Path:
        srs = self._manifest.srs
        assert srs.artifact is not None, "a development SRS is published with its model"
        path = self._folder / "srs" / f"{srs.sha256}.srs"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(open_store(self._stage.net.record.store).get(srs.artifact.cid))
        return path


def claim_of(inputs: QuantisedTensors, proved: Proved, manifest: Bytes32) -> Claim:
    """A claim of the one milestone of a job over `inputs`, whatever was proven."""
    return Claim(
        milestone=0,
        input_root=bytes32(inputs.root()),
        input_proof=(),
        output_root=bytes32(proved.outputs.root()),
        manifest=manifest,
        proof=encode_ezkl_proof(
            input_count=proved.input_count, instances=proved.instances, vka=proved.vka, proof=proved.proof
        ),
    )


def one_byte_changed(proved: Proved) -> Proved:
    """The same proof with one bit of its middle byte flipped."""
    middle = len(proved.proof) // 2
    changed = proved.proof[:middle] + bytes([proved.proof[middle] ^ 1]) + proved.proof[middle + 1 :]
    return replace(proved, proof=changed)
