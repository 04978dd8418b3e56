"""What validation needs to know of constants' content, each fact looked up once.

A hostile program may name the same large constant in every one of its steps. So facts are kept, and the one that depends on more
than the constant, `row_weights`, is made only as long as a budget lasts; after that the coarser bound of the whole constant
stands in for it, which can only make validation stricter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tallystick.engine.program import Program

SMALLEST_MULTIPLIER = 0x0080_0000
LARGEST_MULTIPLIER = 0x7F7F_FFFF
"""Bits, as i32, of the smallest and the largest normal single-precision number; all in between are normal and above zero."""

SCAN_BUDGET = 1 << 31
"""Elements that `row_weights` reads in all: several times the largest model that a trace has room for, and some seconds."""
_CHUNK = 1 << 22


class ConstantFacts:
    """Facts about the constants of one program."""

    def __init__(self, program: Program, budget: int = SCAN_BUDGET) -> None:
        self._constants = program.constants
        self._extents: dict[tuple[int, int | None], tuple[int, int]] = {}
        self._rows: dict[tuple[int, int, int], npt.NDArray[np.int64]] = {}
        self._budget = budget

    def extent(self, index: int, column: int | None = None) -> tuple[int, int]:
        """The least and the largest element, of one column of the last axis or of all."""
        key = (index, column)
        if key not in self._extents:
            constant = self._constants[index]
            part = constant if column is None else constant[..., column]
            self._extents[key] = int(part.min()), int(part.max())
        return self._extents[key]

    def row_weights(self, index: int, zero: int, axes: int) -> npt.NDArray[np.int64] | None:
        """The sum of `abs(w - zero)` over the last `axes` axes, int64 [the other axes]; None once the budget is spent."""
        key = (index, zero, axes)
        if key not in self._rows:
            constant = self._constants[index]
            if constant.size > self._budget:
                return None
            self._budget -= constant.size
            self._rows[key] = _row_weights(constant.reshape(*constant.shape[:-axes], -1), zero)
        return self._rows[key]

    def spend(self, elements: int) -> bool:
        """Whether the budget allows for `elements` more."""
        if elements > self._budget:
            return False
        self._budget -= elements
        return True


def _row_weights(rows: npt.NDArray[np.generic], zero: int) -> npt.NDArray[np.int64]:
    flat = rows.reshape(-1, rows.shape[-1])
    sums = np.empty(len(flat), np.int64)
    at_once = max(1, _CHUNK // flat.shape[1])
    for first in range(0, len(flat), at_once):
        part = flat[first : first + at_once].astype(np.int16) - np.int16(zero)
        sums[first : first + at_once] = np.abs(part).sum(axis=1, dtype=np.int64)
    return sums.reshape(rows.shape[:-1])
