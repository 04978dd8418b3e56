"""What time alone has made callable. Pure."""

from __future__ import annotations

from tallystick.market.book import Job
from tallystick.market.terms import JobStatus
from tallystick.wire.api import WarmView


def warm_call(job: Job, now: int) -> WarmView | None:
    """The permissionless call that leads a stuck job on, if time has made one possible.

    Args:
        now: The chain's time.
    """
    if job.final_at is not None and now > job.final_at:
        since = job.final_at + 1
        return WarmView(call="finalize", since=since, text=f"Anyone may call finalize since {since}, which pays it.")
    if job.expires_at is not None and now > job.expires_at:
        since = job.expires_at + 1
        return WarmView(
            call="expire", since=since, text=f"Anyone may call expire since {since}, and earns a finder's fee."
        )
    if job.status is JobStatus.OPEN and now > job.accept_closes_at:
        since = job.accept_closes_at + 1
        return WarmView(call="refund", since=since, text=f"Anyone may call refund since {since}.")
    return None
