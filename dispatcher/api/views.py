"""From the market's own types to what the API shows. Pure."""

from __future__ import annotations

from typing import cast, get_args

from dispatcher.indexer.brief import Brief
from dispatcher.indexer.progress import Progress
from dispatcher.matching.kinds import kind_name
from dispatcher.matching.market import Executor
from dispatcher.scheduling.warm import warm_call
from tallystick.market.book import Job
from tallystick.market.terms import JobStatus
from tallystick.wire.api import (
    ClaimView,
    ExecutorView,
    JobStatusName,
    JobView,
    ManifestView,
    PaymentView,
    ReleaseView,
    SlashView,
)
from tallystick.wire.disputes import Disputes

NO_DISPUTES = Disputes()


def status_name(status: JobStatus) -> JobStatusName:
    name = status.name.lower()
    assert name in get_args(JobStatusName)  # noqa: S101 - the book holds no job of status NONE
    return cast(JobStatusName, name)


def job_view(job: Job, brief: Brief, progress: Progress, now: int, disputes: Disputes = NO_DISPUTES) -> JobView:
    """A job as of `now`, which is the chain's time."""
    is_open = job.status is JobStatus.OPEN
    return JobView(
        job_id=job.job_id,
        status=status_name(job.status),
        finality=progress.finality_of(job.updated_block),
        confirmations=progress.confirmations_of(job.updated_block),
        terms=job.terms,
        proof_kind=kind_name(job.terms.proof_kind),
        challenge_seconds=job.terms.challenge_seconds,
        round=job.round,
        next_milestone=job.next_milestone,
        paid_milestones=job.paid_milestones,
        opened_at=job.opened_at,
        accept_closes_at=job.accept_closes_at,
        deadline=job.deadline,
        operator=job.operator,
        agent=job.agent,
        price=job.price,
        price_now=job.terms.price_at(job.opened_at, now) if is_open else None,
        economy_version=job.economy_version,
        bounty=job.bounty,
        surplus=job.surplus,
        claims=tuple(ClaimView.model_validate(claim) for claim in job.claims),
        payments=tuple(PaymentView.model_validate(payment) for payment in job.payments),
        slashes=tuple(SlashView.model_validate(slash) for slash in job.slashes),
        releases=tuple(ReleaseView.model_validate(release) for release in job.releases),
        demands=disputes.demands,
        faults=disputes.faults,
        manifest=manifest_view(brief),
        warm=warm_call(job, now),
    )


def executor_view(executor: Executor) -> ExecutorView:
    said, standing = executor.announcement, executor.standing
    return ExecutorView(
        operator=said.operator,
        agent=said.agent,
        capability=said.capability,
        announced_at=said.issued_at,
        expires_at=said.expires_at,
        free_stake=standing.free_stake if standing else None,
        locked_stake=standing.locked_stake if standing else None,
        busy=executor.busy,
    )


def manifest_view(brief: Brief) -> ManifestView:
    if brief.manifest is None:
        return ManifestView(trouble=brief.trouble)
    return ManifestView(
        requirements=brief.manifest.requirements,
        note=brief.manifest.note,
        input_count=len(brief.manifest.inputs),
        trouble=brief.trouble,
    )
