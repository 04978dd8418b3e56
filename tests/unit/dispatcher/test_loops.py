from __future__ import annotations

import asyncio

import pytest

from dispatcher.loops import LONGEST_PAUSE_SECONDS, repeat
from tallystick.errors import ChainUnavailableError


class Steps:
    """Raises as often as told, then rests for ever."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or ChainUnavailableError("gone")
        self.runs = 0
        self.pauses: list[float] = []
        self.told: list[Exception] = []

    async def step(self) -> float:
        self.runs += 1
        if self.runs <= self.failures:
            raise self.error
        return 7.0

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) > self.failures:
            raise asyncio.CancelledError

    async def run(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            await repeat("test", self.step, failed=self.told.append, sleep=self.sleep)


async def test_repeat_given_a_step_that_works_rests_as_long_as_it_says() -> None:
    steps = Steps(failures=0)
    await steps.run()
    assert steps.pauses == [7.0]


async def test_repeat_given_failures_doubles_its_pauses() -> None:
    steps = Steps(failures=3)
    await steps.run()
    assert steps.pauses == [0.5, 1.0, 2.0, 7.0]


async def test_repeat_given_many_failures_pauses_for_ten_seconds_at_most() -> None:
    steps = Steps(failures=12)
    await steps.run()
    assert max(steps.pauses) == LONGEST_PAUSE_SECONDS


async def test_repeat_given_an_error_nobody_expected_goes_on() -> None:
    steps = Steps(failures=1, error=ZeroDivisionError("a bug"))
    await steps.run()
    assert steps.runs == 2


async def test_repeat_given_a_failure_tells_of_it() -> None:
    steps = Steps(failures=1)
    await steps.run()
    assert [str(error) for error in steps.told] == ["gone"]
