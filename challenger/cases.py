"""What is known of one claim: what looking at it came to, and what became of it. Data only; `strategy.py` has the rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.dispute.packing import FaultKind
from tallystick.ids import Bytes32, JobId
from tallystick.market.book import Job, StandingClaim
from tallystick.market.disputes import ClaimRef, HexBytesField

CaseKey = str
"""`<job id>:<milestone>:<transaction hash of the claim>`: the same claim in another block is the same."""


def case_key(job_id: JobId, claim: StandingClaim) -> CaseKey:
    return f"{job_id}:{claim.milestone}:{claim.transaction_hash}"


def claim_of(job: Job, key: CaseKey) -> StandingClaim | None:
    """The claim of that key, where it stands."""
    return next((claim for claim in job.claims if case_key(job.job_id, claim) == key), None)


class Found(StrEnum):
    """What looking at a claim comes to."""

    AGREES = "agrees"
    FAULT = "fault"
    WITHHELD = "withheld"
    UNJUDGEABLE = "unjudgeable"
    NOT_SAMPLED = "not_sampled"


@dataclass(frozen=True)
class ShownFault:
    """A fault that can be shown.

    Attributes:
        kind: What is wrong.
        step, element: Where; an element for the kind ELEMENT alone.
        name: Of the step, as people know it.
        computed, claimed: For the kind ELEMENT alone.
        gas: A bound on that of the transaction.
        witness: As `TraceDispute.proveFault` takes it.
    """

    kind: FaultKind
    step: int
    name: str
    element: int | None
    computed: int | None
    claimed: int | None
    gas: int
    witness: HexBytesField

    @property
    def sentence(self) -> str:
        place = f"step {self.step} ({self.name})"
        match self.kind:
            case FaultKind.ELEMENT:
                return (
                    f"Element {self.element} of {place} is {self.claimed} in the claim and should be {self.computed}."
                )
            case FaultKind.OUTPUT:
                return f"The claimed output is not what the claim's own trace has at {place}."
            case FaultKind.HEADER:
                return f"The tensor of {place} has another type or other dimensions than the program gives it."
            case FaultKind.PADDING:
                return f"The tensor of {place} has something behind its last byte."
            case FaultKind.WHOLE:
                return f"The tensor of {place} is not what the step makes of its operands, wherever it differs."


@dataclass(frozen=True)
class Review:
    """What looking at a claim came to.

    Attributes:
        found: In a word.
        reason: In a sentence.
        claim: Everything that the commitment on the chain is made of; None where it was not looked at.
        program_id: Of the claim's model.
        fault: Where `found` is FAULT.
        looked_at: Chain time.
        seconds: That the look took.
        again_at: Chain time of the next look; None where nothing can change.
    """

    found: Found
    reason: str
    looked_at: int
    seconds: float = 0.0
    claim: ClaimRef | None = None
    program_id: Bytes32 | None = None
    fault: ShownFault | None = None
    again_at: int | None = None


@dataclass(frozen=True)
class Case:
    """One claim in the journal.

    Attributes:
        claimed_at: Chain time.
        review: None before it was looked at.
        outcome: What became of the claim; empty while it stands.
        won: Whether the share of its slash is ours.
        last_word: What was decided last and why, for people.
    """

    key: CaseKey
    job_id: JobId
    milestone: int
    claimed_at: int
    review: Review | None = None
    outcome: str = ""
    won: bool = False
    last_word: str = ""

    @property
    def is_over(self) -> bool:
        return bool(self.outcome)
