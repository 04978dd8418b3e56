"""Places in the feed, as callers hold them: opaque to them, and known to be ours when they come back."""

from __future__ import annotations

from tallystick.errors import DispatcherRefusedError


class Cursors:
    """Of one feed. A cursor of another database would silently skip or repeat, so it is refused by name."""

    def __init__(self, feed: str) -> None:
        self._feed = feed

    def write(self, number: int) -> str:
        return f"{self._feed}-{number}"

    def read(self, cursor: str | None) -> int:
        """The entry's number; 0, the beginning, for None. Raises DispatcherRefusedError (`cursor_unknown`)."""
        if cursor is None:
            return 0
        feed, _, number = cursor.partition("-")
        if feed != self._feed or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise DispatcherRefusedError(
                f"The cursor {cursor[:40]!r} is not of this feed.",
                code="cursor_unknown",
                status=410,
                values={"cursor": cursor[:40]},
                remedy="Read from the beginning: leave `after` out, and forget what the other feed said.",
            )
        return int(number)
