from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from anvil_chain import AnvilChain
from executor_world import AGENT, CREATOR, OPERATOR, UNIT, ExecutorProcess, World, address_of, hanging, wait_until

from tallystick.ids import JobId
from tallystick.market.terms import JobStatus

pytestmark = [pytest.mark.chain, pytest.mark.proofs]


def test_run_given_a_digits_job_and_no_dispatcher_is_paid_for_every_milestone(world: World) -> None:
    job_id = world.fund_job(milestones=2)

    with ExecutorProcess(world) as executor:
        executor.wait_for("ready")
        executor.wait_for("job_done", seconds=180, job_id=job_id)
        # Earnings are written down by the look at the chain that follows.
        wait_until(
            lambda: _status(world)["jobs"][0]["earned"] == "1000", seconds=90, what="both payments in the journal"
        )

    job = world.job(job_id)
    assert (job.status, [payment.milestone for payment in job.payments]) == (JobStatus.COMPLETED, [0, 1])
    assert world.balance(world.payment, OPERATOR) == 1_000
    assert world.balance(world.payment, AGENT) == 0

    # Two claims, one acceptance, one withdrawal.
    assert world.transactions_of(AGENT) == 4
    status = _status(world)
    assert [(told["stage"], told["earned"]) for told in status["jobs"]] == [("done", "1000")]
    assert [link["ok"] for link in status["links"] if link["name"] == "dispatcher"] == [False]


def test_run_given_kill_9_in_the_middle_of_a_proof_goes_on_after_a_restart(world: World) -> None:
    job_id = world.fund_job(milestones=2)
    with ExecutorProcess(world) as executor:
        executor.wait_for("step_started", seconds=120, step="prove", milestone=1)
        children = _children_of(executor.process.pid)
        executor.process.send_signal(signal.SIGKILL)
        executor.process.wait()
    _wait_until_gone(children)

    with ExecutorProcess(world) as restarted:
        restarted.wait_for("job_done", seconds=180, job_id=job_id)
        proven = {said.get("milestone") for said in restarted.events() if said["event"] == "step_started"}

    assert world.job(job_id).status is JobStatus.COMPLETED
    assert world.transactions_of(AGENT) == 4
    assert 0 not in proven


def test_run_given_an_input_in_its_range_that_overflows_the_circuit_declines_before_acceptance(trap: World) -> None:
    job_id = trap.fund_job(milestones=2)

    with ExecutorProcess(trap) as executor:
        refused = executor.wait_for("job_refused", seconds=120, job_id=job_id)

    assert "milestone 1 cannot be proven" in refused["why"]
    assert trap.job(job_id).status is JobStatus.OPEN
    assert trap.transactions_of(AGENT) == 0


def test_run_given_the_same_model_and_an_input_that_it_can_hold_is_paid(trap: World) -> None:
    job_id = trap.fund_job(milestones=1)

    with ExecutorProcess(trap) as executor:
        executor.wait_for("job_done", seconds=180, job_id=job_id)

    assert trap.job(job_id).status is JobStatus.COMPLETED


def test_run_given_a_program_that_nobody_showed_the_verifier_shows_it_and_is_paid(world: World) -> None:
    job_id = world.fund_job(milestones=1, shows_program=False)

    with ExecutorProcess(world) as executor:
        executor.wait_for("job_done", seconds=180, job_id=job_id)

    assert world.job(job_id).status is JobStatus.COMPLETED
    assert world.transactions_of(AGENT) == 4


def test_run_given_sigterm_in_the_middle_of_a_proof_ends_at_once(world: World) -> None:
    world.fund_job(milestones=1)
    with ExecutorProcess(world) as executor:
        executor.wait_for("step_started", seconds=120, step="prove")
        children = _children_of(executor.process.pid)
        executor.process.send_signal(signal.SIGTERM)

        assert executor.process.wait(timeout=60) == 0
        finished = [said for said in executor.events() if said["event"] == "step_finished" and said["step"] == "prove"]
    assert not finished, "it waited for the proof"
    _wait_until_gone(children)


def test_run_given_an_rpc_that_hangs_for_a_while_says_so_once_and_goes_on(world: World) -> None:
    job_id = world.fund_job(milestones=1)
    with ExecutorProcess(world, TALLYSTICK_EXECUTOR_RPC_TIMEOUT_SECONDS="3") as executor:
        executor.wait_for("step_started", seconds=120, step="prove")
        with hanging(world.chain):
            executor.wait_for("link_lost", link="chain")
            executor.wait_for("step_finished", seconds=60, step="verify")
        executor.wait_for("job_done", seconds=120, job_id=job_id)
        changes = [said["event"] for said in executor.events() if said.get("link") == "chain"]

    assert changes == ["link_lost", "link_restored"]
    assert world.transactions_of(AGENT) == 3


def test_run_given_an_rpc_of_another_chain_ends_with_the_reason(world: World) -> None:
    with (
        AnvilChain("--chain-id", "1337") as other,
        ExecutorProcess(world, TALLYSTICK_EXECUTOR_RPC=other.rpc_url) as executor,
    ):
        assert executor.process.wait(timeout=120) == 1
        [failure] = [said for said in executor.events() if said["event"] == "failed"]

    assert failure["error"] == "WrongChainError"


def test_run_given_a_wrong_password_ends_with_the_reason(world: World) -> None:
    (world.folder / "wrong").write_text("not it")
    with ExecutorProcess(world, TALLYSTICK_EXECUTOR_PASSWORD_FILE=str(world.folder / "wrong")) as executor:
        assert executor.process.wait(timeout=120) == 1
        [failure] = [said for said in executor.events() if said["event"] == "failed"]

    assert failure["error"] == "KeystoreError"
    assert "not it" not in executor.log.read_text()


def test_run_given_a_home_in_use_says_by_whom_and_ends(world: World) -> None:
    with ExecutorProcess(world) as executor:
        executor.wait_for("ready")
        with ExecutorProcess(world) as second:
            assert second.process.wait(timeout=120) == 1
            [failure] = [said for said in second.events() if said["event"] == "failed"]

    assert failure["error"] == "HomeInUseError"
    assert str(executor.process.pid) in failure["message"]


def test_stake_given_amount_and_agent_leaves_both_on_the_chain(world: World) -> None:
    told = world.command("stake")

    assert (told["stake"], told["free"]) == ("50 TALLY", "50 TALLY")
    assert world.ask(lambda reader: reader.free_stake(address_of(OPERATOR))) == 50 * UNIT
    assert world.ask(lambda reader: reader.is_agent(address_of(OPERATOR), address_of(AGENT)))


def test_stake_given_a_token_that_takes_permits_is_one_transaction_and_leaves_no_allowance(world: World) -> None:
    stake, manager = world.deployment.tokens.stake, world.deployment.contracts.stake_manager
    world.send(CREATOR, world.calls.mint_test_token(stake, address_of(OPERATOR), 5 * UNIT))
    before = world.transactions_of(OPERATOR)

    told = world.command("stake", "--amount", "5")

    assert (told["funded_by"], world.transactions_of(OPERATOR) - before) == ("permit", 1)
    assert world.ask(lambda reader: reader.allowance(stake, address_of(OPERATOR), manager)) == 0


def test_unstake_given_an_amount_starts_the_delay(world: World) -> None:
    told = world.command("unstake", "--amount", "20")

    assert (told["stake"], told["unbonding"], told["free"]) == ("50 TALLY", "20 TALLY", "30 TALLY")
    assert told["unbonding_ready_at"] > time.time()


def test_unstake_given_a_change_of_mind_puts_everything_back_to_use(world: World) -> None:
    world.command("unstake", "--amount", "20")

    told = world.command("unstake", "--cancel")

    assert (told["unbonding"], told["free"], told["unbonding_ready_at"]) == ("0 TALLY", "50 TALLY", None)


def accepted_job(world: World) -> JobId:
    """Held by the operator, through an agent that does not run."""
    job_id = world.fund_job(milestones=2)
    world.send(AGENT, world.calls.accept(world.terms_of(job_id), address_of(OPERATOR)))
    return job_id


def test_release_given_a_job_of_ones_own_opens_it_again_for_a_part_of_what_being_late_costs(world: World) -> None:
    job_id = accepted_job(world)

    told = world.command("release", job_id, "--yes")

    job = world.job(job_id)
    [release] = job.releases
    assert (job.status, job.round, release.operator) == (JobStatus.OPEN, 2, address_of(OPERATOR))
    # Of a lock of 10: 1 % at once, half at the deadline.
    assert UNIT // 10 <= release.fee < UNIT
    assert told["fee"].endswith(" TALLY")
    assert world.ask(lambda reader: reader.stake_of(address_of(OPERATOR))) == 50 * UNIT - release.fee


def test_release_given_a_program_and_no_yes_says_what_it_costs_and_sends_nothing(world: World) -> None:
    job_id = accepted_job(world)

    done = world.run("release", job_id)

    assert done.returncode == 1
    assert "being late costs 5 TALLY" in json.loads(done.stderr)["message"]
    assert world.job(job_id).status is JobStatus.ASSIGNED


def test_release_given_a_job_of_nobodys_says_so(world: World) -> None:
    done = world.run("release", world.fund_job(milestones=1), "--yes")

    assert done.returncode == 1
    assert "is open" in json.loads(done.stderr)["message"]


def test_accept_order_given_a_running_agent_is_posted_accepted_proven_and_paid(world: World) -> None:
    order = world.folder / "order.json"
    job_id = world.sign_order(order)
    creator_sent = world.transactions_of(CREATOR)

    with ExecutorProcess(world) as executor:
        executor.wait_for("ready")
        told = world.command("accept-order", str(order))
        executor.wait_for("job_done", seconds=180, job_id=job_id)

    assert (told["taken"], told["job_id"]) == (True, job_id)
    assert world.job(job_id).status is JobStatus.COMPLETED
    assert world.transactions_of(CREATOR) == creator_sent
    # Posting and accepting together, a claim, a withdrawal.
    assert world.transactions_of(AGENT) == 3


def test_accept_order_given_an_order_that_was_changed_says_who_signed_and_hands_nothing_in(world: World) -> None:
    order = world.folder / "order.json"
    world.sign_order(order)
    changed = json.loads(order.read_text())
    changed["order"]["terms"]["max_price"] += 1
    order.write_text(json.dumps(changed))

    done = world.run("accept-order", str(order))

    assert done.returncode == 1
    assert json.loads(done.stderr)["error"] == "InputError"
    assert not list((world.folder / "home").glob("orders/*"))


def _status(world: World) -> dict[str, Any]:
    return world.command("status", "--home", str(world.folder / "home"))


def _children_of(process: int) -> list[int]:
    """The prover's processes, without which nothing is being proven. Linux lists them by the thread that started them."""
    lists = [path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children")]
    found = sorted({int(child) for children in lists for child in children})
    assert found, "no prover is running"
    return found


def _wait_until_gone(processes: list[int]) -> None:
    wait_until(
        lambda: not any(Path(f"/proc/{process}").exists() for process in processes),
        seconds=60,
        what=f"processes {processes} outlived the executor",
    )
