"""Where a job stands in this agent, and what is to be done about it next. Data only; `machine.py` has the rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.ids import JobId


class Stage(StrEnum):
    CONSIDERED = "considered"
    ACCEPTING = "accepting"
    ASSIGNED = "assigned"
    PREPARING = "preparing"
    PROVING = "proving"
    CLAIMING = "claiming"
    AWAITING = "awaiting"
    RELEASING = "releasing"
    COLLECTING = "collecting"
    DONE = "done"
    RELEASED = "released"
    LOST = "lost"
    REFUSED = "refused"


UNDECIDED = frozenset({Stage.CONSIDERED, Stage.ACCEPTING})
WORKING = frozenset({Stage.ASSIGNED, Stage.PREPARING, Stage.PROVING, Stage.CLAIMING, Stage.RELEASING})
"""There is still something to be made for the job."""
HELD = WORKING | {Stage.AWAITING}
"""The job is ours, and our stake is locked for it."""
OVER = frozenset({Stage.DONE, Stage.RELEASED, Stage.LOST, Stage.REFUSED})


class Do(StrEnum):
    INSPECT = "inspect"
    SEND_ACCEPT = "send_accept"
    READ_CHAIN = "read_chain"
    PREPARE = "prepare"
    PROVE = "prove"
    SEND_CLAIM = "send_claim"
    AWAIT_FINALITY = "await_finality"
    SEND_RELEASE = "send_release"
    COLLECT = "collect"
    CLEAN_UP = "clean_up"


@dataclass(frozen=True)
class JobWork:
    """Where a job stands.

    Attributes:
        round: The opening of the job that this is about.
        milestone: The next one to be claimed.
        deadline: Of `milestone`, chain time; None before the job is ours.
        block: Height of the newest news; older news is ignored.
        turn: Number of the standing instruction.
        retries: Grows only: it is part of a transaction's key where a first one can no longer count.
        failures: In a row, without a milestone between them.
        committed: To this milestone, however little time is left: giving it back was no better.
        fresh_proof: The next proof must not come from the cache, because the contract refused the cached one.
        standing: Claims that are in their windows: the job's artifacts are needed until there are none.
        retry_at: REFUSED: chain time from which the same round may be considered again; None: never.
        ending: Where AWAITING and COLLECTING lead to.
        cause: What set off the standing instruction.
        last_word: Why it stands where it stands.
        story: The latest steps, oldest first.
    """

    job_id: JobId
    round: int
    milestone_count: int
    stage: Stage = Stage.CONSIDERED
    milestone: int = 0
    deadline: int | None = None
    block: int = 0
    turn: int = 0
    retries: int = 0
    failures: int = 0
    committed: bool = False
    fresh_proof: bool = False
    standing: int = 0
    retry_at: int | None = None
    ending: Stage = Stage.DONE
    cause: str = ""
    last_word: str = ""
    story: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.stage in OVER


@dataclass(frozen=True)
class Instruction:
    """What to do for a job.

    Attributes:
        deadline: As in `JobWork`.
        attempt: Tells apart the transactions of one purpose.
        committed: See `JobWork`: the clock is not asked.
        pause_seconds: To wait before: longer with each failure in a row.
    """

    do: Do
    job_id: JobId
    turn: int
    cause: str
    round: int
    milestone: int
    deadline: int | None
    attempt: int
    committed: bool
    fresh: bool
    pause_seconds: int
