"""How long a proving step should take on this machine: a table to begin with, then what was measured here.

The table holds single runs of EZKL 23.0.5 on 2 cores with 2 inner columns; they are good to a factor of two, so one
measurement of any size on this machine corrects the whole row.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TABLE: Mapping[str, Mapping[int, float]] = {
    "srs": {14: 3.0, 15: 5.9, 16: 12.5, 17: 23, 18: 50},
    "setup": {10: 0.25, 12: 0.6, 15: 4.2, 16: 6.5, 17: 20, 18: 28, 19: 104, 20: 109},
    "prove": {10: 0.25, 12: 0.8, 15: 6.5, 16: 7.2, 17: 25, 18: 37, 19: 137, 20: 128},
    "verify": {10: 0.01, 12: 0.011, 15: 0.045, 16: 0.05, 17: 0.15, 18: 0.3, 19: 0.67, 20: 0.82},
    "mock": {10: 0.013, 13: 0.14},
    "witness": {10: 0.01, 12: 0.01, 15: 0.04, 16: 0.07, 17: 0.14, 18: 0.18, 19: 0.37, 20: 1.2},
}
_WEIGHT = 0.3  # of the newest measurement: one busy moment neither counts for nothing nor for all


def tabled_seconds(step: str, logrows: int) -> float | None:
    """From the table, doubling or halving per row bit between and beyond its entries; None for an unknown step."""
    row = _TABLE.get(step)
    if row is None:
        return None
    nearest = min(row, key=lambda known: abs(known - logrows))
    return row[nearest] * 2.0 ** (logrows - nearest)


@dataclass(frozen=True)
class Measurement:
    """That a step of a circuit of 2**logrows rows took so long here."""

    step: str
    logrows: int
    seconds: float


class Estimates:
    """What was measured, kept in one JSON file `{step: {logrows: seconds}}` that several processes may write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seconds(self, step: str, logrows: int) -> float | None:
        """The best guess; None where nothing is known of the step."""
        measured = self._read().get(step, {})
        if str(logrows) in measured:
            return measured[str(logrows)]
        tabled = tabled_seconds(step, logrows)
        if not measured:
            return tabled
        if tabled is None:
            nearest = min(measured, key=lambda known: abs(int(known) - logrows))
            return measured[nearest] * 2.0 ** (logrows - int(nearest))
        return tabled * _ratio(step, measured)

    def record(self, measurements: Sequence[Measurement]) -> None:
        """Takes measurements in. Of two writers at once one is lost, which does no harm."""
        known = self._read()
        for new in measurements:
            row = known.setdefault(new.step, {})
            before = row.get(str(new.logrows))
            row[str(new.logrows)] = new.seconds if before is None else before + _WEIGHT * (new.seconds - before)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(known, indent=1, sort_keys=True))
        temporary.replace(self._path)

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            known = json.loads(self._path.read_text())
            return {
                str(step): {str(int(k)): float(seconds) for k, seconds in row.items()} for step, row in known.items()
            }
        except (OSError, ValueError, AttributeError, TypeError):
            return {}  # none yet, or damaged: estimates are a courtesy


def _ratio(step: str, measured: Mapping[str, float]) -> float:
    """How much slower than the table this machine is: the geometric mean over the sizes measured."""
    logs = [
        math.log(seconds / (tabled_seconds(step, int(k)) or seconds)) for k, seconds in measured.items() if seconds > 0
    ]
    return math.exp(sum(logs) / len(logs)) if logs else 1.0
