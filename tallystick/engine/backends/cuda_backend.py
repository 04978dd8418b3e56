"""Exact integers on a GPU behind the seam, over torch. `device="cpu"` runs the same operations where there is no GPU.

Products of 8-bit matrices go to the integer tensor cores (`torch._int_mm`), or to floating point of 24 or 53 bits where every sum
that can occur fits: exact, whatever the order. Convolutions are gathered into products of matrices here, because cuDNN may choose
algorithms (Winograd, FFT) that are not exact. Everything else is element by element.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import torch

from tallystick.engine.kernels.site import How, Site, flip_of, lifted_zero, magnitude
from tallystick.engine.opcodes import (
    ArithAttributes,
    ArithKind,
    ConcatAttributes,
    ConvAttributes,
    DType,
    GatherAttributes,
    MatMulAttributes,
    Opcode,
    PoolSumAttributes,
    ViewAttributes,
    Window,
)
from tallystick.engine.program import Array, Program, Ref, RefKind

Tensor: TypeAlias = Any
"""A torch.Tensor; torch need not be there where types are checked."""
Products: TypeAlias = Literal["integer", "floating"]
Run: TypeAlias = Callable[[Sequence[Tensor]], Tensor]
"""From operands, activations [B, *dims] and constants [*dims], to the output [B, *dims]."""

TORCH_DTYPES = {DType.U8: torch.uint8, DType.I8: torch.int8, DType.I32: torch.int32}
LEAST_ROWS = 17
MULTIPLE = 8
"""What `torch._int_mm` asks of its operands: more than 16 rows, the other two dims multiples of 8."""
FAR = 2.0**40
"""Beyond every dtype, and within 64 bits when a zero point is added."""


# ---- shared ---------------------------------------------------------------------------------------------------------


def _requantized(site: Site, acc: Tensor, multipliers: Tensor, zero: int) -> Tensor:
    """`acc` holds exact sums as int32 or int64; the product is rounded to single precision, then to an integer, ties to even."""
    rounded = torch.round(acc.to(torch.float32) * multipliers)
    if site.dtype is not DType.I32:
        low, high = float(site.dtype.low - zero), float(site.dtype.high - zero)
        return (torch.clamp(rounded, low, high).to(torch.int16) + zero).to(TORCH_DTYPES[site.dtype])
    wide = torch.clamp(rounded.to(torch.float64), -FAR, FAR).to(torch.int64) + zero
    return _saturated(site, wide)


def _saturated(site: Site, values: Tensor) -> Tensor:
    return torch.clamp(values, site.dtype.low, site.dtype.high).to(TORCH_DTYPES[site.dtype])


def _finish(site: Site, acc: Tensor, params: Tensor, attributes: ConvAttributes | MatMulAttributes) -> Tensor:
    """`acc` [..., O] without bias."""
    acc = acc.to(torch.int64) + params[:, 0].to(torch.int64)
    if not attributes.requantize:
        return acc.to(torch.int32)
    return _requantized(site, acc, params[:, 1].contiguous().view(torch.float32), attributes.zero_y)


def _bytes(x: Tensor, dtype: DType) -> Tensor:
    """Indices: the byte of each element as a 64-bit integer."""
    return x.to(torch.int64) & 0xFF if dtype is DType.I8 else x.to(torch.int64)


def _aligned(x: Tensor, rank: int, header_rank: int, batched: bool) -> Tensor:
    """An operand whose dims broadcast against [B, *dims] of that rank."""
    return x.reshape(x.shape[0], *[1] * (rank - header_rank), *x.shape[1:]) if batched else x


def _taps(x: Tensor, site: Site, window: Window, fill: int) -> Tensor:
    """[images, H, W, C] as [images, out H, out W, C, kernel_h, kernel_w], `fill` outside."""
    sides = (
        (1, window.pad_top, window.kernel_h, window.stride_h, window.dilation_h, site.dims[1]),
        (2, window.pad_left, window.kernel_w, window.stride_w, window.dilation_w, site.dims[2]),
    )
    for axis, pad, kernel, stride, dilation, places in sides:
        reach = (kernel - 1) * dilation + 1
        behind = max((places - 1) * stride - pad + reach - x.shape[axis], 0)
        ends = [0, 0, 0, 0] if axis == 2 else [0, 0, 0, 0, 0, 0]
        ends[-2:] = [pad, behind]
        x = torch.nn.functional.pad(x, (0, 0, *ends[-2:]) if axis == 2 else (0, 0, 0, 0, *ends[-2:]), value=fill)
    for axis, _, kernel, stride, dilation, places in sides:
        x = x.unfold(axis, (kernel - 1) * dilation + 1, stride)[..., ::dilation].narrow(axis, 0, places)
    return x


def _images(x: Tensor) -> Tensor:
    return x.reshape(-1, *x.shape[2:])


# ---- Dot ------------------------------------------------------------------------------------------------------------


def _matrix_product(
    a: Tensor, b: Tensor, zeros: tuple[int, int], bound: int, products: Products
) -> Tensor:
    """Exact sums over k of `(a[m, k] - zeros[0]) * (b[n, k] - zeros[1])`, integers [.., M, N]. Operands are int16."""
    if products == "integer" and a.ndim == b.ndim == 2:
        return _integer_product(a, b, zeros)
    kind = torch.float32 if bound < 2**24 else torch.float64
    left, right = (a - zeros[0]).to(kind), (b - zeros[1]).to(kind)
    return torch.matmul(left, right.transpose(-1, -2)).to(torch.int64)


def _integer_product(a: Tensor, b: Tensor, zeros: tuple[int, int]) -> Tensor:
    """Operands moved into int8; what the zero points contribute is taken off by sums of rows."""
    (rows, terms), outputs = a.shape, b.shape[0]
    moved, held = [], []
    for x, zero, least in ((a, zeros[0], LEAST_ROWS), (b, zeros[1], 1)):
        shift = 128 if bool((x > 127).any()) else 0
        height = max(x.shape[0], least)
        if x is b:
            height = -(-height // MULTIPLE) * MULTIPLE
        padded = torch.zeros((height, -(-terms // MULTIPLE) * MULTIPLE), dtype=torch.int8, device=x.device)
        padded[: x.shape[0], :terms] = (x - shift).to(torch.int8)
        moved.append(padded)
        held.append(zero - shift)
    acc = torch._int_mm(moved[0], moved[1].t())[:rows, :outputs].to(torch.int64)
    if held[0]:
        acc = acc - held[0] * moved[1].sum(dim=1, dtype=torch.int64)[:outputs]
    if held[1]:
        acc = acc - held[1] * moved[0].sum(dim=1, dtype=torch.int64)[:rows, None]
    return acc + terms * held[0] * held[1]


def _conv(site: Site, products: Products) -> Run:
    attributes = cast(ConvAttributes, site.step.attributes)
    groups, outputs = attributes.groups, site.dims[3]
    zeros = (attributes.zero_x, attributes.zero_w)
    bound = _bound(site, zeros, attributes.window.taps * site.headers[1].dims[3])

    def run(operands: Sequence[Tensor]) -> Tensor:
        x, w, params = operands
        if w.ndim == 5:
            whole = [run((x[k : k + 1], w[k], params)) for k in range(len(w))]
            return torch.cat(whole)
        taps = _taps(_images(x).to(torch.int16), site, attributes.window, attributes.zero_x)
        filters = w.to(torch.int16)
        if groups == outputs == x.shape[-1] and groups > 1:
            acc = _depthwise(taps, filters, zeros)
        else:
            each, per_group = outputs // groups, x.shape[-1] // groups
            # The order of the filters' elements: kernel_h, kernel_w, channel.
            patches = taps.permute(0, 1, 2, 4, 5, 3)
            parts = [
                _matrix_product(
                    patches[..., g * per_group : (g + 1) * per_group].reshape(-1, filters[0].numel()),
                    filters[g * each : (g + 1) * each].reshape(each, -1),
                    zeros,
                    bound,
                    products,
                )
                for g in range(groups)
            ]
            acc = torch.cat(parts, dim=-1)
        return _finish(site, acc, params, attributes).reshape(x.shape[0], *site.dims)

    return run


def _depthwise(taps: Tensor, filters: Tensor, zeros: tuple[int, int]) -> Tensor:
    acc = torch.zeros(taps.shape[:4], dtype=torch.int32, device=taps.device)
    for i in range(taps.shape[4]):
        for j in range(taps.shape[5]):
            acc += (taps[..., i, j].to(torch.int32) - zeros[0]) * (filters[:, i, j, 0].to(torch.int32) - zeros[1])
    return acc


def _bound(site: Site, zeros: tuple[int, int], terms: int) -> int:
    a, b = site.headers[0].dtype, site.headers[1].dtype
    return terms * magnitude(a, zeros[0]) * magnitude(b, zeros[1])


def _matmul(site: Site, products: Products) -> Run:
    attributes = cast(MatMulAttributes, site.step.attributes)
    zeros = (attributes.zero_a, attributes.zero_b)
    bound = _bound(site, zeros, site.headers[0].dims[-1])
    constant_b, flat_b = site.constants[1] is not None, len(site.headers[1].dims) == 2

    def run(operands: Sequence[Tensor]) -> Tensor:
        a, b, params = operands
        left, right = a.to(torch.int16), b.to(torch.int16)
        if constant_b and flat_b:
            acc = _matrix_product(left.reshape(-1, a.shape[-1]), right, zeros, bound, products)
        else:
            if flat_b:
                right = right.reshape(len(b), *[1] * (len(site.dims) - 2), *b.shape[1:])
            acc = _matrix_product(left, right, zeros, bound, products)
        return _finish(site, acc, params, attributes).reshape(-1, *site.dims)

    return run


def _pool_sum(site: Site, _: Products) -> Run:
    attributes = cast(PoolSumAttributes, site.step.attributes)

    def run(operands: Sequence[Tensor]) -> Tensor:
        x = operands[0]
        centred = _images(x).to(torch.int64) - attributes.zero_x
        acc = _taps(centred, site, attributes.window, 0).sum(dim=(4, 5))
        if not attributes.requantize:
            return acc.to(torch.int32).reshape(x.shape[0], *site.dims)
        inside = _taps(torch.ones((1, *x.shape[2:4], 1), dtype=torch.int64, device=x.device), site, attributes.window, 0)
        counts = inside.sum(dim=(4, 5))
        factors = operands[1].view(torch.float32)[torch.clamp(counts - 1, min=0)]
        return _requantized(site, acc, factors, attributes.zero_y).reshape(x.shape[0], *site.dims)

    return run
