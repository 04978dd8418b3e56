"""What a job would meet with if it were there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low
from typing import get_args

from dispatcher.matching.demand import Demand, demand_for
from dispatcher.matching.kinds import kind_name
from dispatcher.matching.market import Market
from dispatcher.matching.obstacle import Obstacle
from dispatcher.matching.obstacles import Case, obstacles_to_demand
from dispatcher.matching.reasons import grouped
from tallystick.market.claims import ModelSpec
from tallystick.wire.api import KindQuote, ProofKindName, QuoteRequest, QuoteView


@dataclass(frozen=True)
class _Answer:
    """What those ask against whom nothing stands, and what stands against the others."""

    asks: tuple[int, ...]
    obstacles: tuple[Obstacle, ...]

    @property
    def lowest(self) -> int | None:
        return min(self.asks, default=None)

    @property
    def median(self) -> int | None:
        return median_low(self.asks) if self.asks else None


def quote(
    request: QuoteRequest, market: Market, seconds_estimate: float | None, spec: ModelSpec | None = None
) -> QuoteView:
    """Who could take such a job, and for how much. Raises RequirementError for requirements that do not parse.

    Args:
        spec: Of the request's model, where it is known.
    """
    proof_kind = request.proof_kind or (kind_name(spec.proof_kind) if spec else None)
    semantics = spec.semantics_version if spec and proof_kind == "optimistic" else None
    answer = _ask(demand_for(request.requirements, request.payment_token, proof_kind, semantics), market)
    return QuoteView(
        proof_kind=proof_kind,
        capable=len(answer.asks),
        total=len(market.executors),
        milestones=request.milestones,
        lowest_price=answer.lowest,
        median_price=answer.median,
        seconds_estimate=seconds_estimate,
        reasons=grouped(answer.obstacles),
        kinds=tuple(_of_kind(kind, request, market) for kind in get_args(ProofKindName)),
    )


def _of_kind(kind: ProofKindName, request: QuoteRequest, market: Market) -> KindQuote:
    answer = _ask(demand_for(request.requirements, request.payment_token, kind), market)
    return KindQuote(kind=kind, capable=len(answer.asks), lowest_price=answer.lowest, median_price=answer.median)


def _ask(demand: Demand, market: Market) -> _Answer:
    against = [
        (executor, obstacles_to_demand(Case(demand, executor, market.now, market.wall_now)))
        for executor in market.executors
    ]
    return _Answer(
        asks=tuple(executor.announcement.capability.min_milestone_price for executor, found in against if not found),
        obstacles=tuple(obstacle for _, found in against for obstacle in found),
    )
