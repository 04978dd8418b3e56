"""Calldata of a claim, read back: what lets outputs outlive every store."""

from __future__ import annotations

import pytest
from client_builders import DEPLOYMENT, hash_of
from client_job_facts import TERMS

from tallystick.chain.calldata import read_claim
from tallystick.chain.calls import MarketCalls
from tallystick.errors import ArtifactCorruptError
from tallystick.market.claims import Claim, EzklProof, decode_ezkl_proof, encode_ezkl_proof

PROOF = EzklProof(input_count=1, instances=(3, 4, 5), vka=(b"\x01" * 32, b"\x02" * 32), proof=b"proof")
CLAIM = Claim(
    milestone=1,
    input_root=hash_of("input"),
    input_proof=(hash_of("sibling"),),
    output_root=hash_of("output"),
    manifest=hash_of("manifest"),
    proof=encode_ezkl_proof(**PROOF._asdict()),
)
CALLS = MarketCalls(DEPLOYMENT)


def test_read_claim_given_a_claims_calldata_returns_the_claim() -> None:
    assert read_claim(CALLS.claim(TERMS, CLAIM).data) == CLAIM


@pytest.mark.parametrize("calldata", [b"", b"\x01\x02", CALLS.cancel(TERMS).data, CALLS.claim(TERMS, CLAIM).data[:200]])
def test_read_claim_given_anything_else_returns_none(calldata: bytes) -> None:
    assert read_claim(calldata) is None


def test_decode_ezkl_proof_given_an_encoded_one_returns_it() -> None:
    assert decode_ezkl_proof(CLAIM.proof) == PROOF


@pytest.mark.parametrize("encoded", [b"", b"\x00" * 31, b"\xff" * 64, CLAIM.proof[:-40]])
def test_decode_ezkl_proof_given_anything_else_is_refused(encoded: bytes) -> None:
    with pytest.raises(ArtifactCorruptError, match="no EZKL proof"):
        decode_ezkl_proof(encoded)
