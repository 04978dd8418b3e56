"""The chain's word moves a job from any stage to where the chain has it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from executor.moves import Step, again, give_up, go
from executor.news import ChainSays
from executor.work import UNDECIDED, JobWork, Stage
from tallystick.market.terms import JobStatus


def reconcile(work: JobWork, says: ChainSays) -> Step:
    if work.is_over or says.block < work.block:
        return work, []
    work = replace(work, block=says.block, standing=says.standing if says.mine else 0)
    if work.stage is Stage.COLLECTING and work.ending is not Stage.DONE:
        return _repeat_if_resumed(work, says)
    if says.status is JobStatus.ASSIGNED and says.mine:
        return _ours(work, says)
    if work.stage is Stage.COLLECTING:
        return _repeat_if_resumed(work, says)
    return _undecided(work, says) if work.stage in UNDECIDED else _gone(work, says)


def _repeat_if_resumed(work: JobWork, says: ChainSays) -> Step:
    return go(work, work.stage, says.cause, "resumed") if says.resumed else (work, [])


def _undecided(work: JobWork, says: ChainSays) -> Step:
    if says.status is not JobStatus.OPEN:
        return go(work, Stage.LOST, says.cause, f"another was faster: the job is {says.status.name.lower()}")
    if says.round != work.round:
        why = f"opened anew as round {says.round}"
        return go(work, Stage.REFUSED, says.cause, why, retry_at=says.block_time)
    return _repeat_if_resumed(work, says)


def _gone(work: JobWork, says: ChainSays) -> Step:
    """The job was ours, and the chain says that it is assigned to us no longer."""
    if says.round == work.round and says.status is JobStatus.COMPLETED:
        why = "every milestone is paid"
        return go(
            work, Stage.COLLECTING, says.cause, why, ending=Stage.DONE, milestone=work.milestone_count, deadline=None
        )
    if says.round == work.round and says.status is JobStatus.OPEN:
        return again(work, Stage.ACCEPTING, says.cause, "the chain dropped the block of the acceptance")
    if says.given_back:
        why = "given back early"
        return go(work, Stage.COLLECTING, says.cause, why, ending=Stage.RELEASED, deadline=None)
    gone = f"no longer ours: the chain has round {says.round}, {says.status.name.lower()}, where ours was {work.round}"
    return give_up(work, says.cause, says.fault or gone)


def _ours(work: JobWork, says: ChainSays) -> Step:
    if work.stage is Stage.AWAITING and work.ending is Stage.LOST:
        return _repeat_if_resumed(work, says)
    here: dict[str, Any] = {"milestone": says.next_milestone, "deadline": says.deadline, "round": says.round}
    if says.deadline is not None and says.block_time > says.deadline:
        why = f"the deadline of milestone {says.next_milestone} passed at {says.deadline}, now {says.block_time}"
        return give_up(replace(work, **here), says.cause, why)
    if says.next_milestone == work.milestone_count and work.stage is not Stage.AWAITING:
        why = "every milestone is claimed"
        return go(work, Stage.AWAITING, says.cause, why, failures=0, committed=False, **here)
    if work.stage in UNDECIDED or work.stage is Stage.ASSIGNED:
        return go(work, Stage.PREPARING, says.cause, "it is ours", **here)
    return _onwards(work, says, here)


def _onwards(work: JobWork, says: ChainSays, here: dict[str, Any]) -> Step:
    """The job is being worked on: the chain may be further than is known here, or not so far any more."""
    if says.next_milestone > work.milestone:
        why = f"milestone {says.next_milestone - 1} is claimed"
        return go(work, Stage.PROVING, says.cause, why, failures=0, committed=False, **here)
    if says.next_milestone < work.milestone:
        why = "the chain dropped the block of a claim"
        return again(work, Stage.PROVING, says.cause, why, committed=False, **here)
    return _repeat_if_resumed(replace(work, **here), says)
