"""EZKL as a `Prover`: every call of the library happens in a child process (see `child.py`)."""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tallystick.errors import ModelError, ProofRejectedError, ProverFailedError
from tallystick.hashing import from_field
from tallystick.market.claims import program_id_of
from tallystick.proving import steps
from tallystick.proving.child import ChildRunner, Step
from tallystick.proving.circuit_build import CircuitBuilder
from tallystick.proving.circuit_settings import CircuitSettings, check_specs, read_settings
from tallystick.proving.keys import KeyFiles, KeyIdentity, read_vka
from tallystick.proving.proof_file import decode_proof, encode_input, encode_proof
from tallystick.proving.prover import Circuit, CircuitFiles, Limits, Progress, Proved, no_progress
from tallystick.proving.ranges import check_inputs
from tallystick.proving.srs import check_srs
from tallystick.proving.workshop import Workshop
from tallystick.tensors import QuantisedTensors

DEFAULT_KEY_CACHE_BYTES = 20 * 2**30

_WITNESS = "witness.json"
_KEY_STEPS = ("compile", "setup", "vka")
_REHEARSE_STEPS = ("witness", "mock")
_PROVE_STEPS = (*_REHEARSE_STEPS, "prove", "verify")


def ezkl_version() -> str:
    """Of the installed library, without importing it. Raises ProverFailedError."""
    try:
        return importlib.metadata.version("ezkl")
    except importlib.metadata.PackageNotFoundError:
        raise ProverFailedError(
            "EZKL is not installed.", remedy="Install it: pip install 'tallystick[proving]'."
        ) from None


class EzklProver:
    """Makes circuits, keys and proofs; see `Prover` for what each call does and raises.

    Args:
        home: Folder for keys, measured times and scratch files; may be shared by processes and removed between runs.
        environment: Added to the prover's otherwise empty environment, for example RAYON_NUM_THREADS.
        key_cache_bytes: Kept of keys, see `KeyCache`. None: all that were ever made.
    """

    def __init__(
        self,
        home: Path,
        *,
        environment: Mapping[str, str] | None = None,
        key_cache_bytes: int | None = DEFAULT_KEY_CACHE_BYTES,
    ) -> None:
        home = home.resolve()
        runner = ChildRunner(home / "child", environment=environment)
        self._workshop = Workshop(home, runner, ezkl_version(), key_cache_bytes)

    @property
    def backend(self) -> str:
        return "ezkl"

    @property
    def version(self) -> str:
        return self._workshop.version

    def build_circuit(
        self,
        onnx: bytes,
        calibration: Sequence[Any],
        *,
        srs_folder: Path,
        limits: Limits,
        progress: Progress = no_progress,
    ) -> Circuit:
        with self._workshop.workspace() as folder:
            return CircuitBuilder(self._workshop, folder, limits, progress).build(onnx, calibration, srs_folder)

    def ensure_keys(self, circuit: CircuitFiles, *, limits: Limits, progress: Progress = no_progress) -> None:
        with self._keys(circuit, limits, progress):
            pass

    def rehearse(
        self, circuit: CircuitFiles, inputs: QuantisedTensors, *, limits: Limits, progress: Progress = no_progress
    ) -> None:
        check_inputs(inputs, circuit.manifest.inputs)
        logrows = read_settings(circuit.settings).logrows
        with self._keys(circuit, limits, progress) as keys, self._workshop.workspace() as folder:
            wanted = _rehearsal(folder, inputs, keys)
            self._workshop.run(wanted, logrows=logrows, limits=limits, progress=progress)

    def prove(
        self, circuit: CircuitFiles, inputs: QuantisedTensors, *, limits: Limits, progress: Progress = no_progress
    ) -> Proved:
        check_inputs(inputs, circuit.manifest.inputs)
        logrows = read_settings(circuit.settings).logrows
        with self._keys(circuit, limits, progress) as keys, self._workshop.workspace() as folder:
            made = folder / "proof.json"
            wanted = [
                *_rehearsal(folder, inputs, keys),
                steps.prove(folder / _WITNESS, keys.compiled, keys.pk, made, circuit.srs_path.resolve()),
                steps.verify(made, keys.settings, keys.vk, circuit.srs_path.resolve()),
            ]
            self._workshop.run(wanted, logrows=logrows, limits=limits, progress=progress)
            proof, instances = decode_proof(made.read_text())
            return _proved(circuit, inputs, proof, instances, read_vka(keys.vka.read_bytes()))

    def verify(
        self, circuit: CircuitFiles, proved: Proved, *, limits: Limits, progress: Progress = no_progress
    ) -> None:
        """Checks a proof that came from somewhere else; makes the verifying key if it is not cached.

        Raises:
            ProofRejectedError: it does not verify, is of another circuit, or has bytes behind its end, which EZKL itself
                accepts and the chain does not.
        """
        srs = circuit.srs_path.resolve()
        with self._keys(circuit, limits, progress) as keys, self._workshop.workspace() as folder:
            if proved.vka != read_vka(keys.vka.read_bytes()):
                raise ProofRejectedError("The proof comes with the verifying key of another circuit.")
            outputs = _outputs(circuit, proved.instances)
            if proved.input_count + sum(map(len, outputs.values)) != len(proved.instances) or outputs != proved.outputs:
                raise ProofRejectedError("The proof's instances are not the inputs and outputs that it comes with.")
            whole, cut = folder / "proof.json", folder / "cut.json"
            whole.write_text(encode_proof(proved.proof, proved.instances))
            cut.write_text(encode_proof(proved.proof[:-1], proved.instances))
            wanted = [
                steps.verify(whole, keys.settings, keys.vk, srs),
                steps.refuse(cut, keys.settings, keys.vk, srs),
            ]
            self._workshop.run(wanted, logrows=None, limits=limits, progress=progress)

    def estimate_seconds(self, circuit: CircuitFiles) -> float:
        return self._estimate(circuit, _PROVE_STEPS)

    def estimate_rehearsal_seconds(self, circuit: CircuitFiles) -> float:
        return self._estimate(circuit, _REHEARSE_STEPS)

    def _estimate(self, circuit: CircuitFiles, names: tuple[str, ...]) -> float:
        if self._workshop.keys.find(self._identity(circuit)) is None:
            names = (*_KEY_STEPS, *names)
        logrows = read_settings(circuit.settings).logrows
        return sum(self._workshop.estimates.seconds(name, logrows) or 0.0 for name in names)

    def _identity(self, circuit: CircuitFiles) -> KeyIdentity:
        return KeyIdentity(circuit.onnx, circuit.settings, circuit.manifest.srs.sha256, self.version)

    @contextlib.contextmanager
    def _keys(self, circuit: CircuitFiles, limits: Limits, progress: Progress) -> Iterator[KeyFiles]:
        """The circuit's keys, checked, and in the cache for as long as this lasts."""
        settings = self._checked_settings(circuit)
        check_srs(circuit.srs_path, circuit.manifest.srs, self._workshop.digests)
        identity, srs = self._identity(circuit), circuit.srs_path.resolve()
        with self._workshop.keys.held(identity, seconds=limits.seconds):
            keys = self._workshop.ensure_keys(
                identity, srs=srs, logrows=settings.logrows, limits=limits, progress=progress
            )
            self._check_program(circuit, keys)
            yield keys

    def _check_program(self, circuit: CircuitFiles, keys: KeyFiles) -> None:
        program = program_id_of(read_vka(keys.vka.read_bytes()))
        if program != circuit.manifest.program_id:
            raise ModelError(
                f"The keys made from the ONNX file, settings and SRS are of program {program}; the model "
                f"{circuit.manifest.name!r} is registered with {circuit.manifest.program_id}.",
                remedy="Do not work for this model: its registration does not describe its files.",
            )

    def _checked_settings(self, circuit: CircuitFiles) -> CircuitSettings:
        wanted = circuit.manifest.prover_version
        if wanted != self.version:
            raise ModelError(
                f"The model {circuit.manifest.name!r} needs EZKL {wanted}; installed is {self.version}.",
                remedy=f"Install that version: pip install ezkl=={wanted}.",
            )
        settings = read_settings(circuit.settings)
        check_specs(settings, circuit.manifest.inputs, circuit.manifest.outputs)
        if settings.logrows > circuit.manifest.srs.logrows:
            raise ModelError(
                f"The circuit has 2**{settings.logrows} rows; its SRS serves 2**{circuit.manifest.srs.logrows}."
            )
        return settings


def _rehearsal(folder: Path, inputs: QuantisedTensors, keys: KeyFiles) -> list[Step]:
    """The steps that show whether an input can be proven; they leave its witness in the folder."""
    source, witness = folder / "input.json", folder / _WITNESS
    source.write_text(encode_input(inputs.values))
    return [steps.witness(source, keys.compiled, witness), steps.mock(witness, keys.compiled)]


def _proved(
    circuit: CircuitFiles, inputs: QuantisedTensors, proof: bytes, instances: tuple[int, ...], vka: tuple[bytes, ...]
) -> Proved:
    wanted = inputs.field_elements()
    if list(instances[: len(wanted)]) != wanted:
        raise ProverFailedError(
            "The proof is of another input than the one asked for.", remedy="Remove the prover's home and try again."
        )
    return Proved(proof, instances, len(wanted), vka, _outputs(circuit, instances))


def _outputs(circuit: CircuitFiles, instances: Sequence[int]) -> QuantisedTensors:
    """The instances behind the inputs as signed integers. Raises ProverFailedError for another number of them."""
    specs = circuit.manifest.outputs
    start = sum(spec.size for spec in circuit.manifest.inputs)
    if len(instances) != start + sum(spec.size for spec in specs):
        raise ProverFailedError(f"The proof has {len(instances)} instances, which is not the model's number.")
    values = []
    for spec in specs:
        values.append(tuple(from_field(element) for element in instances[start : start + spec.size]))
        start += spec.size
    return QuantisedTensors(shapes=tuple(spec.shape for spec in specs), values=tuple(values))


__all__ = ["EzklProver", "ezkl_version"]
