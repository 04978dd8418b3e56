"""How transactions ended, through JSON and back; and how long one waits for that."""

import pytest
from chain_samples import DEPLOYMENT, appointed_log, deposit_log

from tallystick.chain.facts import FactDecoder
from tallystick.chain.inclusion import Look, Timing, Verdict, Watch
from tallystick.chain.outcomes import decode_outcome, encode_outcome
from tallystick.chain.receipts import Receipt
from tallystick.errors import ChainUnavailableError, RevertError, TransactionLostError
from tallystick.ids import Bytes32

DECODER = FactDecoder(DEPLOYMENT)
RECEIPT = Receipt(
    key="k",
    transaction_hash=Bytes32("0x" + "01" * 32),
    block_number=7,
    block_hash=Bytes32("0x" + "02" * 32),
    gas_used=50_000,
    effective_gas_price=2**70,
    status=True,
    facts=(DECODER.decode(deposit_log(), 1), DECODER.decode(appointed_log(index=1), 1)),
)


def test_receipt_fee_is_gas_times_price():
    assert RECEIPT.fee == 50_000 * 2**70


def test_decode_outcome_given_a_receipt_restores_it_with_its_facts():
    assert decode_outcome(encode_outcome(RECEIPT)) == (RECEIPT, None)


def test_decode_outcome_given_a_revert_restores_name_and_arguments():
    error = RevertError("Refused.", name="X_Late", arguments={"deadline": 2**64, "reason": "r"}, remedy="Be early.")
    _, found = decode_outcome(encode_outcome(RECEIPT, error))
    assert isinstance(found, RevertError)
    assert (str(found), found.name, found.arguments) == (str(error), error.name, error.arguments)


def test_decode_outcome_given_a_loss_restores_it_without_a_receipt():
    receipt, found = decode_outcome(encode_outcome(None, TransactionLostError("Gone.", remedy="Again.")))
    assert (receipt, type(found), str(found)) == (None, TransactionLostError, "Gone. Again.")


# ---- waiting ----------------------------------------------------------------------------------------------------------

TIMING = Timing(bump_seconds=30, lost_polls=3, down_polls=3)
NOTHING = Look(receipt=None, is_confirmed=False, nonce_is_used=False)
USED = Look(receipt=None, is_confirmed=False, nonce_is_used=True)
MINED = Look(receipt=RECEIPT, is_confirmed=False, nonce_is_used=True)
DEEP = Look(receipt=RECEIPT, is_confirmed=True, nonce_is_used=True)


@pytest.mark.parametrize(
    ("looks", "last"),
    [
        ([(0, NOTHING)], Verdict.WAIT),
        ([(0, MINED)], Verdict.WAIT),
        ([(0, DEEP)], Verdict.DONE),
        ([(29, NOTHING)], Verdict.WAIT),
        ([(30, NOTHING)], Verdict.STALE),
        ([(30, NOTHING), (31, NOTHING)], Verdict.WAIT),
        ([(30, NOTHING), (60, NOTHING)], Verdict.STALE),
        ([(25, MINED), (40, NOTHING)], Verdict.UNDONE),
        ([(25, MINED), (26, NOTHING), (55, NOTHING)], Verdict.WAIT),
        ([(0, USED), (1, USED)], Verdict.WAIT),
        ([(0, USED), (1, USED), (2, USED)], Verdict.LOST),
        ([(0, USED), (1, USED), (2, NOTHING), (3, USED)], Verdict.WAIT),
        ([(0, USED), (1, USED), (2, MINED), (3, DEEP)], Verdict.DONE),
        ([(40, USED)], Verdict.WAIT),
    ],
    ids=[
        "nothing yet",
        "mined but shallow",
        "deep enough",
        "not stale yet",
        "stale",
        "stale once is enough",
        "stale again",
        "block gone",
        "time counts from the offer anew",
        "nonce used, not sure yet",
        "lost",
        "a lagging node",
        "the receipt came late",
        "never bumped with its nonce used",
    ],
)
def test_judge_given_looks_at_times(looks, last):
    watch = Watch(TIMING, now=0)
    verdicts = [watch.judge(look, now) for now, look in looks]
    assert verdicts[-1] is last


async def down():
    raise ChainUnavailableError("down")


async def up():
    return "answer"


async def test_shielded_given_an_endpoint_that_is_down_for_a_moment_is_none():
    watch = Watch(TIMING, now=0)
    answers = [await watch.shielded(look()) for look in (down, down, up, down, down)]
    assert answers == [None, None, "answer", None, None]


async def test_shielded_given_an_endpoint_that_stays_down_raises():
    watch = Watch(TIMING, now=0)
    await watch.shielded(down())
    await watch.shielded(down())
    with pytest.raises(ChainUnavailableError):
        await watch.shielded(down())
