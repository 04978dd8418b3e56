"""Claims read back from calldata: what lets outputs outlive every store."""

import pytest
from chain_samples import DEPLOYMENT
from market_samples import make_terms, word

from tallystick.chain.calldata import claim_in, read_claims
from tallystick.chain.calls import MarketCalls
from tallystick.ids import Bytes32
from tallystick.market.claims import Claim
from tallystick.market.terms import job_id_of

CALLS = MarketCalls(DEPLOYMENT)
ONE, OTHER = make_terms(), make_terms(salt=2)


def make_claim(milestone, proof=b"proof"):
    return Claim(
        milestone=milestone,
        input_root=word(1),
        input_proof=(word(2),),
        output_root=word(3),
        manifest=word(4),
        proof=proof,
    )


MANY = [(ONE, [make_claim(0), make_claim(1)]), (OTHER, [make_claim(0, b"another")])]


def test_read_claims_given_one_claim_returns_it_with_its_terms():
    assert read_claims(CALLS.claim(ONE, make_claim(1)).data) == ((ONE, make_claim(1)),)


def test_read_claims_given_many_returns_them_in_order():
    expected = ((ONE, make_claim(0)), (ONE, make_claim(1)), (OTHER, make_claim(0, b"another")))
    assert read_claims(CALLS.claim_many(MANY).data) == expected


@pytest.mark.parametrize(
    "calldata",
    [
        b"",
        b"\x01\x02",
        CALLS.cancel(ONE).data,
        CALLS.claim(ONE, make_claim(0)).data[:200],
        CALLS.claim_many(MANY).data[:200],
    ],
    ids=["nothing", "short", "another call", "cut claim", "cut claims"],
)
def test_read_claims_given_anything_else_is_empty(calldata):
    assert read_claims(calldata) == ()


class Asked:
    """A reader whose endpoint knows one transaction."""

    deployment = DEPLOYMENT

    def __init__(self, found):
        self.rpc = self
        self._found = found

    async def request(self, method, *_):
        assert method == "eth_getTransactionByHash"
        return self._found


BATCH = {"input": "0x" + CALLS.claim_many(MANY).data.hex()}
TRANSACTION = Bytes32(word(9))


@pytest.mark.parametrize(
    ("terms", "milestone", "expected"),
    [(ONE, 1, make_claim(1)), (OTHER, 0, make_claim(0, b"another")), (OTHER, 1, None), (make_terms(salt=3), 0, None)],
    ids=["second of the first job", "first of the second", "milestone that is not there", "job that is not there"],
)
async def test_claim_in_a_batch_is_that_of_the_job_and_milestone(terms, milestone, expected):
    job_id = job_id_of(terms, DEPLOYMENT.domain())
    assert await claim_in(Asked(BATCH), TRANSACTION, job_id, milestone) == expected


async def test_claim_in_a_transaction_that_nobody_knows_is_none():
    assert await claim_in(Asked(None), TRANSACTION, job_id_of(ONE, DEPLOYMENT.domain()), 0) is None
