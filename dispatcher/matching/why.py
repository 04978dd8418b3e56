"""Why a job stands where it stands, in words. Pure."""

from __future__ import annotations

from dispatcher.matching.explain import Explanation, explain_opening
from dispatcher.matching.market import Market
from dispatcher.scheduling.warm import warm_call
from tallystick.market.book import Job
from tallystick.market.terms import JobStatus


def why(job: Job, market: Market) -> Explanation:
    """The explanation at the market's moment; for an open job, `market` holds its opening."""
    match job.status:
        case JobStatus.ASSIGNED:
            return Explanation(_assigned(job, market.now))
        case JobStatus.COMPLETED:
            return Explanation(_completed(job))
        case JobStatus.REFUNDED:
            return Explanation(_refunded(job))
    return _open(job, market)


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


def _completed(job: Job) -> str:
    operators = sorted({payment.operator for payment in job.payments})
    paid = sum(payment.to_operator for payment in job.payments)
    return f"All {job.terms.milestone_count} milestones are proven and paid: {paid} units to {', '.join(operators)}."


def _refunded(job: Job) -> str:
    paid = len(job.payments)
    before = f" after {paid} paid milestone{'s' if paid > 1 else ''}" if paid else ""
    return f"It ended{before}: the creator cancelled it, or nobody accepted it in time; what was left went back."
