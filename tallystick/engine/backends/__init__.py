"""The seam behind which a program is executed. All backends give the same bits; they differ in speed and in what they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tallystick.engine.program import Array, Program


class Plan(Protocol):
    """A program, made ready to run as often as wanted."""

    def run(self, inputs: Sequence[Array], *, keep: bool) -> list[Array | None]:
        """B independent runs at once.

        Args:
            inputs: One [B, *dims] for each input of the program, of its dtype.
            keep: Whether every step's output is wanted.

        Returns:
            For each step its output [B, *dims], in numpy's own byte order and contiguous; without `keep` only that of the
            program's output, None for the others. Nothing that was returned is changed by a later run.
        """
        ...


class Backend(Protocol):
    """A way to execute programs."""

    name: str

    def prepare(self, program: Program) -> Plan:
        """Everything that does not depend on inputs. The program is valid."""
        ...
