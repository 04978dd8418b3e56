"""One output element of one step, in plain integers: the shortest implementation of docs/determinism.md, and the slowest.

It is written to be mirrored line by line where arrays do not exist: `first_readings` and `second_readings` say what to read,
`evaluate` makes one integer of it. No numpy in the arithmetic, no floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import (
    ArithAttributes,
    ArithKind,
    ConvAttributes,
    DType,
    MatMulAttributes,
    Opcode,
    PoolSumAttributes,
)
from tallystick.engine.program import Array, Step, header_of
from tallystick.engine.readings import Headers, Reading, Values, first_readings, second_readings, taps_of
from tallystick.engine.requantisation import requantize, saturate
from tallystick.engine.trace import Trace

Evaluate = Callable[[Any, TensorHeader, Headers, int, Values], int]
"""`(attributes, output's header, operands' headers, output's flat index, values) -> element`."""


# ---- Dot --------------------------------------------------------------------------------------------------------------


def _finish(acc: int, params: Sequence[int], attributes: ConvAttributes | MatMulAttributes, out: TensorHeader) -> int:
    acc = saturate(acc + params[0], DType.I32)
    return requantize(acc, params[1], attributes.zero_y, out.dtype) if attributes.requantize else acc


def _conv(attributes: ConvAttributes, out: TensorHeader, headers: Headers, index: int, values: Values) -> int:
    x, w, params = values
    channels, acc = headers[1].dims[3], 0
    for order, (tap, _) in enumerate(taps_of(attributes.window, out, headers[0], index)):
        for c in range(channels):
            acc += (x[order * channels + c] - attributes.zero_x) * (w[tap * channels + c] - attributes.zero_w)
    return _finish(acc, params, attributes, out)


def _matmul(attributes: MatMulAttributes, out: TensorHeader, _: Headers, __: int, values: Values) -> int:
    a, b, params = values
    acc = sum((left - attributes.zero_a) * (right - attributes.zero_b) for left, right in zip(a, b, strict=True))
    return _finish(acc, params, attributes, out)


def _pool_sum(attributes: PoolSumAttributes, out: TensorHeader, _: Headers, __: int, values: Values) -> int:
    acc = saturate(sum(x - attributes.zero_x for x in values[0]), DType.I32)
    if not attributes.requantize:
        return acc
    if not values[0]:
        return saturate(attributes.zero_y, out.dtype)
    return requantize(acc, values[1][0], attributes.zero_y, out.dtype)


# ---- Lookup, Window, Map ----------------------------------------------------------------------------------------------


def _last(_: Any, __: TensorHeader, ___: Headers, ____: int, values: Values) -> int:
    """The entry of the table."""
    return values[-1][0]


def _max_pool(_: Any, out: TensorHeader, __: Headers, ___: int, values: Values) -> int:
    return max(values[0], default=out.dtype.low)


def _arg_max(attributes: Any, out: TensorHeader, headers: Headers, index: int, values: Values) -> int:
    taps = taps_of(attributes.window, out, headers[0], index)
    # `max` gives the first of equals.
    return max(zip(values[0], taps, strict=True), key=lambda pair: pair[0], default=(0, (0, 0)))[1][0]


def _copied(attributes: Any, _: TensorHeader, __: Headers, ___: int, values: Values) -> int:
    """The one element that was read, of whichever operand; VIEW's `fill` where none was."""
    read = [value for operand in values for value in operand]
    return read[0] if read else int(attributes.fill) if attributes.opcode is Opcode.VIEW else 0


def _gathered(_: Any, __: TensorHeader, ___: Headers, ____: int, values: Values) -> int:
    return values[0][0] if values[0] else 0


# ---- Arith ------------------------------------------------------------------------------------------------------------


def quotient(a: int, b: int) -> int:
    """`trunc(a / b)`; 0 where `b` is 0."""
    if b == 0:
        return 0
    return abs(a) // abs(b) if (a < 0) == (b < 0) else -(abs(a) // abs(b))


def rounded_quotient(a: int, b: int) -> int:
    """`a / b` to the nearest, halves away from 0; 0 where `b` is 0."""
    if b == 0:
        return 0
    size = (abs(a) + abs(b) // 2) // abs(b)
    return size if (a < 0) == (b < 0) else -size


def _scaled_product(product: int, shift: int) -> int:
    return (product + (1 << (shift - 1)) if shift else product) >> shift


PLAIN: dict[ArithKind, Callable[..., int]] = {
    ArithKind.ADD: lambda a, b: a + b,
    ArithKind.SUB: lambda a, b: a - b,
    ArithKind.MUL: lambda a, b: a * b,
    ArithKind.MIN: min,
    ArithKind.MAX: max,
    ArithKind.LESS: lambda a, b: int(a < b),
    ArithKind.LESS_EQUAL: lambda a, b: int(a <= b),
    ArithKind.EQUAL: lambda a, b: int(a == b),
    ArithKind.SELECT: lambda a, b, c: b if a else c,
}

SHIFTED: dict[ArithKind, Callable[..., int]] = {
    ArithKind.MUL_SHIFT: lambda s, a, b: _scaled_product(a * b, s),
    ArithKind.DIV: lambda s, a, b: quotient(a << s, b),
    ArithKind.DIV_ROUND: lambda s, a, b: rounded_quotient(a << s, b),
    ArithKind.SQRT: lambda s, a: math.isqrt(max(a, 0) << s),
}


def _arith(attributes: ArithAttributes, out: TensorHeader, _: Headers, __: int, values: Values) -> int:
    operands = [operand[0] for operand in values]
    kind = ArithKind(attributes.kind)
    if kind is ArithKind.REQUANTIZE:
        return requantize(operands[0], operands[1], attributes.zero_y, out.dtype)
    if kind in PLAIN:
        return saturate(PLAIN[kind](*operands), out.dtype)
    return saturate(SHIFTED[kind](attributes.shift, *operands), out.dtype)


# ---- all --------------------------------------------------------------------------------------------------------------

EVALUATE: dict[Opcode, Evaluate] = {
    Opcode.CONV: _conv,
    Opcode.MATMUL: _matmul,
    Opcode.POOL_SUM: _pool_sum,
    Opcode.LOOKUP: _last,
    Opcode.LOOKUP2: _last,
    Opcode.MAX_POOL: _max_pool,
    Opcode.ARG_MAX: _arg_max,
    Opcode.RESHAPE: _copied,
    Opcode.VIEW: _copied,
    Opcode.CONCAT: _copied,
    Opcode.GATHER: _gathered,
    Opcode.ARITH: _arith,
}


def evaluate(step: Step, headers: Headers, index: int, values: Values) -> int:
    """The output element `index` of a step.

    Args:
        step: Of a valid program.
        headers: Of its operands.
        index: Flat, of the output element.
        values: For each operand the elements that both stages of readings name, in their order.

    Raises:
        ModelError: a multiplier is not finite and above zero, which no valid program has.
    """
    return EVALUATE[step.opcode](step.attributes, step.header, headers, index, values)


def computed(step: Step, headers: Headers, index: int, read: Callable[[Reading], Sequence[int]]) -> int:
    """The output element `index`, with `read` to open what it asks for, in order."""
    values: list[list[int]] = [[] for _ in headers]
    for reading in first_readings(step, headers, index):
        values[reading.operand].extend(read(reading))
    for reading in second_readings(step, headers, index, values):
        values[reading.operand].extend(read(reading))
    return evaluate(step, headers, index, values)


def _reader(operands: Sequence[Array], seen: list[Reading]) -> Callable[[Reading], list[int]]:
    flat = [operand.reshape(-1) for operand in operands]

    def read(reading: Reading) -> list[int]:
        seen.append(reading)
        elements: list[int] = flat[reading.operand][reading.first : reading.first + reading.count].tolist()
        return elements

    return read


def element(step: Step, operands: Sequence[Array], index: int) -> int:
    """The output element `index` (flat) of a step on whole operands, each [*dims] as the step has it.

    Raises:
        ModelError: the output has no such element.
    """
    return computed(step, [header_of(operand) for operand in operands], index, _reader(operands, []))


def element_of(trace: Trace, step_index: int, index: int) -> int:
    """What a step makes of a trace's own operands at `index` (flat), whatever the trace has there.

    Raises:
        ModelError: the output has no such element.
        InputError: the run did not keep an operand.
    """
    step = trace.program.steps[step_index]
    return element(step, [trace.tensor(ref) for ref in step.operands], index)


def readings_of(step: Step, operands: Sequence[Array], index: int) -> list[Reading]:
    """What the element is computed from, of both stages. Raises ModelError as `element` does."""
    seen: list[Reading] = []
    computed(step, [header_of(operand) for operand in operands], index, _reader(operands, seen))
    return seen
