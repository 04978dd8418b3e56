"""Requirements as data: clauses, all of which must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Literal, get_args

from tallystick.wire.requirements.keys import KEYS
from tallystick.wire.requirements.kinds import Kind, Value

Operator = Literal[">=", "<=", ">", "<", "=", "!="]
OPERATORS: tuple[Operator, ...] = get_args(Operator)

_COMPARE: Mapping[str, Callable[[int, int], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt}


@dataclass(frozen=True)
class Clause:
    """One term, for example `region=eu|us`.

    Attributes:
        key: One of KEYS.
        values: One, or with `=` and `!=` several alternatives: any of them, none of them.
    """

    key: str
    operator: Operator
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.key}{self.operator}{'|'.join(self._kind.spell(value) for value in self.values)}"

    @property
    def _kind(self) -> Kind:
        return KEYS[self.key].kind

    def holds(self, found: Value | None) -> bool:
        """Whether a machine with `found` meets it. What a machine does not say meets nothing, not even `!=`."""
        if found is None:
            return False
        orders = [self._kind.order(found, wanted) for wanted in self.values]
        if self.operator in ("=", "!="):
            return (0 in orders) == (self.operator == "=")
        return _COMPARE[self.operator](orders[0], 0)

    def loosened(self, found: Value | None) -> Clause | None:
        """The nearest clause that `found` meets; None where only leaving it out helps."""
        if self.holds(found):
            return self
        if found is None:
            return None
        if self.operator == "!=":
            left = tuple(wanted for wanted in self.values if self._kind.order(found, wanted) != 0)
            return Clause(self.key, "!=", left) if left else None
        nearest = self._kind.as_wanted(found, self.values[0])
        if self.operator == "=":
            return Clause(self.key, "=", (*self.values, nearest))
        return Clause(self.key, ">=" if self.operator[0] == ">" else "<=", (nearest,))

    def gap(self, found: Value | None) -> float:
        """How far `found` is from meeting it: 0 where it does, 1 where it is nothing or of another word."""
        if self.holds(found):
            return 0.0
        if found is None or not self._kind.ordered:
            return 1.0
        has = self._kind.measure(found)
        return min(_distance(has, self._kind.measure(wanted)) for wanted in self.values)


def _distance(one: float, other: float) -> float:
    return abs(one - other) / max(one, other, 1.0)


@dataclass(frozen=True)
class Requirements:
    """Clauses in the order in which they were written. Its text is canonical: it parses to the same requirements."""

    clauses: tuple[Clause, ...] = ()

    def __str__(self) -> str:
        return " ".join(str(clause) for clause in self.clauses)
