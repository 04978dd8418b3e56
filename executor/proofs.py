"""Finished proofs as files, so that a restart does not prove again. What is read back is checked, not believed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.canonical import decode_canonical, encode_canonical
from tallystick.errors import ArtifactCorruptError
from tallystick.hashing import sha256
from tallystick.ids import Bytes32
from tallystick.logs import get_logger
from tallystick.market.claims import program_id_of
from tallystick.proving.prover import Proved
from tallystick.service.home import write_atomic
from tallystick.tensors import QuantisedTensors

log = get_logger(__name__)

_Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    proof: _Hex
    instances: tuple[_Hex, ...]
    input_count: int
    vka: tuple[_Hex, ...]
    outputs: QuantisedTensors


def save_proof(place: Path, proved: Proved) -> None:
    """SHA-256 of the document, then the document; the file appears whole or not at all."""
    document = _Document(
        proof=proved.proof.hex(),
        instances=tuple(element.to_bytes(32, "big").hex() for element in proved.instances),
        input_count=proved.input_count,
        vka=tuple(word.hex() for word in proved.vka),
        outputs=proved.outputs,
    )
    body = encode_canonical(document.model_dump(mode="json"))
    write_atomic(place, sha256(body) + body)


def find_proof(place: Path, program: Bytes32, inputs: QuantisedTensors) -> Proved | None:
    """The proof at `place`, if it is whole and about this program and this input."""
    try:
        proved = _decode(place.read_bytes())
    except FileNotFoundError:
        return None
    except (ArtifactCorruptError, ValidationError, OSError) as error:
        log.warning("proof_unusable", path=str(place), trouble=str(error))
        return None
    if not _is_about(proved, program, tuple(inputs.field_elements())):
        log.warning("proof_unusable", path=str(place), trouble="it is about another program or another input")
        return None
    return proved


def _decode(data: bytes) -> Proved:
    digest, body = data[:32], data[32:]
    if sha256(body) != digest:
        raise ArtifactCorruptError("The file does not hash to what its first 32 bytes say.")
    document = _Document.model_validate(decode_canonical(body))
    return Proved(
        proof=bytes.fromhex(document.proof),
        instances=tuple(int(element, 16) for element in document.instances),
        input_count=document.input_count,
        vka=tuple(bytes.fromhex(word) for word in document.vka),
        outputs=document.outputs,
    )


def _is_about(proved: Proved, program: Bytes32, inputs: tuple[int, ...]) -> bool:
    count = len(inputs)
    return (
        program_id_of(proved.vka) == program
        and proved.input_count == count
        and proved.instances[:count] == inputs
        and proved.instances[count:] == tuple(proved.outputs.field_elements())
    )
