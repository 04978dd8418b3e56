"""A quick prover for the agent's tests, and the trap that can kill the agent at any moment of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from executor_builders import VKA

from tallystick.errors import ProverTimeoutError, TensorError
from tallystick.proving.prover import CircuitFiles, Limits, Progress, Proved, no_progress
from tallystick.tensors import QuantisedTensors


class KilledError(BaseException):
    """As kill -9: nothing may catch it."""


class Trap:
    """Counts the moments of a run, and kills it at one of them. Idle looks at the chain come as often as they like, so
    they are not counted; what a look finds is. `troubles` are errors in wait at moments of a name, met one by one."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.moments: list[str] = []
        self.troubles: dict[str, list[Exception]] = {}

    def step(self, name: str) -> None:
        self.moments.append(name)
        if self.at is not None and name != "poll" and self.count == self.at:
            raise KilledError(f"moment {self.at}: {name}")
        if self.troubles.get(name):
            raise self.troubles[name].pop(0)

    @property
    def count(self) -> int:
        return sum(1 for moment in self.moments if moment != "poll")


class QuickProver:
    """A `Prover` whose proofs are made of their input.

    Attributes:
        lies: So many next proofs are such as the contract refuses.
        trouble: What making keys ends in.
        overflows: First values of the inputs that cannot be proven.
        hangs: First values of the inputs whose rehearsal is stopped.
        rehearsals: Inputs by first value, how often each was tried.
        meanwhile, while_rehearsing: What happens in the world while an estimate is asked for, while an input is tried.
    """

    backend = "ezkl"
    version = "1"

    def __init__(self, trap: Trap) -> None:
        self.trap = trap
        self.keys: set[bytes] = set()
        self.proofs: Counter[int] = Counter()
        self.rehearsals: Counter[int] = Counter()
        self.rehearsal_limits: list[float] = []
        self.overflows: set[int] = set()
        self.hangs: set[int] = set()
        self.seconds = 1.0
        self.rehearsal_seconds = 0.1
        self.lies = 0
        self.trouble: Exception | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.while_rehearsing: Callable[[], None] = lambda: None

    def build_circuit(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def ensure_keys(self, circuit: CircuitFiles, *, limits: Limits, progress: Progress = no_progress) -> None:
        self.trap.step("make keys")
        if self.trouble is not None:
            raise self.trouble
        self.keys.add(circuit.onnx)

    def rehearse(
        self, circuit: CircuitFiles, inputs: QuantisedTensors, *, limits: Limits, progress: Progress = no_progress
    ) -> None:
        self.trap.step("rehearse")
        self.rehearsal_limits.append(limits.seconds)
        self.while_rehearsing()
        self.rehearsals[inputs.values[0][0]] += 1
        if inputs.values[0][0] in self.hangs:
            raise ProverTimeoutError("It took too long.")
        self._refuse_overflow(inputs)

    def _refuse_overflow(self, inputs: QuantisedTensors) -> None:
        if inputs.values[0][0] in self.overflows:
            raise TensorError("A value leaves the range that the circuit was made for.")

    def prove(
        self, circuit: CircuitFiles, inputs: QuantisedTensors, *, limits: Limits, progress: Progress = no_progress
    ) -> Proved:
        self.trap.step("prove")
        self._refuse_overflow(inputs)
        self.proofs[inputs.values[0][0]] += 1
        outputs = QuantisedTensors(shapes=((1, 2),), values=((inputs.values[0][0], -1),))
        said = b"a proof that lies" if self.lies else b"a proof"
        self.lies = max(0, self.lies - 1)
        self.trap.step("proved")
        instances = (*inputs.field_elements(), *outputs.field_elements())
        return Proved(said, instances, len(inputs.field_elements()), VKA, outputs)

    def estimate_seconds(self, circuit: CircuitFiles) -> float:
        self.meanwhile()
        return self.seconds

    def estimate_rehearsal_seconds(self, circuit: CircuitFiles) -> float:
        return self.rehearsal_seconds
