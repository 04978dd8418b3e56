"""Exact integer matrix products by floating-point BLAS.

A sum of integers in floating point is exact, in whatever order it is made, as long as no partial sum can reach 2^24 (single
precision) or 2^53 (double). So the operands' bound says how many terms one product may have, and longer sums are made of parts.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tallystick.engine.kernels.requantize import add_rows
from tallystick.engine.kernels.site import Accumulation, Ints, Reals
from tallystick.engine.program import Array

SINGLE_LIMIT = 2**24
_SHORT = 64
"""Terms: parts of single precision that are shorter take longer than the whole in double."""


@dataclasses.dataclass(frozen=True)
class SumPlan:
    """How sums over K terms are made.

    Attributes:
        kind: float32 or float64.
        parts: Of 0..K-1; the sums of the parts are added up as integers.
    """

    kind: np.dtype[Any]
    parts: tuple[slice, ...]


def _parts(magnitudes: Array, scale: int) -> tuple[slice, ...]:
    """Greedy parts of K so that within none a column of `magnitudes` [K, n] times `scale` sums to 2^24."""
    terms = len(magnitudes)
    if int(magnitudes.sum(axis=0, dtype=np.int64).max()) * scale < SINGLE_LIMIT:
        return (slice(0, terms),)
    cuts, running = [0], np.zeros(magnitudes.shape[1], np.int64)
    for k in range(terms):
        running += magnitudes[k]
        if int(running.max()) * scale >= SINGLE_LIMIT:
            cuts.append(k)
            running = magnitudes[k].astype(np.int64)
    return tuple(slice(first, last) for first, last in zip(cuts, [*cuts[1:], terms], strict=True))


def plan_sums(magnitudes: Array, scale: int, accumulation: Accumulation) -> SumPlan:
    """For terms of magnitude at most `magnitudes * scale`, integers [K, n]: column n's, or one column for all.

    "float32" is taken literally except where a single term reaches 2^24, which no 8-bit operands give.
    """
    terms = len(magnitudes)
    double = SumPlan(np.dtype(np.float64), (slice(0, terms),))
    if accumulation == "float64" or int(magnitudes.max()) * scale >= SINGLE_LIMIT:
        return double
    single = SumPlan(np.dtype(np.float32), _parts(magnitudes, scale))
    parts = len(single.parts)
    return double if accumulation == "auto" and parts > 1 and terms < _SHORT * parts else single


def multiply(plan: SumPlan, a: Reals, b: Reals, out: Reals | None = None) -> Reals | Ints:
    """`a` [..., M, K] times `b` [..., K, N]: whole numbers, as float32 or float64 where one part does, else int32.

    Both come in the plan's kind, as does `out`, memory for a product that a caller may lend. The result is contiguous.
    """
    if len(plan.parts) == 1:
        product: Reals = np.matmul(a, b, out=out)
        return product
    acc: Ints | None = None
    for part in plan.parts:
        product = np.matmul(a[..., part], b[..., part, :], out=out)
        if acc is None:
            acc = np.zeros(product.shape, np.int32)
        columns = product.shape[-1]
        add_rows(product.reshape(-1, columns), acc.reshape(-1, columns))
    assert acc is not None  # noqa: S101  # a sum has at least one part
    return acc
