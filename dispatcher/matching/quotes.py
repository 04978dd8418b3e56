"""What a job would meet with if it were there. Pure."""

from __future__ import annotations

from statistics import median_low

from dispatcher.matching.demand import demand_for
from dispatcher.matching.market import Market
from dispatcher.matching.obstacles import Case, obstacles_to_demand
from dispatcher.matching.reasons import grouped
from tallystick.wire.api import KindQuote, QuoteRequest, QuoteView


def quote(request: QuoteRequest, market: Market, seconds_estimate: float | None) -> QuoteView:
    """Who could take such a job, and for how much. Raises RequirementError for requirements that do not parse."""
    demand = demand_for(request.requirements, request.payment_token)
    against = [
        (executor, obstacles_to_demand(Case(demand, executor, market.now, market.wall_now)))
        for executor in market.executors
    ]
    asks = [executor.announcement.capability.min_milestone_price for executor, found in against if not found]
    lowest, median = (min(asks), median_low(asks)) if asks else (None, None)
    return QuoteView(
        capable=len(asks),
        total=len(against),
        milestones=request.milestones,
        lowest_price=lowest,
        median_price=median,
        seconds_estimate=seconds_estimate,
        reasons=grouped(obstacle for _, found in against for obstacle in found),
        kinds=(KindQuote(kind="zk", capable=len(asks), lowest_price=lowest, median_price=median),),
    )
