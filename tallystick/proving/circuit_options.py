"""How a circuit decomposes numbers, chosen by the rows that it costs.

EZKL shows that a number is in range by writing it in `decomp_legs` digits of base `decomp_base` and looking each digit up in
a table of `decomp_base` rows. A small base keeps the table, and so the circuit, small; a large one needs fewer digits, and
so fewer rows for each number. Tiny models gain 25 times from a small base (2**10 rows instead of 2**15), large tensors
lose a factor of two.

Freivalds' check of a matrix product saves rows where the product has many of them, at the price of a second phase: twice the columns
and a proof nearly twice as long (digits, batch 4: 2**13 rows and 5,600 bytes against 2**14 and 3,072, in the same time). It
is also younger than EZKL's audit. So it must save more than a factor of two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_RESERVED_ROWS = 8  # blinding and padding; settles ties at a power of two, calibration settles the rest


@dataclass(frozen=True)
class CircuitOptions:
    """Attributes as EZKL names them."""

    decomp_base: int
    decomp_legs: int
    freivalds: bool = False

    @property
    def span(self) -> int:
        """Numbers of smaller magnitude than this can be decomposed."""
        return int(self.decomp_base**self.decomp_legs)


_DECOMPOSITIONS = ((256, 4), (1024, 3), (2048, 3), (16384, 2))

CANDIDATES: tuple[CircuitOptions, ...] = tuple(
    CircuitOptions(base, legs, freivalds) for freivalds in (False, True) for base, legs in _DECOMPOSITIONS
)


def logrows_for(options: CircuitOptions, *, rows: int, instances: int) -> int:
    """The least k with 2**k rows for the circuit, its table and its instances."""
    return (max(rows, options.decomp_base, instances) + _RESERVED_ROWS - 1).bit_length()


def rank_options(rows: Mapping[CircuitOptions, int], *, instances: int) -> Sequence[CircuitOptions]:
    """Best first: the least work (rows times columns), then no Freivalds, then the fewest rows, then the widest span.

    Args:
        rows: Measured for each candidate.
        instances: Public values: elements of all inputs and outputs.
    """

    def cost(options: CircuitOptions) -> tuple[int, bool, int, int]:
        count = rows[options]
        work = logrows_for(options, rows=count, instances=instances) + options.freivalds
        return work, options.freivalds, count, -options.span

    return sorted(rows, key=cost)
