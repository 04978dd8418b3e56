"""Which engine backend programs run on: the fastest that has passed its self-test on this very machine, which is not asked twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.engine.backends import Backend
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.errors import InputError
from tallystick.logs import get_logger
from tallystick.service.backends import CANDIDATES, Candidate, Finding, examine, machine_facts
from tallystick.service.home import write_atomic

log = get_logger(__name__)

FILE_NAME = "backends.json"

BackendName = Literal["auto", "numpy", "onnxruntime", "cuda"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    usable: bool
    why: str
    failures: tuple[str, ...] = ()


class _Document(BaseModel):
    """What was found, and on which machine with which libraries: of any other it says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: dict[str, Any]
    findings: Annotated[tuple[_Entry, ...], Field(max_length=16)]


class BackendChoice:
    """The backends of one home folder.

    Args:
        wanted: `auto` takes the fastest that is exact.
    """

    def __init__(self, home: Path, wanted: BackendName, candidates: Sequence[Candidate] | None = None) -> None:
        self._place = home / FILE_NAME
        self._wanted = wanted
        self._candidates = CANDIDATES if candidates is None else candidates

    def known(self) -> Candidate | None:
        """The choice, as far as it can be made without a self-test."""
        kept = self._kept()
        for candidate in self._asked():
            if candidate.name == "numpy":
                return candidate
            finding = kept.get(candidate.name)
            if finding is None:
                return None
            if finding.usable:
                return candidate
        return None

    def settle(self) -> Candidate:
        """The choice, after the self-tests that it takes: half a minute for each backend faster than the one that is taken.

        Raises:
            InputError: the one that is wanted is not exact here, or not there.
        """
        kept = self._kept()
        for candidate in self._asked():
            finding = kept.get(candidate.name) or self._examine(candidate, kept)
            if finding.usable:
                return candidate
        raise InputError(
            f"The backend {self._wanted} cannot be used here: {finding.why}",
            remedy="Run `tallystick executor doctor`, or start with --backend auto.",
        )

    def reference(self) -> Candidate:
        """The one that needs no self-test."""
        return next(candidate for candidate in self._candidates if candidate.name == "numpy")

    def _asked(self) -> list[Candidate]:
        return [each for each in self._candidates if self._wanted in ("auto", each.name)]

    def _examine(self, candidate: Candidate, kept: dict[str, Finding]) -> Finding:
        if candidate.name != "numpy":
            log.info("backend_testing", backend=candidate.name)
        [finding] = examine([candidate])
        if candidate.name != "numpy":
            log.info("backend_tested", backend=candidate.name, usable=finding.usable, why=finding.why)
        kept[candidate.name] = finding
        self.keep(list(kept.values()))
        return finding

    def keep(self, findings: Sequence[Finding]) -> None:
        """Remembers what self-tests found."""
        entries = tuple(_Entry(**vars(finding)) for finding in findings)
        write_atomic(self._place, _Document(facts=machine_facts(), findings=entries).model_dump_json().encode())

    def _kept(self) -> dict[str, Finding]:
        try:
            document = _Document.model_validate_json(self._place.read_bytes())
        except (OSError, ValidationError):
            return {}
        if document.facts != json.loads(json.dumps(machine_facts())):
            return {}
        return {entry.name: Finding(**entry.model_dump()) for entry in document.findings}


def make_backend(candidate: Candidate, threads: int) -> Backend:
    """The backend with so many threads for one run, where it can be told."""
    if candidate.name == "numpy":
        return NumpyBackend(threads=threads)
    if candidate.name == "onnxruntime":
        from tallystick.engine.backends.onnxruntime_backend import (  # noqa: PLC0415  # onnxruntime may not be there
            OnnxRuntimeBackend,
        )

        return OnnxRuntimeBackend(threads)
    return candidate.make()
