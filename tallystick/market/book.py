"""The book of jobs: what follows from the facts, in order. Pure; dispatcher, executor and client share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import singledispatch

from tallystick.ids import Address, Bytes32, JobId
from tallystick.market.events import (
    BountyPaid,
    ClaimExtended,
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobFact,
    JobFaulted,
    JobRefunded,
    JobReleased,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
    StakeSlashed,
)
from tallystick.market.terms import JobStatus, JobTerms


@dataclass(frozen=True)
class StandingClaim:
    """A claimed milestone that is not paid yet.

    Attributes:
        final_at: Last second in which it can be shown to be wrong.
    """

    milestone: int
    operator: Address
    claimed_at: int
    final_at: int
    transaction_hash: Bytes32
    output_root: Bytes32
    result_manifest: Bytes32


@dataclass(frozen=True)
class Payment:
    """One paid milestone. Amounts in the payment token's smallest unit.

    Attributes:
        transaction_hash: Of the payment; for a Zk claim the claim's own.
        claim_transaction_hash: Of the claim, whose calldata carries the proof.
    """

    milestone: int
    operator: Address
    to_operator: int
    to_dispatcher: int
    paid_at: int
    transaction_hash: Bytes32
    claim_transaction_hash: Bytes32
    output_root: Bytes32
    result_manifest: Bytes32


@dataclass(frozen=True)
class Slash:
    """One slash of a job's lock. Amounts in the stake token's smallest unit.

    Attributes:
        is_fault: Whether it is for a claim that was shown to be wrong; otherwise for a missed deadline.
        finder: Whoever showed the one or the other.
    """

    operator: Address
    is_fault: bool
    finder: Address
    amount: int
    to_finder: int
    to_creator: int
    to_bounty: int
    burned: int
    transaction_hash: Bytes32


@dataclass(frozen=True)
class Release:
    """One early release. `fee` left the operator's stake and is part of the bounty, in its smallest unit."""

    operator: Address
    fee: int
    transaction_hash: Bytes32


@dataclass(frozen=True)
class Job:
    """A job as the chain has it after the last fact read.

    Attributes:
        next_milestone: The first that is not claimed. `paid_milestones`: the first that is not paid.
        opened_at: Where its ramp and windows start. Not the block's time for the first opening of a signed order.
        deadline: Of `next_milestone`; None unless assigned, and once all are claimed.
        economy_version: The rules of slashing that it keeps.
        bounty: Waits for whoever completes it, in the stake token's smallest unit.
        surplus: What went back to the creator on completion, in the payment token's smallest unit; None before.
        claims: Those that await finality, in order.
        failed_operators: Those that were late or at fault. Not those that gave the job back in time.
    """

    job_id: JobId
    terms: JobTerms
    status: JobStatus
    round: int
    next_milestone: int
    paid_milestones: int
    opened_at: int
    deadline: int | None
    operator: Address | None
    agent: Address | None
    price: int | None
    economy_version: int
    bounty: int
    surplus: int | None
    claims: tuple[StandingClaim, ...]
    payments: tuple[Payment, ...]
    slashes: tuple[Slash, ...]
    releases: tuple[Release, ...]
    failed_operators: frozenset[Address]
    updated_block: int
    _was_fault: bool = field(default=False, repr=False)

    @property
    def is_over(self) -> bool:
        return self.status in (JobStatus.COMPLETED, JobStatus.REFUNDED)

    @property
    def accept_closes_at(self) -> int:
        return self.opened_at + self.terms.accept_seconds

    @property
    def exclusive_until(self) -> int:
        return self.opened_at + self.terms.exclusive_seconds

    @property
    def final_at(self) -> int | None:
        """Anyone can `finalize` after this second; None where no claim waits."""
        return self.claims[0].final_at if self.claims else None

    @property
    def expires_at(self) -> int | None:
        """Anyone can `expire` after this second; None where no deadline runs or a claim waits to be finalized first."""
        return None if self.claims else self.deadline


JobBook = dict[JobId, Job]


def opened(fact: JobCreated) -> Job:
    return Job(
        job_id=fact.job_id,
        terms=fact.terms,
        status=JobStatus.OPEN,
        round=1,
        next_milestone=0,
        paid_milestones=0,
        opened_at=fact.opened_at,
        deadline=None,
        operator=None,
        agent=None,
        price=None,
        economy_version=fact.economy_version,
        bounty=0,
        surplus=None,
        claims=(),
        payments=(),
        slashes=(),
        releases=(),
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
    claim = StandingClaim(
        milestone=fact.milestone,
        operator=fact.operator,
        claimed_at=fact.at.block_time,
        final_at=fact.at.block_time + job.terms.challenge_seconds,
        transaction_hash=fact.at.transaction_hash,
        output_root=fact.output_root,
        result_manifest=fact.manifest,
    )
    return replace(
        job,
        claims=(*job.claims, claim),
        next_milestone=fact.milestone + 1,
        deadline=fact.next_deadline or None,
    )


@_step.register
def _(fact: ClaimExtended, job: Job) -> Job:
    moved = (
        replace(claim, final_at=fact.final_at) if claim.milestone == fact.milestone else claim for claim in job.claims
    )
    return replace(job, claims=tuple(moved))


@_step.register
def _(fact: MilestonePaid, job: Job) -> Job:
    if not job.claims or job.claims[0].milestone != fact.milestone:
        # Milestones are paid in the order in which they were claimed, so this is a scan with a hole in it.
        raise ValueError(f"milestone {fact.milestone} of {fact.job_id} is paid without a claim: facts are missing")
    claim, *waiting = job.claims
    payment = Payment(
        milestone=fact.milestone,
        operator=fact.operator,
        to_operator=fact.to_operator,
        to_dispatcher=fact.to_dispatcher,
        paid_at=fact.at.block_time,
        transaction_hash=fact.at.transaction_hash,
        claim_transaction_hash=claim.transaction_hash,
        output_root=claim.output_root,
        result_manifest=claim.result_manifest,
    )
    return replace(job, claims=tuple(waiting), payments=(*job.payments, payment), paid_milestones=fact.milestone + 1)


@_step.register
def _(fact: JobCompleted, job: Job) -> Job:
    return replace(job, status=JobStatus.COMPLETED, deadline=None, surplus=fact.surplus)


@_step.register
def _(fact: JobReleased, job: Job) -> Job:
    release = Release(operator=fact.operator, fee=fact.fee, transaction_hash=fact.at.transaction_hash)
    return replace(job, releases=(*job.releases, release))


@_step.register
def _(fact: JobExpired, job: Job) -> Job:
    return replace(job, failed_operators=job.failed_operators | {fact.operator}, _was_fault=False)


@_step.register
def _(fact: JobFaulted, job: Job) -> Job:
    return replace(job, failed_operators=job.failed_operators | {fact.operator}, _was_fault=True)


@_step.register
def _(fact: StakeSlashed, job: Job) -> Job:
    # The escrow has said why, and reopened the job, before the stake manager says how much.
    slash = Slash(
        operator=fact.operator,
        is_fault=job._was_fault,
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
def _(fact: JobReopened, job: Job) -> Job:
    return replace(
        job,
        status=JobStatus.OPEN,
        round=fact.round,
        next_milestone=fact.next_milestone,
        paid_milestones=fact.next_milestone,
        claims=(),  # what was not paid is void: no stake stands behind it any more
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
