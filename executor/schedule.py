"""Whether this machine can keep its deadlines. Pure. One proof at a time: a prover uses every core it finds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Task:
    """One milestone to prove.

    Attributes:
        deadline: Chain time, seconds.
        seconds: How long it should take here, safety included.
    """

    deadline: int
    seconds: float


def first_late(tasks: Iterable[Task], now: int) -> Task | None:
    """The first task that would miss its deadline when all are worked off in order of deadlines; None if none does.

    That order is as good as any: if some order keeps all deadlines, this one does (Jackson, 1955). Milestones of one
    job are in it in their own order, because their deadlines grow.
    """
    done_at = float(now)
    for task in sorted(tasks):
        done_at += task.seconds
        if done_at > task.deadline:
            return task
    return None


def slack(tasks: Iterable[Task], now: int) -> float:
    """For how many seconds everything could be put off with no deadline missed: infinite for no tasks, below 0 for late
    ones. In the same order as `first_late`."""
    done_at, least = float(now), math.inf
    for task in sorted(tasks):
        done_at += task.seconds
        least = min(least, task.deadline - done_at)
    return least


def milestone_tasks(durations: Iterable[int], first_deadline: int | None, now: int, seconds: float) -> list[Task]:
    """The tasks of consecutive milestones.

    Args:
        durations: Of each milestone, the first one included.
        first_deadline: Of the first; None: its duration counts from `now`, as an acceptance would have it.
        seconds: For each of them.
    """
    tasks: list[Task] = []
    for duration in durations:
        before = tasks[-1].deadline if tasks else now
        deadline = first_deadline if not tasks and first_deadline is not None else before + duration
        tasks.append(Task(deadline, seconds))
    return tasks
