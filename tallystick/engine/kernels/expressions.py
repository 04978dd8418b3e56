"""ARITH's expressions in machine code: one loop each, over runs of elements that lie side by side.

All three loops have the same arguments. Operand k of output run o begins at `starts[o, k]` in the flat int32 array, and its
next elements follow if `moves[k]` is 1; if it is 0 the one element repeats. The result is brought into `low`..`high`.
"""

# ruff: noqa: ARG001, PLR0917
from __future__ import annotations

import numpy as np

from tallystick.engine.kernels.jit import jitted
from tallystick.engine.opcodes import ArithKind

_ADD, _SUB, _MUL, _MUL_SHIFT = (
    int(kind) for kind in (ArithKind.ADD, ArithKind.SUB, ArithKind.MUL, ArithKind.MUL_SHIFT)
)
_DIV, _SQRT = int(ArithKind.DIV), int(ArithKind.SQRT)
_MIN, _MAX, _LESS = int(ArithKind.MIN), int(ArithKind.MAX), int(ArithKind.LESS)
_LESS_EQUAL, _EQUAL = int(ArithKind.LESS_EQUAL), int(ArithKind.EQUAL)
_FAR = 2.0**40


@jitted
def _clip(value, low, high):  # type: ignore[no-untyped-def]
    return np.int32(min(max(value, low), high))


@jitted
def run_linear(kind, shift, zero, a, b, c, starts, moves, low, high, out):  # type: ignore[no-untyped-def]
    """ADD, SUB, MUL and MUL_SHIFT."""
    half = np.int64((1 << shift) >> 1) if kind == _MUL_SHIFT else np.int64(0)
    shift = shift if kind == _MUL_SHIFT else 0
    runs, length = out.shape
    for o in range(runs):
        at_a, at_b = starts[o, 0], starts[o, 1]
        for k in range(length):
            x, y = np.int64(a[at_a + k * moves[0]]), np.int64(b[at_b + k * moves[1]])
            if kind == _ADD:
                value = x + y
            elif kind == _SUB:
                value = x - y
            else:
                value = (x * y + half) >> shift
            out[o, k] = _clip(value, low, high)


@jitted
def run_choice(kind, shift, zero, a, b, c, starts, moves, low, high, out):  # type: ignore[no-untyped-def]
    """MIN, MAX, the comparisons and SELECT."""
    runs, length = out.shape
    for o in range(runs):
        at_a, at_b, at_c = starts[o, 0], starts[o, 1], starts[o, 2]
        for k in range(length):
            x, y = np.int64(a[at_a + k * moves[0]]), np.int64(b[at_b + k * moves[1]])
            if kind == _MIN:
                value = min(x, y)
            elif kind == _MAX:
                value = max(x, y)
            elif kind == _LESS:
                value = np.int64(x < y)
            elif kind == _LESS_EQUAL:
                value = np.int64(x <= y)
            elif kind == _EQUAL:
                value = np.int64(x == y)
            else:
                value = y if x != 0 else np.int64(c[at_c + k * moves[2]])
            out[o, k] = _clip(value, low, high)


@jitted
def _root(value):  # type: ignore[no-untyped-def]
    """The largest integer whose square is at most `value`, which is below 2^31 times a power of two of at most 2^31.

    Such a number is exact as a double. Its root is rounded, so just below a square it can come out as that square's root; it
    never comes out lower than an integer that it reaches.
    """
    root = np.int64(np.sqrt(np.float64(value)))
    return root - 1 if root * root > value else root


@jitted
def run_quotient(kind, shift, zero, a, b, c, starts, moves, low, high, out):  # type: ignore[no-untyped-def]
    """DIV, DIV_ROUND and SQRT."""
    runs, length = out.shape
    for o in range(runs):
        at_a, at_b = starts[o, 0], starts[o, 1]
        for k in range(length):
            x, y = np.int64(a[at_a + k * moves[0]]), np.int64(b[at_b + k * moves[1]])
            if kind == _SQRT:
                value = _root(max(x, np.int64(0)) << shift)
            elif y == 0:
                value = np.int64(0)
            else:
                top, bottom = abs(x) << shift, abs(y)
                if kind != _DIV:
                    top += bottom >> 1
                value = np.int64(np.uint64(top) // np.uint64(bottom))
                if (x < 0) != (y < 0):
                    value = -value
            out[o, k] = _clip(value, low, high)


@jitted
def run_requantize(kind, shift, zero, a, b, c, starts, moves, low, high, out):  # type: ignore[no-untyped-def]
    """REQUANTIZE; `b` is float32 here."""
    runs, length = out.shape
    for o in range(runs):
        at_a, at_b = starts[o, 0], starts[o, 1]
        for k in range(length):
            product = np.float32(np.float32(a[at_a + k * moves[0]]) * b[at_b + k * moves[1]])
            near = min(max(np.float64(product), -_FAR), _FAR)
            out[o, k] = _clip(np.int64(np.rint(near)) + zero, low, high)
