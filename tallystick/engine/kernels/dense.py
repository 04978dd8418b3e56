"""A dot product of prepared weights with many rows, some rows at a time so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tallystick.engine.kernels.products import multiply, plan_sums
from tallystick.engine.kernels.requantize import Finish
from tallystick.engine.kernels.shares import share_out
from tallystick.engine.kernels.site import Floats, How
from tallystick.engine.program import Array

_BLOCK_NUMBERS = 1 << 18
"""Of the wider side of a block: 1 MiB in single precision, which the processor's caches hold."""
_LEAST_ROWS = 64

FillRows = Callable[[int, Floats], None]
"""Given the first row's index and float32 [n, K]: writes n rows of operand minus zero point."""


class Dense:
    """Weights of O outputs over K terms, and what becomes of the sums."""

    def __init__(self, weights: Array, zero: int, scale: int, finish: Finish, how: How) -> None:
        """`weights` is 8-bit [O, K] with its zero point; `scale` bounds the magnitude of the rows' numbers."""
        signed = weights.astype(np.int32).T - np.int32(zero)
        self._plan = plan_sums(np.abs(signed), scale, how.accumulation)
        self._threads = how.threads
        self._weights = np.ascontiguousarray(signed, self._plan.kind)
        self._finish = finish

    def __call__(self, rows: int, fill: FillRows, out: Array) -> None:
        """`out` [rows, O], contiguous, of the output's dtype."""
        share_out(self._threads, rows, lambda first, last: self._share(first, last, fill, out))

    def _share(self, start: int, end: int, fill: FillRows, out: Array) -> None:
        terms, outputs = self._weights.shape
        size = min(end - start, max(_LEAST_ROWS, _BLOCK_NUMBERS // max(terms, outputs)))
        # Written over and over: fresh memory for each block costs more than the block.
        buffer, product = np.empty((size, terms), np.float32), np.empty((size, outputs), self._plan.kind)
        for first in range(start, end, size):
            block = buffer[: min(size, end - first)]
            fill(first, block)
            operand = block.astype(self._plan.kind, copy=False)
            sums = multiply(self._plan, operand, self._weights, product[: len(block)])
            self._finish(sums, out[first : first + len(block)])
