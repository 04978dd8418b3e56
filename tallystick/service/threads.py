"""Blocking work beside the event loop.

Not `asyncio.to_thread`: its threads are joined when the interpreter ends, so a stop would wait for a proof of minutes.
These are daemons. A proof that is cut off is lost work and nothing else: its child process dies with us, and files appear
whole or not at all.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result], name: str) -> Result:
    """What `work` returns or raises. Cancelling stops the wait, not the work."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # no error means that there is a result

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # handed to whoever waits
            error = raised
        # The loop may be gone: then nobody waits.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
