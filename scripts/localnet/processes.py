"""Child processes that are started, waited for until they say they are ready, and surely ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class ChildFailedError(Exception):
    """A process ended, or stayed silent, before it said that it was ready."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""
        super().__init__(f"{name} {what}. Its log is {log}; the last lines:\n{tail}")


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Child:
    """A running process with its log.

    Attributes:
        ready: What it said when it was ready.
        log_begins: Where in the file: what stands before it is another process's, of the same name.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready: dict[str, Any]
    log_begins: int = 0

    def lines(self) -> list[str]:
        """What it has said so far."""
        return self.log.read_bytes()[self.log_begins :].decode(errors="replace").splitlines()

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """kill -9: no chance to clean up, as when a machine loses power."""
        self.process.kill()
        self.process.wait()

    def stop(self, patience_seconds: float = 5.0) -> None:
        """Asks to end, then insists."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_seconds)
        if self.process.poll() is None:
            self.kill()


def start(
    name: str, command: Sequence[str | Path], *, log: Path, env: dict[str, str] | None = None, cwd: Path | None = None
) -> Child:
    """Starts a process whose standard output and error go to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        begins = sink.tell()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
    return Child(name, process, log, {}, begins)


def wait_ready(child: Child, *, timeout_seconds: float = 60.0) -> Child:
    """Waits for the JSON line `{"event": "ready", ...}` in the child's log. Raises ChildFailedError."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        for line in child.lines():
            if '"ready"' in line and line.startswith("{"):
                with contextlib.suppress(json.JSONDecodeError):
                    child.ready = json.loads(line)
                    return child
        if child.process.poll() is not None:
            raise ChildFailedError(child.name, f"ended with code {child.process.returncode}", child.log)
        time.sleep(0.05)
    child.stop()
    raise ChildFailedError(child.name, f"was not ready after {timeout_seconds:.0f} s", child.log)


def wait_listening(child: Child, port: int, *, timeout_seconds: float = 20.0) -> Child:
    """Waits until something accepts connections on a loopback port. Raises ChildFailedError."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return child
        if child.process.poll() is not None:
            raise ChildFailedError(child.name, f"ended with code {child.process.returncode}", child.log)
        time.sleep(0.05)
    child.stop()
    raise ChildFailedError(child.name, f"did not listen on port {port} within {timeout_seconds:.0f} s", child.log)
