"""What a transaction offers for its gas, and what nodes say about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rpc_server import RefusedRequestError, RpcServer

from tallystick.chain.fees import FALLBACK_PRIORITY_FEE, Fees, bumped, offer, suggest_fees
from tallystick.chain.refusals import Refusal, meaning_of
from tallystick.chain.rpc import Rpc
from tallystick.errors import ChainError, RpcRefusedError

FEES = st.builds(Fees, max_fee=st.integers(0, 2**64), priority_fee=st.integers(0, 2**64))


def test_offer_stays_good_while_the_base_fee_doubles():
    assert offer(100, 7) == Fees(max_fee=207, priority_fee=7)


@given(FEES, FEES)
def test_bumped_is_an_eighth_more_of_both_and_at_least_the_present_offer(last, fresh):
    new = bumped(last, fresh)
    assert new.max_fee * 8 >= last.max_fee * 9
    assert new.priority_fee * 8 >= last.priority_fee * 9
    assert new.max_fee >= fresh.max_fee
    assert new.priority_fee >= fresh.priority_fee


async def suggested(answer):
    with RpcServer(answer) as server:
        rpc = Rpc(server.url, timeout_seconds=2)
        try:
            return await suggest_fees(rpc)
        finally:
            await rpc.close()


async def test_suggest_fees_takes_base_and_tip_from_the_endpoint():
    answers = {"eth_getBlockByNumber": {"baseFeePerGas": "0x64"}, "eth_maxPriorityFeePerGas": "0x5"}
    assert await suggested(lambda method, _: answers[method]) == Fees(max_fee=205, priority_fee=5)


async def test_suggest_fees_given_an_endpoint_without_a_tip_offers_a_usual_one():
    def answer(method, _):
        if method == "eth_maxPriorityFeePerGas":
            raise RefusedRequestError("the method does not exist", -32601)
        return {"baseFeePerGas": "0x0"}

    assert (await suggested(answer)).priority_fee == FALLBACK_PRIORITY_FEE


async def test_suggest_fees_on_a_chain_without_base_fee_says_so():
    with pytest.raises(ChainError, match="no base fee"):
        await suggested(lambda *_: {"number": "0x1"})


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        ("already known", Refusal.KNOWN),
        ("transaction already imported", Refusal.KNOWN),
        ("AlreadyKnown", Refusal.KNOWN),
        ("nonce too low", Refusal.NONCE_USED),
        ("nonce too low: next nonce 5, tx nonce 4", Refusal.NONCE_USED),
        ("OldNonce", Refusal.NONCE_USED),
        ("replacement transaction underpriced", Refusal.FEE_TOO_LOW),
        ("max fee per gas less than block base fee: address 0x1", Refusal.FEE_TOO_LOW),
        ("FeeTooLow, MaxFeePerGas too low", Refusal.FEE_TOO_LOW),
        ("insufficient funds for gas * price + value", Refusal.NO_FUNDS),
        ("Insufficient funds for gas * price + value", Refusal.NO_FUNDS),
        ("upfront cost exceeds account balance too low", Refusal.NO_FUNDS),
        ("intrinsic gas too low", Refusal.OTHER),
        ("", Refusal.OTHER),
    ],
)
def test_meaning_of_reads_each_nodes_words(message, refusal):
    assert meaning_of(RpcRefusedError("Refused.", code=-32000, message=message)) is refusal
