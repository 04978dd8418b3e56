"""A child process that does not outlive its parent, even when the parent is killed with SIGKILL.

A prover left alone would hold gigabytes for minutes, and the restarted executor would start a second one beside it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, lifeline: int = 0) -> None:
    """Arranges that this process is killed when `parent` is gone. Call it before any thread is started.

    Args:
        parent: Process id of the one that started this process.
        lifeline: A pipe's read end, whose only write end the parent holds; used where the kernel offers no signal.
    """
    if sys.platform == "linux":
        _ask_kernel(parent)
    else:
        watch_lifeline(lifeline)


def _ask_kernel(parent: int) -> None:
    """Linux: the signal comes when the *thread* that started us ends, which is why callers wait in that thread."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before the call
        os._exit(1)


def watch_lifeline(lifeline: int) -> None:
    """Elsewhere: a forked watcher waits for the pipe to close, then kills the process group, itself included.

    A thread would not do: the prover holds the interpreter's lock for as long as it proves. The group must be ours
    alone (the parent starts us in a new session).
    """
    if os.fork() != 0:
        return
    os.dup2(lifeline, 0)
    os.closerange(1, 256)  # the parent learns of a crash by the end of stdout, which we must not hold open
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)
