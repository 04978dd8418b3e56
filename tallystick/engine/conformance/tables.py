"""Cases for lookups: tables that a library has an operator for, tables that nearly are, and tables of anything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tallystick.engine.conformance.case import BYTES, Case, CaseBuilder
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES, Array

LENGTHS = (1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1000)
LARGE = (1, 40, 40, 17)


def lookups(x: DType, y: DType) -> Callable[[np.random.Generator], Case]:
    """One table for all and one for each channel; clamps; short and long."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        values = np.arange(256).astype(np.uint8).view(NUMPY_DTYPES[x]).astype(np.int64)
        clamp = np.clip(values, 3, 100).astype(NUMPY_DTYPES[y])
        for dims in (*((1, length) for length in LENGTHS), LARGE, (4, 9)):
            source = cases.input(x, dims)
            for name, table in (
                ("one table", cases.values(y, (256,))),
                ("a clamp", clamp),
                ("a table for each channel", cases.values(y, (dims[-1], 256))),
            ):
                cases.program.scope = f"{name}, {list(dims)}"
                cases.branch(cases.program.lookup(source, table), cases.program.scope)
        return cases.case(f"LOOKUP {x.name} to {y.name}")

    return make


def _sums(cases: CaseBuilder) -> npt.NDArray[np.float64]:
    """A weighted sum of both bytes, real."""
    a, b = np.divmod(np.arange(65536), 256)
    za, zb, zc = cases.rng.integers(0, 256, 3)
    ra, rb = cases.rng.uniform(0.3, 1.2, 2)
    return np.asarray(ra * (a - za) + rb * (b - zb) + zc, np.float64)


def _products(cases: CaseBuilder) -> npt.NDArray[np.float64]:
    a, b = np.divmod(np.arange(65536), 256)
    za, zb, zc = cases.rng.integers(0, 256, 3)
    return np.asarray(cases.rng.uniform(0.004, 0.05) * (a - za) * (b - zb) + zc, np.float64)


def _table(values: npt.NDArray[np.float64], a: DType, b: DType, y: DType) -> Array:
    """By the bytes of elements, from real values [65536] by unsigned ones."""
    square = values.reshape(256, 256)
    flips = [np.arange(256) ^ (0x80 if dtype is DType.I8 else 0) for dtype in (a, b)]
    square = square[flips[0]][:, flips[1]] + (DType.I8.low if y is DType.I8 else 0)
    held: Array = np.clip(np.rint(square), y.low, y.high).astype(NUMPY_DTYPES[y]).reshape(-1)
    return held


def pair_lookups(a: DType, b: DType, y: DType) -> Callable[[np.random.Generator], Case]:
    """Equal dims of many lengths, each side repeated along the other, constants."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        near = _sums(cases)
        near[rng.integers(0, 65536, 5)] += 1
        tables = {
            "a sum": _table(_sums(cases), a, b, y),
            "a product": _table(_products(cases), a, b, y),
            "nearly a sum": _table(near, a, b, y),
            "anything": cases.values(y, (65536,)),
        }
        for dims in (*((1, length) for length in LENGTHS), LARGE, (3, 5)):
            left, right = cases.input(a, dims), cases.input(b, dims)
            for name, table in tables.items():
                builder.scope = f"{name}, {list(dims)}"
                cases.branch(builder.lookup2(left, right, table), builder.scope)
        image, channel = cases.input(a, (1, 6, 7, 19)), cases.input(b, (1, 1, 1, 19))
        constant = builder.constant(cases.values(b, (19,)))
        for name, table in tables.items():
            builder.scope = f"{name}, by channel"
            for right in (channel, constant):
                cases.branch(builder.lookup2(image, right, table), builder.scope)
        return cases.case(f"LOOKUP2 {a.name}, {b.name} to {y.name}")

    return make


TABLES = (
    *(lookups(x, y) for x in BYTES for y in (*BYTES, DType.I32)),
    *(pair_lookups(a, b, y) for a in BYTES for b in BYTES for y in BYTES),
    pair_lookups(DType.U8, DType.I8, DType.I32),
)
