from __future__ import annotations

import pytest

from executor.release import MARGIN, is_hopeless, is_worth_its_fee


@pytest.mark.parametrize(
    ("needed", "left", "hopeless"),
    [(10.0, 10.0, False), (10.0 * MARGIN, 10.0, False), (10.0 * MARGIN + 0.1, 10.0, True), (0.1, 0.0, True)],
)
def test_is_hopeless_given_an_estimate_asks_for_more_than_the_margin(
    needed: float, left: float, hopeless: bool
) -> None:
    assert is_hopeless(needed, left) is hopeless


@pytest.mark.parametrize(("fee", "late_slash", "worth_it"), [(1, 2, True), (2, 2, False), (3, 2, False)])
def test_is_worth_its_fee_given_both_costs_takes_only_the_lesser(fee: int, late_slash: int, worth_it: bool) -> None:
    assert is_worth_its_fee(fee, late_slash) is worth_it
