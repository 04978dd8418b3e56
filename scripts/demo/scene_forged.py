"""Scene 3: what a dishonest executor, and a stranger, can do with proofs: nothing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from client_sdk import AsyncJob, JobRequest
from scripts.demo.forger import OPERATOR, Forger, claim_of, one_byte_changed
from scripts.demo.stage import Stage, paid, short
from tallystick.errors import RevertError
from tallystick.ids import Bytes32
from tallystick.market.claims import Claim
from tallystick.market.manifests import ArtifactRef, ResultManifest
from tallystick.proving.prover import Proved
from tallystick.storage.open import open_store

BATCH = 4
ANSWER_SECONDS = 30
ANSWER_PAUSE_SECONDS = 0.1


async def play(stage: Stage) -> None:
    stage.narrator.scene(
        "Forged", "An operator turns dishonest and takes a job by itself; a stranger tries to cash in as well."
    )
    forger = Forger(stage)
    try:
        trial = Trial(stage, forger, await take_job(stage, forger))
        await trial.forge()
    finally:
        forger.close()


async def take_job(stage: Stage, forger: Forger) -> AsyncJob:
    assert stage.model is not None, "registered before this scene"
    with stage.narrator.step("fund", "a job that asks for what no honest executor has") as found:
        job = await stage.creator.fund(
            JobRequest(
                model=stage.model,
                inputs=stage.samples.batches(BATCH, 1),
                max_price="1",
                requirements="region=moon",
                exclusive=0,
                stake_lock="10",
                deadline="120s",
                note="forged",
            )
        )
        found["why_it_is_not_taken"] = await why_it_is_not_taken(job)
    with stage.narrator.step("accept", "the forger takes it all the same, straight from the contract"):
        await forger.accept(job.terms)
    return job


async def why_it_is_not_taken(job: AsyncJob) -> str:
    """The dispatcher's answer once it has read the job's manifest, which it fetches after it has seen the job on the chain;
    after `ANSWER_SECONDS` whatever it says then.
    """
    ends = time.monotonic() + ANSWER_SECONDS
    while True:
        view = await job.why()
        if all(reason.code != "manifest_unavailable" for reason in view.reasons) or time.monotonic() > ends:
            return view.summary
        await asyncio.sleep(ANSWER_PAUSE_SECONDS)


@dataclass(frozen=True)
class Trial:
    """One job in a forger's hands."""

    stage: Stage
    forger: Forger
    job: AsyncJob

    async def forge(self) -> None:
        step, forger = self.stage.narrator.step, self.forger
        inputs, others = forger.input_of(BATCH), forger.input_of(BATCH + 1)
        with step("right_proof", "it makes the right proof, to have something to forge from"):
            right = await forger.prove(inputs)
        manifest = self.publish(right)
        right_claim = claim_of(inputs, right, manifest)
        forged = claim_of(inputs, one_byte_changed(right), manifest)
        await self.refused("one_byte", "that proof with one byte changed", forged)
        with step("other_input_proof", "it makes a right proof of another input"):
            other_input = await forger.prove(others)
        await self.refused("other_input", "the right proof of another input", claim_of(inputs, other_input, manifest))
        with step("other_model_proof", "it makes a right proof of another model (one weight changed)"):
            other_model = await forger.prove_other_model(inputs)
        await self.refused("other_model", "the right proof of another model", claim_of(inputs, other_model, manifest))
        await self.refused("stranger", "the right proof, from a stranger to the job", right_claim, by="agent-birch")
        await self.settle(right_claim)

    def publish(self, proved: Proved) -> Bytes32:
        """Puts the output where the creator finds it. Returns the result manifest's digest."""
        store = open_store(self.stage.net.record.store)
        output = proved.outputs.encode()
        manifest = ResultManifest(
            job_id=self.job.job_id, milestone=0, output=ArtifactRef(cid=store.put(output), size_bytes=len(output))
        )
        store.put(manifest.encode())
        return manifest.digest()

    async def refused(self, name: str, sentence: str, claim: Claim, *, by: str = OPERATOR) -> None:
        """Tells that a claim was refused, with the contract's named error, and that no money moved."""
        with self.stage.narrator.step(name, sentence) as found:
            before = await self.money()
            try:
                await self.forger.claim(f"{name}:{self.job.job_id}", self.job.terms, claim, by=by)
            except RevertError as error:
                found["refused_with"] = error.name
                found |= {name: short(str(value)) for name, value in error.arguments.items()}
            else:
                raise RuntimeError(f"{sentence} was accepted")
            if await self.money() != before:
                raise RuntimeError(f"{sentence} was refused, and money moved")
            found["money_moved"] = "none"

    async def money(self) -> tuple[int, int]:
        """What is held for the job, and what the forger is owed, in the payment token's smallest unit."""
        held = (await self.stage.reader.job_state(self.job.job_id)).remaining
        return held, await self.stage.reader.credit_of(self.job.terms.payment_token, self.forger.operator)

    async def settle(self, claim: Claim) -> None:
        with self.stage.narrator.step("settle", "the right proof, from the one who holds the job, is paid") as found:
            await self.forger.claim(f"right:{self.job.job_id}", self.job.terms, claim)
            finished = await self.job.wait(timeout=30)
            found["paid"] = f"{paid(finished.payments[0].to_operator)} to {self.stage.name(self.forger.operator)}"
