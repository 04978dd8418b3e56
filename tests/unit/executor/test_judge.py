"""What the judge tries before it promises. The agent's own tests show what follows from its answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from executor_builders import NOW
from executor_market import Contracts, publish_job
from executor_process import NewProcess, Process

from executor.acceptance import LATER_SECONDS, Accept, Decline
from executor.judge import AFTER_A_STOP_SECONDS
from executor.work import JobWork, Stage
from tallystick.errors import ProverFailedError, ProverMemoryError, ProverTimeoutError, TensorError
from tallystick.ids import JobId
from tallystick.proving.prover import Limits
from tallystick.storage.folder import FolderStore

UNPROVABLE = TensorError("A value leaves the range that the circuit was made for.")


@pytest.fixture
def job_id(contracts: Contracts, shared: FolderStore) -> JobId:
    """Of two milestones, whose inputs begin with 0 and with 1."""
    return publish_job(contracts, shared)


@pytest.fixture
def held(contracts: Contracts, shared: FolderStore) -> JobId:
    """Another job, of the same model."""
    return publish_job(contracts, shared, salt=2)


async def judged(process: Process, job_id: JobId) -> Accept | Decline:
    await process.follower.poll()
    return await process.judge.judge(process.follower.book[job_id])


async def code_of(process: Process, job_id: JobId) -> str:
    answer = await judged(process, job_id)
    return answer.code if isinstance(answer, Decline) else "accept"


async def test_judge_given_a_sound_job_rehearses_each_milestone_once(start: NewProcess, job_id: JobId) -> None:
    process = start()

    assert await code_of(process, job_id) == "accept"
    assert process.prover.rehearsals == {0: 1, 1: 1}


async def test_judge_given_a_second_look_rehearses_nothing(start: NewProcess, job_id: JobId) -> None:
    process = start()
    await judged(process, job_id)
    await judged(process, job_id)

    assert process.prover.rehearsals.total() == 2


async def test_judge_given_a_restart_rehearses_nothing(start: NewProcess, job_id: JobId) -> None:
    first = start()
    await judged(first, job_id)
    first.journal.close()
    second = start()

    assert (await code_of(second, job_id), second.prover.rehearsals.total()) == ("accept", 0)


async def test_judge_given_a_paid_milestone_does_not_rehearse_it(start: NewProcess, job_id: JobId) -> None:
    process = start()
    await process.follower.poll()

    await process.judge.judge(replace(process.follower.book[job_id], next_milestone=1))

    assert process.prover.rehearsals == {1: 1}


async def test_judge_given_a_last_milestone_that_overflows_declines_with_the_provers_words(
    start: NewProcess, job_id: JobId
) -> None:
    process = start()
    process.prover.overflows = {1}

    answer = await judged(process, job_id)

    assert answer == Decline("unprovable", f"milestone 1 cannot be proven: {UNPROVABLE}", retry_at=None)


async def test_judge_given_a_job_found_unprovable_and_a_restart_declines_at_once(
    start: NewProcess, job_id: JobId
) -> None:
    first = start()
    first.prover.overflows = {0}
    await judged(first, job_id)
    first.journal.close()
    second = start()

    assert (await code_of(second, job_id), second.prover.rehearsals.total()) == ("unprovable", 0)


@pytest.mark.parametrize("trouble", [ProverTimeoutError("It took too long."), ProverMemoryError("It grew too large.")])
async def test_judge_given_a_rehearsal_that_is_stopped_declines_for_a_while(
    start: NewProcess, job_id: JobId, trouble: Exception
) -> None:
    process = start()
    process.trap.troubles["rehearse"] = [trouble]

    answer = await judged(process, job_id)

    wanted = Decline("rehearsal_stopped", f"milestone 0: {trouble}", retry_at=NOW + AFTER_A_STOP_SECONDS)
    assert answer == wanted


@pytest.mark.parametrize("trouble", [ProverTimeoutError("It took too long."), ProverFailedError("It broke.")])
async def test_judge_given_a_rehearsal_that_came_to_nothing_does_not_remember_it(
    start: NewProcess, job_id: JobId, trouble: Exception
) -> None:
    process = start()
    process.trap.troubles["rehearse"] = [trouble]
    await judged(process, job_id)

    assert await code_of(process, job_id) == "accept"


async def test_judge_given_a_stop_in_the_second_milestone_keeps_what_it_knows_of_the_first(
    start: NewProcess, job_id: JobId
) -> None:
    process = start()
    process.prover.hangs = {1}
    await judged(process, job_id)
    await judged(process, job_id)

    assert process.prover.rehearsals == {0: 1, 1: 2}


@pytest.mark.parametrize(("seconds", "tried"), [(0.1, 2), (400.0, 0)])
async def test_judge_given_held_work_rehearses_only_where_it_can_wait(
    start: NewProcess, job_id: JobId, held: JobId, seconds: float, tried: int
) -> None:
    process = start()
    await judged(process, held)
    process.works[held] = JobWork(held, 1, 2, stage=Stage.PROVING, deadline=NOW + 300)
    process.prover.rehearsals.clear()
    process.prover.rehearsal_seconds = seconds
    await judged(process, job_id)

    assert process.prover.rehearsals.total() == tried


async def test_judge_given_held_work_that_cannot_wait_asks_again_later(
    start: NewProcess, job_id: JobId, held: JobId
) -> None:
    process = start()
    await judged(process, held)
    process.works[held] = JobWork(held, 1, 2, stage=Stage.PROVING, deadline=NOW + 300)
    process.prover.rehearsal_seconds = 400.0

    answer = await judged(process, job_id)

    reason = "trying the input of milestone 0 should take 400 s, and the work already taken cannot wait so long"
    assert answer == Decline("queue", reason, retry_at=NOW + LATER_SECONDS)


async def test_judge_given_held_work_stops_a_rehearsal_before_it_makes_that_late(
    start: NewProcess, job_id: JobId, held: JobId
) -> None:
    process = start()
    await judged(process, held)
    process.works[held] = JobWork(held, 1, 2, stage=Stage.PROVING, deadline=NOW + 300)
    process.prover.rehearsal_limits.clear()
    await judged(process, job_id)

    # Its first milestone takes 2 s and 10 s for the claim, so 288 s are left for two steps.
    assert process.prover.rehearsal_limits == [144.0, 144.0]


async def test_judge_given_nothing_held_gives_a_rehearsal_the_time_of_any_step(
    start: NewProcess, job_id: JobId
) -> None:
    process = start()
    await judged(process, job_id)

    assert process.prover.rehearsal_limits == [Limits().seconds] * 2
