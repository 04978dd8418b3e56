"""What a challenger earns, and what it looks at first."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dispute.economics import Pending, Worth, is_sampled, order, profit
from tallystick.errors import InputError

AMOUNTS = st.integers(0, 2**96)


# ---- profit -----------------------------------------------------------------------------------------------------------


def test_profit_without_a_worth_says_both_amounts_and_not_whether_it_covers_gas():
    made = profit(10**19, 4_000, gas=200_000, gas_price_wei=10**9)
    assert (made.share, made.cost_wei) == (4 * 10**18, 2 * 10**14)
    assert made.net is None
    assert made.covers_gas is None


def test_profit_with_a_worth_is_their_difference():
    made = profit(10**19, 4_000, 200_000, 10**9, Worth(stake=50, native=300_000))
    assert made.net == 4 * 50 - 60
    assert made.covers_gas


def test_profit_given_exactly_the_gas_covers_it_and_one_wei_more_does_not():
    worth = Worth(10**18, 10**18)
    assert profit(1_000, 10_000, 1, 1_000, worth).covers_gas
    assert not profit(1_000, 10_000, 1, 1_001, worth).covers_gas


@given(
    AMOUNTS, st.integers(0, 10_000), st.integers(0, 10**8), st.integers(0, 10**12), st.builds(Worth, AMOUNTS, AMOUNTS)
)
def test_profit_rounds_against_the_challenger(lock, bps, gas, price, worth):
    made = profit(lock, bps, gas, price, worth)
    assert made.share * 10_000 <= lock * bps < (made.share + 1) * 10_000
    assert made.net * 10**18 <= made.share * worth.stake - made.cost_wei * worth.native
    assert (made.net + 2) * 10**18 > made.share * worth.stake - made.cost_wei * worth.native


@pytest.mark.parametrize("wrong", [(-1, 1, 1, 1), (1, -1, 1, 1), (1, 10_001, 1, 1), (1, 1, -1, 1), (1, 1, 1, -1)])
def test_profit_given_what_cannot_be_refuses(wrong):
    with pytest.raises(InputError):
        profit(*wrong)


# ---- order ------------------------------------------------------------------------------------------------------------

CLAIMS = st.lists(
    st.builds(Pending, st.binary(min_size=1, max_size=2), st.integers(0, 9), st.integers(0, 30), st.integers(1, 12)),
    max_size=6,
    unique_by=lambda claim: claim.key,
)


def saved(claims, now=0):
    """Value of those that are done in time, looked at in that order."""
    value = 0
    for claim in claims:
        if now + claim.seconds <= claim.deadline:
            now += claim.seconds
            value += claim.value
    return value


def all_in_time(claims, now=0):
    return all(done <= claim.deadline for claim, done in zip(claims, ends(claims, now), strict=True))


def ends(claims, now):
    for claim in claims:
        now += claim.seconds
        yield now


@given(CLAIMS)
def test_order_has_every_claim_once(claims):
    assert sorted(order(claims, 0), key=lambda each: each.key) == sorted(claims, key=lambda each: each.key)


@settings(max_examples=200)
@given(CLAIMS)
def test_order_given_claims_that_all_fit_has_them_all_in_time(claims):
    if any(all_in_time(some) for some in itertools.permutations(claims)):
        assert all_in_time(order(claims, 0))


@settings(max_examples=200)
@given(CLAIMS)
def test_order_does_not_depend_on_how_they_came(claims):
    assert order(claims, 5) == order(claims[::-1], 5)


def test_order_given_too_many_leaves_the_least_value_for_its_seconds():
    rich, poor, slow = Pending(b"a", 100, 10, 5), Pending(b"b", 1, 10, 5), Pending(b"c", 100, 10, 10)
    assert order([slow, poor, rich], 0) == [rich, poor, slow]
    assert saved(order([slow, poor, rich], 0)) == 101


def test_order_given_one_that_is_too_late_has_it_last():
    late, urgent, calm = Pending(b"l", 10**9, 3, 9), Pending(b"u", 1, 5, 5), Pending(b"c", 5, 100, 5)
    assert order([late, calm, urgent], 0) == [urgent, calm, late]


@pytest.mark.parametrize(("value", "seconds"), [(1, 0), (-1, 1)])
def test_pending_given_no_time_or_a_negative_value_refuses(value, seconds):
    with pytest.raises(InputError):
        Pending(b"a", value, 10, seconds)


def test_order_given_the_same_claim_twice_keeps_both():
    claim = Pending(b"a", 1, 1, 5)
    assert order([claim, claim], 0) == [claim, claim]


# ---- sampling ---------------------------------------------------------------------------------------------------------


def test_is_sampled_takes_about_its_rate():
    taken = sum(is_sampled(number.to_bytes(4, "big"), b"seed", 2_500) for number in range(4_000))
    assert 900 < taken < 1_100


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_is_sampled_given_all_or_nothing_takes_all_or_nothing(claim, seed):
    assert is_sampled(claim, seed, 10_000)
    assert not is_sampled(claim, seed, 0)


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 9_999))
def test_is_sampled_given_a_higher_rate_takes_what_a_lower_one_took(claim, seed, rate):
    assert is_sampled(claim, seed, rate) <= is_sampled(claim, seed, rate + 1)


def test_is_sampled_given_another_seed_takes_others():
    claims = [number.to_bytes(4, "big") for number in range(100)]
    assert [is_sampled(each, b"a", 5_000) for each in claims] != [is_sampled(each, b"b", 5_000) for each in claims]


@pytest.mark.parametrize("rate", [-1, 10_001])
def test_is_sampled_given_no_rate_refuses(rate):
    with pytest.raises(InputError):
        is_sampled(b"a", b"b", rate)
