from __future__ import annotations

import pytest

from dispatcher.api.limits import Buckets
from tallystick.errors import DispatcherRefusedError


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_take_within_the_burst_passes() -> None:
    buckets = Buckets(1.0, 3, time=Time())

    for _ in range(3):
        buckets.take("a")


def test_take_beyond_the_burst_says_when_to_come_back() -> None:
    buckets = Buckets(0.1, 1, time=Time())
    buckets.take("a")

    with pytest.raises(DispatcherRefusedError) as caught:
        buckets.take("a")

    assert (caught.value.code, caught.value.status) == ("too_many_requests", 429)
    assert caught.value.values == {"retry_after_seconds": 10}


def test_take_after_the_wait_passes_again() -> None:
    time = Time()
    buckets = Buckets(0.1, 1, time=time)
    buckets.take("a")

    time.now = 10.0

    buckets.take("a")


def test_take_given_another_name_is_not_held_back() -> None:
    buckets = Buckets(1.0, 1, time=Time())
    buckets.take("a")

    buckets.take("b")


def test_take_given_refused_requests_does_not_push_the_wait_away() -> None:
    time = Time()
    buckets = Buckets(1.0, 1, time=time)
    buckets.take("a")
    for _ in range(50):
        with pytest.raises(DispatcherRefusedError):
            buckets.take("a")

    time.now = 1.0

    buckets.take("a")


def test_take_given_endless_names_remembers_the_latest_only() -> None:
    buckets = Buckets(1.0, 1, names_kept=10, time=Time())

    for number in range(1_000):
        buckets.take(str(number))

    assert len(buckets._levels) == 10
