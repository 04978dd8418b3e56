"""How long a program's run takes here: as it was measured, or from what the program has to compute."""

from __future__ import annotations

import json
from pathlib import Path

from tallystick.engine.costs import program_costs
from tallystick.engine.program import Program
from tallystick.service.home import write_atomic

MOST_KEPT = 1_000

MACS_PER_SECOND = 2e8
TERMS_PER_SECOND = 2e7
BYTES_PER_SECOND = 5e7
START_SECONDS = 2.0
"""A slow machine's: the estimate is what a run that nobody has seen is allowed to take, and a program's work is known exactly.
`MobileNetV2` takes a quarter of what they make of it on one thread of the reference backend."""


def trace_bytes(program: Program) -> int:
    """Of all steps' outputs for one input."""
    return sum(step.header.byte_size for step in program.steps)


def computed_seconds(program: Program) -> float:
    """Of one run with its trace and roots, by the program alone."""
    seconds = START_SECONDS + trace_bytes(program) / BYTES_PER_SECOND
    for step, cost in zip(program.steps, program_costs(program), strict=True):
        seconds += cost.macs / MACS_PER_SECOND if cost.macs else cost.terms * step.header.size / TERMS_PER_SECOND
    return seconds


class RunTimes:
    """Measured seconds of one run with its trace, by program and tool, in a file that survives the process."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._seconds: dict[str, float] = _read(place)

    def measured(self, program_id: str, tool: str) -> float | None:
        """None where no run was measured."""
        return self._seconds.get(f"{program_id} {tool}")

    def note(self, program_id: str, tool: str, seconds: float) -> None:
        """One more run. What was slower counts at once, what was faster by half."""
        key = f"{program_id} {tool}"
        known = self._seconds.pop(key, None)
        self._seconds[key] = seconds if known is None else max(seconds, (known + seconds) / 2)
        while len(self._seconds) > MOST_KEPT:
            del self._seconds[next(iter(self._seconds))]
        write_atomic(self._place, json.dumps(self._seconds).encode())


def _read(place: Path) -> dict[str, float]:
    try:
        held = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): float(value) for key, value in held.items()} if isinstance(held, dict) else {}
