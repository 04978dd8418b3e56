"""Models, claims and proofs in the form the contracts take them, as contracts/types/ClaimTypes.sol has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_account.messages import SignableMessage
from eth_utils.crypto import keccak
from pydantic import BaseModel, ConfigDict

from tallystick.errors import ArtifactCorruptError
from tallystick.ids import AddressField, Bytes32, Bytes32Field, JobIdField, ModelId, ModelIdField, bytes32, raw
from tallystick.market.terms import ProofKind, Uint16
from tallystick.market.typed_data import Struct, StructType, abi_tuple, digest_of, typed_message

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


class Statement(Struct):
    """What a proof is about: the settlement builds it from storage and terms, never from a prover's words.

    Attributes:
        start_root: What a chained milestone starts from, which is its `input_root`; zero for a parallel one.
    """

    schema_version: Uint16 = 1
    chain_id: int
    settlement: AddressField
    job_id: JobIdField
    milestone: Uint16
    model_id: ModelIdField
    input_root: Bytes32Field
    start_root: Bytes32Field
    output_root: Bytes32Field
    proof_kind: ProofKind


_STATEMENT_TYPE = StructType(
    "Statement",
    (
        ("schemaVersion", "uint16"),
        ("chainId", "uint256"),
        ("settlement", "address"),
        ("jobId", "bytes32"),
        ("milestone", "uint16"),
        ("modelId", "bytes32"),
        ("inputRoot", "bytes32"),
        ("startRoot", "bytes32"),
        ("outputRoot", "bytes32"),
        ("proofKind", "uint8"),
    ),
)


def statement_tuple(statement: Statement) -> tuple[Any, ...]:
    """The statement in ABI order."""
    return abi_tuple(_STATEMENT_TYPE, statement)


def statement_message(statement: Statement) -> SignableMessage:
    """The statement as EIP-712 typed data under its settlement's domain; `body` is its struct hash."""
    domain = {
        "name": "Tallystick",
        "version": "1",
        "chainId": statement.chain_id,
        "verifyingContract": statement.settlement,
    }
    return typed_message(domain, _STATEMENT_TYPE, statement)


def statement_digest(statement: Statement) -> Bytes32:
    """As `MilestoneSettlement.digestOf` computes it."""
    return digest_of(statement_message(statement))


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
