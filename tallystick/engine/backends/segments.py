"""Which steps run where, and in which order: runs of steps on a fast engine, with kernels of ours for the others in between."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Segment:
    """Steps that run together.

    Attributes:
        fast: On the fast engine, else one kernel after the other.
        steps: In order.
    """

    fast: bool
    steps: tuple[int, ...]


def segments(
    reads: Mapping[int, Sequence[int]], fast: frozenset[int], weighty: frozenset[int]
) -> tuple[list[Segment], frozenset[int]]:
    """A schedule of few changes of engine, and the steps that it has on the fast one.

    Args:
        reads: For each step that is wanted, the steps that it reads, all of them wanted too.
        fast: Steps that the fast engine can run.
        weighty: Those that make a visit there worth while; a segment without any goes to kernels.
    """
    while True:
        schedule = _alternate(reads, fast)
        light = [s for s in schedule if s.fast and weighty.isdisjoint(s.steps)]
        if not light:
            return schedule, fast
        fast = fast.difference(*(segment.steps for segment in light))


def _alternate(reads: Mapping[int, Sequence[int]], fast: frozenset[int]) -> list[Segment]:
    done: set[int] = set()
    waiting = sorted(reads)
    schedule: list[Segment] = []
    on_fast = True
    while waiting:
        now: list[int] = []
        later: list[int] = []
        for step in waiting:
            ready = (step in fast) == on_fast and done.issuperset(reads[step])
            (now if ready else later).append(step)
            if ready:
                done.add(step)
        if now:
            schedule.append(Segment(on_fast, tuple(now)))
        waiting, on_fast = later, not on_fast
    return schedule
