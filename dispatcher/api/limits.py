"""What one caller may take: bytes, time, and requests a second. Beyond that, a named refusal."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from tallystick.errors import DispatcherRefusedError
from tallystick.wire.api import MAX_WAIT_SECONDS


@dataclass(frozen=True)
class Limits:
    """Bounds of the API.

    Attributes:
        body_bytes: Largest request body. The largest honest one, an announcement, is a few KiB.
        request_seconds: Longest time for one request, above the longest long poll.
        address_rate: Requests a second from one network address, after a burst of `address_burst`.
        agent_rate: The same for one agent.
        long_polls: Requests that may be held at once; further ones are answered at once.
    """

    body_bytes: int = 64 * 1024
    request_seconds: float = MAX_WAIT_SECONDS + 10.0
    address_rate: float = 50.0
    address_burst: int = 200
    agent_rate: float = 5.0
    agent_burst: int = 30
    long_polls: int = 1000


class Buckets:
    """Token buckets by name. Remembers the most recent names only, so that many callers cannot fill the memory."""

    def __init__(
        self, rate: float, burst: int, *, names_kept: int = 10_000, time: Callable[[], float] = monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._names_kept = names_kept
        self._time = time
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """Raises DispatcherRefusedError (`too_many_requests`) where `name` has used up its share."""
        now = self._time()
        level, at = self._levels.pop(name, (float(self._burst), now))
        level = min(float(self._burst), level + (now - at) * self._rate)
        self._levels[name] = (max(0.0, level - 1.0) if level >= 1.0 else level, now)
        if len(self._levels) > self._names_kept:
            self._levels.popitem(last=False)
        if level < 1.0:
            wait = math.ceil((1.0 - level) / self._rate)
            raise DispatcherRefusedError(
                f"More than {self._rate:g} requests a second from {name}.",
                code="too_many_requests",
                status=429,
                values={"retry_after_seconds": wait},
                remedy=f"Wait {wait} s; poll with wait_seconds instead of often.",
            )
