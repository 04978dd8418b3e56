"""Work that is repeated for as long as the process lives, whatever goes wrong in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from tallystick.errors import TallystickError
from tallystick.logs import get_logger

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0

log = get_logger(__name__)


async def repeat(
    name: str,
    step: Callable[[], Awaitable[float]],
    *,
    failed: Callable[[Exception], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Runs `step` again and again; it returns how many seconds to rest.

    What it raises is logged, told to `failed`, and waited out with pauses that double up to ten seconds. Nothing ends
    the loop but its cancellation: a dispatcher that has lost the chain still answers from what it has read.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            rest = await step()
        except Exception as error:
            # An error of ours explains itself; of any other the place is wanted too.
            log.warning(
                "loop_failed",
                loop=name,
                error=f"{type(error).__name__}: {error}",
                retry_seconds=pause,
                exc_info=not isinstance(error, TallystickError),
            )
            failed(error)
            await sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            pause = FIRST_PAUSE_SECONDS
            await sleep(rest)
