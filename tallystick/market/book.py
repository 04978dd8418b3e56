"""The book of jobs: what follows from the facts, in order. Pure; dispatcher, executor and client share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import singledispatch

from tallystick.ids import Address, Bytes32, JobId
from tallystick.market.events import (
    BountyPaid,
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobFact,
    JobRefunded,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
    StakeSlashed,
)
from tallystick.market.terms import JobStatus, JobTerms


@dataclass(frozen=True)
class Payment:
    """One paid milestone. Amounts in the payment token's smallest unit."""

    milestone: int
    operator: Address
    to_operator: int
    to_dispatcher: int
    to_creator: int
    paid_at: int
    transaction_hash: Bytes32
    output_root: Bytes32
    result_manifest: Bytes32


@dataclass(frozen=True)
class Slash:
    """One slash of a job's lock. Amounts in the stake token's smallest unit."""

    operator: Address
    finder: Address
    amount: int
    to_finder: int
    to_creator: int
    to_bounty: int
    burned: int
    transaction_hash: Bytes32


@dataclass(frozen=True)
class Job:
    """A job as the chain has it after the last fact read."""

    job_id: JobId
    terms: JobTerms
    status: JobStatus
    round: int
    next_milestone: int
    opened_at: int
    deadline: int | None
    operator: Address | None
    agent: Address | None
    price: int | None
    bounty: int
    payments: tuple[Payment, ...]
    slashes: tuple[Slash, ...]
    failed_operators: frozenset[Address]
    updated_block: int
    _claim: MilestoneClaimed | None = field(default=None, repr=False)

    @property
    def is_over(self) -> bool:
        return self.status in (JobStatus.COMPLETED, JobStatus.REFUNDED)

    @property
    def accept_closes_at(self) -> int:
        return self.opened_at + self.terms.accept_seconds

    @property
    def exclusive_until(self) -> int:
        return self.opened_at + self.terms.exclusive_seconds


JobBook = dict[JobId, Job]


def opened(fact: JobCreated) -> Job:
    return Job(
        job_id=fact.job_id,
        terms=fact.terms,
        status=JobStatus.OPEN,
        round=1,
        next_milestone=0,
        opened_at=fact.at.block_time,
        deadline=None,
        operator=None,
        agent=None,
        price=None,
        bounty=0,
        payments=(),
        slashes=(),
        failed_operators=frozenset(),
        updated_block=fact.at.block_number,
    )


@singledispatch
def _step(fact: object, job: Job) -> Job:
    raise TypeError(f"no rule for {type(fact).__name__} about job {job.job_id}")


@_step.register
def _(fact: JobAssigned, job: Job) -> Job:
    return replace(
        job,
        status=JobStatus.ASSIGNED,
        operator=fact.operator,
        agent=fact.agent,
        price=fact.price,
        deadline=fact.deadline,
    )


@_step.register
def _(fact: MilestoneClaimed, job: Job) -> Job:
    return replace(job, _claim=fact)


@_step.register
def _(fact: MilestonePaid, job: Job) -> Job:
    claim = job._claim
    if claim is None or claim.milestone != fact.milestone:
        # The settlement emits the claim right before the payment, so this is a scan with a hole in it.
        raise ValueError(f"milestone {fact.milestone} of {fact.job_id} is paid without a claim: facts are missing")
    payment = Payment(
        milestone=fact.milestone,
        operator=fact.operator,
        to_operator=fact.to_operator,
        to_dispatcher=fact.to_dispatcher,
        to_creator=fact.to_creator,
        paid_at=fact.at.block_time,
        transaction_hash=fact.at.transaction_hash,
        output_root=claim.output_root,
        result_manifest=claim.manifest,
    )
    return replace(
        job,
        payments=(*job.payments, payment),
        next_milestone=fact.milestone + 1,
        deadline=fact.next_deadline or None,
        _claim=None,
    )


@_step.register
def _(_fact: JobCompleted, job: Job) -> Job:
    return replace(job, status=JobStatus.COMPLETED, deadline=None)


@_step.register
def _(fact: StakeSlashed, job: Job) -> Job:
    slash = Slash(
        operator=fact.operator,
        finder=fact.finder,
        amount=fact.amount,
        to_finder=fact.to_finder,
        to_creator=fact.to_creator,
        to_bounty=fact.to_bounty,
        burned=fact.burned,
        transaction_hash=fact.at.transaction_hash,
    )
    return replace(job, slashes=(*job.slashes, slash))


@_step.register
def _(fact: JobExpired, job: Job) -> Job:
    return replace(job, failed_operators=job.failed_operators | {fact.operator})


@_step.register
def _(fact: JobReopened, job: Job) -> Job:
    return replace(
        job,
        status=JobStatus.OPEN,
        round=fact.round,
        next_milestone=fact.next_milestone,
        opened_at=fact.at.block_time,
        deadline=None,
        operator=None,
        agent=None,
        price=None,
        bounty=fact.bounty,
    )


@_step.register
def _(_fact: JobRefunded, job: Job) -> Job:
    return replace(job, status=JobStatus.REFUNDED, deadline=None)


@_step.register
def _(_fact: BountyPaid, job: Job) -> Job:
    return replace(job, bounty=0)


def apply_fact(book: JobBook, fact: JobFact) -> JobBook:
    """The book after one more fact. A fact about a job that the book does not know changes nothing."""
    if isinstance(fact, JobCreated):
        return {**book, fact.job_id: opened(fact)}
    job = book.get(fact.job_id)
    if job is None:
        return book
    return {**book, fact.job_id: replace(_step(fact, job), updated_block=fact.at.block_number)}


def fold(facts: Iterable[JobFact], *, keep: Callable[[Job], bool] = lambda _: True) -> JobBook:
    """The book that follows from all facts, oldest first, without the jobs that `keep` refuses."""
    book: JobBook = {}
    for fact in facts:
        if isinstance(fact, JobCreated):
            book[fact.job_id] = opened(fact)
        elif fact.job_id in book:
            book[fact.job_id] = replace(_step(fact, book[fact.job_id]), updated_block=fact.at.block_number)
    return {job_id: job for job_id, job in book.items() if keep(job)}
