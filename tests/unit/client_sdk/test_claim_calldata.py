"""Calldata, read back: what lets outputs outlive every store, and how a deposit came in."""

from __future__ import annotations

from typing import Any

import pytest
from client_builders import CREATOR, DEPLOYMENT, OPERATOR, FakeChain, hash_of
from client_job_facts import TERMS

from tallystick.chain.calldata import creation_in
from tallystick.chain.calls import Call, MarketCalls
from tallystick.errors import ArtifactCorruptError
from tallystick.ids import ZERO_BYTES32
from tallystick.market.claims import Claim, EzklProof, decode_ezkl_proof, encode_ezkl_proof
from tallystick.market.orders import Funding, JobOrder, SignedOrder
from tallystick.market.permits import TokenPermit

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


PERMIT = TokenPermit(deadline=1, v=27, r=ZERO_BYTES32, s=ZERO_BYTES32)
ORDER = SignedOrder(
    order=JobOrder(terms=TERMS, nonce=1, starts_at=1, expires_at=2), funding=Funding.ALLOWANCE, signature=b"signature"
)


@pytest.mark.parametrize(
    ("call", "way"),
    [
        (CALLS.create_job(TERMS), "allowance"),
        (CALLS.create_job_with_permit(TERMS, PERMIT), "permit"),
        (CALLS.post_order(ORDER), "order"),
        (CALLS.accept_order(ORDER, OPERATOR), "order"),
        (CALLS.cancel(TERMS), "contract"),
    ],
)
async def test_creation_in_given_a_call_of_the_escrow_tells_the_way(call: Call, way: str) -> None:
    chain: Any = FakeChain()
    chain.calldata[hash_of("creation")] = "0x" + call.data.hex()

    assert await creation_in(chain, hash_of("creation")) == way


async def test_creation_in_given_a_call_of_another_contract_does_not_read_it() -> None:
    chain: Any = FakeChain()
    chain.calldata[hash_of("creation")] = "0x" + CALLS.create_job(TERMS).data.hex()
    chain.called = CREATOR

    assert await creation_in(chain, hash_of("creation")) == "contract"


async def test_creation_in_given_a_transaction_that_nobody_knows_is_none() -> None:
    chain: Any = FakeChain()

    assert await creation_in(chain, hash_of("unknown")) is None


def test_decode_ezkl_proof_given_an_encoded_one_returns_it() -> None:
    assert decode_ezkl_proof(CLAIM.proof) == PROOF


@pytest.mark.parametrize("encoded", [b"", b"\x00" * 31, b"\xff" * 64, CLAIM.proof[:-40]])
def test_decode_ezkl_proof_given_anything_else_is_refused(encoded: bytes) -> None:
    with pytest.raises(ArtifactCorruptError, match="no EZKL proof"):
        decode_ezkl_proof(encoded)
