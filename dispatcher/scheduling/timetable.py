"""The timetable: which sweep runs how often. The only module that knows APScheduler.

Sweeps, not alarms: a development chain's time can be moved, and then no alarm set before would ring in time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from tallystick.errors import TallystickError
from tallystick.logs import get_logger

Sweep = Callable[[], Awaitable[object]]

log = get_logger(__name__)


class Timetable:
    """Runs sweeps while it is entered. A sweep never overlaps itself, and one that fails is simply due again."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1})

    def every(self, seconds: float, name: str, sweep: Sweep) -> None:
        """Adds a sweep."""
        self._scheduler.add_job(_guarded, "interval", seconds=seconds, args=(name, sweep), id=name)

    async def __aenter__(self) -> Timetable:
        self._scheduler.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._scheduler.shutdown(wait=False)


async def _guarded(name: str, sweep: Sweep) -> None:
    try:
        await sweep()
    except Exception as error:
        log.warning(
            "sweep_failed",
            sweep=name,
            error=f"{type(error).__name__}: {error}",
            exc_info=not isinstance(error, TallystickError),
        )
