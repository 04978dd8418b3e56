"""Scene 3: a cheat claims a result with one wrong number in it; it is caught in one transaction, and the work is done anew."""

from __future__ import annotations

import asyncio
from typing import Any

from client_sdk import AsyncJob, JobRequest, ModelHandle
from scripts.demo.stage import Stage, best, paid, staked
from scripts.localnet.chain import WINDOW_SECONDS
from scripts.localnet.classifier import IMAGES, MODEL_NAME, compile_classifier
from scripts.localnet.network import FAULT
from scripts.localnet.people import CHEAT, EXECUTORS, ExecutorProfile
from scripts.localnet.processes import wait_ready
from tallystick.dispute.figures import PUBLISHED
from tallystick.market.book import Slash
from tallystick.wire.disputes import FaultView, fault_words

FIRST_IMAGE = 24
SIDE = 8
BESIDE = "LeNet"
"""The network among zk-OPML's that is most like this one."""
CHALLENGERS_PURPOSES = ("fault", "commit to a fault", "demand of")


async def play(stage: Stage) -> None:
    stage.narrator.scene(
        "Caught",
        "No proof, only a claim that anyone may check for a while. One wrong number among thousands is enough.",
    )
    stage.program = await prepare(stage)
    job = await fund(stage, stage.program)
    with stage.narrator.step("claim", "the cheat asks the least, so it gets the job, and claims") as found:
        event = await stage.until(job, "MilestoneClaimed")
        found["executor"] = stage.name(event.job.operator)
        found["wrong_on_purpose"] = FAULT
    await catch(stage, job)
    with stage.narrator.step(
        "again", "the job is open again by itself; an honest executor takes it and claims"
    ) as found:
        event = await stage.until(job, "MilestoneClaimed", round_=2)
        found["executor"] = stage.name(event.job.operator)
    await audit(stage, job)
    stage.standing = job


async def finale(stage: Stage) -> None:
    """What only time could bring, and nobody had to wait for."""
    job = stage.standing
    if job is None:
        return
    stage.narrator.scene(
        "Final", "The honest claim in the cheat's place stands its window. Nobody has to wait for that."
    )
    with stage.narrator.step("paid", "final, and paid, and not before") as found:
        finished = await job.wait(timeout=120, on_progress=stage.following)
        [payment] = finished.payments
        found["paid"] = f"{paid(payment.to_operator)} to {stage.name(payment.operator)}"
        found["bounty"] = f"{staked(finished.slashes[-1].to_bounty)} of the cheat's stake on top"
        stages = {line.name: line.at for line in (await job.receipt()).stages}
        found["after"] = f"{stages['milestone 0 paid'] - stages['milestone 0 claimed']} s from its claim"


async def prepare(stage: Stage) -> ModelHandle:
    """The cheat, and whoever of its region an earlier scene has killed, start while the model is compiled."""
    with stage.narrator.step(
        "register", "a convolutional network becomes an exact integer program, and a model"
    ) as found:
        starting = [stage.net.start_cheat(), *(stage.net.start_executor(one) for one in killed(stage))]
        package = await asyncio.to_thread(compile_classifier, stage.net.folder / MODEL_NAME)
        model = await stage.creator.register_program(package, name=MODEL_NAME)
        for child in starting:
            await asyncio.to_thread(wait_ready, child)
        steps = package.program.steps
        found["model"] = model.model_id
        found["program"] = (
            f"{len(steps)} steps, {sum(step.header.size for step in steps):,} numbers that can each be checked"
        )
    return model


def killed(stage: Stage) -> list[ExecutorProfile]:
    """Of the executors in the cheat's region."""
    near = (one for one in EXECUTORS if one.region == CHEAT.region)
    return [one for one in near if not stage.net.is_running(f"executor-{one.name}")]


async def fund(stage: Stage, model: ModelHandle) -> AsyncJob:
    with stage.narrator.step(
        "fund", f"a job is funded: {IMAGES} digits, a challenge window of {WINDOW_SECONDS} s"
    ) as found:
        job = await stage.creator.fund(
            JobRequest(
                model=model,
                inputs=images(stage),
                max_price="1",
                # Not where an executor was killed that the dispatcher still believes in.
                requirements=f"region={CHEAT.region}",
                stake_lock="10",
                deadline="60s",
                challenge_window=WINDOW_SECONDS,
                note="caught",
            )
        )
        found["job"] = job.job_id
    return job


async def catch(stage: Stage, job: AsyncJob) -> None:
    with stage.narrator.step(
        "caught", "a challenger computes it again, and shows the chain where it is wrong"
    ) as found:
        await stage.until(job, "StakeSlashed")
        fault, slash = job.disputes.faults[0], job.snapshot.slashes[0]
        found.update(await facts_of(stage, job, fault))
        theirs = PUBLISHED[BESIDE]
        found["beside"] = (
            f"zk-OPML, {BESIDE}, by its own formula: {theirs.moves} moves, {theirs.seconds} s, a rented prover"
        )
    show_slash(stage, slash)


async def facts_of(stage: Stage, job: AsyncJob, fault: FaultView) -> dict[str, Any]:
    """What was wrong, and what it took to show it, by the chain's own words."""
    receipt = await job.receipt()
    claimed = next(line.at for line in receipt.stages if line.name == f"milestone {fault.milestone} claimed")
    sent = [line for line in receipt.transactions if line.purpose.startswith(CHALLENGERS_PURPOSES)]
    return {
        "wrong": fault_words(fault),
        "shown_by": stage.name(fault.challenger),
        "seconds_from_claim_to_proof": fault.at - claimed,
        "moves": len(sent),
        "gas": f"{sum(line.gas_used for line in sent):,}",
    }


def show_slash(stage: Stage, slash: Slash) -> None:
    rows = [
        (f"to {stage.name(slash.finder)}, who showed it", staked(slash.to_finder)),
        ("to the creator, whose time was lost", staked(slash.to_creator)),
        ("to whoever does the job now", staked(slash.to_bounty)),
        ("burned", staked(slash.burned)),
        ("all of the lock", staked(slash.amount)),
    ]
    stage.narrator.table(f"What {stage.name(slash.operator)} lost", ("share", "stake"), rows)


async def audit(stage: Stage, job: AsyncJob) -> None:
    with stage.narrator.step(
        "audit", "the creator looks at the provisional result, and draws numbers to check"
    ) as found:
        [result], [audited] = await job.claimed_results(), await job.audit()
        found["predictions"] = " ".join(map(str, best(result.outputs[0])))
        found["true_labels"] = " ".join(map(str, labels(stage)))
        found["checked"] = f"{audited.drawn} of {audited.population:,}, {len(audited.findings)} of them wrong"
        share = audited.share_found_with(0.95)
        found["so"] = f"had {share:.1%} of them been wrong, it would have met one with 95 % probability"
        found["final_in"] = f"{max(0, result.final_at - await stage.chain_time())} s"


def images(stage: Stage) -> list[Any]:
    """[IMAGES, 1, 8, 8]: handwritten digits that this network has not seen either."""
    chosen = stage.samples.images[FIRST_IMAGE : FIRST_IMAGE + IMAGES]
    return [[[image[row : row + SIDE] for row in range(0, SIDE * SIDE, SIDE)]] for image in chosen]


def labels(stage: Stage) -> list[int]:
    return stage.samples.labels[FIRST_IMAGE : FIRST_IMAGE + IMAGES]
