"""One process at a time for one piece of work in a shared folder; the kernel frees the lock when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from tallystick.errors import ProverTimeoutError

_RETRY_SECONDS = 0.05


@contextlib.contextmanager
def folder_lock(path: Path, *, seconds: float, shared: bool = False) -> Iterator[None]:
    """Holds the lock file `path`, which stays behind empty: removing it would let two processes hold two files.

    Args:
        shared: Beside others that share it; whoever does not, waits for all of them.

    Raises:
        ProverTimeoutError: another process held it for longer than `seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        deadline = time.monotonic() + seconds
        while not _try_lock(file.fileno(), fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise ProverTimeoutError(
                    f"Another process has worked on {path.with_suffix('')} for more than {seconds:g} s.",
                    remedy="Wait for it, or raise the time limit.",
                )
            time.sleep(_RETRY_SECONDS)
        yield


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
