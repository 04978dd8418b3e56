"""Why a job stands where it stands, in words. Pure."""

from __future__ import annotations

from dataclasses import replace

from dispatcher.matching.explain import Explanation, explain_opening
from dispatcher.matching.market import Market
from dispatcher.scheduling.warm import warm_call
from tallystick.market.book import Job
from tallystick.market.terms import JobStatus, ProofKind
from tallystick.wire.disputes import Disputes, fault_words

NO_DISPUTES = Disputes()


def why(job: Job, market: Market, disputes: Disputes = NO_DISPUTES) -> Explanation:
    """The explanation at the market's moment; for an open job, `market` holds its opening.

    Args:
        disputes: What was done about the job's claims.
    """
    match job.status:
        case JobStatus.ASSIGNED:
            return Explanation(f"{_assigned(job, market.now)}{_demanded(disputes, market.now)}")
        case JobStatus.COMPLETED:
            return Explanation(_completed(job))
        case JobStatus.REFUNDED:
            return Explanation(_refunded(job))
    explained = _open(job, market)
    return replace(explained, summary=f"{_faulted(disputes)}{explained.summary}")


def _open(job: Job, market: Market) -> Explanation:
    call = warm_call(job, market.now)
    if call is not None:
        return Explanation(f"Nobody accepted it by {job.accept_closes_at}. {call.text}")
    [opening] = market.openings
    return explain_opening(opening, market)


def _assigned(job: Job, now: int) -> str:
    total, milestone = job.terms.milestone_count, job.next_milestone
    if job.deadline is None:
        return f"Operator {job.operator} has claimed every milestone, by agent {job.agent}.{_waiting(job, now)}"
    work = f"Operator {job.operator} works on milestone {milestone + 1} of {total}, by agent {job.agent}"
    if now <= job.deadline:
        return f"{work}; its deadline is {job.deadline}, in {job.deadline - now} s.{_waiting(job, now)}"
    call = warm_call(job, now)
    said = f" {call.text}" if call is not None else _waiting(job, now)
    return f"{work}, but missed its deadline {job.deadline} by {now - job.deadline} s.{said}"


def _waiting(job: Job, now: int) -> str:
    """Of claims that are not paid yet; empty where none is."""
    if job.final_at is None:
        return ""
    if now > job.final_at:
        return f" Milestone {job.claims[0].milestone + 1} is final. Anyone may call finalize, which pays it."
    return f" Milestone {job.claims[0].milestone + 1} is claimed and becomes final in {job.final_at + 1 - now} s."


def _demanded(disputes: Disputes, now: int) -> str:
    """Of demands that await an answer; empty where none does."""
    waiting = disputes.open_demands
    if not waiting:
        return ""
    first = min(waiting, key=lambda demand: demand.answer_by)
    demands = "1 demand awaits" if len(waiting) == 1 else f"{len(waiting)} demands await"
    if now > first.answer_by:
        return f" {demands} an answer; the first was due {now - first.answer_by} s ago, which is a fault."
    return f" {demands} an answer, the first within {first.answer_by - now} s."


def _faulted(disputes: Disputes) -> str:
    """Of the fault that opened it again; empty where there was none."""
    if not disputes.faults:
        return ""
    last = disputes.faults[-1]
    return f"Operator {last.operator} was slashed in round {last.round}: of milestone {last.milestone + 1}, {fault_words(last)}. "


def _completed(job: Job) -> str:
    operators = sorted({payment.operator for payment in job.payments})
    paid = sum(payment.to_operator for payment in job.payments)
    done = "proven" if job.terms.proof_kind is ProofKind.ZK else "final"
    return f"All {job.terms.milestone_count} milestones are {done} and paid: {paid} units to {', '.join(operators)}."


def _refunded(job: Job) -> str:
    paid = len(job.payments)
    before = f" after {paid} paid milestone{'s' if paid > 1 else ''}" if paid else ""
    return f"It ended{before}: the creator cancelled it, or nobody accepted it in time; what was left went back."
