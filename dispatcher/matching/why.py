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
    work = f"Operator {job.operator} works on milestone {milestone + 1} of {total}, by agent {job.agent}"
    call = warm_call(job, now)
    if call is not None:
        return f"{work}, but missed its deadline {job.deadline} by {now - (job.deadline or now)} s. {call.text}"
    return f"{work}; its deadline is {job.deadline}, in {(job.deadline or now) - now} s."


def _completed(job: Job) -> str:
    operators = sorted({payment.operator for payment in job.payments})
    paid = sum(payment.to_operator for payment in job.payments)
    return f"All {job.terms.milestone_count} milestones are proven and paid: {paid} units to {', '.join(operators)}."


def _refunded(job: Job) -> str:
    paid = len(job.payments)
    before = f" after {paid} paid milestones" if paid else ""
    return f"It ended{before}: the creator cancelled it, or nobody accepted it in time; what was left went back."
