"""What is done about a claim: only what is in time, allowed, and worth it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from challenger.cases import Found, Review, ShownFault
from challenger.strategy import (
    MAX_TRANSACTION_GAS,
    Asking,
    Commitments,
    CommitWhen,
    Do,
    Policy,
    Stakes,
    ask_on,
    leave_alone,
    look_again_at,
    outlook,
    show_fault,
)
from tallystick.dispute.economics import Worth
from tallystick.dispute.packing import FaultKind

CLAIMED, WINDOW = 1_000, 240
FINAL = CLAIMED + WINDOW
UNIT = 10**18
STAKES = Stakes(
    claimed_at=CLAIMED, final_at=FINAL, window=WINDOW, lock=10 * UNIT, challenger_bps=4_000, gas_price=10**9
)
POLICY = Policy(
    worth=None, min_profit=0, max_demand_fees=10**17, commit=CommitWhen.NEVER, sample_bps=10_000, margin_seconds=2
)
FAULT = ShownFault(
    kind=FaultKind.ELEMENT, step=7, name="conv3", element=120, computed=13, claimed=12, gas=300_000, witness=b"w"
)
REVIEW = Review(Found.FAULT, FAULT.sentence, CLAIMED + 1, fault=FAULT)
NOBODY = Commitments()


def decided(now: int = CLAIMED + 5, made: Commitments = NOBODY, fault: ShownFault = FAULT, **policy: Any) -> Do:
    return show_fault(replace(REVIEW, fault=fault), STAKES, made, replace(POLICY, **policy), now).do


# ---- a fault in hand --------------------------------------------------------------------------------------------------


def test_show_fault_given_time_and_a_share_proves() -> None:
    told = show_fault(REVIEW, STAKES, NOBODY, POLICY, CLAIMED + 5)
    assert (told.do, told.reason) == (
        Do.PROVE,
        "Element 120 of step 7 (conv3) is 12 in the claim and should be 13.",
    )


@pytest.mark.parametrize(("now", "do"), [(FINAL, Do.PROVE), (FINAL + 1, Do.LEAVE)])
def test_show_fault_given_the_last_second_proves_and_not_after_it(now: int, do: Do) -> None:
    assert decided(now) is do


def test_show_fault_given_more_gas_than_any_transaction_has_leaves_it() -> None:
    assert decided(fault=replace(FAULT, gas=MAX_TRANSACTION_GAS)) is Do.PROVE
    assert decided(fault=replace(FAULT, gas=MAX_TRANSACTION_GAS + 1)) is Do.LEAVE


def test_show_fault_given_no_share_leaves_it() -> None:
    told = show_fault(REVIEW, replace(STAKES, challenger_bps=0), NOBODY, POLICY, CLAIMED)
    assert (told.do, "no share" in told.reason) == (Do.LEAVE, True)


@given(worth=st.integers(0, 2 * 10**6), profit=st.integers(0, 10**7))
def test_show_fault_given_worths_proves_exactly_where_the_least_profit_is_left(worth: int, profit: int) -> None:
    policy = replace(POLICY, worth=Worth(worth, 10**9), min_profit=profit)
    # 380,000 gas at 1 gwei are 0.00038 coins; the share is 4 tokens.
    left = 4 * worth - 380_000
    do = show_fault(REVIEW, STAKES, NOBODY, policy, CLAIMED).do
    assert do is (Do.PROVE if left >= profit else Do.LEAVE)


@pytest.mark.parametrize(
    ("now", "made", "commit", "do"),
    [
        (CLAIMED, NOBODY, CommitWhen.AUTO, Do.COMMIT),
        (CLAIMED, NOBODY, CommitWhen.ALWAYS, Do.COMMIT),
        (CLAIMED, NOBODY, CommitWhen.NEVER, Do.PROVE),
        # from the last quarter on nobody has a first turn; a commitment mined there would be refused
        (FINAL - WINDOW // 4 - 2, NOBODY, CommitWhen.ALWAYS, Do.COMMIT),
        (FINAL - WINDOW // 4 - 1, NOBODY, CommitWhen.ALWAYS, Do.PROVE),
        (CLAIMED, Commitments(ours_at=CLAIMED), CommitWhen.AUTO, Do.PROVE_COMMITTED),
        (CLAIMED, Commitments(ours_at=CLAIMED, others=True), CommitWhen.NEVER, Do.PROVE_COMMITTED),
        # where somebody else was first, nobody may show what he did not commit to
        (CLAIMED, Commitments(others=True), CommitWhen.NEVER, Do.COMMIT),
        (FINAL - WINDOW // 4 - 1, Commitments(others=True), CommitWhen.NEVER, Do.WAIT),
        (FINAL - WINDOW // 4 + 1, Commitments(others=True), CommitWhen.NEVER, Do.PROVE),
    ],
)
def test_show_fault_given_commitments_takes_its_turn(now: int, made: Commitments, commit: CommitWhen, do: Do) -> None:
    assert decided(now, made, commit=commit) is do


def test_show_fault_given_a_wait_for_others_says_until_when() -> None:
    told = show_fault(REVIEW, STAKES, Commitments(others=True), POLICY, FINAL - WINDOW // 4 - 1)
    assert told.until == FINAL - WINDOW // 4 + 1


def test_show_fault_given_a_share_that_nobody_would_copy_does_not_commit() -> None:
    # Worth its own gas, and not what a copier could count on.
    policy = replace(POLICY, worth=Worth(110_000, 10**9), commit=CommitWhen.AUTO)
    assert outlook(STAKES, policy, 380_000).net == 60_000
    assert show_fault(REVIEW, STAKES, NOBODY, policy, CLAIMED).do is Do.PROVE


# ---- a withheld trace -------------------------------------------------------------------------------------------------


def asking(**changed: Any) -> Asking:
    usual = {"level": 0, "price": 10**15, "spent": 0, "answer_by": None, "is_ours": False, "levels_left": 2}
    return Asking(**{**usual, **changed})


@pytest.mark.parametrize(
    ("level", "final_at", "now", "do"),
    [
        (0, FINAL, FINAL, Do.ASK),
        (0, FINAL, FINAL + 1, Do.LEAVE),
        (1, FINAL + WINDOW // 2, FINAL + WINDOW // 2, Do.ASK),
        # a claim that is later final for others' demands takes no later demand of a lower level
        (0, FINAL + WINDOW // 2, FINAL + 1, Do.LEAVE),
    ],
)
def test_ask_on_given_the_clock_asks_in_time_alone(level: int, final_at: int, now: int, do: Do) -> None:
    assert ask_on(asking(level=level), replace(STAKES, final_at=final_at), POLICY, now).do is do


def test_ask_on_given_fees_over_the_bound_leaves_it_and_says_so() -> None:
    full = asking(spent=10**17 - 10**15)
    assert ask_on(full, STAKES, POLICY, CLAIMED).do is Do.ASK
    told = ask_on(replace(full, spent=full.spent + 1), STAKES, POLICY, CLAIMED)
    assert (told.do, "over the bound of 100000000000000000" in told.reason) == (Do.LEAVE, True)


def test_ask_on_given_worths_counts_every_level_that_is_left() -> None:
    policy = replace(POLICY, worth=Worth(10**6, 10**9))
    assert ask_on(asking(), STAKES, policy, CLAIMED).do is Do.ASK
    assert ask_on(asking(price=10**16), STAKES, policy, CLAIMED).do is Do.LEAVE


@pytest.mark.parametrize(
    ("now", "is_ours", "do"),
    [
        (CLAIMED + 60, True, Do.WAIT),
        (CLAIMED + 61, True, Do.SLASH),
        (CLAIMED + 60 + WINDOW // 8, False, Do.WAIT),
        (CLAIMED + 61 + WINDOW // 8, False, Do.SLASH),
        (FINAL + 1, True, Do.LEAVE),
    ],
)
def test_ask_on_given_what_was_asked_waits_and_then_slashes(now: int, is_ours: bool, do: Do) -> None:
    assert ask_on(asking(answer_by=CLAIMED + 60, is_ours=is_ours), STAKES, POLICY, now).do is do


# ---- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [Found.AGREES, Found.UNJUDGEABLE, Found.NOT_SAMPLED])
def test_leave_alone_given_nothing_to_do_leaves_it_with_a_reason(found: Found) -> None:
    told = leave_alone(Review(found, "the reason", CLAIMED))
    assert (told.do, bool(told.reason)) == (Do.LEAVE, True)


@pytest.mark.parametrize(("window", "seconds"), [(24 * 3600, 30), (80, 10), (10, 1)])
def test_look_again_at_given_a_window_leaves_most_of_it(window: int, seconds: int) -> None:
    assert look_again_at(CLAIMED, replace(STAKES, window=window)) == CLAIMED + seconds
