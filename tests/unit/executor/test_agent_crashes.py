"""Kill the agent at every moment of a job, start it again, and look at what the chain has seen of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from executor_builders import NOW, OPERATOR, TOKEN
from executor_market import Contracts, Sent, publish_job
from executor_process import Process
from executor_prover import Trap

from executor.work import Stage
from tallystick.clock import ManualClock
from tallystick.storage.folder import FolderStore

MOMENTS = 70
"""More than an undisturbed job has, so that every one of them is met."""

MOMENTS_OF_A_RELEASE = 50
"""The same for a job that is given back."""

ONCE_EACH = {"accept 1": 1, "claim 0": 1, "claim 1": 1, "withdraw": 1}


class World:
    def __init__(self, folder: Path) -> None:
        self.contracts = Contracts(ManualClock(NOW))
        self.sent = Sent()
        self.home = folder / "home"
        self.home.mkdir()
        self.shared = FolderStore(folder / "shared")
        self.job_id = publish_job(self.contracts, self.shared)
        self.proofs = 0

    async def live(self, kill_at: int | None = None, *, too_slow: bool = False, trap: Trap | None = None) -> bool:
        """One life of the agent. Whether it was killed.

        Args:
            too_slow: It finds out after the acceptance that no milestone can be in time here.
        """
        process = Process(self.home, self.contracts, self.sent, self.shared, trap=trap or Trap(kill_at))

        def slow_down() -> None:
            if process.stage(self.job_id) in (Stage.PREPARING, Stage.PROVING):
                process.prover.seconds = 10_000.0

        if too_slow:
            process.prover.meanwhile = slow_down
        killed = await process.run_until_killed()
        self.proofs += process.prover.proofs.total()
        self.stage = process.stage(self.job_id)
        return killed

    @property
    def one_key_for_each_purpose(self) -> set[str]:
        job = self.job_id
        return {f"accept:{job}:1", f"claim:{job}:1:0", f"claim:{job}:1:1", f"collect:{TOKEN}:{job}"}


@pytest.mark.parametrize("moment", range(1, MOMENTS + 1))
async def test_run_given_a_kill_at_any_moment_finishes_with_one_transaction_for_each_purpose(
    moment: int, tmp_path: Path
) -> None:
    world = World(tmp_path)

    await world.live(kill_at=moment)
    await world.live()

    assert world.stage is Stage.DONE
    assert world.contracts.done == ONCE_EACH
    assert world.sent.tried == world.one_key_for_each_purpose
    assert world.contracts.withdrawn[OPERATOR] == 1_000


@pytest.mark.parametrize("seed", range(15))
async def test_run_given_many_kills_in_a_row_finishes_with_one_transaction_for_each_purpose(
    seed: int, tmp_path: Path
) -> None:
    chance, world = random.Random(seed), World(tmp_path)

    for _ in range(8):
        await world.live(kill_at=chance.randint(1, 20))
    await world.live()

    assert world.stage is Stage.DONE
    assert world.contracts.done == ONCE_EACH
    assert world.sent.tried == world.one_key_for_each_purpose


@pytest.mark.parametrize("moment", range(1, MOMENTS_OF_A_RELEASE + 1))
async def test_run_given_a_kill_at_any_moment_gives_a_hopeless_job_back_once(moment: int, tmp_path: Path) -> None:
    world = World(tmp_path)

    await world.live(kill_at=moment, too_slow=True)
    await world.live(too_slow=True)

    # Open again, it is looked at once more, and left alone.
    assert world.stage in (Stage.RELEASED, Stage.CONSIDERED, Stage.REFUSED)
    assert world.contracts.done == {"accept 1": 1, "release": 1}
    assert world.sent.tried == {f"accept:{world.job_id}:1", f"release:{world.job_id}:1"}


async def test_run_given_a_kill_after_a_proof_is_written_does_not_prove_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    undisturbed = Trap()
    process = Process(world.home, world.contracts, world.sent, world.shared, trap=undisturbed)
    await process.run_until(lambda: process.stage(world.job_id) is Stage.CLAIMING)

    await world.live()

    assert process.prover.proofs[0] + world.proofs == 2


async def test_moments_given_an_undisturbed_job_are_fewer_than_are_tried(tmp_path: Path) -> None:
    world = World(tmp_path)
    process = Process(world.home, world.contracts, world.sent, world.shared)

    await process.run_until_over(world.job_id)

    assert 40 < process.trap.count < MOMENTS


async def test_moments_given_an_undisturbed_release_are_fewer_than_are_tried(tmp_path: Path) -> None:
    world = World(tmp_path)
    undisturbed = Trap()

    await world.live(too_slow=True, trap=undisturbed)

    assert 25 < undisturbed.count < MOMENTS_OF_A_RELEASE
