"""The commands, as people and programs use them, on a real chain."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from challenger_world import CHALLENGER, World
from typer.testing import CliRunner, Result

from challenger.cli import app
from tallystick.dispute.faults import ElementFault

pytestmark = pytest.mark.chain


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env=world.surroundings)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def wrong_job(world: World, **options: Any) -> str:
    async def make() -> str:
        terms = await world.accepted_job()
        await world.claim(terms, ElementFault(2), **options)
        return world.job_id(terms)

    return asyncio.run(make())


def test_check_explains_then_proves_then_status_tells(world: World) -> None:
    job_id = wrong_job(world)
    told = run(world, "check", job_id)
    assert told.exit_code == 0, told.output
    first, *between, last = told.stdout.splitlines()
    assert first == f"Job {job_id}, milestone 0: the claim is wrong."
    assert any(line.startswith("  Element ") and "of step 2 (rest) is" in line for line in between)
    assert any("gas" in line for line in between)
    assert any("The share of whoever shows it: 4" in line for line in between)
    assert last == f"Next: show it: tallystick challenger check {job_id} --milestone 0 --prove"
    assert world.chain.transaction_count(CHALLENGER.address) == 0

    [said] = lines(run(world, "check", job_id, "--milestone", "0", "--prove", "--json"))
    assert (said["found"], said["fault"]["step"]) == ("fault", 2)
    assert said["done"].startswith("prove: block ")
    assert said["outcome"].startswith("shown to be wrong by us; collected 4000000000000000000")

    status = json.loads(run(world, "status", "--json").stdout)
    assert status["won"] == 1
    assert [claim["job_id"] for claim in status["claims"]] == [job_id]
    assert run(world, "status").stdout.splitlines()[-1].startswith("Next: ")


def test_run_given_dry_run_and_once_explains_every_claim_and_ends(world: World) -> None:
    job_id = wrong_job(world, withheld=True)
    done = run(world, "run", "--dry-run", "--once", "--json", "--log-level", "error")
    assert done.exit_code == 0, done.output
    ready, claim, ended = lines(done)
    assert (ready["event"], ready["dry_run"]) == ("ready", True)
    assert (claim["job_id"], claim["found"], claim["would"]) == (job_id, "withheld", "wait")
    assert "The claim names no trace." in claim["why"]
    assert ended == {"event": "ended", "summary": "1 claims: 1 withheld.", "next": "Next: tallystick challenger status"}


def test_check_given_a_job_without_claims_says_so(world: World) -> None:
    async def make() -> str:
        return world.job_id(await world.accepted_job())

    job_id = asyncio.run(make())
    refused = run(world, "check", job_id, "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stderr)["message"].startswith(f"Job {job_id} has not got a claim that stands")
