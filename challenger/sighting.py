"""What was claimed, as the settlement stated it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.market.book import StandingClaim
from tallystick.market.disputes import ClaimRef
from tallystick.market.events import DisputeFact, OptimisticClaimed


def ref_of(facts: Iterable[DisputeFact], claim: StandingClaim) -> ClaimRef | None:
    """What a claim that stands is made of.

    Args:
        facts: About its job, oldest first.

    Returns:
        None where the settlement did not say.
    """
    stated = [
        fact
        for fact in facts
        if isinstance(fact, OptimisticClaimed)
        and (fact.milestone, fact.at.transaction_hash) == (claim.milestone, claim.transaction_hash)
    ]
    if not stated:
        return None
    return ClaimRef(
        milestone=claim.milestone,
        input_root=stated[-1].input_root,
        output_root=claim.output_root,
        trace_root=stated[-1].trace_root,
    )
