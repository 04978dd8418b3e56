"""What finished jobs tell about the next. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.market.events import ChainFact, JobAssigned, MilestonePaid


def milestone_durations(facts: Sequence[ChainFact]) -> list[int]:
    """Seconds that each paid milestone of one job took, from its facts in order.

    Counted from the payment before it, or from the assignment: what a creator waits for, proving and claiming together.
    """
    durations = []
    since: int | None = None
    for fact in facts:
        if isinstance(fact, JobAssigned):
            since = fact.at.block_time
        elif isinstance(fact, MilestonePaid) and since is not None:
            durations.append(fact.at.block_time - since)
            since = fact.at.block_time
    return durations
