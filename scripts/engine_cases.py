"""One step at a time, with operands that lie at the edges: what tests/vectors/engine.json has elements of."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.element import element
from tallystick.engine.opcodes import ArithKind, DType, ReshapeAttributes, Window
from tallystick.engine.program import NUMPY_DTYPES, Array, Ref, Step, float_bits, header_of, to_bytes
from tallystick.engine.validate import validate

U8, I8, I32 = DType
LONG = 4096
"""Bytes of an operand above which the vectors say how its data repeats instead of all of it."""
PERIOD = 251
MOST_SHOWN = 64


def noise(label: str, dtype: DType, *dims: int) -> Array:
    """Elements that look random and are the same everywhere and always; an i32 stays within 24 bits."""
    count, size = int(np.prod(dims, dtype=int)), 4 if dtype is I32 else 1
    blocks = (hashlib.sha256(f"{label} {k}".encode()).digest() for k in itertools.count())
    data = b"".join(itertools.islice(blocks, count * size // 32 + 1))[: count * size]
    flat = np.frombuffer(data, ">i4" if dtype is I32 else NUMPY_DTYPES[dtype])
    return ((flat >> 8) if dtype is I32 else flat).astype(NUMPY_DTYPES[dtype]).reshape(dims)


def repeated(label: str, dtype: DType, count: int) -> Array:
    return np.resize(noise(label, dtype, PERIOD), count)


def params(biases: Sequence[int], multipliers: Sequence[float]) -> Array:
    return np.stack([np.array(biases, np.int32), float_bits(list(multipliers))], axis=1)


Make = Callable[[ProgramBuilder, Callable[[Array], Ref]], Ref]
"""Adds one step to a builder; the second argument makes an operand of an array."""


def image(label: str, dtype: DType, *dims: int) -> Array:
    """[1, H, W, C]."""
    return noise(label, dtype, 1, *dims)


def dot_cases() -> dict[str, Make]:
    pad1 = Window(3, 3, 1, 1, 1, 1)
    x, x8 = image("x", U8, 4, 5, 4), image("x8", I8, 4, 5, 4)
    dense, grouped, depthwise = (noise(f"w{c}", I8, 4, 3, 3, c) for c in (4, 2, 1))
    p = params([-70_000, 5, 9_000, 70_000], [0.01, 0.5, 1e-9, 300.0])
    small = params([0, -9, 40, 7], [0.004] * 4)
    a, b = noise("a", I8, 2, 3, 5), noise("b", U8, 4, 5)
    return {
        "conv, padded, saturating at both ends": lambda g, o: g.conv(
            o(x), o(dense), o(p), pad1, (4, 5), zeros=(128, -3, 7), dtype=U8
        ),
        "conv, exact sums": lambda g, o: g.conv(o(x8), o(dense), o(p), pad1, (4, 5), zeros=(-128, 127, 0)),
        "conv, two groups": lambda g, o: g.conv(
            o(x8), o(grouped), o(small), pad1, (4, 5), groups=2, zeros=(1, 0, -5), dtype=I8
        ),
        "conv, depthwise, stride and dilation": lambda g, o: g.conv(
            o(x), o(depthwise), o(small), Window(3, 3, 2, 1, 2, 1, 2, 1), (2, 5), groups=4, zeros=(0, 5, 100), dtype=U8
        ),
        "conv, outputs that no tap reaches": lambda g, o: g.conv(
            o(x), o(dense), o(small), Window(3, 3, 3, 3, 6, 6), (3, 3), zeros=(3, 4, 5), dtype=I8
        ),
        "matmul, one right operand for all": lambda g, o: g.matmul(o(a), o(b), o(small), zeros=(-1, 7, 3), dtype=I8),
        "matmul, exact sums, one row of params": lambda g, o: g.matmul(
            o(a), o(noise("c", I8, 2, 2, 5)), o(params([-12], [1.0])), zeros=(100, 0, 0)
        ),
        "average of the taps inside": lambda g, o: g.pool_sum(
            o(x8), Window(2, 2, 2, 2, 1, 1), (3, 3), o(float_bits([1.0, 0.5, 1 / 3, 0.25])), zeros=(-4, 9), dtype=I8
        ),
        "average where no tap is inside": lambda g, o: g.pool_sum(
            o(x8), Window(2, 1, 2, 1, 2, 0), (2, 5), o(float_bits([1.0, 0.5])), zeros=(-4, -128), dtype=I8
        ),
        "exact sums of 32-bit integers": lambda g, o: g.pool_sum(
            o(image("i", I32, 3, 3, 2)), Window(3, 3, 1, 1, 1, 1), (3, 3), zeros=(17, 0)
        ),
    }


def table_cases() -> dict[str, Make]:
    x, x8 = image("x", U8, 2, 3, 4), np.array([[-128, -1, 0, 1], [127, 64, -2, 2]], np.int8)
    pool = Window(2, 3, 1, 2, 1, 1)
    ties = np.repeat(noise("ties", I8, 1, 2, 2, 1), 3, axis=3).repeat(2, axis=1)
    return {
        "lookup": lambda g, o: g.lookup(o(x8), noise("table", U8, 256)),
        "lookup, a table for each channel": lambda g, o: g.lookup(o(x), noise("tables", I8, 4, 256)),
        "lookup, 32-bit entries": lambda g, o: g.lookup(o(x8), noise("wide", I32, 256)),
        "lookup of two, one broadcast": lambda g, o: g.lookup2(
            o(noise("left", I8, 2, 1, 4)), o(noise("right", U8, 3, 1)), repeated("pairs", I8, 65536)
        ),
        "largest": lambda g, o: g.max_pool(o(image("m", I8, 4, 5, 2)), pool, (4, 3)),
        "largest where no tap is inside": lambda g, o: g.max_pool(
            o(image("m", I32, 2, 2, 1)), Window(1, 1, 1, 1, 1, 1), (4, 4)
        ),
        "first largest": lambda g, o: g.arg_max(o(ties), Window(3, 2, 1, 1, 1, 0, 1, 1), (4, 2)),
        "first largest where no tap is inside": lambda g, o: g.arg_max(o(ties), Window(1, 1, 1, 1, 2, 2), (3, 3)),
    }


def map_cases() -> dict[str, Make]:
    x, wide = noise("x", I8, 2, 3, 4), noise("wide", I32, 3, 4)
    indices = np.array([0, 2, -1, -3, 3, -4, 2**31 - 1, -(2**31)], np.int32)
    return {
        # Not the builder's own reshape and transpose, which make another constant of a constant.
        "reshape": lambda g, o: g.step(ReshapeAttributes(), (o(wide),), I32, (2, 6)),
        "transpose": lambda g, o: g.view(o(x), (4, 2, 3), perm=(2, 0, 1), start=(0, 0, 0)),
        "padded, fill": lambda g, o: g.view(o(x), (3, 5, 4), start=(-1, -1, 0), fill=-7),
        "reversed, every second, repeated": lambda g, o: g.view(
            o(wide), (2, 4), perm=(1, 0), start=(3, 1), step=(-2, 0)
        ),
        "concatenation": lambda g, o: g.concat((o(x), o(noise("y", I8, 2, 1, 4)), o(noise("z", I8, 2, 2, 4))), 1),
        "gather, below zero and outside": lambda g, o: g.gather(o(x), o(indices), 1),
        "gather, 8-bit indices": lambda g, o: g.gather(o(wide), o(np.array([[-1, 1], [2, 100]], np.int8))),
        "gather, one index": lambda g, o: g.gather(o(wide), o(np.array(-2, np.int32)), 1),
    }


LOW, HIGH = I32.low, I32.high
LEFT = np.array([LOW, LOW + 1, -65_537, -7, -1, 0, 1, 6, 7, 46_341, 2**30, HIGH], np.int32)
RIGHT = np.array([[-3], [0], [2], [HIGH]], np.int32)


def _arith(kind: ArithKind, shift: int, dtype: DType) -> Make:
    def make(g: ProgramBuilder, o: Callable[[Array], Ref]) -> Ref:
        third = noise("third", I8, 12)
        operands = [(LEFT if kind.operands < 3 else LEFT[3:7].reshape(4, 1)), RIGHT, third][: kind.operands]
        return g.arith(kind, *map(o, operands), shift=shift, dtype=dtype)

    return make


def arith_cases() -> dict[str, Make]:
    plain = [kind for kind in ArithKind if kind is not ArithKind.REQUANTIZE]
    shifted = [ArithKind.MUL_SHIFT, ArithKind.DIV, ArithKind.DIV_ROUND, ArithKind.SQRT]
    cases = {f"{kind.name}": _arith(kind, 0, I32) for kind in plain}
    cases |= {f"{kind.name}, shifted by {shift}": _arith(kind, shift, I32) for kind in shifted for shift in (1, 31)}
    cases |= {f"{kind.name} to i8": _arith(kind, 0, I8) for kind in (ArithKind.ADD, ArithKind.MUL)}
    halves = np.array([-5, -3, -1, 0, 1, 3, 5, HIGH, LOW], np.int32)
    cases["REQUANTIZE, ties"] = lambda g, o: g.requantize(o(halves), 0.5, -3, I8)
    by_place = np.array([0.5, 2.0**-24, 3e38], np.float32)
    cases["REQUANTIZE, a multiplier for each place"] = lambda g, o: g.requantize(
        o(halves.reshape(3, 3)), by_place, 128, U8
    )
    return cases


# ---- as JSON ----------------------------------------------------------------------------------------------------------


def _operand(array: Array) -> dict[str, Any]:
    data = to_bytes(array).tobytes()
    shown = {"data": "0x" + data.hex()}
    if len(data) > LONG:
        shown = {"repeats": "0x" + data[: PERIOD * array.itemsize].hex()}
    return {"header": "0x" + header_of(array).encode().hex(), **shown}


def _indices(size: int) -> list[int]:
    """All of few, the ends and some between of many."""
    if size <= MOST_SHOWN:
        return list(range(size))
    return sorted({0, 1, size - 2, size - 1, *(size * k // 12 for k in range(12))})


def step_of(make: Make) -> tuple[Step, list[Array]]:
    """The step of a case, and its operands' arrays."""
    builder = ProgramBuilder()
    program = builder.build(make(builder, builder.constant))
    validate(program)
    (step,) = program.steps
    return step, [program.constants[ref.index] for ref in step.operands]


def element_case(name: str, make: Make) -> dict[str, Any]:
    step, operands = step_of(make)
    return {
        "name": name,
        "step": "0x" + step.encode().hex(),
        "opcode": int(step.opcode),
        "attributes": list(step.attributes.to_ints()),
        "header": "0x" + step.header.encode().hex(),
        "operands": [_operand(operand) for operand in operands],
        "elements": [[index, element(step, operands, index)] for index in _indices(step.header.size)],
    }


def element_cases() -> list[dict[str, Any]]:
    makes = dot_cases() | table_cases() | map_cases() | arith_cases()
    return [element_case(name, make) for name, make in makes.items()]
