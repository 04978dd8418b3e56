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
    if job.status is JobStatus.OPEN:
        return _advise_open(job, now)
    if job.deadline is not None and now > job.deadline:
        return (
            f"Milestone {job.next_milestone} is {now - job.deadline} s late. Anyone may reopen it: {command('expire')}"
        )
    return f"Milestone {job.next_milestone} is being worked on. Follow it: {command('watch')}"


def _advise_open(job: Job, now: int) -> str:
    if now > job.accept_closes_at:
        return f"Nobody took it in time. Send the deposit home: tallystick job refund {job.job_id}"
    if now - job.opened_at > 30:
        return f"Nobody has taken it yet. Ask why: tallystick job why {job.job_id}"
    return f"It waits for an executor. Follow it: tallystick job watch {job.job_id}"
