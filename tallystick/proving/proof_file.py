"""EZKL's spellings: field elements as little-endian hex, proofs as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tallystick.errors import ProverFailedError
from tallystick.hashing import FIELD, to_field


def spell_element(element: int) -> str:
    """64 hex digits, little-endian."""
    return element.to_bytes(32, "little").hex()


def read_element(text: str) -> int:
    """Raises ProverFailedError for what is no canonical field element."""
    try:
        element = int.from_bytes(bytes.fromhex(text), "little")
    except ValueError:
        raise ProverFailedError(f"The prover wrote {text[:80]!r} where a field element belongs.") from None
    if element >= FIELD:
        raise ProverFailedError(f"The prover wrote {element}, which is not below the field's order.")
    return element


def encode_input(values: Iterable[Iterable[int]]) -> str:
    """Signed integers of each input as the prover's JSON: field elements, so that it quantises nothing."""
    return json.dumps({"input_data": [[spell_element(to_field(value)) for value in tensor] for tensor in values]})


def encode_proof(proof: bytes, instances: Sequence[int]) -> str:
    """A proof file with the fields that EZKL reads; those that it ignores are empty."""
    return json.dumps(
        {
            "protocol": None,
            "instances": [[spell_element(element) for element in instances]],
            "proof": list(proof),
            "hex_proof": None,
            "split": None,
            "pretty_public_inputs": None,
            "timestamp": None,
            "version": None,
        }
    )


def decode_proof(data: str) -> tuple[bytes, tuple[int, ...]]:
    """Proof bytes and instances of a file that EZKL wrote. Raises ProverFailedError."""
    try:
        document: dict[str, Any] = json.loads(data)
        columns = document["instances"]
        return bytes(document["proof"]), tuple(read_element(text) for column in columns for text in column)
    except (ValueError, KeyError, TypeError) as error:
        raise ProverFailedError(f"The prover wrote an unreadable proof: {type(error).__name__}: {error}") from error
