"""Why an open job has not been taken, from the very rules that decide. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from dispatcher.matching.market import Market, Opening
from dispatcher.matching.policy import Field, field_before, job_reason
from dispatcher.matching.reasons import about_the_job, grouped
from tallystick.wire.api import RefusalReason


@dataclass(frozen=True)
class Explanation:
    summary: str
    reasons: tuple[RefusalReason, ...] = ()


def explain_opening(opening: Opening, market: Market) -> Explanation:
    """What stands against the job, against whom, and what would change it."""
    if not market.executors:
        nobody = about_the_job("no_executors", "No executor has announced itself.", "Start one, or wait for one.")
        return Explanation(_with_open_door("No executor has announced itself.", opening, market), (nobody,))
    field = field_before(opening, market)
    reasons = grouped(field.obstacles)
    against_job = job_reason(opening, market)
    if against_job is not None:
        return Explanation(against_job.text, (against_job, *reasons))
    return Explanation(_with_open_door(_counted(field, reasons, len(market.executors)), opening, market), reasons)


def _counted(field: Field, reasons: tuple[RefusalReason, ...], total: int) -> str:
    if field.candidates:
        next_one = field.candidates[0].announcement
        return (
            f"{len(field.candidates)} of {total} executors can take it; the next offer goes to agent {next_one.agent} "
            f"of operator {next_one.operator}."
        )
    listed = " ".join(f"({reason.count}) {reason.text}" for reason in reasons)
    return f"None of {total} executors can take it now: {listed}"


def _with_open_door(summary: str, opening: Opening, market: Market) -> str:
    if market.now < opening.job.exclusive_until:
        return summary
    return f"{summary} Anyone with enough stake may accept it directly until {opening.job.accept_closes_at}."
