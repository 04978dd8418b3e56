"""What governance may change, and what follows from it."""

import pytest
from market_samples import OPERATOR, TOKEN, make_terms

from tallystick.errors import TermsError
from tallystick.market.parameters import Economy, EntryRules
from tallystick.market.terms import ProofKind

RULES = EntryRules(min_lock=900, min_lock_ratio_bps=5_000, min_challenge_seconds=60, unbond_seconds=1_000)
ECONOMY = Economy(
    late_slash_bps=5_000,
    late_finder_bps=1_000,
    late_creator_bps=4_000,
    late_bounty_bps=3_000,
    fault_challenger_bps=4_000,
    fault_creator_bps=3_000,
    fault_bounty_bps=1_000,
    release_bps=100,
)
OTHER_TOKEN = OPERATOR


@pytest.mark.parametrize(
    ("max_price", "stake_token", "least"),
    [(10**6, OTHER_TOKEN, 900), (1_000, TOKEN, 900), (1_801, TOKEN, 900), (1_802, TOKEN, 901)],
    ids=["another token", "cheap", "rounded down", "by ratio"],
)
def test_least_lock_is_the_larger_of_two_where_one_token_is_both(max_price, stake_token, least):
    assert RULES.least_lock(TOKEN, max_price, stake_token) == least


@pytest.mark.parametrize(
    "changed",
    [
        {"stake_lock": 900},
        {"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": 60},
        {"max_price": 2_000, "stake_lock": 1_000},
    ],
    ids=["least lock", "least window", "least ratio"],
)
def test_entry_rules_check_given_just_enough_passes(changed):
    RULES.check(make_terms(**changed), TOKEN)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stake_lock": 899}, "stake lock of 899 is below the least of 900"),
        ({"max_price": 2_002, "stake_lock": 1_000}, "stake lock of 1000 is below the least of 1001"),
        ({"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": 59}, "window of 59 s is below the least of 60 s"),
    ],
    ids=["lock", "ratio", "window"],
)
def test_entry_rules_check_given_too_little_says_what_is_asked_for(changed, said):
    with pytest.raises(TermsError, match=said):
        RULES.check(make_terms(**changed), TOKEN)


@pytest.mark.parametrize(("next_milestone", "slash"), [(0, 500), (1, 300)])
def test_late_slash_is_of_the_part_that_is_unfinished(next_milestone, slash):
    """1,000 locked, 40 % and 60 % of the work, half of the unfinished part goes."""
    assert ECONOMY.late_slash(make_terms(), next_milestone) == slash
