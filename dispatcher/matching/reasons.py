"""From obstacles to a few sentences: grouped, counted, and with the nearest change. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dispatcher.matching.obstacle import Obstacle
from tallystick.wire.api import RefusalReason


def grouped(obstacles: Iterable[Obstacle]) -> tuple[RefusalReason, ...]:
    """One reason for each kind of obstacle, the most common first. An executor counts in each that it has."""
    groups: dict[tuple[str, str], list[Obstacle]] = {}
    for obstacle in obstacles:
        groups.setdefault((obstacle.code, obstacle.text), []).append(obstacle)
    reasons = [_reason(code, text, group) for (code, text), group in groups.items()]
    return tuple(sorted(reasons, key=lambda reason: (-reason.count, reason.code, reason.text)))


def _reason(code: str, text: str, group: list[Obstacle]) -> RefusalReason:
    nearest = sorted(group, key=lambda obstacle: (obstacle.gap, obstacle.agent))
    agents = tuple(dict.fromkeys(obstacle.agent for obstacle in nearest))
    return RefusalReason(code=code, text=text, count=len(agents), executors=agents, nearest_change=nearest[0].change)


def about_the_job(code: str, text: str, change: str | None = None) -> RefusalReason:
    """A reason that stands against everyone, and so against nobody in particular."""
    return RefusalReason(code=code, text=text, count=0, executors=(), nearest_change=change)
