"""When the agent lets a job go: only where it is sure, and only where that costs less than being late."""

from __future__ import annotations

from executor_builders import FREE_STAKE
from executor_market import ECONOMY, Contracts, publish_job
from executor_process import NewProcess, Process

from executor.work import Stage
from tallystick.errors import InsufficientFundsError, ProverTimeoutError
from tallystick.ids import JobId
from tallystick.storage.folder import FolderStore


async def test_run_given_a_prover_that_always_fails_gives_the_job_back(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    publish_job(contracts, shared)
    process = start()
    process.trap.troubles["prove"] = [ProverTimeoutError("it took too long")] * 100

    await process.run_until(lambda: "wrote released" in process.trap.moments)

    assert contracts.done == {"accept 1": 1, "release": 1}


async def test_run_given_a_prover_that_always_fails_and_a_release_no_cheaper_than_being_late_loses_the_job(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    contracts.economy = ECONOMY.model_copy(update={"release_bps": ECONOMY.late_slash_bps})
    job_id = publish_job(contracts, shared)
    process = start()
    process.trap.troubles["prove"] = [ProverTimeoutError("it took too long")] * 100

    work = await process.run_until_over(job_id)

    assert work.stage is Stage.LOST
    assert contracts.done == {"accept 1": 1}


def slow_down_once_it_is_ours(process: Process, contracts: Contracts, job_id: JobId, seconds: float) -> None:
    """After the acceptance 200 of the 300 s are lost, and a proof is found to take `seconds`."""

    def slow_down() -> None:
        if process.stage(job_id) is Stage.PREPARING and process.prover.seconds != seconds:
            contracts.clock.advance(200)
            process.prover.seconds = seconds

    process.prover.meanwhile = slow_down


async def test_run_given_too_little_time_left_gives_the_job_back_and_leaves_it_alone(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    slow_down_once_it_is_ours(process, contracts, job_id, 151.0)

    await process.run_until(lambda: process.stage(job_id) is Stage.REFUSED)

    assert "gave this job back before" in process.works[job_id].last_word
    assert contracts.done == {"accept 1": 1, "release": 1}
    assert contracts.free_stake == FREE_STAKE - 33  # of a lock of 100: 1 % at once, 50 % at the deadline, after 2/3


async def test_run_given_a_little_less_time_than_estimated_tries_all_the_same(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    slow_down_once_it_is_ours(process, contracts, job_id, 149.0)

    work = await process.run_until_over(job_id)

    assert work.stage is Stage.DONE


async def test_run_given_too_little_time_and_a_finished_proof_claims_it(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    process.trap.troubles["send claim"] = [InsufficientFundsError("no coin")] * 10_000
    await process.run_until(lambda: process.stage(job_id) is Stage.CLAIMING)
    contracts.clock.advance(299)

    restarted = start()
    restarted.prover.seconds = 100.0
    await restarted.run_until(lambda: contracts.done["claim 0"] == 1)

    assert contracts.done["release"] == 0


async def test_run_given_a_job_that_its_operator_gave_back_by_hand_ends_released(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    process.trap.troubles["send claim"] = [InsufficientFundsError("no coin")] * 10_000
    await process.run_until(lambda: process.stage(job_id) is Stage.CLAIMING)
    contracts.release(job_id)

    restarted = start()
    await restarted.run_until(lambda: restarted.stage(job_id) is Stage.REFUSED)

    assert "wrote released" in restarted.trap.moments
    assert "wrote lost" not in restarted.trap.moments
