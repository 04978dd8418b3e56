"""Which engine backends this machine has, and which of them are exact here: what a doctor finds out."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tallystick.engine.backends import Backend
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.conformance import ConformanceReport, conformance
from tallystick.engine.conformance.catalogue import CATALOGUE, Make
from tallystick.errors import ModelError

PROCESSOR = Path("/proc/cpuinfo")
FAILURES_TOLD = 3


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A backend that this package knows.

    Attributes:
        name: Of the backend.
        distribution: What has to be installed for it.
        make: Raises ImportError or ModelError where it cannot be had.
    """

    name: str
    distribution: str
    make: Callable[[], Backend]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What became of one candidate.

    Attributes:
        name: Of the backend.
        version: Of its library; empty where that is not installed.
        usable: Whether it gives the contract's bits here.
        why: A sentence.
        failures: The first few differences from the reference.
    """

    name: str
    version: str
    usable: bool
    why: str
    failures: tuple[str, ...] = ()


def _cuda() -> Backend:
    from tallystick.engine.backends.cuda_backend import CudaBackend  # noqa: PLC0415  # torch may not be there

    return CudaBackend()


def _onnxruntime() -> Backend:
    from tallystick.engine.backends.onnxruntime_backend import (  # noqa: PLC0415  # onnxruntime may not be there
        OnnxRuntimeBackend,
    )

    return OnnxRuntimeBackend()


CANDIDATES = (
    Candidate("cuda", "torch", _cuda),
    Candidate("onnxruntime", "onnxruntime", _onnxruntime),
    Candidate("numpy", "numpy", NumpyBackend),
)
"""Fastest first."""


def examine(
    candidates: Sequence[Candidate] | None = None,
    progress: Callable[[str, str], None] | None = None,
    catalogue: Sequence[Make] = CATALOGUE,
) -> list[Finding]:
    """Runs the self-test of every candidate that can be had here, of all unless told; `progress` hears of each backend and case."""
    chosen = CANDIDATES if candidates is None else candidates
    return [_examine(candidate, progress, catalogue) for candidate in chosen]


def _examine(candidate: Candidate, progress: Callable[[str, str], None] | None, catalogue: Sequence[Make]) -> Finding:
    version = installed(candidate.distribution)
    try:
        backend = candidate.make()
    except ImportError as missing:
        return Finding(candidate.name, version, False, f"{candidate.distribution} is not installed ({missing}).")
    except ModelError as refused:
        return Finding(candidate.name, version, False, str(refused))
    if isinstance(backend, NumpyBackend):
        return Finding(candidate.name, version, True, "The reference: the others are compared with it.")
    tell = None if progress is None else functools.partial(progress, candidate.name)
    return _judged(candidate, version, conformance(backend, catalogue=catalogue, progress=tell))


def _judged(candidate: Candidate, version: str, report: ConformanceReport) -> Finding:
    told = tuple(f"{failure.case}: {failure.what}" for failure in report.failures[:FAILURES_TOLD])
    compared = f"{report.steps} tensors of {report.cases} programs"
    if report.passed:
        return Finding(candidate.name, version, True, f"The same bits as the reference in {compared}.")
    why = f"{len(report.failures)} differences from the reference in {compared}."
    return Finding(candidate.name, version, False, why, told)


def installed(distribution: str) -> str:
    """Its version, empty where it is not there."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def machine_facts() -> dict[str, Any]:
    """What a finding holds for: it is to be made again when any of this is another."""
    fields: dict[str, str] = {}
    if PROCESSOR.is_file():
        lines = (line.partition(":") for line in PROCESSOR.read_text().splitlines())
        fields = {name.strip(): value.strip() for name, _, value in reversed(list(lines))}
    simd = ("sse4", "avx", "amx", "fma", "vnni", "neon", "asimd", "sve", "bf16", "dot")
    flags = fields.get("flags", fields.get("Features", "")).split()
    return {
        "processor": fields.get("model name", platform.processor() or platform.machine()),
        "instructions": sorted({flag for flag in flags if any(part in flag for part in simd)}),
        "versions": {name: installed(name) for name in ("tallystick", "numpy", "onnxruntime", "torch")},
    }


def advice(findings: Sequence[Finding]) -> str:
    """What to do next, in one line."""
    usable = [finding for finding in findings if finding.usable]
    if not usable:
        return "No backend can be used: install the extra tallystick[executor] and run this again."
    best = usable[0]
    failed = [finding for finding in findings if finding.failures]
    if failed:
        return (
            f"Programs will run on {best.name}. Please report what {failed[0].name} {failed[0].version} got wrong, "
            "with the output of --json."
        )
    if best.name == "numpy":
        return "Programs will run on numpy, several times slower than need be: install onnxruntime and run this again."
    return f"Programs will run on {best.name}. Nothing to do."
