"""Real EZKL proofs for the adapter's tests: two models of one shape, and more than one input for the first.

Made once and kept below `.cache/`, named after everything they depend on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.toolchain import CACHE
from tallystick.hashing import instance_root
from tallystick.market.claims import encode_ezkl_proof, program_id_of
from tallystick.proving import EzklProver
from tallystick.proving.prover import Limits

MODELS_FOLDER = Path(__file__).parents[1] / "integration" / "proving"
LIMITS = Limits(seconds=120, memory_bytes=4 * 2**30)
INPUTS = ([0.5, -0.25, 0.75, -1.0], [-0.5, 0.25, 0.0, 1.0])
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617


@dataclass(frozen=True)
class RealProof:
    """A proof as it comes from the prover, and what the market makes of it."""

    proof: bytes
    instances: tuple[int, ...]
    input_count: int
    vka: tuple[bytes, ...]

    @property
    def program_id(self) -> str:
        return program_id_of(self.vka)

    @property
    def input_root(self) -> str:
        return "0x" + instance_root(self.instances[: self.input_count]).hex()

    @property
    def output_root(self) -> str:
        return "0x" + instance_root(self.instances[self.input_count :]).hex()

    def encoded(self, **changed: Any) -> bytes:
        """As a claim carries it, with something changed."""
        return encode_ezkl_proof(**{**asdict(self), **changed})


def load() -> dict[str, RealProof]:
    """`digits 0` and `digits 1`: one model's proofs of two inputs. `other 0`: another model's of the first."""
    place = _place()
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({name: _to_json(proof) for name, proof in _make().items()}))
    return {name: _from_json(held) for name, held in json.loads(place.read_text()).items()}


def _place() -> Path:
    sources = (Path(__file__), MODELS_FOLDER / "proving_models.py")
    basis = b"".join(path.read_bytes() for path in sources) + importlib.metadata.version("ezkl").encode()
    return CACHE / "test-proofs" / f"{hashlib.sha256(basis).hexdigest()[:16]}.json"


def _make() -> dict[str, RealProof]:
    sys.path.append(str(MODELS_FOLDER))
    from proving_models import MLP_CALIBRATION, files_of, mlp_4_8_3, quantised

    prover = EzklProver(CACHE / "test-proofs" / "prover")
    made: dict[str, RealProof] = {}
    for name, seed, inputs in (("digits", 0, INPUTS), ("other", 1, INPUTS[:1])):
        circuit = prover.build_circuit(
            mlp_4_8_3(seed), MLP_CALIBRATION, srs_folder=CACHE / "test-proofs" / "srs", limits=LIMITS
        )
        files = files_of(circuit)
        for number, values in enumerate(inputs):
            proved = prover.prove(files, quantised(files, [values]), limits=LIMITS)
            made[f"{name} {number}"] = RealProof(proved.proof, proved.instances, proved.input_count, proved.vka)
    return made


def _to_json(proof: RealProof) -> dict[str, Any]:
    return {
        "proof": proof.proof.hex(),
        "instances": [hex(element) for element in proof.instances],
        "input_count": proof.input_count,
        "vka": b"".join(proof.vka).hex(),
    }


def _from_json(held: dict[str, Any]) -> RealProof:
    words = bytes.fromhex(held["vka"])
    return RealProof(
        proof=bytes.fromhex(held["proof"]),
        instances=tuple(int(element, 16) for element in held["instances"]),
        input_count=held["input_count"],
        vka=tuple(words[start : start + 32] for start in range(0, len(words), 32)),
    )
