"""One job's life in this agent. Pure: no clock, no network, no disk; `handle(work, event) -> (work, [instruction])`.

    CONSIDERED ─> ACCEPTING ─> ASSIGNED ─> PREPARING ─> PROVING(m) ─> CLAIMING(m) ─┬─> the next m
        │             │            └───────────┴── deadline over ─┴─────┐          ├─> AWAITING finality ─┐
        └─> REFUSED   └─> LOST: another was faster                      │          └──────────────────────┴─> COLLECTING
                              AWAITING ── shown to be wrong ────────────┴─> COLLECTING what was earned ─> LOST  ─> DONE

    PREPARING, PROVING(m), CLAIMING(m) ── it cannot be done in time, or not at all ──> RELEASING ─┬─> COLLECTING
        ─> RELEASED                                                          no cheaper than late └─> on with it, or LOST

PROVING is making a milestone's result: for `Zk` its proof, for `Optimistic` its trace. Claims that are final at once are paid
when they are mined; others stand in their windows while the next milestones are made, and AWAITING comes after the last.

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

from executor.moves import MAX_FAILURES, Step, again, give_up, go, retry
from executor.news import (
    AcceptMined,
    AcceptRefused,
    Answer,
    ChainSays,
    ClaimMined,
    ClaimRefused,
    Collected,
    Event,
    Finalized,
    KeysReady,
    ProofReady,
    Released,
    ReleaseDeclined,
    TimeShort,
    Verdict,
    WorkFailed,
)
from executor.reconciliation import reconcile
from executor.release import is_hopeless
from executor.work import JobWork, Stage
from tallystick.errors import ImpossibleTransitionError
from tallystick.ids import JobId


def begin(
    job_id: JobId, *, round_: int, milestone: int, milestone_count: int, cause: str, former: JobWork | None = None
) -> Step:
    """An open job that is worth a look.

    Args:
        former: An earlier, finished life of the same job: its late answers and its transaction keys stay its own.
    """
    work = _reborn(JobWork(job_id, round_, milestone_count, milestone=milestone), former)
    return go(work, Stage.CONSIDERED, cause, "is worth a look")


def adopt(
    job_id: JobId, *, round_: int, milestone: int, milestone_count: int, cause: str, former: JobWork | None = None
) -> Step:
    """A job that the chain says is ours although nothing here knows of it: the home folder was lost, or a transaction
    went through that was already given up."""
    work = _reborn(JobWork(job_id, round_, milestone_count, milestone=milestone), former)
    return go(work, Stage.ASSIGNED, cause, "found on the chain as ours")


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
        return reconcile(work, event)
    if work.is_over or (isinstance(event, Answer) and event.turn != work.turn):
        return work, []
    rule = _RULES.get((work.stage, type(event)))
    if rule is None:
        raise ImpossibleTransitionError(
            f"Job {work.job_id} is {work.stage} and cannot take {event}. How it came here: {' -> '.join(work.story)}.",
            remedy="This is a fault of the agent, not of the job: restart it, and report the sentence above.",
        )
    return rule(work, event)


# ---- answers to instructions ----------------------------------------------------------------------------------------


def _on_verdict(work: JobWork, event: Verdict) -> Step:
    if event.accepted:
        return go(work, Stage.ACCEPTING, event.cause, event.reason)
    return go(work, Stage.REFUSED, event.cause, event.reason, retry_at=event.retry_at)


def _on_failed_inspection(work: JobWork, event: WorkFailed) -> Step:
    return go(work, Stage.REFUSED, event.cause, event.reason)


def _on_accept_mined(work: JobWork, event: AcceptMined) -> Step:
    return go(work, Stage.ASSIGNED, event.cause, f"accepted in block {event.block}", block=event.block)


def _on_accept_refused(work: JobWork, event: AcceptRefused) -> Step:
    retry_at = event.retry_at if work.failures < MAX_FAILURES else None
    return again(work, Stage.REFUSED, event.cause, event.reason, retry_at=retry_at)


def _on_keys_ready(work: JobWork, event: KeysReady) -> Step:
    return go(work, Stage.PROVING, event.cause, "the keys are ready")


def _on_proof_ready(work: JobWork, event: ProofReady) -> Step:
    return go(work, Stage.CLAIMING, event.cause, "the proof is ready", fresh_proof=False)


def _on_claim_mined(work: JobWork, event: ClaimMined) -> Step:
    why = f"milestone {work.milestone} {'paid' if event.is_paid else 'claimed'} in block {event.block}"
    ahead: dict[str, Any] = {
        "milestone": work.milestone + 1,
        "deadline": event.next_deadline,
        "block": event.block,
        "failures": 0,
        "committed": False,
        "standing": 0 if event.is_paid else work.standing + 1,
    }
    if work.milestone + 1 < work.milestone_count:
        return go(work, Stage.PROVING, event.cause, why, **ahead)
    if event.is_paid:
        return go(work, Stage.COLLECTING, event.cause, why, ending=Stage.DONE, **ahead)
    return go(work, Stage.AWAITING, event.cause, why, **ahead)


def _on_finalized(work: JobWork, event: Finalized) -> Step:
    now: dict[str, Any] = {"block": event.block, "standing": event.left, "failures": 0}
    if event.left:
        why = f"paid in part in block {event.block}, {event.left} claims are in their windows"
        return go(work, Stage.AWAITING, event.cause, why, **now)
    return go(work, Stage.COLLECTING, event.cause, f"final, and paid in block {event.block}", **now)


def _on_claim_refused(work: JobWork, event: ClaimRefused) -> Step:
    if event.proof_at_fault:
        return retry(work, Stage.PROVING, event.cause, event.reason, fresh_proof=True)
    return again(work, Stage.CLAIMING, event.cause, event.reason)


def _on_time_short(work: JobWork, event: TimeShort) -> Step:
    why = f"milestone {work.milestone} should take {event.needed_seconds:.0f} s, {event.left_seconds:.0f} s are left"
    if is_hopeless(event.needed_seconds, event.left_seconds):
        return go(work, Stage.RELEASING, event.cause, why)
    return go(work, work.stage, event.cause, f"{why}: tried all the same", committed=True)


def _on_released(work: JobWork, event: Released) -> Step:
    why = f"given back in block {event.block} for a fee of {event.fee}: {work.last_word}"
    return go(work, Stage.COLLECTING, event.cause, why, ending=Stage.RELEASED, block=event.block, deadline=None)


def _on_release_declined(work: JobWork, event: ReleaseDeclined) -> Step:
    if work.failures >= MAX_FAILURES:
        return give_up(work, event.cause, event.reason)
    return go(work, Stage.PREPARING, event.cause, f"{event.reason}: on with it", committed=True)


def _on_collected(work: JobWork, event: Collected) -> Step:
    return go(work, work.ending, event.cause, event.note)


def _on_failure(work: JobWork, event: WorkFailed) -> Step:
    return retry(work, work.stage, event.cause, event.reason)


def _on_failure_while_time_lasts(work: JobWork, event: WorkFailed) -> Step:
    return again(work, work.stage, event.cause, event.reason)


def _on_failed_collection(work: JobWork, event: WorkFailed) -> Step:
    if work.failures < MAX_FAILURES:
        return again(work, Stage.COLLECTING, event.cause, event.reason)
    why = f"{event.reason}; the payment stays credited to the operator, who can withdraw it at any time"
    return go(work, work.ending, event.cause, why)


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
    (Stage.AWAITING, Finalized): _on_finalized,
    (Stage.AWAITING, WorkFailed): _on_failure_while_time_lasts,
    (Stage.RELEASING, Released): _on_released,
    (Stage.RELEASING, ReleaseDeclined): _on_release_declined,
    (Stage.RELEASING, WorkFailed): _on_failure_while_time_lasts,
    (Stage.COLLECTING, Collected): _on_collected,
    (Stage.COLLECTING, WorkFailed): _on_failed_collection,
}
