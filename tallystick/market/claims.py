"""Models, claims and proofs in the form the contracts take them, as contracts/types/ClaimTypes.sol has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from pydantic import BaseModel, ConfigDict

from tallystick.errors import ArtifactCorruptError
from tallystick.ids import AddressField, Bytes32, Bytes32Field, ModelId, bytes32, raw
from tallystick.market.terms import ProofKind

_SPEC_TYPE = "(uint16,uint8,uint32,address,bytes32,bytes32,bytes32)"
_EZKL_PROOF_TYPE = "(uint32,uint256[],bytes32[],bytes)"


class ModelSpec(BaseModel):
    """What a model is; its hash is the model id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    proof_kind: ProofKind
    semantics_version: int
    adapter: AddressField
    program_id: Bytes32Field
    weights_root: Bytes32Field
    manifest: Bytes32Field


def spec_tuple(spec: ModelSpec) -> tuple[Any, ...]:
    """The specification in ABI order."""
    return (
        spec.schema_version,
        int(spec.proof_kind),
        spec.semantics_version,
        spec.adapter,
        raw(spec.program_id),
        raw(spec.weights_root),
        raw(spec.manifest),
    )


def model_id_of(spec: ModelSpec) -> ModelId:
    """keccak-256 of the ABI-encoded specification, as `ModelRegistry.modelIdOf` computes it."""
    return ModelId("0x" + keccak(abi_encode([_SPEC_TYPE], [spec_tuple(spec)])).hex())


class Claim(BaseModel):
    """What an executor claims for one milestone. `proof` in the form of the model's adapter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    milestone: int
    input_root: Bytes32Field
    input_proof: tuple[Bytes32Field, ...]
    output_root: Bytes32Field
    manifest: Bytes32Field
    proof: bytes


def claim_tuple(claim: Claim) -> tuple[Any, ...]:
    """The claim in ABI order."""
    return (
        claim.milestone,
        raw(claim.input_root),
        [raw(node) for node in claim.input_proof],
        raw(claim.output_root),
        raw(claim.manifest),
        claim.proof,
    )


def encode_ezkl_proof(*, input_count: int, instances: Sequence[int], vka: Sequence[bytes], proof: bytes) -> bytes:
    """`IEzklVerifierAdapter.EzklProof`, ABI-encoded. `vka`: 32-byte words; `instances`: field elements."""
    return abi_encode([_EZKL_PROOF_TYPE], [(input_count, list(instances), list(vka), proof)])


class EzklProof(NamedTuple):
    """What `encode_ezkl_proof` was given."""

    input_count: int
    instances: tuple[int, ...]
    vka: tuple[bytes, ...]
    proof: bytes


def decode_ezkl_proof(encoded: bytes) -> EzklProof:
    """A claim's proof for the EZKL adapter, read back. Raises ArtifactCorruptError for any other form."""
    try:
        [(input_count, instances, vka, proof)] = abi_decode([_EZKL_PROOF_TYPE], encoded)
    except (DecodingError, OverflowError) as error:
        raise ArtifactCorruptError(f"The claim's {len(encoded)} bytes are no EZKL proof: {error}.") from error
    return EzklProof(input_count, tuple(instances), tuple(vka), proof)


def program_id_of(vka: Sequence[bytes]) -> Bytes32:
    """keccak-256 of the verifying-key artifact's words: what EZKL's reusable verifier calls its digest."""
    return bytes32(keccak(b"".join(vka)))
