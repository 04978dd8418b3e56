"""Scene 1: a job is funded, matched, proven, verified on chain and paid, milestone by milestone."""

from __future__ import annotations

from client_sdk import AsyncJob, JobReceipt, JobRequest
from scripts.demo.stage import DIGITS, Stage, best, paid
from tallystick.market.manifests import ModelManifest

REQUIREMENTS = "cpu>=1 mem>=1GiB ezkl>=23 region=eu|us"


async def play(stage: Stage) -> None:
    stage.narrator.scene(
        "Paid", "A creator wants eight handwritten digits read, and a result that needs nobody's word for it."
    )
    await register(stage)
    await quote(stage)
    job = await fund(stage)
    with stage.narrator.step("prove_and_pay", "matched, proven, verified on chain, paid") as found:
        finished = await job.wait(timeout=120, on_progress=stage.following)
        found["executor"] = stage.name(finished.payments[-1].operator)
        found["milestones_paid"] = f"{len(finished.payments)} of {finished.terms.milestone_count}"
        found["back_to_the_creator"] = f"{paid(finished.surplus or 0)}, what the price left of the deposit"
    await show_result(stage, job)
    await show_money(stage, job)


async def register(stage: Stage) -> None:
    with stage.narrator.step("register", "the classifier becomes a circuit and a registered model") as found:
        stage.model = await stage.creator.register_model(
            DIGITS / "digits.onnx", stage.samples.calibration, name="digits", progress=stage.proving
        )
        found["model"] = stage.model.model_id
        assert isinstance(stage.model.manifest, ModelManifest), "a model with a circuit"
        found["circuit"] = f"2^{stage.model.manifest.srs.logrows} rows, program {stage.model.spec.program_id[:18]}…"


async def quote(stage: Stage) -> None:
    with stage.narrator.step("quote", "the dispatcher says who could take it") as found:
        view = await stage.creator.quote(stage.model, milestones=2, requirements=REQUIREMENTS)
        found["capable"] = f"{view.capable} of {view.total} executors"


async def fund(stage: Stage) -> AsyncJob:
    assert stage.model is not None, "registered in the step before"
    with stage.narrator.step("fund", "the job is funded: two milestones, 2 tUSD now, rising to 3 at most") as found:
        request = JobRequest(
            model=stage.model,
            inputs=stage.samples.batches(0, 2),
            max_price="3",
            min_price="2",
            requirements=REQUIREMENTS,
            stake_lock="10",
            deadline="60s",
            note="eight digits",
        )
        job = await stage.creator.fund(request)
        found["job"] = job.job_id
    return job


async def show_result(stage: Stage, job: AsyncJob) -> None:
    with stage.narrator.step("result", "the creator fetches the outputs and checks them against the chain") as found:
        (scores,) = await job.result()
        predictions = best(scores.reshape(-1, scores.shape[-1]).tolist())
        truth = stage.samples.truth(0, 2)
        hits = sum(p == t for p, t in zip(predictions, truth, strict=True))
        found["predictions"] = " ".join(map(str, predictions))
        found["true_labels"] = " ".join(map(str, truth))
        found["right"] = f"{hits} of {len(truth)}"


async def show_money(stage: Stage, job: AsyncJob) -> None:
    receipt = await job.receipt()
    rows = [
        (f"milestone {line.milestone + 1}", stage.name(line.operator), paid(line.to_operator))
        for line in receipt.payments
    ]
    stage.narrator.table("Who was paid what", ("for", "operator", "paid"), rows)
    stage.narrator.table("Gas of each transaction", ("transaction", "gas"), gas_rows(receipt))
    stage.narrator.table(
        "Seconds of each stage, by the chain's clock",
        ("stage", "seconds"),
        [(line.name, str(line.seconds)) for line in receipt.stages],
    )


def gas_rows(receipt: JobReceipt) -> list[tuple[str, str]]:
    return [(line.purpose, f"{line.gas_used:,}") for line in receipt.transactions]
