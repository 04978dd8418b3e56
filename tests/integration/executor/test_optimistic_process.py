"""Executors as real processes with jobs whose claims stand in a window, and somebody who looks at those claims."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from anvil_chain import AnvilChain
from executor_world import AGENT, CREATOR, OPERATOR, ExecutorProcess, address_of, wait_until
from program_world import PROGRAM, WINDOW, ProgramWorld, program_world

from tallystick.chain.deployment import Deployment
from tallystick.dispute.findings import Agrees, Fault, Withheld
from tallystick.dispute.levels import Target
from tallystick.engine.program import Ref, RefKind
from tallystick.ids import JobId
from tallystick.market.terms import JobStatus

pytestmark = [pytest.mark.chain]


@pytest.fixture
def world(
    new_chain: Callable[..., AnvilChain], deployment: Deployment, deployment_record: Path, tmp_path: Path
) -> ProgramWorld:
    return program_world(new_chain(), deployment, deployment_record, tmp_path)


def claimed(world: ProgramWorld, milestones: int = 1, **environment: str) -> tuple[JobId, ExecutorProcess]:
    """A job that is all claimed, and the executor that did it, which goes on."""
    job_id = world.fund_job(milestones)
    executor = ExecutorProcess(world, **environment)
    try:
        executor.wait_for("job_awaiting", seconds=90, job_id=job_id)
    except BaseException:
        executor.__exit__()
        raise
    return job_id, executor


def kill(executor: ExecutorProcess) -> None:
    executor.process.send_signal(signal.SIGKILL)
    executor.process.wait()


def coins(world: ProgramWorld) -> int:
    """Of the operator, in wei. It sends nothing itself."""
    return int(world.chain.request("eth_getBalance", OPERATOR.address, "latest"), 16)


def test_run_given_an_optimistic_job_claims_both_milestones_in_their_windows_and_is_paid_after_them(
    world: ProgramWorld,
) -> None:
    job_id, executor = claimed(world, milestones=2)
    with executor:
        job = world.job(job_id)
        assert (job.next_milestone, job.paid_milestones, len(job.claims)) == (2, 0, 2)
        assert [type(world.finding(job_id, milestone)) for milestone in range(2)] == [Agrees, Agrees]
        world.chain.pass_time(WINDOW + 5)
        executor.wait_for("job_done", job_id=job_id)

    assert world.job(job_id).status is JobStatus.COMPLETED
    assert world.balance(world.payment, OPERATOR) == 1_000
    # An acceptance, two claims, one payment of both, one withdrawal.
    assert world.transactions_of(AGENT) == 5


def test_run_given_demands_while_it_was_dead_and_its_trace_lost_answers_them_after_a_restart_and_earns_their_fees(
    world: ProgramWorld,
) -> None:
    job_id, executor = claimed(world)
    kill(executor)
    (world.folder / "home" / "jobs" / job_id / "0.trace").unlink()
    known, before = world.known(job_id, 0), coins(world)
    roots, _ = world.ask_for(job_id, 0, known, Target(Ref(RefKind.STEP, 3), 0))
    world.ask_for(job_id, 0, known, Target(Ref(RefKind.INPUT, 0), 0))
    world.ask_for(job_id, 0, known, Target(Ref(RefKind.CONSTANT, 1), 0))

    with ExecutorProcess(world) as restarted:
        wait_until(lambda: len(world.shown(job_id)) == 3, seconds=30, what="three answers")
        [shown] = [each for each in world.shown(job_id) if len(each.answer) == 32 * len(PROGRAM.steps)]
        known = world.learn(known, roots, shown)
        world.ask_for(job_id, 0, known, Target(Ref(RefKind.STEP, 3), 0))
        wait_until(lambda: len(world.shown(job_id)) == 4, seconds=30, what="the answer of the next level")
        status = world.command("status", "--home", str(world.folder / "home"))
        assert (status["demands"], status["alerts"]) == ([], [])
        world.chain.pass_time(3 * WINDOW)
        restarted.wait_for("job_done", job_id=job_id)

    assert world.ask(lambda reader: reader.disputes.demand_credit_of(address_of(OPERATOR))) == 0
    assert coins(world) > before


def test_run_given_a_fault_on_purpose_is_shown_to_be_wrong_and_ends_lost(world: ProgramWorld) -> None:
    job_id, executor = claimed(world, TALLYSTICK_EXECUTOR_FAULT="op=4,element=2")
    with executor:
        assert any(said["event"] == "fault_on_purpose" for said in executor.events())
        found = world.finding(job_id, 0)
        assert isinstance(found, Fault)
        assert (found.step, found.element) == (4, 2)
        shown = world.calls.prove_fault(world.terms_of(job_id), world.claim_ref(job_id, 0), found.packed)
        world.send(CREATOR, shown)
        executor.wait_for("job_lost", job_id=job_id)
        story = executor.wait_for("job_collecting", job_id=job_id)["why"]

    assert f"{address_of(CREATOR)} showed that a claim was wrong" in story
    job = world.job(job_id)
    assert (job.status, job.round, job.slashes[0].is_fault) == (JobStatus.OPEN, 2, True)


def test_run_given_withhold_publishes_nothing_answers_nothing_and_ends_lost(world: ProgramWorld) -> None:
    job_id, executor = claimed(world, TALLYSTICK_EXECUTOR_FAULT="withhold")
    with executor:
        assert isinstance(world.finding(job_id, 0), Withheld)
        _, point = world.ask_for(job_id, 0, world.known(job_id, 0), Target(Ref(RefKind.STEP, 0), 0))
        world.chain.pass_time(WINDOW // 4 + 5)
        world.send(CREATOR, world.calls.fault_unanswered(world.terms_of(job_id), 0, point))
        executor.wait_for("job_lost", job_id=job_id)

    assert not world.shown(job_id)
    assert world.job(job_id).slashes[0].finder == address_of(CREATOR)
