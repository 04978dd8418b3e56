"""MATMUL: with a constant right operand one product of many rows; of two activations many small products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np

from tallystick.engine.kernels.conv import rows_of
from tallystick.engine.kernels.dense import Dense
from tallystick.engine.kernels.products import multiply, plan_sums
from tallystick.engine.kernels.requantize import Finish
from tallystick.engine.kernels.rows import widen
from tallystick.engine.kernels.site import Floats, Kernel, Site, flip_of, lifted_zero, magnitude, tensor_bytes
from tallystick.engine.opcodes import DType, MatMulAttributes
from tallystick.engine.program import Array

_BLOCK_NUMBERS = 1 << 19


def prepare_matmul(site: Site) -> Kernel:
    """Params are a constant; the right operand may be."""
    attributes = cast(MatMulAttributes, site.step.attributes)
    finish = Finish.of(site.constant(2), site.headers[1].dims[-2], site.dtype, attributes.zero_y)
    right = site.constants[1]
    if right is not None and right.ndim == 2:
        return _constant_kernel(site, attributes, right, finish)
    return _batched_kernel(site, attributes, finish)


def _constant_kernel(site: Site, attributes: MatMulAttributes, right: Array, finish: Finish) -> Kernel:
    left = site.headers[0]
    scale = magnitude(left.dtype, attributes.zero_a)
    dense = Dense(right, attributes.zero_b, scale, finish, site.how)

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        flat = out.reshape(-1, out.shape[-1])
        pixels = tensor_bytes(operands[0]).reshape(-1, left.dims[-1])
        dense(len(flat), rows_of(pixels, left.dtype, attributes.zero_a), flat)
        return out

    return kernel


def _widened(array: Array, dtype: DType, zero: int) -> Floats:
    out = np.empty(array.shape, np.float32)
    widen(tensor_bytes(array).reshape(-1), flip_of(dtype), lifted_zero(dtype, zero), out.reshape(-1))
    return out


def _batched_kernel(site: Site, attributes: MatMulAttributes, finish: Finish) -> Kernel:
    (rows, terms), columns = site.headers[0].dims[-2:], site.headers[1].dims[-2]
    left, right = site.headers[0].dtype, site.headers[1].dtype
    shared = math.prod(site.headers[0].dims[:-2]) if len(site.headers[1].dims) == 2 else 1
    bound = magnitude(left, attributes.zero_a) * magnitude(right, attributes.zero_b)
    plan = plan_sums(np.full((terms, 1), bound, np.int64), 1, site.how.accumulation)
    size = max(1, _BLOCK_NUMBERS // max(shared * rows * terms, columns * terms, shared * rows * columns))

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        # One right operand is read by all the rows that it has no leading dims to tell apart.
        a = operands[0].reshape(-1, shared * rows, terms)
        b = operands[1].reshape(-1, columns, terms)
        flat = out.reshape(len(a), shared * rows, columns)
        for first in range(0, len(a), size):
            block = slice(first, first + size)
            wide_a = _widened(a[block], left, attributes.zero_a).astype(plan.kind, copy=False)
            wide_b = _widened(b[block], right, attributes.zero_b).astype(plan.kind, copy=False)
            sums = multiply(plan, wide_a, wide_b.swapaxes(1, 2))
            finish(sums.reshape(-1, columns), flat[block].reshape(-1, columns))
        return out

    return kernel
