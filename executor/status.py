"""What an executor is doing and has earned, read beside it from its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from executor.journal import FILE_NAME, Journal
from executor.work import JobWork
from tallystick.clock import Clock
from tallystick.ids import Address


def read_status(home: Path, clock: Clock) -> dict[str, Any]:
    """Plain data for JSON. Amounts are strings, in smallest units. Raises InputError where there is no journal."""
    journal = Journal.look_into(home / FILE_NAME, clock)
    try:
        return {
            "home": str(home),
            "about": journal.meta("identity"),
            "links": [
                {"name": link.name, "ok": not link.trouble, "trouble": link.trouble, "since": link.since}
                for link in journal.links()
            ],
            "jobs": [_job(journal, work) for work in journal.works().values()],
            "earned": {token: str(amount) for token, amount in _earned(journal).items()},
        }
    finally:
        journal.close()


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
