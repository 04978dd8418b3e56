"""Cases for what moves, compares and computes elements one by one: WINDOW, MAP and ARITH."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tallystick.engine.conformance.case import Case, CaseBuilder
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.program import Ref, float_bits


def windows(x: DType) -> Callable[[np.random.Generator], Case]:
    """Largest element and its place; ties, padding, dilation, one row of many."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        for channels in (1, 8, 9, 33):
            image = cases.input(x, (1, 9, 8, channels))
            for window, out in (
                (Window(2, 2, 2, 2), (4, 4)),
                (Window(3, 3, 2, 2, 1, 1), (5, 4)),
                (Window(3, 3, 1, 1, 1, 1), (9, 8)),
                (Window(2, 2, 1, 1, 0, 0, 2, 2), (7, 6)),
                (Window(2, 3, 3, 2, 1, 2), (4, 5)),
                (Window(9, 8), (1, 1)),
            ):
                builder.scope = f"{window}, {channels} channels"
                cases.branch(builder.max_pool(image, window, out), builder.scope)
                cases.branch(builder.arg_max(image, window, out), builder.scope)
        return cases.case(f"MAX_POOL, ARG_MAX {x.name}")

    return make


def maps(x: DType) -> Callable[[np.random.Generator], Case]:
    """Every way in which a view goes through an axis, first axes longer than one, joins, gatherings with indices outside."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        for first in (1, 2):
            dims = (first, 5, 6, 7)
            source, other = cases.input(x, dims), cases.input(x, dims)
            for name, ref in (
                ("reshape", builder.reshape(source, (first * 5, 42))),
                ("flat", builder.reshape(source, (first * 210,))),
                ("transpose", builder.transpose(source, (0, 3, 1, 2))),
                ("transpose the first", builder.transpose(source, (3, 0, 2, 1))),
                ("slice", builder.view(source, (first, 3, 2, 7), start=(0, 1, 2, 0), step=(1, 1, 3, 1))),
                ("backwards", builder.view(source, dims, start=(0, 4, 0, 6), step=(1, -1, 1, -1))),
                ("padded", builder.view(source, (first, 8, 6, 9), start=(0, -2, 0, -1), fill=x.low + 9)),
                ("repeated", builder.view(source, (first, 5, 9, 7), start=(0, 0, 3, 0), step=(1, 1, 0, 1))),
                ("far outside", builder.view(source, (first, 4, 6, 7), start=(0, 20, 0, 0), fill=7)),
                ("across the first", builder.view(source, (first + 2, 5, 6, 7), start=(-1, 0, 0, 0), fill=3)),
                ("join", builder.concat([source, other, source], 3)),
                ("join the first", builder.concat([source, other], 0)),
            ):
                cases.branch(ref, name)
            for axis in (0, 2):
                picks = builder.constant(np.array([[0, -1, 2], [99, -99, 1]], np.int32))
                cases.branch(builder.gather(source, picks, axis), "gather")
            table = builder.constant(cases.values(x, (256, 5)))
            cases.branch(builder.gather(table, cases.input(DType.U8, (first, 4)), 0), "embed")
        return cases.case(f"MAP {x.name}")

    return make


def arith(x: DType, y: DType) -> Callable[[np.random.Generator], Case]:
    """Every kind, with divisors of zero, shifts at both ends, results outside the output's range."""

    def make(rng: np.random.Generator) -> Case:
        cases = CaseBuilder(rng)
        builder = cases.program
        a, b = cases.input(x, (1, 4, 33)), cases.input(x, (1, 4, 33))
        row = builder.constant(cases.values(x, (33,)))
        multiplier = builder.constant(float_bits([0.01, 0.5, 1e-30, 3e8]).reshape(4, 1))
        for kind in ArithKind:
            shifts = (0, 1, 7) if kind in {ArithKind.MUL_SHIFT, ArithKind.DIV, ArithKind.DIV_ROUND} else (0,)
            for shift in shifts:
                for operands in _operands(kind, a, b, row, multiplier):
                    zero = 3 if kind is ArithKind.REQUANTIZE else 0
                    builder.scope = f"{kind.name}, shift {shift}"
                    ref = builder.arith(kind, *operands, shift=shift, zero=zero, dtype=y)
                    cases.branch(ref, builder.scope)
        return cases.case(f"ARITH {x.name} to {y.name}")

    return make


def _operands(kind: ArithKind, a: Ref, b: Ref, row: Ref, multiplier: Ref) -> list[tuple[Ref, ...]]:
    if kind is ArithKind.SQRT:
        return [(a,)]
    if kind is ArithKind.REQUANTIZE:
        return [(a, multiplier)]
    if kind is ArithKind.SELECT:
        return [(a, b, row)]
    return [(a, b), (a, row), (row, b)]


SHAPES = (
    *(windows(x) for x in DType),
    *(maps(x) for x in DType),
    *(arith(x, y) for x in DType for y in DType),
)
