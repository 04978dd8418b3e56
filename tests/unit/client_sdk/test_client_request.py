"""From what a creator asks to terms that the contract takes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from client_builders import CREATOR, PAYMENT, RULES, STAKE, address, hash_of

from client_sdk._request import JobRequest, Surroundings, build_terms
from tallystick.errors import InputError, TermsError
from tallystick.ids import ZERO_ADDRESS, ModelId
from tallystick.market.terms import JobTerms

REQUEST = JobRequest(model="0x", inputs=[], max_price="10")
AROUND = Surroundings(
    creator=CREATOR,
    payment_token=PAYMENT.address,
    payment_decimals=6,
    stake_token=STAKE.address,
    stake_decimals=18,
    rules=RULES.model_copy(update={"min_lock": 5 * 10**17}),
    dispatcher=address("dispatcher"),
)
MODEL_ID = ModelId(hash_of("model"))
ROOT = hash_of("root")


def terms_of(request: JobRequest, around: Surroundings = AROUND, milestones: int = 2, salt: int = 7) -> JobTerms:
    return build_terms(
        request,
        around,
        model_id=MODEL_ID,
        input_root=ROOT,
        manifest=hash_of("manifest"),
        milestones=milestones,
        salt=salt,
    )


def asking(**changes: Any) -> JobRequest:
    return replace(REQUEST, **changes)


def test_build_terms_given_only_a_price_takes_a_flat_price_in_equal_shares() -> None:
    terms = terms_of(REQUEST)

    assert (terms.min_price, terms.max_price, terms.ramp_seconds) == (10_000_000, 10_000_000, 0)
    assert terms.share_bps == (5000, 5000)


def test_build_terms_given_a_lower_minimum_rises_over_half_the_accept_time() -> None:
    terms = terms_of(asking(min_price="2.5", accept_within="10m"))

    assert (terms.min_price, terms.ramp_seconds) == (2_500_000, 300)


@pytest.mark.parametrize("price", ["10", 10, Decimal("10.0")])
def test_build_terms_given_a_price_in_any_exact_form_counts_whole_tokens(price: Any) -> None:
    assert terms_of(asking(max_price=price)).max_price == 10_000_000


def test_build_terms_given_a_deadline_gives_it_to_every_milestone() -> None:
    assert terms_of(asking(deadline="2h"), milestones=3).duration_seconds == (7200, 7200, 7200)


def test_build_terms_given_no_stake_lock_takes_the_protocols_least() -> None:
    assert terms_of(REQUEST).stake_lock == AROUND.rules.min_lock


def test_build_terms_given_payment_in_the_stake_token_locks_at_least_the_ratio() -> None:
    around = replace(AROUND, payment_token=STAKE.address, payment_decimals=18)

    assert terms_of(asking(max_price="10"), around).stake_lock == 5 * 10**18


def test_build_terms_given_payment_in_the_stake_token_and_a_lock_below_the_ratio_says_the_least() -> None:
    around = replace(AROUND, payment_token=STAKE.address, payment_decimals=18)

    with pytest.raises(TermsError, match="below the protocol's minimum of 5"):
        terms_of(asking(max_price="10", stake_lock="4"), around)


def test_build_terms_given_a_job_with_proofs_has_no_challenge_window() -> None:
    assert terms_of(REQUEST).challenge_seconds == 0


def test_build_terms_given_a_dispatcher_leaves_it_the_first_minute() -> None:
    terms = terms_of(REQUEST)

    assert (terms.dispatcher, terms.exclusive_seconds) == (AROUND.dispatcher, 60)


def test_build_terms_given_no_dispatcher_is_open_to_all_at_once() -> None:
    terms = terms_of(asking(exclusive="5m", dispatcher_fee_bps=100), replace(AROUND, dispatcher=None))

    assert (terms.dispatcher, terms.exclusive_seconds, terms.dispatcher_fee_bps) == (ZERO_ADDRESS, 0, 0)


def test_build_terms_given_a_short_accept_window_keeps_the_first_choice_within_it() -> None:
    assert terms_of(asking(accept_within=20)).exclusive_seconds == 20


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"max_price": "ten"}, InputError, "max_price: 'ten' is not an amount"),
        ({"max_price": 1.5}, InputError, "max_price is 1.5, which has no exact amount"),
        ({"max_price": "-1"}, InputError, "max_price: '-1' is not an amount"),
        ({"max_price": "0.0000001"}, InputError, "more than 6 decimals"),
        ({"max_price": "0"}, TermsError, "maximum price is 0"),
        ({"max_price": str(2**128)}, TermsError, "_price is"),
        ({"min_price": "11"}, TermsError, "minimum price 11 is above the maximum 10"),
        ({"stake_lock": "0.4"}, TermsError, r"stake lock of 0.4 is below the protocol's minimum of 0\.5\. Ask"),
        ({"deadline": "soon"}, InputError, "deadline: 'soon' is not a duration"),
        ({"deadline": 0}, TermsError, "0 seconds has already missed"),
        ({"accept_within": "0s"}, TermsError, "accept window of 0 seconds"),
        ({"exclusive": "1h"}, TermsError, "exclusive 3600 s outlast the accept window of 600 s"),
        ({"dispatcher_fee_bps": 1001}, TermsError, "fee of 1001 bps is above 1000"),
        ({"shares": (5000, 4000)}, TermsError, "add up to 9000"),
        ({"shares": (10_000,)}, TermsError, "1 shares"),
    ],
)
def test_build_terms_given_a_wrong_field_names_it_with_its_value(
    changes: dict[str, Any], error: type[InputError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        terms_of(asking(**changes))


def test_build_terms_given_a_salt_beyond_64_bits_is_refused() -> None:
    with pytest.raises(TermsError, match="salt is"):
        terms_of(REQUEST, salt=2**64)


def test_fingerprint_given_the_same_request_is_the_same() -> None:
    assert asking().fingerprint(MODEL_ID, ROOT) == asking(salt=9, approve=False).fingerprint(MODEL_ID, ROOT)


@pytest.mark.parametrize(
    "changes",
    [{"max_price": "11"}, {"requirements": "gpu>=1"}, {"shares": (10_000,)}, {"note": "x"}, {"min_price": "1"}],
)
def test_fingerprint_given_anything_else_asked_for_differs(changes: dict[str, Any]) -> None:
    assert asking(**changes).fingerprint(MODEL_ID, ROOT) != asking().fingerprint(MODEL_ID, ROOT)


def test_fingerprint_given_other_inputs_differs() -> None:
    assert asking().fingerprint(MODEL_ID, ROOT) != asking().fingerprint(MODEL_ID, hash_of("other root"))
