"""What finished jobs tell about the next. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.market.events import ChainFact, JobAssigned, MilestoneClaimed


def milestone_durations(facts: Sequence[ChainFact]) -> list[int]:
    """Seconds that each claimed milestone of one finished job took, from its facts in order.

    Counted from the claim before it, or from the assignment: what an executor needs, proving and claiming together. The
    challenge window of an Optimistic claim is no work, so payments are not looked at.
    """
    durations = []
    since: int | None = None
    for fact in facts:
        if isinstance(fact, JobAssigned):
            since = fact.at.block_time
        elif isinstance(fact, MilestoneClaimed) and since is not None:
            durations.append(fact.at.block_time - since)
            since = fact.at.block_time
    return durations
