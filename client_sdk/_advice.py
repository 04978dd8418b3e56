"""What to do next about a job: one sentence for people, from what the chain says and the time it is. Pure."""

from __future__ import annotations

from tallystick.market.book import Job
from tallystick.market.terms import JobStatus


def advise(job: Job, now: int) -> str:
    """The next sensible step, with the command for it."""
    command = f"tallystick job {{}} {job.job_id}".format
    if job.status is JobStatus.COMPLETED:
        return f"All milestones are paid. Fetch the result: {command('result')}"
    if job.status is JobStatus.REFUNDED:
        return "The deposit is credited to you. Take it home: tallystick wallet withdraw"
    return _advise_open(job, now) if job.status is JobStatus.OPEN else _advise_assigned(job, now)


def _advise_assigned(job: Job, now: int) -> str:
    command = f"tallystick job {{}} {job.job_id}".format
    if job.final_at is not None and now > job.final_at:
        return f"Milestone {job.paid_milestones} is final. Anyone may have it paid: {command('finalize')}"
    if job.expires_at is not None and now > job.expires_at:
        late = now - job.expires_at
        return f"Milestone {job.next_milestone} is {late} s late. Anyone may reopen it: {command('expire')}"
    if job.deadline is None:
        waits = f" {job.final_at + 1 - now} s" if job.final_at is not None else ""
        return f"Every milestone is claimed, and anyone can object for{waits} yet. Look at it: {command('audit')}"
    return f"Milestone {job.next_milestone} is being worked on. Follow it: {command('watch')}"


def _advise_open(job: Job, now: int) -> str:
    if now > job.accept_closes_at:
        return f"Nobody took it in time. Send the deposit home: tallystick job refund {job.job_id}"
    if job.slashes and job.slashes[-1].is_fault and now - job.opened_at <= 30:
        return f"A claim was wrong; its executor was slashed and the job is open again: {_again(job)}"
    if now - job.opened_at > 30:
        return f"Nobody has taken it yet. Ask why: tallystick job why {job.job_id}"
    return f"It waits for an executor. Follow it: tallystick job watch {job.job_id}"


def _again(job: Job) -> str:
    return f"tallystick job watch {job.job_id}"
