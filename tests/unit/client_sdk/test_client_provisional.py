"""Results of programs: final ones, and provisional ones that are marked as what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from client_builders import OPERATOR, START
from optimistic_world import WINDOW, OptimisticWorld
from published_claims import honest

from client_sdk._job import FINALIZE_AFTER_SECONDS
from tallystick.dispute.faults import FalseClaim, OutputFault, corrupt
from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, JobPendingError, RevertError

FINAL_AT = START + 40 + WINDOW


@pytest.fixture
def world(tmp_path: Path) -> OptimisticWorld:
    return OptimisticWorld(tmp_path)


async def test_result_given_paid_milestones_is_what_the_program_gave(world: OptimisticWorld) -> None:
    claims = [*world.claimed(4, 0), *world.claimed(5, 1)]
    job = await world.job(*world.assigned(), *claims, world.paid(20, 0), world.paid(21, 1))

    [answer] = await job.result()

    assert answer.dtype == np.float64
    assert np.array_equal(answer, np.stack([trace.output for trace in world.traces]).astype(np.float64))


async def test_result_given_a_claim_that_is_not_final_is_pending(world: OptimisticWorld) -> None:
    job = await world.job(*world.assigned(), *world.claimed())

    with pytest.raises(JobPendingError):
        await job.result(0)


async def test_claimed_results_given_a_claim_says_what_it_is_and_until_when_it_can_fall(world: OptimisticWorld) -> None:
    job = await world.job(*world.assigned(), *world.claimed())

    [one] = await job.claimed_results()

    assert (one.milestone, one.operator, one.claimed_at, one.final_at) == (0, OPERATOR, START + 40, FINAL_AT)
    assert one.outputs == [world.traces[0].output.astype(np.float64).tolist()]


async def test_claimed_results_given_what_is_paid_leaves_it_out(world: OptimisticWorld) -> None:
    job = await world.job(*world.assigned(), *world.claimed(4, 0), *world.claimed(5, 1), world.paid(20, 0))

    assert [one.milestone for one in await job.claimed_results()] == [1]
    with pytest.raises(JobPendingError, match="it is paid") as raised:
        await job.claimed_results(0)
    assert "tallystick job result" in raised.value.remedy


async def test_claimed_results_given_another_output_than_was_claimed_refuses_it(world: OptimisticWorld) -> None:
    job = await world.job(*world.assigned(), *world.claimed(claim=corrupt(world.traces[0], OutputFault())))

    with pytest.raises(ArtifactCorruptError, match="hashes to 0x") as raised:
        await job.claimed_results()
    assert "something else than it claimed" in raised.value.remedy


async def test_claimed_results_given_a_lost_output_takes_it_from_the_trace(world: OptimisticWorld) -> None:
    job = await world.job(*world.assigned(), *world.claimed(keeps_output=False))

    [one] = await job.claimed_results()
    assert one.outputs == [world.traces[0].output.astype(np.float64).tolist()]


async def test_claimed_results_given_a_lost_output_and_a_trace_that_is_not_the_claims_says_what_the_store_said(
    world: OptimisticWorld,
) -> None:
    other = honest(world.traces[1])
    claim = FalseClaim(honest(world.traces[0]).claim, other.published)
    job = await world.job(*world.assigned(), *world.claimed(claim=claim, keeps_output=False))

    with pytest.raises(ArtifactMissingError):
        await job.claimed_results()


async def wait_a_moment(world: OptimisticWorld, *, finalize: bool = True) -> list[str]:
    """What a client sent that waited while nothing happened."""
    job = await world.job(*world.assigned(), *world.claimed())
    with pytest.raises(JobPendingError):
        await job.wait(0.05, finalize=finalize)
    return [key.partition(":")[0] for key, _ in world.signing.sent]


async def test_wait_given_a_final_claim_that_nobody_has_paid_has_it_paid(world: OptimisticWorld) -> None:
    world.clock.advance(FINAL_AT + FINALIZE_AFTER_SECONDS - START)

    assert await wait_a_moment(world) == ["finalize"]


async def test_wait_given_a_claim_that_is_final_for_a_moment_leaves_it_to_others(world: OptimisticWorld) -> None:
    world.clock.advance(FINAL_AT + FINALIZE_AFTER_SECONDS - START - 1)

    assert await wait_a_moment(world) == []


async def test_wait_given_no_leave_to_finalize_does_not(world: OptimisticWorld) -> None:
    world.clock.advance(10_000)

    assert await wait_a_moment(world, finalize=False) == []


async def test_wait_given_a_client_that_can_only_read_goes_on_waiting(world: OptimisticWorld) -> None:
    world.clock.advance(10_000)
    job = await world.job(*world.assigned(), *world.claimed(), signing=None)

    with pytest.raises(JobPendingError, match="assigned") as raised:
        await job.wait(0.05)
    assert "tallystick job finalize" in raised.value.remedy


async def test_wait_given_a_refusal_tries_again_later(world: OptimisticWorld) -> None:
    world.clock.advance(10_000)
    world.signing.refuse = RevertError("too early", name="MilestoneSettlement_NotFinal", arguments={})
    job = await world.job(*world.assigned(), *world.claimed())
    with pytest.raises(JobPendingError):
        await job.wait(0.05)
    world.signing.refuse = None
    world.clock.advance(FINALIZE_AFTER_SECONDS)

    with pytest.raises(JobPendingError):
        await job.wait(0.05)
    assert [key.partition(":")[0] for key, _ in world.signing.sent] == ["finalize"]
