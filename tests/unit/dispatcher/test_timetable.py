from __future__ import annotations

import asyncio

from dispatcher.scheduling.timetable import Timetable


class Sweeps:
    def __init__(self, fail: bool = False) -> None:
        self.fail = fail
        self.done = asyncio.Semaphore(0)

    async def sweep(self) -> None:
        self.done.release()
        if self.fail:
            raise RuntimeError("a bug")


async def test_timetable_while_entered_runs_its_sweeps() -> None:
    sweeps, timetable = Sweeps(), Timetable()
    timetable.every(0.001, "test", sweeps.sweep)

    async with timetable:
        await asyncio.wait_for(sweeps.done.acquire(), 5)


async def test_timetable_given_a_sweep_that_fails_runs_it_again() -> None:
    sweeps, timetable = Sweeps(fail=True), Timetable()
    timetable.every(0.001, "test", sweeps.sweep)

    async with timetable:
        await asyncio.wait_for(sweeps.done.acquire(), 5)
        await asyncio.wait_for(sweeps.done.acquire(), 5)
