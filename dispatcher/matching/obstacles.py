"""What stands between an executor and a job, one rule each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from dispatcher.matching.demand import Demand
from dispatcher.matching.market import Executor, Opening
from dispatcher.matching.obstacle import Obstacle
from dispatcher.matching.pay import best_pay, pay_now, time_of_pay
from tallystick.ids import Address
from tallystick.wire.capability import Capability
from tallystick.wire.requirements import Requirements, Unmet, unmet

REFUSAL_SECONDS = 30
"""How long a refusal counts: what makes an executor refuse is mostly over by then."""


@dataclass(frozen=True)
class Case:
    """One executor before one demand. `now` is the chain's time, `wall_now` this machine's."""

    demand: Demand
    executor: Executor
    now: int
    wall_now: int

    @property
    def agent(self) -> Address:
        return self.executor.announcement.agent

    def against(self, code: str, text: str, *, gap: float = 0.0, change: str | None = None) -> Obstacle:
        return Obstacle(self.agent, code, text, gap, f"{short(self.agent)} {change}" if change else None)


def short(address: str) -> str:
    return f"{address[:8]}…"


def obstacles_to_demand(case: Case) -> list[Obstacle]:
    """Against what is asked for, whatever job asks it. An announcement that ran out says nothing more."""
    gone = list(_announced(case))
    return gone or [obstacle for rule in _DEMAND_RULES for obstacle in rule(case)]


def obstacles_to_opening(case: Case, opening: Opening) -> list[Obstacle]:
    """Against one opening of a job: all of the above, and what depends on its price, its lock and its past."""
    gone = list(_announced(case))
    against_job = (obstacle for rule in _OPENING_RULES for obstacle in rule(case, opening))
    return gone or [*obstacles_to_demand(case), *against_job]


# ---- against a demand -------------------------------------------------------------------------------------------------


def _announced(case: Case) -> Iterator[Obstacle]:
    over = case.wall_now - case.executor.announcement.expires_at
    if over >= 0:
        change = f"ran out {over} s ago and counts again once it announces"
        yield case.against("announcement_expired", "The announcement has run out.", gap=over, change=change)


def _appointed(case: Case) -> Iterator[Obstacle]:
    standing = case.executor.standing
    if standing is None:
        yield case.against("chain_silent", "The chain does not answer for it now.")
    elif not standing.is_agent:
        change = f"counts once operator {short(case.executor.announcement.operator)} appoints it"
        yield case.against("not_an_agent", "Its operator has not appointed it on chain.", change=change)


def _able(case: Case) -> Iterator[Obstacle]:
    capability = case.executor.announcement.capability
    for one in _unmet(case.demand.requirements, capability):
        change = f"has {one.found}. {one.nearest_change}"
        yield case.against("requirement_unmet", f"It does not meet {one.wanted}.", gap=one.gap, change=change)
    fitting = [backend for backend in capability.provers if backend.name in case.demand.backends]
    if not fitting:
        yield _without_backend(case)
    elif case.demand.semantics is not None and str(case.demand.semantics) not in {one.version for one in fitting}:
        text = f"Its backends have other semantics than the program's, which are {case.demand.semantics}."
        yield case.against("semantics_unmet", text)


def _without_backend(case: Case) -> Obstacle:
    wanted = ", ".join(sorted(case.demand.backends))
    if case.demand.proof_kind == "zk":
        return case.against("prover_missing", f"It does not have the prover {wanted}.")
    kind = "program" if case.demand.proof_kind == "optimistic" else "model"
    change = "counts once it announces one: `tallystick executor doctor` says which are exact there"
    return case.against("backend_missing", f"It announces no backend for a {kind}: {wanted}.", change=change)


@lru_cache(maxsize=65_536)
def _unmet(requirements: Requirements, capability: Capability) -> tuple[Unmet, ...]:
    """The same pairs are looked at once a second, and this is most of the work of matching."""
    return unmet(requirements, capability)


def _takes_token(case: Case) -> Iterator[Obstacle]:
    token = case.demand.payment_token
    taken = case.executor.announcement.capability.payment_tokens
    # An executor that does not say what it takes may take anything; it checks for itself before it accepts.
    if token is not None and taken and token not in taken:
        yield case.against("payment_token_not_taken", f"It does not take the payment token {token}.")


def _has_room(case: Case) -> Iterator[Obstacle]:
    most, busy = case.executor.announcement.capability.max_jobs, case.executor.busy
    if most is not None and busy >= most:
        change = f"holds {busy} of at most {most} jobs and counts again when one ends"
        yield case.against("at_capacity", "It has no room for another job.", gap=busy - most, change=change)


# ---- against an opening -----------------------------------------------------------------------------------------------


def _has_not_failed(case: Case, opening: Opening) -> Iterator[Obstacle]:
    if case.executor.announcement.operator in opening.job.failed_operators:
        yield case.against("failed_before", "Its operator was late, or at fault, with this job before.")


def _is_paid_enough(case: Case, opening: Opening) -> Iterator[Obstacle]:
    job, ask = opening.job, case.executor.announcement.capability.min_milestone_price
    paid = pay_now(job, case.now)
    if ask <= paid:
        return
    at = time_of_pay(job, ask)
    change = (
        f"asks {ask}, which the rising price reaches in {at - case.now} s"
        if at is not None
        else f"asks {ask}; the price rises to {best_pay(job)} at most"
    )
    yield case.against(
        "price_too_low", f"It asks more than the {paid} units that a milestone pays now.", gap=ask - paid, change=change
    )


def _has_stake(case: Case, opening: Opening) -> Iterator[Obstacle]:
    if case.executor.standing is None:
        return
    lock, reserved = opening.job.terms.stake_lock, case.executor.reserved_stake
    free = case.executor.standing.free_stake - reserved
    if free < lock:
        elsewhere = f" beside {reserved} for other offers" if reserved else ""
        change = f"has {max(0, free)} of {lock}{elsewhere}: deposit {lock - free} more"
        yield case.against(
            "stake_too_low", f"Its free stake is below the job's lock of {lock} units.", gap=lock - free, change=change
        )


def _has_not_refused(case: Case, opening: Opening) -> Iterator[Obstacle]:
    for offer in opening.offers:
        if offer.agent != case.agent or offer.state != "refused" or offer.ended_at is None:
            continue
        left = offer.ended_at + REFUSAL_SECONDS - case.now
        if left > 0:
            change = f"said {offer.reason!r} and is asked again in {left} s"
            yield case.against("refused_lately", "It refused this job a moment ago.", gap=left, change=change)


_DEMAND_RULES: tuple[Callable[[Case], Iterator[Obstacle]], ...] = (_appointed, _able, _takes_token, _has_room)
_OPENING_RULES: tuple[Callable[[Case, Opening], Iterator[Obstacle]], ...] = (
    _has_not_failed,
    _is_paid_enough,
    _has_stake,
    _has_not_refused,
)
