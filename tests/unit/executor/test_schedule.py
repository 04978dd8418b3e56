from __future__ import annotations

import itertools
import math
import random

import pytest

from executor.schedule import Task, first_late, milestone_tasks, slack


def test_first_late_given_tasks_that_fit_exactly_finds_none() -> None:
    assert first_late([Task(30, 10.0), Task(10, 10.0), Task(20, 10.0)], now=0) is None


def test_first_late_given_one_second_too_much_names_the_task() -> None:
    assert first_late([Task(30, 10.0), Task(10, 10.0), Task(20, 11.0)], now=0) == Task(20, 11.0)


@pytest.mark.parametrize("seed", range(50))
def test_first_late_given_any_tasks_agrees_with_trying_every_order(seed: int) -> None:
    chance = random.Random(seed)
    tasks = [Task(chance.randint(1, 40), float(chance.randint(1, 12))) for _ in range(5)]

    def all_in_time(order: tuple[Task, ...]) -> bool:
        ends = itertools.accumulate(task.seconds for task in order)
        return all(end <= task.deadline for end, task in zip(ends, order, strict=True))

    some_order_works = any(all_in_time(order) for order in itertools.permutations(tasks))

    assert (first_late(tasks, now=0) is None) == some_order_works


def test_milestone_tasks_given_no_deadline_yet_counts_from_now() -> None:
    assert milestone_tasks([30, 20], None, 100, 5.0) == [Task(130, 5.0), Task(150, 5.0)]


def test_milestone_tasks_given_a_running_milestone_counts_from_its_deadline() -> None:
    assert milestone_tasks([30, 20], 110, 100, 5.0) == [Task(110, 5.0), Task(130, 5.0)]


def test_milestone_tasks_given_nothing_left_is_empty() -> None:
    assert milestone_tasks([], 110, 100, 5.0) == []


def test_slack_given_no_tasks_is_endless() -> None:
    assert slack([], now=0) == math.inf


def test_slack_given_a_task_that_is_late_is_below_zero() -> None:
    assert slack([Task(10, 15.0)], now=0) == -5.0


@pytest.mark.parametrize("seed", range(20))
def test_slack_given_any_tasks_is_the_longest_delay_with_none_late(seed: int) -> None:
    chance = random.Random(seed)
    tasks = [Task(chance.randint(60, 90), float(chance.randint(1, 12))) for _ in range(5)]
    spare = int(slack(tasks, now=0))

    assert (first_late(tasks, now=spare), first_late(tasks, now=spare + 1) is None) == (None, False)
