"""From a creator's ONNX file and example data to a circuit that a registration can publish."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tallystick.errors import ModelError, TensorError
from tallystick.hashing import from_field
from tallystick.proving import steps
from tallystick.proving.calibration import Calibration, read_calibration, spec_for
from tallystick.proving.child import Step
from tallystick.proving.circuit_options import CANDIDATES, CircuitOptions, rank_options
from tallystick.proving.circuit_settings import CircuitSettings, check_specs, read_settings
from tallystick.proving.keys import KeyFiles, KeyIdentity, read_vka
from tallystick.proving.onnx_facts import OnnxFacts, read_onnx
from tallystick.proving.proof_file import encode_input, read_element
from tallystick.proving.prover import Circuit, Limits, Progress, ProvingStep
from tallystick.proving.srs import find_or_make_srs
from tallystick.proving.workshop import Workshop
from tallystick.tensors import TensorSpec, dequantise


class CircuitBuilder:
    """One request to build a circuit, in `folder`, which goes away afterwards."""

    def __init__(self, workshop: Workshop, folder: Path, limits: Limits, progress: Progress) -> None:
        self._workshop = workshop
        self._folder = folder
        self._limits = limits
        self._progress = progress

    def build(self, onnx: bytes, calibration: Sequence[Any], srs_folder: Path) -> Circuit:
        facts = read_onnx(onnx)
        data = read_calibration(calibration, facts.inputs)
        settings_bytes = self._settings(onnx, data)
        settings = read_settings(settings_bytes)
        srs_path, srs = find_or_make_srs(
            srs_folder.resolve(),
            settings.logrows,
            lambda path: self._run([steps.srs(path, settings.logrows)], settings.logrows),
            lock_seconds=self._limits.seconds,
            digests=self._workshop.digests,
        )
        inputs = _input_specs(facts, settings, data)
        identity = KeyIdentity(onnx, settings_bytes, srs.sha256, self._workshop.version)
        with self._workshop.keys.held(identity, seconds=self._limits.seconds):
            keys = self._workshop.ensure_keys(
                identity, srs=srs_path, logrows=settings.logrows, limits=self._limits, progress=self._progress
            )
            vka = read_vka(keys.vka.read_bytes())
            outputs = self._try_out(keys, data.quantised(inputs), settings)
        circuit = Circuit(
            onnx=onnx,
            settings=settings_bytes,
            srs=srs,
            srs_path=srs_path,
            vka=vka,
            inputs=inputs,
            outputs=_output_specs(facts, settings, outputs),
            logrows=settings.logrows,
            prover_version=self._workshop.version,
        )
        check_specs(settings, circuit.inputs, circuit.outputs)
        return circuit

    def _run(self, wanted: Sequence[Step], logrows: int | None) -> list[dict[str, Any]]:
        return self._workshop.run(wanted, logrows=logrows, limits=self._limits, progress=self._progress)

    def _run_as_one(self, name: str, wanted: Sequence[Step]) -> list[dict[str, Any]]:
        """Steps that are one to whoever watches."""
        done: list[ProvingStep] = []
        self._progress(ProvingStep(name))
        results = self._workshop.run(wanted, logrows=None, limits=self._limits, progress=done.append)
        seconds = sum(step.took_seconds or 0.0 for step in done)
        self._progress(
            ProvingStep(name, took_seconds=seconds, peak_memory_bytes=max(step.peak_memory_bytes or 0 for step in done))
        )
        return results

    def _settings(self, onnx: bytes, data: Calibration) -> bytes:
        """Calibrated settings of the cheapest decomposition that holds the calibration data."""
        model, examples = self._folder / "network.onnx", self._folder / "calibration.json"
        model.write_bytes(onnx)
        examples.write_text(data.encode())
        refused: TensorError | None = None
        refused_span = 0
        for options in self._ranked(model):
            if options.span <= refused_span:
                continue
            try:
                self._run([steps.calibrate(examples, model, self._settings_path(options))], None)
            except TensorError as error:  # a value beyond this decomposition's span; a wider one may hold it
                refused, refused_span = error, max(refused_span, options.span)
            else:
                return self._settings_path(options).read_bytes()
        raise refused or ModelError("No circuit options were tried.")

    def _settings_path(self, options: CircuitOptions) -> Path:
        return self._folder / f"settings-{CANDIDATES.index(options)}.json"

    def _ranked(self, model: Path) -> Sequence[CircuitOptions]:
        """Settings before calibration already say the rows, in a fraction of calibration's time."""
        wanted = [steps.settings(model, self._settings_path(options), options) for options in CANDIDATES]
        results = self._run_as_one("settings", wanted)
        first = read_settings(self._settings_path(CANDIDATES[0]).read_bytes())
        rows = {options: int(result["rows"]) for options, result in zip(CANDIDATES, results, strict=True)}
        return rank_options(rows, instances=first.instance_count)

    def _try_out(
        self, keys: KeyFiles, batches: Sequence[Sequence[tuple[int, ...]]], settings: CircuitSettings
    ) -> list[list[float]]:
        """Runs every batch through the circuit with all constraints checked; returns each output's values."""
        wanted = []
        for number, batch in enumerate(batches):
            source, made = self._folder / f"input-{number}.json", self._folder / f"witness-{number}.json"
            source.write_text(encode_input(batch))
            wanted += [steps.witness(source, keys.compiled, made), steps.mock(made, keys.compiled)]
        witnesses = self._run(wanted, settings.logrows)[::2]
        return [
            [
                value
                for result in witnesses
                for value in dequantise([from_field(read_element(text)) for text in result["outputs"][index]], scale)
            ]
            for index, scale in enumerate(settings.model_output_scales)
        ]


def _input_specs(facts: OnnxFacts, settings: CircuitSettings, data: Calibration) -> tuple[TensorSpec, ...]:
    scales = settings.model_input_scales
    return tuple(
        spec_for(name, shape, scale, data.values(index))
        for index, ((name, shape), scale) in enumerate(zip(facts.inputs, scales, strict=True))
    )


def _output_specs(
    facts: OnnxFacts, settings: CircuitSettings, outputs: Sequence[Sequence[float]]
) -> tuple[TensorSpec, ...]:
    scales = settings.model_output_scales
    return tuple(
        spec_for(name, shape, scale, values)
        for (name, shape), scale, values in zip(facts.outputs, scales, outputs, strict=True)
    )
