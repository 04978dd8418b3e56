"""How a job goes from stage to stage: each has one instruction. Pure; which move follows from what is in `machine.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from executor.work import HELD, WORKING, Do, Instruction, JobWork, Stage

MAX_FAILURES = 5
"""Times in a row that making keys, proving or accepting may fail before the agent gives up. Claims are tried until their
deadline: each try is cheap, and giving up costs the lock."""

MAX_PAUSE_SECONDS = 30

_STORY_LENGTH = 12

Step = tuple[JobWork, list[Instruction]]

_STANDING = {
    Stage.CONSIDERED: Do.INSPECT,
    Stage.ACCEPTING: Do.SEND_ACCEPT,
    Stage.ASSIGNED: Do.READ_CHAIN,
    Stage.PREPARING: Do.PREPARE,
    Stage.PROVING: Do.PROVE,
    Stage.CLAIMING: Do.SEND_CLAIM,
    Stage.AWAITING: Do.AWAIT_FINALITY,
    Stage.RELEASING: Do.SEND_RELEASE,
    Stage.COLLECTING: Do.COLLECT,
    Stage.DONE: Do.CLEAN_UP,
    Stage.RELEASED: Do.CLEAN_UP,
    Stage.LOST: Do.CLEAN_UP,
    Stage.REFUSED: Do.CLEAN_UP,
}


def go(work: JobWork, stage: Stage, cause: str, why: str, **changes: Any) -> Step:
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


def again(work: JobWork, stage: Stage, cause: str, why: str, **changes: Any) -> Step:
    """Under a new key: what was sent under the old one, if anything, does not count any more."""
    return go(work, stage, cause, why, retries=work.retries + 1, failures=work.failures + 1, **changes)


def retry(work: JobWork, stage: Stage, cause: str, why: str, **changes: Any) -> Step:
    if work.failures >= MAX_FAILURES:
        enough = f"{why}; not tried again after {work.failures} failures"
        return go(work, Stage.RELEASING, cause, enough) if work.stage in WORKING else give_up(work, cause, enough)
    return again(work, stage, cause, why, **changes)


def give_up(work: JobWork, cause: str, why: str) -> Step:
    if work.stage in HELD and work.standing:
        # What is claimed may still be paid, and may still be asked about: silence would cost more than being late.
        why = f"{why}; {work.standing} claims are still in their windows"
        return go(work, Stage.AWAITING, cause, why, ending=Stage.LOST, deadline=None)
    if work.stage in HELD:
        return go(work, Stage.COLLECTING, cause, why, ending=Stage.LOST)
    return go(work, Stage.LOST, cause, why)
