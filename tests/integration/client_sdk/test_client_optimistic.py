"""The creator's whole way with an Optimistic model on a real chain; executor and challenger are played by hand."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from client_market import CREATOR, STRANGER, Market, address_of
from program_hand import CHALLENGER, PROGRAM, ProgramHand, package_in, program_hand
from typer.testing import CliRunner

from client_sdk import AsyncClient, AsyncJob, JobRequest
from client_sdk.cli import app
from client_sdk.settings import FIELDS, PREFIX
from tallystick.chain.keys import create_keystore
from tallystick.dispute.faults import ElementFault, WeightsFault
from tallystick.errors import JobPendingError
from tallystick.market.terms import JobStatus, ProofKind

pytestmark = pytest.mark.chain

WINDOW = 120
IMAGES = np.random.default_rng(2).integers(0, 256, (2, *PROGRAM.inputs[0].dims)).astype(np.uint8)


async def funded(market: Market, client: AsyncClient, **changes: Any) -> AsyncJob:
    model = await client.register_program(package_in(market.folder), name="opcodes")
    fields = {"model": model, "inputs": IMAGES, "max_price": "10", "challenge_window": WINDOW, **changes}
    return await client.fund(JobRequest(**fields))


async def taken(market: Market, client: AsyncClient, hand: ProgramHand, **changes: Any) -> AsyncJob:
    job = await funded(market, client, **changes)
    await hand.stake()
    await hand.accept(job)
    return job


async def test_registered_program_is_found_again_by_anyone(market: Market) -> None:
    async with market.client() as client:
        made = await client.register_program(package_in(market.folder), name="opcodes")
    async with market.client(None) as reader:
        found = await reader.model(made.model_id)
        [listed] = await reader.models()

    assert found == made
    assert (listed.name, listed.proof_kind) == ("opcodes", ProofKind.OPTIMISTIC)


async def test_job_given_honest_claims_is_provisional_then_final(market: Market) -> None:
    async with market.client() as client, program_hand(market) as hand:
        job = await taken(market, client, hand)
        wanted = [trace.output.astype(np.float64) for trace in hand.traces(job)]
        for milestone in range(2):
            await hand.claim(job, milestone)

        provisional = await job.claimed_results()
        assert [one.outputs for one in provisional] == [[one.tolist()] for one in wanted]
        with pytest.raises(JobPendingError):
            await job.result()
        light, full = await job.audit(60), await job.audit(full=True)
        assert [one.is_clean for one in (*light, *full)] == [True] * 4

        # Nobody else cares: the client that waits has the claims paid itself.
        market.chain.pass_time(WINDOW + 60)
        assert (await job.wait(60)).status is JobStatus.COMPLETED
        [answer] = await job.result()
        assert np.array_equal(answer, np.stack(wanted))

        receipt = await job.receipt()
        assert (receipt.proof_kind, receipt.faults, receipt.total_paid) == ("optimistic", (), 10_000_000)
        async with market.client(STRANGER) as stranger:
            await stranger.verify(receipt)


async def test_finalize_given_a_claim_in_its_window_is_tried_by_no_one_who_waits(market: Market) -> None:
    async with market.client() as client, program_hand(market) as hand:
        job = await taken(market, client, hand)
        await hand.claim(job, 0)

        with pytest.raises(JobPendingError, match="0 of 2 milestones are paid"):
            await job.wait(0.5)
        assert job.snapshot.final_at is not None


async def test_audit_given_a_wrong_claim_finds_it_and_the_creator_is_compensated(market: Market) -> None:
    async with market.client() as client, program_hand(market) as hand:
        job = await taken(market, client, hand)
        made = await hand.claim(job, 0, ElementFault(1, element=5))

        [audit] = await job.audit(full=True)
        [finding] = audit.findings
        assert (finding.kind, finding.step, finding.element) == ("element", 1, 5)
        assert audit.advice().endswith(f"tallystick challenger check {job.job_id} --prove")

        async with program_hand(market, CHALLENGER) as challenger:
            await challenger.prove_fault(job, 0, made)
        after = await job.refresh()
        [fault] = job.disputes.faults
        assert (after.status, after.round, after.claims) == (JobStatus.OPEN, 2, ())
        assert (fault.kind, fault.step, fault.element, fault.challenger) == ("element", 1, 5, address_of(CHALLENGER))
        assert (fault.computed, fault.claimed) == (finding.computed, finding.claimed)
        assert await job.claimed_results() == []

        receipt = await job.receipt()
        stake = (await client.balances()).tokens[-1]
        assert receipt.compensation == after.slashes[0].to_creator == stake.owed > 0
        async with market.client(STRANGER) as stranger:
            await stranger.verify(receipt)


async def test_light_audit_given_other_weights_meets_a_wrong_element(market: Market) -> None:
    async with market.client() as client, program_hand(market) as hand:
        job = await taken(market, client, hand)
        await hand.claim(job, 0, WeightsFault(0))

        [audit] = await job.audit(200, b"drawn after the claim")

    assert audit.confidence(0.05) > 0.99
    assert {finding.kind for finding in audit.findings} == {"element"}


# ---- the command ------------------------------------------------------------------------------------------------------


class Shell:
    """A terminal of the creator's."""

    def __init__(self, market: Market) -> None:
        folder = market.folder
        (folder / "deployment.json").write_text(market.deployment.model_dump_json(by_alias=True))
        (folder / "password").write_text("correct horse")
        (folder / "password").chmod(0o600)
        create_keystore(folder / "creator.json", "correct horse", bytes(CREATOR.key), light=True)
        self._settings = {
            "rpc": market.chain.rpc_url,
            "deployment": str(folder / "deployment.json"),
            "store": str(folder / "store"),
            "dispatcher": None,
            "keystore": str(folder / "creator.json"),
            "password_file": str(folder / "password"),
            "home": str(folder / "home"),
        }

    def run(self, *arguments: str | Path) -> dict[str, Any]:
        environ = {PREFIX + field.upper(): self._settings[field] for field in FIELDS} | {"COLUMNS": "300"}
        try:
            done = CliRunner().invoke(app, [*(str(one) for one in arguments), "--json"], env=environ)
        finally:
            structlog.reset_defaults()
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert done.exit_code == 0, said
        return said


def play(market: Market, job_id: str, step: str) -> None:
    """The executor's part of a story that is told in a terminal."""

    async def act() -> None:
        async with market.client(None) as client, program_hand(market) as hand:
            job = await client.job(job_id)
            if step == "claim":
                await hand.stake()
                await hand.accept(job)
                await hand.claim(job, 0)

    asyncio.run(act())


def test_commands_tell_the_story_from_package_to_provisional_result(market: Market) -> None:
    shell = Shell(market)
    package, inputs = package_in(market.folder), market.folder / "inputs.npy"
    np.save(inputs, IMAGES[0])

    model = shell.run("model", "register", package, "--proof-kind", "optimistic")
    assert (model["name"], model["proof_kind"]) == ("opcodes", "optimistic")
    price = ("--max-price", "5", "--window", f"{WINDOW}s")
    job = shell.run("job", "fund", "--model", model["model_id"], "--inputs", inputs, *price)
    assert (job["proof_kind"], job["terms"]["challenge_seconds"]) == ("optimistic", WINDOW)

    play(market, job["job_id"], "claim")

    shown = shell.run("job", "show", job["job_id"])
    assert shown["claims"][0]["final_at"] == shown["final_at"]
    assert f"tallystick job audit {job['job_id']}" in shown["next"]
    audited = shell.run("job", "audit", job["job_id"], "--elements", "40", "--seed", "0x0102")
    assert (audited["clean"], audited["audits"][0]["drawn"], audited["audits"][0]["seed"]) == (True, 40, "0x0102")
    result = shell.run("job", "result", job["job_id"], "--provisional")
    assert (result["provisional"], result["claims"][0]["milestone"]) == (True, 0)


def test_jobs_of_both_kinds_stand_in_one_list(market: Market) -> None:
    async def fund_both() -> list[str]:
        async with market.client() as client:
            one = await funded(market, client, max_price="5")
            other = await client.fund(await market.request(client, max_price="5"))
            return [one.terms.proof_kind.name, other.terms.proof_kind.name]

    assert asyncio.run(fund_both()) == ["OPTIMISTIC", "ZK"]
    listed = Shell(market).run("job", "list")["jobs"]
    assert [job["proof_kind"] for job in listed] == ["zk", "optimistic"]
