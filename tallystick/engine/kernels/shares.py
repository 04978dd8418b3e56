"""Threads: rows shared out among ours, and BLAS kept to one thread meanwhile.

BLAS's own threads wait for one another by spinning, and a product of some hundred rows ends sooner than they meet: on a busy
machine that costs ten times what it saves. Ours take a share of the rows each, through every loop of a step.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_LEAST_SHARE = 16
"""Rows: with fewer in a share, preparing the weights for BLAS twice takes longer than the product."""


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="tallystick-engine")


def share_out(threads: int, rows: int, work: Callable[[int, int], None]) -> None:
    """Calls `work(first, last)` for ranges that make up 0 .. rows - 1, each in a thread of its own."""
    shares = max(1, min(threads, rows // _LEAST_SHARE))
    if shares == 1:
        work(0, rows)
        return
    edges = [rows * share // shares for share in range(shares + 1)]
    list(_pool(threads).map(work, edges[:-1], edges[1:]))


class _Blas:
    """How many runs need BLAS to keep to one thread; its own number comes back with the last of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._limit: Any = None

    @functools.cached_property
    def _controller(self) -> Any:
        """None where nothing is there to control it; then it does as it likes."""
        try:
            import threadpoolctl  # type: ignore[import-untyped]  # noqa: PLC0415  # only where it is installed
        except ImportError:
            return None
        return threadpoolctl.ThreadpoolController()

    def enter(self) -> None:
        with self._lock:
            self._runs += 1
            if self._runs == 1 and self._controller is not None:
                self._limit = self._controller.limit(limits=1, user_api="blas")

    def leave(self) -> None:
        with self._lock:
            self._runs -= 1
            if self._runs == 0 and self._limit is not None:
                self._limit.restore_original_limits()


_BLAS = _Blas()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """While it is held, by however many threads of ours, BLAS uses none but the calling one."""
    _BLAS.enter()
    try:
        yield
    finally:
        _BLAS.leave()
