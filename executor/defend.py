"""Which demands for parts of our traces have to be answered, and in which order. Pure.

What is not answered in time counts as a wrong claim, so nothing else that the agent does comes before it. A demand is known from
the chain alone: after any restart the open ones are the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tallystick.ids import Address, Bytes32
from tallystick.market.book import Job, JobBook, StandingClaim
from tallystick.market.events import TraceDemanded

AT_ONCE = 40
"""Answers on their way at a time: of the largest, with 0.7 million gas each, so many fit a block."""

MOST_PAUSE_SECONDS = 30


@dataclass(frozen=True)
class Trouble:
    """Why a demand is not answered yet.

    Attributes:
        failures: Tries that came to nothing.
        not_before: Chain time of the next try.
    """

    what: str
    failures: int
    not_before: int


@dataclass(frozen=True)
class Duty:
    """A demand that is ours to answer.

    Attributes:
        job: Whose claim it is about, and `claim`: which stands.
    """

    demand: TraceDemanded
    job: Job
    claim: StandingClaim

    @property
    def demand_id(self) -> Bytes32:
        return self.demand.demand_id

    @property
    def deadline(self) -> int:
        """The last second for the answer."""
        return self.demand.answer_by


def duties(demands: Iterable[TraceDemanded], book: JobBook, *, operator: Address, agent: Address) -> list[Duty]:
    """Those about claims of ours that stand, the most urgent first.

    Args:
        demands: That nobody has answered.
        agent: Only the one that made the claim has its trace.
    """
    found = []
    for demand in demands:
        job = book.get(demand.job_id)
        if job is None or (job.operator, job.agent) != (operator, agent):
            continue
        claim = next((each for each in job.claims if each.milestone == demand.milestone), None)
        # An older demand is about a claim that was voided; this one is another's, or another of ours.
        if claim is not None and demand.at.block_time >= claim.claimed_at:
            found.append(Duty(demand, job, claim))
    return sorted(found, key=lambda duty: (duty.deadline, duty.demand.at.block_number, duty.demand.at.log_index))


def next_answers(
    waiting: Iterable[Duty], *, now: int, busy: Collection[Bytes32], troubles: Mapping[Bytes32, Trouble]
) -> list[Duty]:
    """What to begin with now.

    Args:
        waiting: As `duties` orders them.
        now: The time that the next block should have.
        busy: What is being answered, or was.
        troubles: By demand; what failed is tried again after a pause.
    """
    free = max(0, AT_ONCE - len(busy))
    ready = [
        duty
        for duty in waiting
        if duty.demand_id not in busy
        and now <= duty.deadline
        and (duty.demand_id not in troubles or now >= troubles[duty.demand_id].not_before)
    ]
    return ready[:free]


def after_failure(former: Trouble | None, what: str, *, now: int, deadline: int) -> Trouble:
    """When to try again: later each time, and not later than half of what is left."""
    failures = 1 if former is None else former.failures + 1
    pause = min(2 ** min(failures - 1, 10), MOST_PAUSE_SECONDS, max(1, (deadline - now) // 2))
    return Trouble(what, failures, now + pause)


def alert(duty: Duty, trouble: Trouble | None, now: int) -> str:
    """What an operator should know of a demand that is open; empty where it will be answered before anyone could look."""
    about = f"milestone {duty.claim.milestone} of job {duty.job.job_id}"
    if now > duty.deadline:
        why = f": {trouble.what}" if trouble else ""
        return f"a demand on {about} was not answered by {duty.deadline}, and anyone can have the stake slashed{why}"
    if trouble is not None:
        return f"a demand on {about}, to be answered by {duty.deadline}, could not be answered yet: {trouble.what}"
    return ""
