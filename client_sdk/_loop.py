"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads, one result at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon: a program that forgets to close its client can still end.
        self._thread = threading.Thread(target=self._loop.run_forever, name="tallystick-client", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; an interrupt of the caller cancels it.

        Raises:
            RuntimeError: called from the loop's own thread, where waiting would be for ever.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(
                "A Client was called from one of its own progress functions, which would wait for itself. "
                "Pass the work to another thread, or use AsyncClient."
            )
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[[], None]) -> None:
        """Has the loop call a function that does not wait, soon."""
        self._loop.call_soon_threadsafe(function)
