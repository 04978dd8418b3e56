"""Times as commands show them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(unix_seconds: int) -> str:
    """A time for people, UTC."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
