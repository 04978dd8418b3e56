"""Models, claims and proofs: hashed and encoded as the contracts do."""

import json
from pathlib import Path

import pytest
from eth_abi import decode, encode
from eth_utils import keccak
from market_samples import make_spec, word

from tallystick.ids import raw
from tallystick.market.claims import (
    Claim,
    ModelSpec,
    Statement,
    claim_tuple,
    encode_ezkl_proof,
    model_id_of,
    program_id_of,
    statement_digest,
    statement_message,
    statement_tuple,
)
from tallystick.market.terms import ProofKind

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "claims.json").read_text())
FIELDS = ("schema_version", "proof_kind", "semantics_version", "adapter", "program_id", "weights_root", "manifest")


@pytest.mark.parametrize("case", VECTORS["specs"], ids=["one", "another", "largest"])
def test_model_id_of_agrees_with_the_vectors(case):
    spec = ModelSpec.model_validate(dict(zip(FIELDS, case["spec"], strict=True)))
    assert model_id_of(spec) == case["modelId"]


@pytest.mark.parametrize(
    "changed",
    [
        {"schema_version": 2},
        {"proof_kind": ProofKind.OPTIMISTIC},
        {"semantics_version": 2},
        {"adapter": "0x" + "99" * 20},
        {"program_id": word(9)},
        {"weights_root": word(9)},
        {"manifest": word(9)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_model_id_of_given_another_value_in_any_field_is_another(changed):
    assert model_id_of(make_spec(**changed)) != model_id_of(make_spec())


EVERY_STATEMENT = pytest.mark.parametrize("case", VECTORS["statements"], ids=["usual", "largest"])


def statement_of(case) -> Statement:
    return Statement.model_validate(dict(zip(Statement.model_fields, case["statement"], strict=True)))


@EVERY_STATEMENT
def test_statement_digest_agrees_with_the_vectors(case):
    assert statement_digest(statement_of(case)) == case["digest"]


@EVERY_STATEMENT
def test_statement_message_body_is_the_words_behind_the_type_hash(case):
    """StatementLib hashes `abi.encode(TYPEHASH, statement)`: ten words, none of them dynamic."""
    kinds = ["uint16", "uint256", "address", "bytes32", "uint16", *["bytes32"] * 4, "uint8"]
    spelled = (
        "Statement(uint16 schemaVersion,uint256 chainId,address settlement,bytes32 jobId,uint16 milestone,"
        "bytes32 modelId,bytes32 inputRoot,bytes32 startRoot,bytes32 outputRoot,uint8 proofKind)"
    )
    words = encode(["bytes32", *kinds], [keccak(text=spelled), *statement_tuple(statement_of(case))])
    assert statement_message(statement_of(case)).body == keccak(words)


@pytest.mark.parametrize(
    "changed",
    [
        {"schema_version": 2},
        {"chain_id": 2},
        {"settlement": "0x" + "99" * 20},
        {"job_id": word(9)},
        {"milestone": 2},
        {"model_id": word(9)},
        {"input_root": word(9)},
        {"start_root": word(9)},
        {"output_root": word(9)},
        {"proof_kind": ProofKind.ZK},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_statement_digest_given_another_value_in_any_field_is_another(changed):
    usual = statement_of(VECTORS["statements"][0])
    assert statement_digest(usual.model_copy(update=changed)) != statement_digest(usual)


@pytest.mark.parametrize("case", VECTORS["programs"], ids=lambda case: f"{len(case['vka'])} words")
def test_program_id_of_agrees_with_the_vectors(case):
    assert program_id_of([raw(item) for item in case["vka"]]) == case["programId"]


def test_encode_ezkl_proof_agrees_with_the_vectors():
    [case] = VECTORS["ezklProofs"]
    encoded = encode_ezkl_proof(
        input_count=case["inputCount"],
        instances=[int(element, 16) for element in case["instances"]],
        vka=[raw(item) for item in case["vka"]],
        proof=raw(case["proof"]),
    )
    assert "0x" + encoded.hex() == case["encoded"]


def test_encode_ezkl_proof_is_one_struct_in_abi_form():
    encoded = encode_ezkl_proof(input_count=1, instances=[5, 6], vka=[bytes(32)], proof=b"abc")
    assert decode(["(uint32,uint256[],bytes32[],bytes)"], encoded) == ((1, (5, 6), (bytes(32),), b"abc"),)


def test_claim_tuple_is_in_abi_order():
    claim = Claim(
        milestone=3, input_root=word(1), input_proof=(word(2),), output_root=word(3), manifest=word(4), proof=b"p"
    )
    assert claim_tuple(claim) == (3, raw(word(1)), [raw(word(2))], raw(word(3)), raw(word(4)), b"p")
