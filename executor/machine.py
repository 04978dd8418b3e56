"""One job's life in this agent. Pure: no clock, no network, no disk; `handle(work, event) -> (work, [instruction])`.

    CONSIDERED ─> ACCEPTING ─> ASSIGNED ─> PREPARING ─> PROVING(m) ─> CLAIMING(m) ─┬─> the next m
        │             │            └───────────┴── deadline over ─┴─────┐          └─> COLLECTING ─> DONE
        └─> REFUSED   └─> LOST: another was faster                      └─> COLLECTING what was earned ─> LOST

    PREPARING, PROVING(m), CLAIMING(m) ── it cannot be done in time, or not at all ──> RELEASING ─┬─> COLLECTING
        ─> RELEASED                                                          no cheaper than late └─> on with it, or LOST

Three rules keep it right when the process dies anywhere:

1. An answer counts only for the instruction that stands (`turn`). What answers an older one is dropped.
2. The chain decides. `ChainSays` moves a job from any stage to where the chain has it, unless it is older than what
   is already known here (`block`).
3. `ChainSays(resumed=True)` gives the standing instruction once more. Whoever carries instructions out makes that
   harmless: transactions have keys, proofs are on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from executor.news import (
    AcceptMined,
    AcceptRefused,
    Answer,
    ChainSays,
    ClaimMined,
    ClaimRefused,
    Collected,
    Event,
    KeysReady,
    ProofReady,
    Released,
    ReleaseDeclined,
    TimeShort,
    Verdict,
    WorkFailed,
)
from executor.release import is_hopeless
from executor.work import UNDECIDED, WORKING, Do, Instruction, JobWork, Stage
from tallystick.errors import ImpossibleTransitionError
from tallystick.ids import JobId
from tallystick.market.terms import JobStatus

MAX_FAILURES = 5
"""Times in a row that making keys, proving or accepting may fail before the agent gives up. Claims are tried until their
deadline: each try is cheap, and giving up costs the lock."""

MAX_PAUSE_SECONDS = 30

_STORY_LENGTH = 12


Step = tuple[JobWork, list[Instruction]]


def begin(
    job_id: JobId, *, round_: int, milestone: int, milestone_count: int, cause: str, former: JobWork | None = None
) -> Step:
    """An open job that is worth a look.

    Args:
        former: An earlier, finished life of the same job: its late answers and its transaction keys stay its own.
    """
    work = _reborn(JobWork(job_id, round_, milestone_count, milestone=milestone), former)
    return _go(work, Stage.CONSIDERED, cause, "is worth a look")


def adopt(
    job_id: JobId, *, round_: int, milestone: int, milestone_count: int, cause: str, former: JobWork | None = None
) -> Step:
    """A job that the chain says is ours although nothing here knows of it: the home folder was lost, or a transaction
    went through that was already given up."""
    work = _reborn(JobWork(job_id, round_, milestone_count, milestone=milestone), former)
    return _go(work, Stage.ASSIGNED, cause, "found on the chain as ours")


def _reborn(work: JobWork, former: JobWork | None) -> JobWork:
    if former is None:
        return work
    if former.round != work.round:
        return replace(work, turn=former.turn)
    return replace(work, turn=former.turn, retries=former.retries, failures=former.failures)


def handle(work: JobWork, event: Event) -> Step:
    """What follows.

    Raises:
        ImpossibleTransitionError: the event answers the standing instruction with something it cannot bring about.
    """
    if isinstance(event, ChainSays):
        return _reconcile(work, event)
    if work.is_over or (isinstance(event, Answer) and event.turn != work.turn):
        return work, []
    rule = _RULES.get((work.stage, type(event)))
    if rule is None:
        raise ImpossibleTransitionError(
            f"Job {work.job_id} is {work.stage} and cannot take {event}. How it came here: {' -> '.join(work.story)}.",
            remedy="This is a fault of the agent, not of the job: restart it, and report the sentence above.",
        )
    return rule(work, event)


# ---- moves ----------------------------------------------------------------------------------------------------------

_STANDING = {
    Stage.CONSIDERED: Do.INSPECT,
    Stage.ACCEPTING: Do.SEND_ACCEPT,
    Stage.ASSIGNED: Do.READ_CHAIN,
    Stage.PREPARING: Do.PREPARE,
    Stage.PROVING: Do.PROVE,
    Stage.CLAIMING: Do.SEND_CLAIM,
    Stage.RELEASING: Do.SEND_RELEASE,
    Stage.COLLECTING: Do.COLLECT,
    Stage.DONE: Do.CLEAN_UP,
    Stage.RELEASED: Do.CLEAN_UP,
    Stage.LOST: Do.CLEAN_UP,
    Stage.REFUSED: Do.CLEAN_UP,
}


def _go(work: JobWork, stage: Stage, cause: str, why: str, **changes: Any) -> Step:
    """Enters a stage; each has one instruction."""
    moved = replace(work, stage=stage, turn=work.turn + 1, cause=cause, **changes)
    told = f"{stage} (milestone {moved.milestone}, {cause}): {why}"
    moved = replace(moved, last_word=why, story=(*work.story, told)[-_STORY_LENGTH:])
    instruction = Instruction(
        do=_STANDING[stage],
        job_id=moved.job_id,
        turn=moved.turn,
        cause=cause,
        round=moved.round,
        milestone=moved.milestone,
        deadline=moved.deadline,
        attempt=moved.retries,
        committed=moved.committed,
        fresh=moved.fresh_proof,
        pause_seconds=min(2 ** (moved.failures - 1), MAX_PAUSE_SECONDS) if moved.failures else 0,
    )
    return moved, [instruction]


def _again(work: JobWork, stage: Stage, cause: str, why: str, **changes: Any) -> Step:
    """Under a new key: what was sent under the old one, if anything, does not count any more."""
    return _go(work, stage, cause, why, retries=work.retries + 1, failures=work.failures + 1, **changes)


def _retry(work: JobWork, stage: Stage, cause: str, why: str, **changes: Any) -> Step:
    if work.failures >= MAX_FAILURES:
        enough = f"{why}; not tried again after {work.failures} failures"
        return _go(work, Stage.RELEASING, cause, enough) if work.stage in WORKING else _give_up(work, cause, enough)
    return _again(work, stage, cause, why, **changes)


def _give_up(work: JobWork, cause: str, why: str) -> Step:
    if work.stage in WORKING:
        return _go(work, Stage.COLLECTING, cause, why, ending=Stage.LOST)
    return _go(work, Stage.LOST, cause, why)


# ---- answers to instructions ----------------------------------------------------------------------------------------


def _on_verdict(work: JobWork, event: Verdict) -> Step:
    if event.accepted:
        return _go(work, Stage.ACCEPTING, event.cause, event.reason)
    return _go(work, Stage.REFUSED, event.cause, event.reason, retry_at=event.retry_at)


def _on_failed_inspection(work: JobWork, event: WorkFailed) -> Step:
    return _go(work, Stage.REFUSED, event.cause, event.reason)


def _on_accept_mined(work: JobWork, event: AcceptMined) -> Step:
    return _go(work, Stage.ASSIGNED, event.cause, f"accepted in block {event.block}", block=event.block)


def _on_accept_refused(work: JobWork, event: AcceptRefused) -> Step:
    retry_at = event.retry_at if work.failures < MAX_FAILURES else None
    return _again(work, Stage.REFUSED, event.cause, event.reason, retry_at=retry_at)


def _on_keys_ready(work: JobWork, event: KeysReady) -> Step:
    return _go(work, Stage.PROVING, event.cause, "the keys are ready")


def _on_proof_ready(work: JobWork, event: ProofReady) -> Step:
    return _go(work, Stage.CLAIMING, event.cause, "the proof is ready", fresh_proof=False)


def _on_claim_mined(work: JobWork, event: ClaimMined) -> Step:
    why = f"milestone {work.milestone} paid in block {event.block}"
    ahead: dict[str, Any] = {
        "milestone": work.milestone + 1,
        "deadline": event.next_deadline,
        "block": event.block,
        "failures": 0,
        "committed": False,
    }
    if work.milestone + 1 == work.milestone_count:
        return _go(work, Stage.COLLECTING, event.cause, why, ending=Stage.DONE, **ahead)
    return _go(work, Stage.PROVING, event.cause, why, **ahead)


def _on_claim_refused(work: JobWork, event: ClaimRefused) -> Step:
    if event.proof_at_fault:
        return _retry(work, Stage.PROVING, event.cause, event.reason, fresh_proof=True)
    return _again(work, Stage.CLAIMING, event.cause, event.reason)


def _on_time_short(work: JobWork, event: TimeShort) -> Step:
    why = f"milestone {work.milestone} should take {event.needed_seconds:.0f} s, {event.left_seconds:.0f} s are left"
    if is_hopeless(event.needed_seconds, event.left_seconds):
        return _go(work, Stage.RELEASING, event.cause, why)
    return _go(work, work.stage, event.cause, f"{why}: tried all the same", committed=True)


def _on_released(work: JobWork, event: Released) -> Step:
    why = f"given back in block {event.block} for a fee of {event.fee}: {work.last_word}"
    return _go(work, Stage.COLLECTING, event.cause, why, ending=Stage.RELEASED, block=event.block, deadline=None)


def _on_release_declined(work: JobWork, event: ReleaseDeclined) -> Step:
    if work.failures >= MAX_FAILURES:
        return _give_up(work, event.cause, event.reason)
    return _go(work, Stage.PREPARING, event.cause, f"{event.reason}: on with it", committed=True)


def _on_collected(work: JobWork, event: Collected) -> Step:
    return _go(work, work.ending, event.cause, event.note)


def _on_failure(work: JobWork, event: WorkFailed) -> Step:
    return _retry(work, work.stage, event.cause, event.reason)


def _on_failure_while_time_lasts(work: JobWork, event: WorkFailed) -> Step:
    return _again(work, work.stage, event.cause, event.reason)


def _on_failed_collection(work: JobWork, event: WorkFailed) -> Step:
    if work.failures < MAX_FAILURES:
        return _again(work, Stage.COLLECTING, event.cause, event.reason)
    why = f"{event.reason}; the payment stays credited to the operator, who can withdraw it at any time"
    return _go(work, work.ending, event.cause, why)


_RULES: dict[tuple[Stage, type[Event]], Callable[[JobWork, Any], Step]] = {
    (Stage.CONSIDERED, Verdict): _on_verdict,
    (Stage.CONSIDERED, WorkFailed): _on_failed_inspection,
    (Stage.ACCEPTING, AcceptMined): _on_accept_mined,
    (Stage.ACCEPTING, AcceptRefused): _on_accept_refused,
    (Stage.ACCEPTING, WorkFailed): _on_failure,
    (Stage.ASSIGNED, WorkFailed): _on_failure_while_time_lasts,
    (Stage.PREPARING, KeysReady): _on_keys_ready,
    (Stage.PREPARING, TimeShort): _on_time_short,
    (Stage.PREPARING, WorkFailed): _on_failure,
    (Stage.PROVING, ProofReady): _on_proof_ready,
    (Stage.PROVING, TimeShort): _on_time_short,
    (Stage.PROVING, WorkFailed): _on_failure,
    (Stage.CLAIMING, ClaimMined): _on_claim_mined,
    (Stage.CLAIMING, ClaimRefused): _on_claim_refused,
    (Stage.CLAIMING, WorkFailed): _on_failure_while_time_lasts,
    (Stage.RELEASING, Released): _on_released,
    (Stage.RELEASING, ReleaseDeclined): _on_release_declined,
    (Stage.RELEASING, WorkFailed): _on_failure_while_time_lasts,
    (Stage.COLLECTING, Collected): _on_collected,
    (Stage.COLLECTING, WorkFailed): _on_failed_collection,
}


# ---- the chain's word -----------------------------------------------------------------------------------------------


def _reconcile(work: JobWork, says: ChainSays) -> Step:
    if work.is_over or says.block < work.block:
        return work, []
    work = replace(work, block=says.block)
    if work.stage is Stage.COLLECTING and work.ending is not Stage.DONE:
        return _repeat_if_resumed(work, says)
    if says.status is JobStatus.ASSIGNED and says.mine:
        return _ours(work, says)
    if work.stage is Stage.COLLECTING:
        return _repeat_if_resumed(work, says)
    return _undecided(work, says) if work.stage in UNDECIDED else _gone(work, says)


def _repeat_if_resumed(work: JobWork, says: ChainSays) -> Step:
    return _go(work, work.stage, says.cause, "resumed") if says.resumed else (work, [])


def _undecided(work: JobWork, says: ChainSays) -> Step:
    if says.status is not JobStatus.OPEN:
        return _go(work, Stage.LOST, says.cause, f"another was faster: the job is {says.status.name.lower()}")
    if says.round != work.round:
        why = f"opened anew as round {says.round}"
        return _go(work, Stage.REFUSED, says.cause, why, retry_at=says.block_time)
    return _repeat_if_resumed(work, says)


def _gone(work: JobWork, says: ChainSays) -> Step:
    """The job was ours, and the chain says that it is assigned to us no longer."""
    if says.round == work.round and says.status is JobStatus.COMPLETED:
        why = "every milestone is paid"
        return _go(
            work, Stage.COLLECTING, says.cause, why, ending=Stage.DONE, milestone=work.milestone_count, deadline=None
        )
    if says.round == work.round and says.status is JobStatus.OPEN:
        return _again(work, Stage.ACCEPTING, says.cause, "the chain dropped the block of the acceptance")
    if says.given_back:
        why = "given back early"
        return _go(work, Stage.COLLECTING, says.cause, why, ending=Stage.RELEASED, deadline=None)
    why = f"no longer ours: the chain has round {says.round}, {says.status.name.lower()}, where ours was {work.round}"
    return _give_up(work, says.cause, why)


def _ours(work: JobWork, says: ChainSays) -> Step:
    here: dict[str, Any] = {"milestone": says.next_milestone, "deadline": says.deadline, "round": says.round}
    if says.deadline is not None and says.block_time > says.deadline:
        why = f"the deadline of milestone {says.next_milestone} passed at {says.deadline}, now {says.block_time}"
        return _give_up(replace(work, **here), says.cause, why)
    if work.stage in UNDECIDED or work.stage is Stage.ASSIGNED:
        return _go(work, Stage.PREPARING, says.cause, "it is ours", **here)
    if says.next_milestone > work.milestone:
        why = f"milestone {says.next_milestone - 1} is claimed"
        return _go(work, Stage.PROVING, says.cause, why, failures=0, committed=False, **here)
    if says.next_milestone < work.milestone:
        why = "the chain dropped the block of a claim"
        return _again(work, Stage.PROVING, says.cause, why, committed=False, **here)
    return _repeat_if_resumed(replace(work, **here), says)
