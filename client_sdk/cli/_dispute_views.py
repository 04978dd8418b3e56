"""Claims, demands, faults and audits as commands show them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from client_sdk._audit import ClaimAudit
from client_sdk.cli._moments import moment
from client_sdk.cli._screen import list_table
from tallystick.market.events import (
    ClaimExtended,
    DemandReturned,
    DemandUnanswered,
    DisputeFact,
    FaultCommitted,
    FaultProven,
    OptimisticClaimed,
    TraceDemanded,
    TraceShown,
)
from tallystick.wire.disputes import DemandView, Disputes, FaultView, fault_words

FINDINGS_SHOWN = 10


def dispute_rows(disputes: Disputes) -> dict[str, str]:
    """Rows of a job's table: what was asked of its claims, and what was wrong with them."""
    rows = {}
    if disputes.demands:
        rows["demands"] = "\n".join(_demand(demand) for demand in disputes.demands)
    if disputes.faults:
        rows["faults"] = "\n".join(_fault(fault) for fault in disputes.faults)
    return rows


def _demand(demand: DemandView) -> str:
    said = {
        "open": f"to be answered by {moment(demand.answer_by)}",
        "shown": "answered",
        "unanswered": "not answered in time",
        "void": "its claim no longer stands",
        "returned": "paid back",
    }[demand.state]
    return f"round {demand.round}, milestone {demand.milestone}, level {demand.level}: {demand.asks}, {said}"


def _fault(fault: FaultView) -> str:
    where = f"round {fault.round}, milestone {fault.milestone}, by {fault.operator}"
    return f"{where}: {fault_words(fault)}; shown by {fault.challenger}"


def dispute_line(fact: DisputeFact | ClaimExtended) -> str:
    """One line for people."""
    match fact:
        case OptimisticClaimed():
            return f"milestone {fact.milestone}: its trace is committed to by {fact.trace_root}"
        case ClaimExtended():
            return f"milestone {fact.milestone} is final after {moment(fact.final_at)}, because of a demand"
        case FaultCommitted():
            return f"a challenger has committed to a fault of milestone {fact.milestone}"
        case FaultProven():
            return f"milestone {fact.milestone} was shown to be wrong in step {fact.step}"
    return _demand_line(fact)


def _demand_line(fact: TraceDemanded | TraceShown | DemandUnanswered | DemandReturned) -> str:
    match fact:
        case TraceDemanded():
            by = moment(fact.answer_by)
            return f"a part of milestone {fact.milestone}'s trace was demanded, to be answered by {by}"
        case TraceShown():
            return f"a demand on milestone {fact.milestone} was answered with {len(fact.answer):,} bytes"
        case DemandUnanswered():
            return f"a demand on milestone {fact.milestone} was not answered in time"
    return f"a demand was paid back to {fact.payer}"


def audit_table(audits: Sequence[ClaimAudit]) -> Table:
    """One row for each claim."""
    table = list_table("milestone", "operator", "final after", "looked at", "found", "would be found with 95 %")
    for audit in audits:
        looked = f"all {audit.population:,} elements" if audit.is_full else f"{audit.drawn:,} of {audit.population:,}"
        found = "nothing wrong" if audit.is_clean else f"{len(audit.findings)} wrong"
        share = "any wrong element" if audit.is_full else f"a wrong share of {audit.share_found_with(0.95):.2%}"
        steps = "" if audit.is_full else f", one of {audit.steps_found_with(0.95):.0%} of steps if all of it were wrong"
        table.add_row(str(audit.milestone), audit.operator, moment(audit.final_at), looked, found, f"{share}{steps}")
    return table


def finding_lines(audits: Sequence[ClaimAudit]) -> list[str]:
    """What is wrong, the first few of each claim."""
    lines = []
    for audit in audits:
        lines += [f"- milestone {audit.milestone}: {one.text}" for one in audit.findings[:FINDINGS_SHOWN]]
        more = len(audit.findings) - FINDINGS_SHOWN
        if more > 0:
            lines.append(f"- milestone {audit.milestone}: and {more} more")
    return lines
