"""Kill the agent at every moment of a job whose claims stand in a window, start it again, and look at what the chain has seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from executor_builders import NOW, OPERATOR, TOKEN
from executor_market import Contracts, Sent
from executor_process import Process
from executor_programs import WINDOW, publish_program_job
from executor_prover import Trap

from executor.work import Stage
from tallystick.clock import ManualClock
from tallystick.storage.folder import FolderStore

MOMENTS_TO_CLAIM = 50
MOMENTS_TO_COLLECT = 20
"""More than an undisturbed job has. Every third is met: what is particular here lies further apart, and each costs three lives."""


class World:
    def __init__(self, folder: Path) -> None:
        self.contracts, self.sent = Contracts(ManualClock(NOW)), Sent()
        self.home, self.shared = folder / "home", FolderStore(folder / "shared")
        self.home.mkdir()
        self.job_id = publish_program_job(self.contracts, self.shared)

    async def live(self, until: Stage, kill_at: int | None = None) -> Trap:
        """One life of the agent, to that stage or to its death."""
        trap = Trap(kill_at)
        process = Process(self.home, self.contracts, self.sent, self.shared, trap=trap)
        await process.run_until_killed_or(lambda: process.stage(self.job_id) is until)
        self.stage = process.stage(self.job_id)
        return trap

    def end_windows(self) -> None:
        self.contracts.clock.advance(WINDOW + 1)

    def check(self) -> None:
        job = self.job_id
        keys = {f"accept:{job}:1", f"claim:{job}:1:0", f"claim:{job}:1:1", f"finalize:{job}:1:0"}
        assert self.stage is Stage.DONE
        assert self.sent.tried == keys | {f"collect:{TOKEN}:{job}"}
        assert self.contracts.withdrawn[OPERATOR] == 1_000


@pytest.mark.parametrize("moment", range(1, MOMENTS_TO_CLAIM + 1, 3))
async def test_run_given_a_kill_at_any_moment_before_the_windows_end_sends_one_transaction_for_each_purpose(
    moment: int, tmp_path: Path
) -> None:
    world = World(tmp_path)

    await world.live(Stage.AWAITING, kill_at=moment)
    await world.live(Stage.AWAITING)
    world.end_windows()
    await world.live(Stage.DONE)

    world.check()


@pytest.mark.parametrize("moment", range(1, MOMENTS_TO_COLLECT + 1, 3))
async def test_run_given_a_kill_at_any_moment_after_the_windows_end_sends_one_transaction_for_each_purpose(
    moment: int, tmp_path: Path
) -> None:
    world = World(tmp_path)
    await world.live(Stage.AWAITING)
    world.end_windows()

    await world.live(Stage.DONE, kill_at=moment)
    await world.live(Stage.DONE)

    world.check()


async def test_moments_given_an_undisturbed_job_are_fewer_than_are_tried(tmp_path: Path) -> None:
    world = World(tmp_path)

    to_claim = await world.live(Stage.AWAITING)
    world.end_windows()
    to_collect = await world.live(Stage.DONE)

    assert 30 < to_claim.count < MOMENTS_TO_CLAIM
    assert 10 < to_collect.count < MOMENTS_TO_COLLECT
