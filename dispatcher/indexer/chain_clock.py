"""The chain's time, which alone decides windows and deadlines, as well as it can be known between two blocks."""

from __future__ import annotations

from tallystick.clock import Clock


class ChainClock:
    """This machine's time, moved ahead where the chain has been seen ahead of it.

    A chain that is behind is no news: its last block is simply old, and the next will carry the present time. One that
    is ahead was moved (a development chain) or its makers' clocks run fast, and stays ahead.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_seconds = 0
        self._seen: int | None = None

    def observe(self, block_number: int, block_time: int) -> None:
        """Call with each head; only the first sight of a block tells how far ahead its time is."""
        if block_number != self._seen:
            self._seen = block_number
            self._ahead_seconds = max(0, block_time - self._clock.now())

    def now(self) -> int:
        return self._clock.now() + self._ahead_seconds
