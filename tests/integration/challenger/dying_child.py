"""A challenger that sees to what stands, and kills itself with SIGKILL once a node has what it sends, before it has written
that down. Settings from the environment."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from challenger.lifetime import assembled_challenger, run_challenger
from challenger.settings import Settings, load_settings


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    settings = load_settings(Settings, {})
    async with assembled_challenger(settings, sends=True, progress=lambda *_: None, tell=lambda *_: None) as parts:
        assert parts.sender is not None
        parts.sender._journal.mark_broadcast = die  # type: ignore[method-assign]
        await run_challenger(parts, once=True)


asyncio.run(main())
