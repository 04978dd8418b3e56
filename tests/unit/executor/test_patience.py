from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tallystick.errors import ChainUnavailableError, RevertError
from tallystick.service.patience import Patience


class Links:
    def __init__(self) -> None:
        self.noted: list[tuple[str, str]] = []

    def put_link(self, name: str, trouble: str) -> None:
        self.noted.append((name, trouble))


class Flaky:
    """Fails as often as told, then answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or ChainUnavailableError("away")

    async def __call__(self) -> str:
        if self.failures:
            self.failures -= 1
            raise self.error
        return "answer"


def patience(links: Links, pauses: list[float]) -> Patience:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    return Patience("chain", (ChainUnavailableError,), links, first_seconds=1, most_seconds=8, sleep=sleep)


async def test_until_answered_given_a_neighbour_away_asks_until_it_answers() -> None:
    assert await patience(Links(), []).until_answered(Flaky(9)) == "answer"


async def test_until_answered_given_a_long_absence_waits_longer_up_to_a_bound() -> None:
    pauses: list[float] = []

    await patience(Links(), pauses).until_answered(Flaky(6))

    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, [1, 2, 4, 8, 8, 8], strict=True))


async def test_until_answered_given_many_failures_says_so_once_and_its_end_once() -> None:
    with capture_logs() as lines:
        await patience(Links(), []).until_answered(Flaky(20))

    assert [line["event"] for line in lines] == ["link_lost", "link_restored"]


async def test_until_answered_given_many_failures_records_both_changes() -> None:
    links = Links()

    await patience(links, []).until_answered(Flaky(20))

    assert links.noted == [("chain", "away"), ("chain", "")]


async def test_until_answered_given_another_error_passes_it_on_at_once() -> None:
    pauses: list[float] = []

    with pytest.raises(RevertError):
        await patience(Links(), pauses).until_answered(Flaky(1, RevertError("no", name="No", arguments={})))

    assert pauses == []


async def test_until_answered_given_an_absence_counts_the_return() -> None:
    link = patience(Links(), [])
    await link.until_answered(Flaky(0))
    await link.until_answered(Flaky(3))

    assert link.returns == 1
