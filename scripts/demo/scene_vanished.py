"""Scene 2: an executor dies after the first milestone; the market goes on without it."""

from __future__ import annotations

import asyncio

from client_sdk import AsyncJob, JobRequest
from scripts.demo.stage import Stage, best, paid, staked
from tallystick.market.book import Job

MILESTONE_SECONDS = 14
"""Enough for an honest executor here, and the demo need not wait long for a dead one."""


async def play(stage: Stage) -> None:
    stage.narrator.scene(
        "Vanished", "An executor is killed after its first milestone. Nobody has to ask it, or anybody, for permission."
    )
    job = await fund(stage)
    with stage.narrator.step("first_milestone", "an executor accepts and finishes the first milestone") as found:
        event = await stage.until(job, "MilestonePaid")
        operator = event.job.operator
        found["executor"] = stage.name(operator)
    with stage.narrator.step("kill", f"kill -9 {stage.name(operator)}'s executor") as found:
        child = stage.net.children[stage.net.executor_of(str(operator))]
        child.kill()
        found["process"] = child.pid
    await wait_for_deadline(stage, job)
    await expire(stage, job)
    with stage.narrator.step("resume", "another executor takes it, goes on at milestone two, and is paid") as found:
        finished = await job.wait(timeout=120, on_progress=stage.following)
        found["executor"] = stage.name(finished.payments[-1].operator)
        found["resumed_at"] = f"milestone {finished.payments[-1].milestone + 1}"
        found["bounty"] = f"{staked(bounty_of(finished))} on top of {paid(finished.payments[-1].to_operator)}"
    await show_result(stage, job)


async def fund(stage: Stage) -> AsyncJob:
    assert stage.model is not None, "registered in the first scene"
    with stage.narrator.step("fund", f"a second job: two milestones of {MILESTONE_SECONDS} s each, 10 TALLY locked"):
        return await stage.creator.fund(
            JobRequest(
                model=stage.model,
                inputs=stage.samples.batches(2, 2),
                max_price="2.4",
                stake_lock="10",
                deadline=f"{MILESTONE_SECONDS}s",
                note="vanished",
            )
        )


async def wait_for_deadline(stage: Stage, job: AsyncJob) -> None:
    with stage.narrator.step("deadline", "its deadline passes: nothing but time is needed") as found:
        deadline = (await job.refresh()).deadline or 0
        while (left := deadline + 1 - await stage.chain_time()) > 0:
            stage.narrator.progress(f"{left} s left")
            await asyncio.sleep(min(left, 1))
        found["milestones_paid"] = f"{len(job.snapshot.payments)} of {job.terms.milestone_count}"


async def expire(stage: Stage, job: AsyncJob) -> None:
    with stage.narrator.step("expire", "a stranger triggers the slash, and earns the finder's share") as found:
        before = len(job.snapshot.slashes)
        await (await stage.stranger.job(job.job_id)).expire()
        slashed = await job.refresh()
        slash = slashed.slashes[before]
        found["slashed"] = f"{staked(slash.amount)} of {stage.name(slash.operator)}, for the unfinished half"
        found["to_the_finder"] = f"{staked(slash.to_finder)} ({stage.name(slash.finder)})"
        found["to_the_creator"] = staked(slash.to_creator)
        found["bounty_for_the_next"] = staked(slash.to_bounty)
        found["burned"] = staked(slash.burned)


def bounty_of(job: Job) -> int:
    return sum(slash.to_bounty for slash in job.slashes)


async def show_result(stage: Stage, job: AsyncJob) -> None:
    with stage.narrator.step("result", "the creator holds both halves, by two executors") as found:
        (scores,) = await job.result()
        found["predictions"] = " ".join(map(str, best(scores.reshape(-1, scores.shape[-1]).tolist())))
        found["true_labels"] = " ".join(map(str, stage.samples.truth(2, 2)))
        found["by"] = ", ".join(stage.name(payment.operator) for payment in job.snapshot.payments)
