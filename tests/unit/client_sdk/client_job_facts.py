"""One job's facts, from funding to its end, for tests of what follows from them."""

from __future__ import annotations

from client_builders import CREATOR, DEPLOYMENT, OPERATOR, PAYMENT, START, address, at, hash_of

from tallystick.ids import ZERO_ADDRESS, Bytes32, ModelId
from tallystick.market.events import (
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobRefunded,
    JobReleased,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
    StakeSlashed,
)
from tallystick.market.terms import JobMode, JobTerms, ProofKind, job_id_of

TERMS = JobTerms(
    creator=CREATOR,
    salt=7,
    model_id=ModelId(hash_of("model")),
    proof_kind=ProofKind.ZK,
    mode=JobMode.PARALLEL,
    input_root=hash_of("inputs"),
    manifest=hash_of("manifest"),
    payment_token=PAYMENT.address,
    min_price=10_000_000,
    max_price=10_000_000,
    ramp_seconds=0,
    stake_lock=10**18,
    accept_seconds=600,
    exclusive_seconds=0,
    challenge_seconds=0,
    dispatcher=ZERO_ADDRESS,
    dispatcher_fee_bps=0,
    share_bps=(5000, 5000),
    duration_seconds=(60, 60),
)
JOB_ID = job_id_of(TERMS, DEPLOYMENT.domain())
AGENT = address("agent")


def created(block: int = 2, fork: str = "") -> JobCreated:
    place = at(block, fork=fork)
    return JobCreated(
        at=place, job_id=JOB_ID, creator=CREATOR, opened_at=place.block_time, economy_version=1, terms=TERMS
    )


def assigned(block: int = 3, round_: int = 1, fork: str = "") -> JobAssigned:
    return JobAssigned(
        at=at(block, fork=fork),
        job_id=JOB_ID,
        operator=OPERATOR,
        agent=AGENT,
        round=round_,
        price=8_000_000,
        deadline=START + 10 * block + 60,
    )


def claimed(block: int, milestone: int, output: Bytes32, manifest: Bytes32) -> MilestoneClaimed:
    return MilestoneClaimed(
        at=at(block),
        job_id=JOB_ID,
        milestone=milestone,
        operator=OPERATOR,
        output_root=output,
        manifest=manifest,
        next_deadline=0 if milestone else START + 200,
    )


def paid(block: int, milestone: int) -> MilestonePaid:
    return MilestonePaid(
        at=at(block, 1),
        job_id=JOB_ID,
        milestone=milestone,
        operator=OPERATOR,
        to_operator=4_000_000,
        to_dispatcher=0,
    )


def completed(block: int = 5) -> JobCompleted:
    return JobCompleted(at=at(block, 2), job_id=JOB_ID, operator=OPERATOR, surplus=2_000_000)


def refunded(block: int = 6) -> JobRefunded:
    return JobRefunded(at=at(block), job_id=JOB_ID, creator=CREATOR, amount=10_000_000)


def released(block: int = 4) -> tuple[JobReleased, JobReopened]:
    given_back = JobReleased(at=at(block), job_id=JOB_ID, operator=OPERATOR, fee=5)
    return given_back, JobReopened(at=at(block, 1), job_id=JOB_ID, round=2, next_milestone=0, bounty=5)


def expired(block: int = 4) -> tuple[JobExpired, JobReopened, StakeSlashed]:
    slashed = StakeSlashed(
        at=at(block, 2),
        job_id=JOB_ID,
        operator=OPERATOR,
        finder=CREATOR,
        amount=10,
        to_finder=1,
        to_creator=4,
        to_bounty=3,
        burned=2,
    )
    missed = JobExpired(at=at(block), job_id=JOB_ID, operator=OPERATOR, finder=CREATOR, slashed=10)
    return missed, JobReopened(at=at(block, 1), job_id=JOB_ID, round=2, next_milestone=0, bounty=3), slashed


def whole_job(
    output: str = "output", manifest: str = "result"
) -> list[JobCreated | JobAssigned | MilestoneClaimed | MilestonePaid | JobCompleted]:
    """Funded in block 2, taken in 3, paid in 4 and 5."""
    facts: list[JobCreated | JobAssigned | MilestoneClaimed | MilestonePaid | JobCompleted] = [created(), assigned()]
    for milestone, block in enumerate((4, 5)):
        roots = hash_of(f"{output} {milestone}"), hash_of(f"{manifest} {milestone}")
        facts += [claimed(block, milestone, *roots), paid(block, milestone)]
    return [*facts, completed()]
