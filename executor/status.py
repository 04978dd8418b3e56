"""What an executor is doing and has earned, read beside it from its journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from executor.journal import FILE_NAME, Alert, Journal
from executor.work import JobWork
from tallystick.clock import Clock
from tallystick.ids import Address
from tallystick.market.events import TraceDemanded
from tallystick.service.patience import Link


def read_status(home: Path, clock: Clock) -> dict[str, Any]:
    """Plain data for JSON. Amounts are strings, in smallest units. Raises InputError where there is no journal."""
    journal = Journal.look_into(home / FILE_NAME, clock)
    try:
        alerts, links = journal.alerts(), journal.links()
        open_jobs = {work.job_id for work in journal.works().values() if not work.is_over}
        return {
            "home": str(home),
            "about": journal.meta("identity"),
            "links": [
                {"name": link.name, "ok": not link.trouble, "trouble": link.trouble, "since": link.since}
                for link in links
            ],
            "alerts": [{"text": alert.text, "since": alert.since} for alert in alerts],
            "demands": [_demand(demand, journal) for demand in journal.demands() if demand.job_id in open_jobs],
            "jobs": [_job(journal, work) for work in journal.works().values()],
            "next": _advice(alerts, links),
            "earned": {token: str(amount) for token, amount in _earned(journal).items()},
        }
    finally:
        journal.close()


def _advice(alerts: Sequence[Alert], links: Sequence[Link]) -> str:
    """What to do next, in one line."""
    if alerts:
        return "Look at the alerts: see that the agent runs, has gas money, and that its disk and endpoint are sound."
    away = [link.name for link in links if link.trouble]
    return f"Waiting for: {', '.join(away)}. The agent goes on by itself." if away else "Nothing to do."


def _demand(demand: TraceDemanded, journal: Journal) -> dict[str, Any]:
    """One that nobody has answered, as far as the agent has read the chain."""
    return {
        "demand_id": demand.demand_id,
        "job_id": demand.job_id,
        "milestone": demand.milestone,
        "level": demand.level,
        "answer_by": demand.answer_by,
        "seconds_left": demand.answer_by - journal.now(),
    }


def _job(journal: Journal, work: JobWork) -> dict[str, Any]:
    return {
        "job_id": work.job_id,
        "stage": work.stage,
        "round": work.round,
        "milestone": work.milestone,
        "milestones": work.milestone_count,
        "deadline": work.deadline,
        "retries": work.retries,
        "updated_at": journal.updated_at(work.job_id),
        "earned": str(sum(e.amount for e in journal.earnings() if e.job_id == work.job_id)),
        "last_word": work.last_word,
        "story": list(work.story),
    }


def _earned(journal: Journal) -> dict[Address, int]:
    sums: dict[Address, int] = {}
    for earning in journal.earnings():
        sums[earning.token] = sums.get(earning.token, 0) + earning.amount
    return sums
