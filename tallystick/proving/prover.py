"""What a prover does, whatever proof system stands behind it. The one implementation so far: `ezkl_prover.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tallystick.market.manifests import ModelManifest, SrsRef
from tallystick.tensors import QuantisedTensors, TensorSpec


@dataclass(frozen=True)
class ProvingStep:
    """Progress: said before a step, with an estimate where one is known, and after it.

    Attributes:
        name: `calibrate`, `compile`, `srs`, `setup`, `witness`, `mock`, `prove`, `verify` ...
        estimate_seconds: Before: how long it should take on this machine; None where nothing is known.
        took_seconds: After: how long it took; None before.
        peak_memory_bytes: After: the child's peak resident memory.
    """

    name: str
    estimate_seconds: float | None = None
    took_seconds: float | None = None
    peak_memory_bytes: int | None = None


Progress = Callable[[ProvingStep], None]


def no_progress(step: ProvingStep) -> None:
    """For callers that do not show any."""


@dataclass(frozen=True)
class Limits:
    """How far one step may go before it is stopped.

    Attributes:
        seconds: Wall time of one step. The prover is known to deadlock (ezkl issue 1029), so there is always a bound.
        memory_bytes: Resident memory of the child.
    """

    seconds: float = 600.0
    memory_bytes: int = 16 * 2**30


@dataclass(frozen=True)
class Circuit:
    """A model made into a circuit: what a model's registration publishes.

    Attributes:
        settings: The circuit's settings.json, byte for byte: it is not reproducible, so it is an artifact.
        vka: The verifying-key artifact's 32-byte words, as the on-chain verifier reads them.
    """

    onnx: bytes
    settings: bytes
    srs: SrsRef
    srs_path: Path
    vka: tuple[bytes, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    logrows: int
    prover_version: str


@dataclass(frozen=True)
class CircuitFiles:
    """The same as an executor holds it after fetching and checking: bytes and the path of an SRS."""

    manifest: ModelManifest
    onnx: bytes
    settings: bytes
    srs_path: Path


@dataclass(frozen=True)
class Proved:
    """A proof that the prover itself has verified.

    Attributes:
        proof: The proof's bytes.
        instances: Field elements, inputs first.
        input_count: How many of the instances are inputs.
        vka: As in `Circuit`.
        outputs: The output tensors as signed integers.
    """

    proof: bytes
    instances: tuple[int, ...]
    input_count: int
    vka: tuple[bytes, ...]
    outputs: QuantisedTensors


class Prover(Protocol):
    """Every call runs the proof system in a child process under `limits`; callers may run it in a thread."""

    @property
    def backend(self) -> str: ...

    @property
    def version(self) -> str: ...

    def build_circuit(
        self,
        onnx: bytes,
        calibration: Sequence[Any],
        *,
        srs_folder: Path,
        limits: Limits,
        progress: Progress = no_progress,
    ) -> Circuit:
        """Calibrates, compiles and sets up; checks with a mock proof over the calibration data.

        Args:
            calibration: One nested float sequence per model input, of that input's shape or of several of them
                stacked along a new first axis.

        Raises:
            ModelError: unsupported operator, missing attribute, unreadable file; the message names the node.
            TensorError: calibration data that does not fit.
            ProvingError: the prover failed, or ran past a limit.
        """
        ...

    def ensure_keys(self, circuit: CircuitFiles, *, limits: Limits, progress: Progress = no_progress) -> None:
        """Makes and caches the keys, and checks that their verifying-key artifact is the manifest's program.

        Raises:
            ModelError: the keys made from the ONNX file, settings and SRS are not those the model id commits to.
        """
        ...

    def rehearse(
        self, circuit: CircuitFiles, inputs: QuantisedTensors, *, limits: Limits, progress: Progress = no_progress
    ) -> None:
        """Witness and mock alone, a fraction of a proof: whether this input can be proven with this circuit.

        Raises:
            TensorError: it cannot, exactly as `prove` would say.
            ModelError: as `ensure_keys`.
            ProvingError: the prover failed, or ran past a limit.
        """
        ...

    def prove(
        self, circuit: CircuitFiles, inputs: QuantisedTensors, *, limits: Limits, progress: Progress = no_progress
    ) -> Proved:
        """Witness, mock, prove, verify.

        Raises:
            TensorError: the input does not fit the circuit; found before the prover could hang on it.
            ProvingError: the prover failed, or ran past a limit.
        """
        ...

    def estimate_seconds(self, circuit: CircuitFiles) -> float:
        """How long `ensure_keys` (if not cached) and `prove` should take together on this machine."""
        ...

    def estimate_rehearsal_seconds(self, circuit: CircuitFiles) -> float:
        """How long `ensure_keys` (if not cached) and `rehearse` should take together on this machine."""
        ...
