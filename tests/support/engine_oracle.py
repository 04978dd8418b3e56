"""docs/determinism.md in plain Python, one element after the other, over whole tensors: what kernels are compared with.

Written from the document alone and on purpose without any import of the code under test but the opcodes' names.
"""

import itertools
import math

import numpy as np

from tallystick.engine.opcodes import ArithKind, Opcode
from tallystick.engine.program import NUMPY_DTYPES


def sat(value, dtype):
    return max(dtype.low, min(dtype.high, value))


def requantize(acc, bits, zero, dtype):
    # A product of two 24-bit numbers is exact in double precision, so this rounds once.
    single = float(np.float32(acc)) * float(np.array(bits, np.int32).view(np.float32))
    with np.errstate(over="ignore"):
        product = float(np.float32(single))
    if math.isinf(product):
        return dtype.high if product > 0 else dtype.low
    return sat(round(product) + zero, dtype)


def inside_taps(a, x, y, column):
    """(i, j, row, column) of the taps of output (y, column) that lie inside x [N, H, W, C]."""
    for i, j in itertools.product(range(a.kernel_h), range(a.kernel_w)):
        row, at = y * a.stride_h - a.pad_top + i * a.dilation_h, column * a.stride_w - a.pad_left + j * a.dilation_w
        if 0 <= row < x.shape[1] and 0 <= at < x.shape[2]:
            yield i, j, row, at


def finish(acc, a, params, zero, dtype):
    total = int(params[0]) + acc
    return requantize(total, params[1], zero, dtype) if a.requantize else total


def conv(a, place, dtype, *operands):
    x, w, params = operands
    n, y, column, o = place
    first = o // (len(w) // a.groups) * w.shape[3]
    acc = 0
    for i, j, row, at in inside_taps(a, x, y, column):
        for c in range(w.shape[3]):
            acc += (int(x[n, row, at, first + c]) - a.zero_x) * (int(w[o, i, j, c]) - a.zero_w)
    return finish(acc, a, params[o], a.zero_y, dtype)


def matmul(a, place, dtype, *operands):
    left, right, params = operands
    *lead, m, n = place
    rows = right[tuple(lead)] if right.ndim > 2 else right
    pairs = zip(left[(*lead, m)].tolist(), rows[n].tolist(), strict=True)
    acc = sum((p - a.zero_a) * (q - a.zero_b) for p, q in pairs)
    return finish(acc, a, params[n if len(params) > 1 else 0], a.zero_y, dtype)


def pool_sum(a, place, dtype, x, multipliers=None):
    n, y, column, c = place
    taps = [int(x[n, row, at, c]) - a.zero_x for _, _, row, at in inside_taps(a, x, y, column)]
    if not a.requantize:
        return sum(taps)
    return requantize(sum(taps), multipliers[len(taps) - 1], a.zero_y, dtype) if taps else sat(a.zero_y, dtype)


def lookup(a, place, dtype, x, table):
    entry = int(x[place]) % 256
    return int(table[entry] if table.ndim == 1 else table[place[-1], entry])


def broadcast(arrays, place):
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    return [int(np.broadcast_to(array, shape)[place]) for array in arrays]


def lookup2(a, place, dtype, *operands):
    left, right, table = operands
    first, second = broadcast([left, right], place)
    return int(table[256 * (first % 256) + second % 256])


def max_pool(a, place, dtype, x):
    n, y, column, c = place
    return max((int(x[n, row, at, c]) for _, _, row, at in inside_taps(a, x, y, column)), default=dtype.low)


def arg_max(a, place, dtype, x):
    n, y, column, c = place
    best = None
    for i, j, row, at in inside_taps(a, x, y, column):
        if best is None or int(x[n, row, at, c]) > best[0]:
            best = int(x[n, row, at, c]), i * a.kernel_w + j
    return best[1] if best else 0


def view(a, place, dtype, x):
    source = [0] * x.ndim
    for k, axis in enumerate(a.perm):
        source[axis] = a.start[k] + a.step[k] * place[k]
    inside = all(0 <= at < size for at, size in zip(source, x.shape, strict=True))
    return int(x[tuple(source)]) if inside else a.fill


def concat(a, place, dtype, *parts):
    k = max(k for k, offset in enumerate(a.offsets) if offset <= place[a.axis])
    source = list(place)
    source[a.axis] -= a.offsets[k]
    return int(parts[k][tuple(source)])


def gather(a, place, dtype, data, indices):
    last = a.axis + indices.ndim
    i = int(indices[place[a.axis : last]])
    i += data.shape[a.axis] if i < 0 else 0
    return int(data[(*place[: a.axis], i, *place[last:])]) if 0 <= i < data.shape[a.axis] else 0


def trunc(a, b):
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


EXPRESSIONS = {
    ArithKind.ADD: lambda s, a, b: a + b,
    ArithKind.SUB: lambda s, a, b: a - b,
    ArithKind.MUL: lambda s, a, b: a * b,
    ArithKind.MUL_SHIFT: lambda s, a, b: (a * b + (2 ** (s - 1) if s else 0)) // 2**s,
    ArithKind.DIV: lambda s, a, b: trunc(a * 2**s, b),
    ArithKind.DIV_ROUND: lambda s, a, b: trunc((abs(a) * 2**s + abs(b) // 2) * (-1 if a < 0 else 1), b),
    ArithKind.MIN: lambda s, a, b: min(a, b),
    ArithKind.MAX: lambda s, a, b: max(a, b),
    ArithKind.LESS: lambda s, a, b: int(a < b),
    ArithKind.LESS_EQUAL: lambda s, a, b: int(a <= b),
    ArithKind.EQUAL: lambda s, a, b: int(a == b),
    ArithKind.SELECT: lambda s, a, b, c: b if a != 0 else c,
    ArithKind.SQRT: lambda s, a: math.isqrt(max(a, 0) * 2**s),
}


def arith(a, place, dtype, *operands):
    values = broadcast(operands, place)
    if a.kind == ArithKind.REQUANTIZE:
        return requantize(*values, a.zero_y, dtype)
    return sat(EXPRESSIONS[ArithKind(a.kind)](a.shift, *values), dtype)


ELEMENTS = {
    Opcode.CONV: conv,
    Opcode.MATMUL: matmul,
    Opcode.POOL_SUM: pool_sum,
    Opcode.LOOKUP: lookup,
    Opcode.LOOKUP2: lookup2,
    Opcode.MAX_POOL: max_pool,
    Opcode.ARG_MAX: arg_max,
    Opcode.VIEW: view,
    Opcode.CONCAT: concat,
    Opcode.GATHER: gather,
    Opcode.ARITH: arith,
}


def expected(attributes, operands, header):
    """The whole output of one step, of dtype and dims `header`; `operands` are arrays [*dims]."""
    if attributes.opcode is Opcode.RESHAPE:
        return operands[0].reshape(header.dims)
    out = np.empty(header.dims, NUMPY_DTYPES[header.dtype])
    for place in np.ndindex(*header.dims):
        out[place] = ELEMENTS[attributes.opcode](attributes, place, header.dtype, *operands)
    return out
