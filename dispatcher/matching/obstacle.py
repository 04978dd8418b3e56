"""One reason against one executor. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.ids import Address


@dataclass(frozen=True)
class Obstacle:
    """One reason against one executor.

    Attributes:
        code: Stable, for programs.
        text: What is said of everyone it stands against; obstacles with one code and text are counted together.
        gap: How far this executor is from taking the job; comparable among those counted together.
        change: What would remove it here; None where nothing would.
    """

    agent: Address
    code: str
    text: str
    gap: float = 0.0
    change: str | None = None
