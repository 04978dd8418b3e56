"""Who is offered what. Pure: the same market gives the same decisions.

Among those whom nothing stands against, the cheapest is chosen; among equals the one with the most stake left beyond
the lock; among those a hash of job and agent decides, so that equals share the work without anyone keeping count. An
executor that let an offer of this opening lapse, or whose operator gave the job back, goes behind all that did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dispatcher.matching.demand import demand_of
from dispatcher.matching.market import Executor, Market, Opening
from dispatcher.matching.obstacle import Obstacle
from dispatcher.matching.obstacles import Case, obstacles_to_opening
from dispatcher.matching.reasons import about_the_job
from tallystick.hashing import sha256
from tallystick.ids import raw
from tallystick.market.book import Job
from tallystick.wire.api import RefusalReason


@dataclass(frozen=True)
class Decision:
    """An offer to make."""

    job: Job
    executor: Executor


@dataclass(frozen=True)
class Field:
    """Everyone before one opening: candidates, best first, and what stands against the others."""

    candidates: tuple[Executor, ...]
    obstacles: tuple[Obstacle, ...]


def decide(market: Market) -> list[Decision]:
    """The offers to make now, longest open job first. What one decision takes is gone for the next."""
    decisions = []
    executors = market.executors
    for opening in sorted(market.openings, key=lambda opening: (opening.job.opened_at, opening.job.job_id)):
        if job_reason(opening, market) is not None:
            continue
        candidates = field_before(opening, replace(market, executors=executors)).candidates
        if candidates:
            decisions.append(Decision(opening.job, candidates[0]))
            executors = _spoken_for(executors, decisions[-1])
    return decisions


def job_reason(opening: Opening, market: Market) -> RefusalReason | None:
    """Why this opening is offered to nobody at all at the moment; None where it can be."""
    job, now = opening.job, market.now
    if now > job.accept_closes_at:
        return about_the_job("accept_window_over", f"Its accept window closed at {job.accept_closes_at}.")
    if opening.confirmations_missing:
        text = f"Its last change needs {opening.confirmations_missing} more blocks to count as final."
        return about_the_job("not_final_yet", text, "Wait for the blocks.")
    if job.terms.dispatcher != market.dispatcher and now < job.exclusive_until:
        text = f"Only its own dispatcher {job.terms.dispatcher} may assign it until {job.exclusive_until}."
        return about_the_job("other_dispatcher", text, f"Wait {job.exclusive_until - now} s.")
    demand = demand_of(opening)
    if isinstance(demand, RefusalReason):
        return demand
    return _on_offer(opening, now)


def _on_offer(opening: Opening, now: int) -> RefusalReason | None:
    for offer in opening.offers:
        # A settled offer counts as well: after a reorganisation its signature is as good as before.
        if offer.expires_at >= now and offer.state != "refused":
            text = f"It is on offer to agent {offer.agent} of operator {offer.operator} until {offer.expires_at}."
            return about_the_job("on_offer", text, f"The next is asked in {offer.expires_at - now + 1} s.")
    return None


def field_before(opening: Opening, market: Market) -> Field:
    """Candidates and obstacles for an opening whose demand can be read."""
    demand = demand_of(opening)
    if isinstance(demand, RefusalReason):
        return Field((), ())
    against = [
        (executor, obstacles_to_opening(Case(demand, executor, market.now, market.wall_now), opening))
        for executor in market.executors
    ]
    candidates = [executor for executor, obstacles in against if not obstacles]
    return Field(
        candidates=tuple(sorted(candidates, key=lambda executor: _rank(executor, opening))),
        obstacles=tuple(obstacle for _, obstacles in against for obstacle in obstacles),
    )


def _rank(executor: Executor, opening: Opening) -> tuple[int, int, int, bytes]:
    said, standing = executor.announcement, executor.standing
    lapses = sum(offer.agent == said.agent and offer.state == "lapsed" for offer in opening.offers)
    # Giving a job back in time is no failure, and yet somebody else should have the next try.
    lapses += sum(release.operator == said.operator for release in opening.job.releases)
    stake_left = (standing.free_stake if standing else 0) - executor.reserved_stake - opening.job.terms.stake_lock
    lot = sha256(raw(opening.job.job_id), opening.job.round.to_bytes(4, "big"), raw(said.agent))
    return lapses, said.capability.min_milestone_price, -stake_left, lot


def _spoken_for(executors: Sequence[Executor], decision: Decision) -> tuple[Executor, ...]:
    chosen, lock = decision.executor.announcement, decision.job.terms.stake_lock

    def after(executor: Executor) -> Executor:
        said = executor.announcement
        return replace(
            executor,
            busy=executor.busy + (said.agent == chosen.agent),
            reserved_stake=executor.reserved_stake + (lock if said.operator == chosen.operator else 0),
        )

    return tuple(after(executor) for executor in executors)
