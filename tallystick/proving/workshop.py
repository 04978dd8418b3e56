"""What every request to the prover needs: the home's folders, the child runner, cached keys, measured times."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tallystick.proving import steps
from tallystick.proving.child import Step, StepRunner
from tallystick.proving.digests import FileDigests
from tallystick.proving.estimates import Estimates, Measurement
from tallystick.proving.keys import KeyCache, KeyFiles, KeyIdentity
from tallystick.proving.prover import Limits, Progress, ProvingStep
from tallystick.proving.workspace import workspace


class Workshop:
    """Layout of the home: `keys/` (made anew when removed), `work/` (one folder per request), `child/`, `estimates.json`."""

    def __init__(self, home: Path, runner: StepRunner, version: str, key_cache_bytes: int | None = None) -> None:
        self.version = version
        self.digests = FileDigests()
        self.estimates = Estimates(home / "estimates.json")
        self.keys = KeyCache(home / "keys", self.digests, key_cache_bytes)
        self._runner = runner
        self._work = home / "work"

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        with workspace(self._work) as folder:
            yield folder

    def run(
        self, wanted: Sequence[Step], *, logrows: int | None, limits: Limits, progress: Progress
    ) -> list[dict[str, Any]]:
        """Runs steps in one child; with `logrows` known, says estimates before and learns from the times after."""
        if logrows is None:
            return self._runner.run(wanted, limits=limits, progress=progress)
        measured: list[Measurement] = []

        def listen(step: ProvingStep) -> None:
            if step.took_seconds is not None:
                measured.append(Measurement(step.name, logrows, step.took_seconds))
            progress(step)

        estimated = [replace(step, estimate_seconds=self.estimates.seconds(step.name, logrows)) for step in wanted]
        results = self._runner.run(estimated, limits=limits, progress=listen)
        self.estimates.record(measured)
        return results

    def ensure_keys(
        self, identity: KeyIdentity, *, srs: Path, logrows: int, limits: Limits, progress: Progress
    ) -> KeyFiles:
        """The circuit's keys, from the cache or made now; hold them (`KeyCache.held`) for as long as they are used."""

        def make(files: KeyFiles) -> None:
            wanted = [
                steps.compile_circuit(files.onnx, files.compiled, files.settings),
                steps.setup(files.compiled, files.vk, files.pk, srs),
                steps.vka(files.vk, files.settings, files.vka, srs),
            ]
            self.run(wanted, logrows=logrows, limits=limits, progress=progress)

        return self.keys.ensure(identity, make, lock_seconds=limits.seconds)
