"""What a challenger is doing and has won, read beside it from its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from challenger.cases import Case
from challenger.console import fault_data
from challenger.journal import FILE_NAME, Journal
from tallystick.chain.scanner import Cursor
from tallystick.clock import Clock

SHOWN = 20
"""Claims, those that changed last."""


def read_status(home: Path, clock: Clock) -> dict[str, Any]:
    """Plain data for JSON. Raises InputError where there is no journal."""
    journal = Journal.look_into(home / FILE_NAME, clock)
    try:
        cases, cursor = journal.latest_cases(SHOWN), journal.meta("cursor")
        links = [
            {"name": link.name, "ok": not link.trouble, "trouble": link.trouble, "since": link.since}
            for link in journal.links()
        ]
        return {
            "home": str(home),
            "about": journal.meta("identity"),
            "block": Cursor.decode(cursor).number if cursor else None,
            "links": links,
            "claims": [_case(journal, case) for case in cases],
            "won": sum(case.won for case in cases),
            "next": _next(cases, links),
        }
    finally:
        journal.close()


def _case(journal: Journal, case: Case) -> dict[str, Any]:
    review = case.review
    return {
        "job_id": case.job_id,
        "milestone": case.milestone,
        "found": review.found if review else "not looked at",
        "reason": review.reason if review else "",
        "fault": fault_data(review.fault if review else None),
        "fees_paid_wei": str(sum(paid.wei for paid in journal.paid_for(case.key))),
        "outcome": case.outcome,
        "won": case.won,
        "last_word": case.last_word,
    }


def _next(cases: list[Case], links: list[dict[str, Any]]) -> str:
    troubled = [link for link in links if not link["ok"]]
    if troubled:
        return f"Next: see to the {troubled[0]['name']}: {troubled[0]['trouble']}"
    waiting = [case for case in cases if not case.is_over and case.last_word]
    if waiting:
        return f"Next: tallystick challenger check {waiting[0].job_id} --milestone {waiting[0].milestone}"
    return "Next: nothing; `tallystick challenger run` looks at what is claimed from now on."
