"""Whether to take a job. Pure: the same facts give the same answer, and the first reason against it is the answer.

Asked twice: before anything is fetched (`findings` is None: only what the chain tells), and again once the job's
documents are checked, right before the acceptance is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from executor.schedule import Task, first_late, milestone_tasks
from tallystick.ids import Address
from tallystick.market.book import Job
from tallystick.market.terms import Assignment, JobMode, JobStatus, ProofKind
from tallystick.units import BPS, format_size, share_of

ANSWER_SHARE = 4
"""An answer's time is the window's fourth part, as contracts/interfaces/ITraceDemands.sol has it."""

LOCAL_CHAINS = frozenset({31337, 1337})
"""Chain ids of anvil, hardhat and ganache, where a forged proof robs nobody."""

LATER_SECONDS = 15
"""After a no that time may change, without a time of its own."""

MAX_WINDOW_SECONDS = 7 * 24 * 3600

_SENDING_SECONDS = 3
"""An assignment that ends sooner than this would end on the way."""


@dataclass(frozen=True)
class Policy:
    """What the operator wants.

    Attributes:
        min_milestone_price: For each milestone, after the dispatcher's fee, in the payment token's smallest unit.
        payment_tokens: Taken in payment; all of them are counted in `min_milestone_price`.
        max_jobs: Held at once.
        safety: An estimate is multiplied by it.
        claim_seconds: From a finished proof to its claim in a block.
        proof_kinds: Taken.
        max_window_seconds: The longest challenge window: the lock and the pay wait for it, three times as long at worst.
        answer_seconds: What an answer to a demand needs at least, from the demand's block to its own.
    """

    operator: Address
    min_milestone_price: int
    payment_tokens: frozenset[Address]
    max_jobs: int
    safety: float
    claim_seconds: int
    allow_development_srs: bool
    proof_kinds: frozenset[ProofKind] = frozenset({ProofKind.ZK, ProofKind.OPTIMISTIC})
    max_window_seconds: int = MAX_WINDOW_SECONDS
    answer_seconds: int = 0

    def seconds(self, estimate: float) -> float:
        return estimate * self.safety + self.claim_seconds


@dataclass(frozen=True)
class Standing:
    """How things are at the moment.

    Attributes:
        now: The time that the next block should have.
        free_stake: On chain. `promised_stake`: for acceptances on their way there. Smallest units of the stake token.
        tasks: Everything still to be proven for jobs already taken.
    """

    now: int
    chain_id: int
    free_stake: int
    promised_stake: int
    jobs_held: int
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Findings:
    """What the inspection of a job's documents found, all of them genuine.

    Attributes:
        estimate_seconds: For one milestone; None before the circuit's keys are there, when nobody can tell.
        srs_origin: Of an EZKL model's reference string; None where there is none.
        unmet: Requirements that this machine does not meet, as sentences.
        disk_bytes: What the results of all unpaid milestones take here until they are final.
        free_disk_bytes: Of the home folder's disk; None where it does not matter.
    """

    estimate_seconds: float | None
    srs_origin: Literal["development", "ceremony"] | None
    unmet: tuple[str, ...]
    disk_bytes: int = 0
    free_disk_bytes: int | None = None


@dataclass(frozen=True)
class Accept:
    reason: str
    price: int


@dataclass(frozen=True)
class Decline:
    """`code`: stable, for programs. `retry_at`: chain time from which to ask again; None: never in this round."""

    code: str
    reason: str
    retry_at: int | None = None


@dataclass(frozen=True)
class _Case:
    job: Job
    policy: Policy
    standing: Standing
    assignment: Assignment | None
    findings: Findings | None

    @property
    def price(self) -> int:
        return self.job.terms.price_at(self.job.opened_at, self.standing.now)

    def later(self, code: str, reason: str) -> Decline:
        return Decline(code, reason, retry_at=self.standing.now + LATER_SECONDS)


def consider(
    job: Job, *, policy: Policy, standing: Standing, assignment: Assignment | None, findings: Findings | None
) -> Accept | Decline:
    """The answer for an open job.

    Args:
        assignment: The dispatcher's offer of this job to us, if there is one.
        findings: None before the job's documents are read; then nothing that depends on them is asked.
    """
    case = _Case(job, policy, standing, assignment, findings)
    for rule in _RULES:
        against = rule(case)
        if against is not None:
            return against
    return Accept(f"price {case.price} now, {standing.jobs_held} other jobs held", case.price)


def _is_open(case: _Case) -> Decline | None:
    job, now = case.job, case.standing.now
    if job.status is not JobStatus.OPEN:
        return Decline("not_open", f"the job is {job.status.name.lower()}")
    if now > job.accept_closes_at:
        return Decline("accept_window_over", f"the accept window closed at {job.accept_closes_at}, now {now}")
    return None


def _is_supported(case: _Case) -> Decline | None:
    terms = case.job.terms
    if terms.proof_kind not in case.policy.proof_kinds:
        ours = ", ".join(kind.name.lower() for kind in sorted(case.policy.proof_kinds))
        return Decline("proof_kind", f"proof kind {terms.proof_kind.name.lower()} is not among ours: {ours}")
    if terms.mode is not JobMode.PARALLEL:
        return Decline("mode", f"a {terms.mode.name.lower()} job needs a prover for chained milestones; ours has none")
    return None


def _never_failed(case: _Case) -> Decline | None:
    if case.policy.operator in case.job.failed_operators:
        return Decline("failed_before", "this operator was late, or at fault, with this job before")
    return None


def _never_gave_it_back(case: _Case) -> Decline | None:
    """What could not be done in time once is not tried a second time at the price of another fee."""
    if any(release.operator == case.policy.operator for release in case.job.releases):
        return Decline("released_before", "this operator gave this job back before")
    return None


def _token_taken(case: _Case) -> Decline | None:
    token = case.job.terms.payment_token
    if token not in case.policy.payment_tokens:
        return Decline("payment_token", f"it pays in {token}, which is not among the tokens taken")
    return None


def _window_is_sane(case: _Case) -> Decline | None:
    """Whether a demand in the window's last second could still be answered, and the pay comes before it is forgotten."""
    terms, policy = case.job.terms, case.policy
    if terms.proof_kind is not ProofKind.OPTIMISTIC:
        return None
    window, answer = terms.challenge_seconds, terms.challenge_seconds // ANSWER_SHARE
    if answer < policy.answer_seconds:
        reason = f"of its window of {window} s a demand leaves {answer} s for the answer; {policy.answer_seconds} s are needed"
        return Decline("window_short", reason)
    if window > policy.max_window_seconds:
        return Decline("window_long", f"its window has {window} s, the most is {policy.max_window_seconds} s")
    return None


def _is_our_turn(case: _Case) -> Decline | None:
    job, now = case.job, case.standing.now
    if now >= job.exclusive_until:
        return None
    offer = case.assignment
    fits = offer is not None and (offer.job_id, offer.operator, offer.round) == (
        job.job_id,
        case.policy.operator,
        job.round,
    )
    if offer is None or not fits:
        reason = f"only the dispatcher's choice may accept until {job.exclusive_until}"
        return Decline("exclusive", reason, retry_at=job.exclusive_until)
    if now + _SENDING_SECONDS > offer.expires_at:
        reason = f"the offer ends at {offer.expires_at}, now {now}"
        return Decline("offer_over", reason, retry_at=job.exclusive_until)
    return None


def _price_is_enough(case: _Case) -> Decline | None:
    terms, ask = case.job.terms, case.policy.min_milestone_price
    for milestone in range(case.job.next_milestone, terms.milestone_count):
        gross = terms.price_of(milestone, case.price)
        net = gross - share_of(gross, terms.dispatcher_fee_bps)
        if net < ask:
            reason = f"milestone {milestone} pays {net} now, the ask is {ask}"
            best = share_of(terms.price_of(milestone, terms.max_price), BPS - terms.dispatcher_fee_bps)
            return case.later("price", reason) if best >= ask else Decline("price", f"{reason}, at most {best} later")
    return None


def _stake_is_enough(case: _Case) -> Decline | None:
    lock, standing = case.job.terms.stake_lock, case.standing
    spare = standing.free_stake - standing.promised_stake
    if spare < lock:
        reason = f"it locks {lock}; free are {standing.free_stake}, of which {standing.promised_stake} are promised"
        return case.later("stake", reason)
    return None


def _has_room(case: _Case) -> Decline | None:
    held, most = case.standing.jobs_held, case.policy.max_jobs
    return case.later("busy", f"{held} jobs are held, the most is {most}") if held >= most else None


def _is_able(case: _Case) -> Decline | None:
    if case.findings and case.findings.unmet:
        return Decline("requirement_unmet", "; ".join(case.findings.unmet))
    return None


def _srs_is_sound(case: _Case) -> Decline | None:
    if case.findings is None or case.findings.srs_origin in (None, "ceremony"):
        return None
    if case.standing.chain_id in LOCAL_CHAINS or case.policy.allow_development_srs:
        return None
    return Decline("development_srs", f"its SRS is a development one, which is not for chain {case.standing.chain_id}")


def _disk_is_enough(case: _Case) -> Decline | None:
    found = case.findings
    if found is None or found.free_disk_bytes is None or found.disk_bytes <= found.free_disk_bytes:
        return None
    need, free = format_size(found.disk_bytes), format_size(found.free_disk_bytes)
    return case.later("disk", f"its traces take {need} here until they are final; {free} are free")


def _time_is_enough(case: _Case) -> Decline | None:
    if case.findings is None or case.findings.estimate_seconds is None:
        return None
    job, now = case.job, case.standing.now
    durations = job.terms.duration_seconds[job.next_milestone :]
    seconds = case.policy.seconds(case.findings.estimate_seconds)
    tasks = milestone_tasks(durations, None, now, seconds)
    if first_late(tasks, now):
        return Decline("too_slow", f"a milestone should take {seconds:.0f} s here, too long for {list(durations)} s")
    late = first_late([*case.standing.tasks, *tasks], now)
    if late:
        return case.later("queue", f"with the work already taken, the deadline {late.deadline} would be missed")
    return None


_RULES: tuple[Callable[[_Case], Decline | None], ...] = (
    # What can never change comes before what time may change, so that a hopeless job is not asked again.
    _is_open,
    _is_supported,
    _never_failed,
    _never_gave_it_back,
    _token_taken,
    _window_is_sane,
    _is_able,
    _srs_is_sound,
    _is_our_turn,
    _price_is_enough,
    _stake_is_enough,
    _has_room,
    _disk_is_enough,
    _time_is_enough,
)
