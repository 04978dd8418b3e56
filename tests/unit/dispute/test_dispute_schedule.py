"""Deadlines of a dispute, to the second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.dispute.levels import MOST_LEVELS
from tallystick.dispute.schedule import Schedule
from tallystick.errors import InputError

TABLE = Schedule(claimed_at=1_000, window=120, response=30, challenge=40)
SECONDS = st.integers(1, 10**6)
SCHEDULES = st.builds(Schedule, st.integers(0, 10**9), SECONDS, SECONDS, SECONDS, st.integers(1, 6))


def test_latest_demand_of_each_level_is_one_response_and_one_challenge_later():
    assert [TABLE.latest_demand(level) for level in range(MOST_LEVELS)] == [1_120, 1_190, 1_260, 1_330]
    assert TABLE.bound == 1_000 + 120 + MOST_LEVELS * (30 + 40)


@pytest.mark.parametrize(("now", "taken"), [(999, False), (1_000, True), (1_120, True), (1_121, False)])
def test_takes_demand_given_the_last_second_does_and_after_it_does_not(now, taken):
    assert TABLE.takes_demand(0, now) is taken


@pytest.mark.parametrize(("now", "late"), [(1_150, False), (1_151, True)])
def test_is_unanswered_exactly_at_the_deadline_is_not(now, late):
    assert TABLE.is_unanswered(demanded_at=1_120, now=now) is late


@pytest.mark.parametrize(
    ("deepest", "now", "final"),
    [
        (None, 1_120, False),
        (None, 1_121, True),
        (0, 1_190, False),
        (0, 1_191, True),
        (3, 1_400, False),
        (3, 1_401, True),
    ],
)
def test_is_final_exactly_at_the_last_second_is_not(deepest, now, final):
    assert TABLE.is_final(deepest, now) is final


@given(SCHEDULES)
def test_a_demand_at_the_last_second_leaves_all_of_both_windows(schedule):
    for level in range(schedule.levels):
        answered = schedule.answer_deadline(schedule.latest_demand(level))
        assert schedule.follow_up_deadline(level) - answered == schedule.challenge
        assert not schedule.is_final(level, answered)
        assert not schedule.is_unanswered(schedule.latest_demand(level), answered)


@given(SCHEDULES)
def test_no_claim_stands_open_behind_the_bound(schedule):
    ends = [schedule.final_after(deepest) for deepest in (None, *range(schedule.levels))]
    assert ends == sorted(ends)
    assert ends[-1] == schedule.bound
    assert all(schedule.is_final(deepest, schedule.bound + 1) for deepest in (None, *range(schedule.levels)))


@given(SCHEDULES)
def test_a_demand_that_comes_in_time_is_never_of_a_claim_that_is_final(schedule):
    for level in range(schedule.levels):
        deepest = level - 1 if level else None
        assert schedule.final_after(deepest) == schedule.latest_demand(level)


@pytest.mark.parametrize("level", [-1, MOST_LEVELS])
def test_latest_demand_given_no_such_level_refuses(level):
    with pytest.raises(InputError):
        TABLE.latest_demand(level)


@pytest.mark.parametrize("windows", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)])
def test_schedule_given_an_empty_window_refuses(windows):
    with pytest.raises(InputError):
        Schedule(0, *windows)
