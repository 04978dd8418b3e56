"""What can happen to a job, as the machine hears of it.

`cause` names what started a chain of events: an offer, a block, a restart. It is handed from event to instruction and
from instruction to answer, so that every log line of one chain can be found by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.market.terms import JobStatus


@dataclass(frozen=True, kw_only=True)
class Event:
    cause: str


@dataclass(frozen=True, kw_only=True)
class Answer(Event):
    """The outcome of the instruction number `turn`."""

    turn: int


@dataclass(frozen=True, kw_only=True)
class Verdict(Answer):
    """`retry_at`: chain time from which a no may turn into a yes; None: never in this round."""

    accepted: bool
    reason: str
    retry_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class AcceptMined(Answer):
    block: int


@dataclass(frozen=True, kw_only=True)
class AcceptRefused(Answer):
    """The job is still open, but not to this call. `retry_at` as in `Verdict`."""

    reason: str
    retry_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class KeysReady(Answer):
    pass


@dataclass(frozen=True, kw_only=True)
class ProofReady(Answer):
    pass


@dataclass(frozen=True, kw_only=True)
class ClaimMined(Answer):
    """`next_deadline`: of the milestone behind this one; None after the last. `is_paid`: it is final already."""

    block: int
    next_deadline: int | None
    is_paid: bool = True


@dataclass(frozen=True, kw_only=True)
class Finalized(Answer):
    """What was final was paid. `left`: claims of the job that are still in their windows."""

    block: int
    left: int


@dataclass(frozen=True, kw_only=True)
class ClaimRefused(Answer):
    """The milestone is still ours to claim, but not with this call. `proof_at_fault`: another proof may do."""

    reason: str
    proof_at_fault: bool


@dataclass(frozen=True, kw_only=True)
class TimeShort(Answer):
    """Before work on a milestone: what it should still take, by the raw estimate, and what is left of its time."""

    needed_seconds: float
    left_seconds: float


@dataclass(frozen=True, kw_only=True)
class Released(Answer):
    """`fee`: what the early release cost, in the stake token's smallest unit."""

    block: int
    fee: int


@dataclass(frozen=True, kw_only=True)
class ReleaseDeclined(Answer):
    """The job is still ours: giving it back costs no less than being late, or the contract refused."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Collected(Answer):
    note: str


@dataclass(frozen=True, kw_only=True)
class WorkFailed(Answer):
    """An instruction came to nothing, in a way that trying again may help."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class ChainSays(Event):
    """The job as the contracts have it in block `block` or a later one.

    Attributes:
        mine: It is assigned to this agent's operator, through this agent.
        given_back: The job's last round ended with an early release by this agent's operator.
        standing: Claims that are in their windows.
        fault: Who showed a claim of this agent's operator to be wrong, as a sentence; empty where nobody did.
        block_time: The contracts' clock.
        resumed: Nothing is being done for the job at the moment.
    """

    status: JobStatus
    mine: bool
    round: int
    next_milestone: int
    deadline: int | None
    block: int
    block_time: int
    given_back: bool = False
    standing: int = 0
    fault: str = ""
    resumed: bool = False
