"""Runs steps of the prover in one child process, each under its limits."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import psutil

import tallystick
from tallystick.errors import ProverMemoryError, ProverTimeoutError
from tallystick.logs import get_logger
from tallystick.proving.failures import explain, explain_death
from tallystick.proving.prover import Limits, Progress, ProvingStep
from tallystick.proving.workspace import workspace
from tallystick.units import format_size

_log = get_logger(__name__)

_POLL_SECONDS = 0.1
_NOISE_CHARACTERS = 2000
_START = "start"


@dataclass(frozen=True)
class Step:
    """One call in the child.

    Attributes:
        name: As progress shows it.
        call: A key of `tallystick.proving.ezkl.CALLS`.
        arguments: What it is called with; paths as text.
    """

    name: str
    call: str
    arguments: Mapping[str, str | int]
    estimate_seconds: float | None = None


class StepRunner(Protocol):
    def run(self, steps: Sequence[Step], *, limits: Limits, progress: Progress) -> list[dict[str, Any]]:
        """The steps' results, in order, from one child process.

        Raises:
            ProverTimeoutError: a step ran past `limits.seconds`.
            ProverMemoryError: the child held more than `limits.memory_bytes`.
            ProvingError, ModelError, TensorError: a step failed; the later ones were not begun.
        """
        ...


class ChildRunner:
    """The real one.

    Args:
        home: The child's HOME and working folder; the library writes beneath it.
        environment: Added to the child's otherwise empty environment, for example RAYON_NUM_THREADS. The caller's own
            environment is not handed on: it may hold secrets.
        command: What to start; the request file's path is appended.
    """

    def __init__(
        self, home: Path, *, environment: Mapping[str, str] | None = None, command: Sequence[str] | None = None
    ) -> None:
        self._home = home.resolve()
        self._command = tuple(command or (sys.executable, "-P", "-m", "tallystick.proving.ezkl"))
        self._environment = {
            "HOME": str(self._home),
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(Path(tallystick.__file__).parents[1]),
            **(environment or {}),
        }

    def run(self, steps: Sequence[Step], *, limits: Limits, progress: Progress) -> list[dict[str, Any]]:
        request = {
            "parent": os.getpid(),
            "steps": [{"name": step.name, "call": step.call, "arguments": dict(step.arguments)} for step in steps],
        }
        with workspace(self._home / "requests") as folder, (folder / "stderr").open("w+b") as noise:
            path = folder / "request.json"
            path.write_text(json.dumps(request))
            with self._child(path, noise) as process:
                return _Watch(process, noise, limits, progress).results(steps)

    @contextlib.contextmanager
    def _child(self, request: Path, noise: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        # stdin stays open and silent: it closes when this process dies.
        process = subprocess.Popen(
            [*self._command, str(request)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            env=self._environment,
            cwd=self._home,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a child and all that it started. Not SIGTERM first: a hung prover holds the lock that a handler needs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()


@dataclass
class _Watch:
    """Reads one child's events and holds it to its limits."""

    process: subprocess.Popen[bytes]
    noise: IO[bytes]
    limits: Limits
    progress: Progress
    _current: str = _START
    _buffer: bytes = b""
    _since: float = field(default_factory=time.monotonic)

    def results(self, steps: Sequence[Step]) -> list[dict[str, Any]]:
        estimates = iter(step.estimate_seconds for step in steps)
        results: list[dict[str, Any]] = []
        while len(results) < len(steps):
            event = self._next_event()
            if "begin" in event:
                self._enter(event["begin"])
                self.progress(ProvingStep(self._current, estimate_seconds=next(estimates)))
            elif "done" in event:
                self.progress(
                    ProvingStep(self._current, took_seconds=event["seconds"], peak_memory_bytes=event["peak"])
                )
                results.append(event["result"])
                self._enter(_START)
            else:
                raise explain(event["failed"], event["kind"], event["message"])
        return results

    def _enter(self, name: str) -> None:
        self._current, self._since = name, time.monotonic()

    def _next_event(self) -> dict[str, Any]:
        assert self.process.stdout is not None  # noqa: S101  # Popen was given a pipe
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([descriptor], [], [], _POLL_SECONDS)
            if not ready:
                self._hold_to_limits()
                continue
            read = os.read(descriptor, 1 << 16)
            if not read:
                raise self._death()
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event

    def _hold_to_limits(self) -> None:
        seconds = time.monotonic() - self._since
        if seconds > self.limits.seconds:
            _log.warning("prover_stopped", step=self._current, seconds=round(seconds, 1), reason="time")
            raise ProverTimeoutError(
                f"The prover's step {self._current!r} was stopped after {seconds:.0f} s; its limit is "
                f"{self.limits.seconds:g} s.",
                remedy="Raise the time limit, or use a smaller model or batch. EZKL is known to hang on some values.",
            )
        held = self._resident_bytes()
        if held > self.limits.memory_bytes:
            _log.warning("prover_stopped", step=self._current, held_bytes=held, reason="memory")
            raise ProverMemoryError(
                f"The prover's step {self._current!r} was stopped at {format_size(held)} of memory; its limit is "
                f"{format_size(self.limits.memory_bytes)}.",
                remedy="Raise the memory limit, use a machine with more memory, or a smaller model or batch.",
            )

    def _resident_bytes(self) -> int:
        try:
            return int(psutil.Process(self.process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def _death(self) -> Exception:
        code = self.process.wait()
        self.noise.seek(0, os.SEEK_END)
        self.noise.seek(max(0, self.noise.tell() - _NOISE_CHARACTERS))
        return explain_death(self._current, code, self.noise.read().decode(errors="replace").strip())
