"""Job terms: the same words, hashes and refusals as the contracts'."""

import json
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st
from market_samples import DOMAIN, JOB, OPERATOR, make_terms
from pydantic import ValidationError

from tallystick.errors import TermsError
from tallystick.ids import ZERO_ADDRESS
from tallystick.market.terms import (
    Assignment,
    JobMode,
    JobTerms,
    ProofKind,
    SigningDomain,
    assignment_message,
    assignment_tuple,
    job_id_of,
    terms_from_tuple,
    terms_message,
    terms_tuple,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "terms.json").read_text())
DOMAINS = {
    name: SigningDomain(chain_id=held["chainId"], escrow=held["escrow"]) for name, held in VECTORS["domains"].items()
}
EVERY_CASE = pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])


def from_vector(case) -> JobTerms:
    kinds = {2: "hash", 5: "hash", 6: "hash"}
    return terms_from_tuple(
        [bytes.fromhex(held[2:]) if kinds.get(place) else held for place, held in enumerate(case["terms"])]
    )


def digest(message) -> str:
    return "0x" + keccak(b"\x19" + message.version + message.header + message.body).hex()


# ---- hashes -----------------------------------------------------------------------------------------------------------


@EVERY_CASE
def test_job_id_of_agrees_with_the_vectors_in_every_domain(case):
    terms = from_vector(case)
    assert {name: job_id_of(terms, domain) for name, domain in DOMAINS.items()} == case["jobIds"]


@EVERY_CASE
def test_terms_message_body_is_the_struct_hash(case):
    assert "0x" + terms_message(from_vector(case), DOMAINS["local"]).body.hex() == case["structHash"]


def test_terms_message_header_is_the_domain_separator():
    separators = {name: "0x" + terms_message(make_terms(), domain).header.hex() for name, domain in DOMAINS.items()}
    assert separators == {name: held["separator"] for name, held in VECTORS["domains"].items()}


@pytest.mark.parametrize("case", VECTORS["assignments"], ids=["usual", "largest"])
def test_assignment_message_agrees_with_the_vectors(case):
    job_id, operator, round_, expires_at = case["assignment"]
    assignment = Assignment(job_id=job_id, operator=operator, round=round_, expires_at=expires_at)
    found = {name: digest(assignment_message(assignment, domain)) for name, domain in DOMAINS.items()}
    assert found == case["digests"]


CHANGES = {
    "creator": OPERATOR,
    "salt": 2,
    "model_id": "0x" + "ff" * 32,
    "proof_kind": ProofKind.OPTIMISTIC,
    "mode": JobMode.CHAINED,
    "input_root": "0x" + "fe" * 32,
    "manifest": "0x" + "fd" * 32,
    "payment_token": OPERATOR,
    "min_price": 101,
    "max_price": 201,
    "ramp_seconds": 51,
    "stake_lock": 1001,
    "accept_seconds": 601,
    "exclusive_seconds": 61,
    "challenge_seconds": 1,
    "dispatcher": OPERATOR,
    "dispatcher_fee_bps": 101,
    "share_bps": (6000, 4000),
    "duration_seconds": (400, 300),
}


def test_changes_name_every_field():
    assert set(CHANGES) == set(JobTerms.model_fields)


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_job_id_of_given_another_value_in_any_field_is_another(field):
    assert job_id_of(make_terms(**{field: CHANGES[field]}), DOMAIN) != job_id_of(make_terms(), DOMAIN)


def test_assignment_message_can_be_signed_and_recovered():
    account = Account.from_key(b"\x01" * 32)
    message = assignment_message(Assignment(job_id=JOB, operator=OPERATOR, round=1, expires_at=5), DOMAIN)
    assert Account.recover_message(message, signature=account.sign_message(message).signature) == account.address


# ---- ABI order --------------------------------------------------------------------------------------------------------


@EVERY_CASE
def test_terms_from_tuple_undoes_terms_tuple(case):
    terms = from_vector(case)
    assert terms_from_tuple(terms_tuple(terms)) == terms


def test_terms_from_tuple_given_a_mapping_reads_solidity_names():
    names = ("jobId", "operator", "round", "expiresAt")
    assignment = Assignment(job_id=JOB, operator=OPERATOR, round=1, expires_at=5)
    assert dict(zip(names, assignment_tuple(assignment), strict=True))["expiresAt"] == 5


# ---- prices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS["prices"]["cases"], ids=lambda case: str(case["now"] - case["openedAt"]))
def test_price_at_agrees_with_the_vectors(case):
    terms = from_vector(next(held for held in VECTORS["cases"] if held["name"] == VECTORS["prices"]["terms"]))
    assert terms.price_at(case["openedAt"], case["now"]) == case["price"]


def test_price_at_given_no_ramp_is_the_maximum_at_once():
    assert make_terms(ramp_seconds=0).price_at(100, 100) == 200


def test_price_at_before_the_opening_is_the_minimum():
    """A clock of ours that runs behind the chain's must not make a price below the minimum."""
    assert make_terms().price_at(100, 90) == 100


PRICES = st.integers(min_value=0, max_value=2**96 - 1)


@given(PRICES, PRICES, st.integers(min_value=0, max_value=2**32 - 1), st.lists(st.integers(0, 2**33), min_size=2))
def test_price_at_never_falls_and_stays_between_the_ends(one, other, ramp, moments):
    low, high = sorted((one, other))
    terms = make_terms(min_price=low, max_price=high, ramp_seconds=ramp)
    prices = [terms.price_at(0, moment) for moment in sorted(moments)]
    assert (prices == sorted(prices), low <= prices[0], prices[-1] <= high) == (True, True, True)


def test_price_of_rounds_each_share_down():
    assert [make_terms().price_of(milestone, 201) for milestone in (0, 1)] == [80, 120]


# ---- refusals ---------------------------------------------------------------------------------------------------------


OPTIMISTIC = {"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": 600}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        OPTIMISTIC,
        {**OPTIMISTIC, "challenge_seconds": 10},
        {**OPTIMISTIC, "challenge_seconds": 30 * 86_400},
        {"duration_seconds": (365 * 86_400, 1)},
    ],
    ids=["zk", "optimistic", "shortest window", "longest window", "a year"],
)
def test_check_given_valid_terms_passes(changed):
    make_terms(**changed).check()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"share_bps": (), "duration_seconds": ()}, "1 to 256 milestones, not 0"),
        ({"share_bps": (39,) * 257, "duration_seconds": (1,) * 257}, "not 257"),
        ({"duration_seconds": (1,)}, "2 shares but 1 durations"),
        ({"share_bps": (5000, 4999)}, "add up to 9999 bps"),
        ({"share_bps": (10_000, 0)}, "work for nothing"),
        ({"duration_seconds": (0, 1)}, "missed its deadline"),
        ({"min_price": 0, "max_price": 0}, "maximum price is 0"),
        ({"min_price": 201}, "minimum price 201 is above the maximum 200"),
        ({"accept_seconds": 0, "exclusive_seconds": 0}, "accept window of 0 seconds"),
        ({"exclusive_seconds": 601}, "outlast the accept window"),
        ({"dispatcher": ZERO_ADDRESS, "dispatcher_fee_bps": 0}, "need a dispatcher"),
        ({"dispatcher": ZERO_ADDRESS, "exclusive_seconds": 0}, "fee needs a dispatcher"),
        ({"dispatcher_fee_bps": 1001}, "above 1000"),
        ({"proof_kind": ProofKind.NONE}, "needs a proof kind"),
        ({"duration_seconds": (1, 365 * 86_400 + 1)}, "31536001 s is above 31536000 s"),
        ({"challenge_seconds": 1}, "only for Optimistic claims; a ZK claim is final at once"),
        ({**OPTIMISTIC, "challenge_seconds": 9}, "window of 9 s is outside 10 to 2592000 s"),
        ({**OPTIMISTIC, "challenge_seconds": 30 * 86_400 + 1}, "window of 2592001 s is outside"),
    ],
    ids=lambda value: "" if isinstance(value, str) else ",".join(value),
)
def test_check_given_terms_that_the_contract_refuses_says_why(changed, said):
    with pytest.raises(TermsError, match=said):
        make_terms(**changed).check()


@pytest.mark.parametrize(
    "changed",
    [
        {"salt": 2**64},
        {"salt": -1},
        {"max_price": 2**96},
        {"stake_lock": 2**96},
        {"challenge_seconds": 2**32},
        {"ramp_seconds": 2**32},
        {"dispatcher_fee_bps": 2**16},
        {"share_bps": (2**16,)},
        {"creator": "0x12"},
        {"model_id": "0x12"},
        {"mode": 2},
        {"unknown": 1},
    ],
    ids=str,
)
def test_job_terms_given_what_no_word_holds_is_refused(changed):
    with pytest.raises(ValidationError):
        make_terms(**changed)
