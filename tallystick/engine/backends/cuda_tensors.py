"""What the operations over torch share: dtypes, requantisation, windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch

from tallystick.engine.kernels.site import Site
from tallystick.engine.opcodes import DType, Window

Tensor: TypeAlias = Any
"""A torch.Tensor; torch need not be there where types are checked."""

Run: TypeAlias = Callable[[Sequence[Tensor]], Tensor]
"""From a step's operands, activations [B, *dims] and constants [*dims], to its output [B, *dims]."""

TORCH_DTYPES = {DType.U8: torch.uint8, DType.I8: torch.int8, DType.I32: torch.int32}
FAR = 2.0**40
"""Beyond every dtype, and within 64 bits when a zero point is added."""


def requantized(dtype: DType, acc: Tensor, multipliers: Tensor, zero: int) -> Tensor:
    """`sat(rne(f32(acc) * M) + zero)` of integers: the product is rounded to single precision, then to an integer, ties to even."""
    rounded = torch.round(acc.to(torch.float32) * multipliers)
    wide = torch.clamp(rounded.to(torch.float64), -FAR, FAR).to(torch.int64) + zero
    return saturated(dtype, wide)


def saturated(dtype: DType, values: Tensor) -> Tensor:
    return torch.clamp(values, dtype.low, dtype.high).to(TORCH_DTYPES[dtype])


def multipliers_of(bits: Tensor) -> Tensor:
    """Single-precision numbers from the integers that have their bits."""
    return bits.contiguous().view(torch.float32)


def images(x: Tensor) -> Tensor:
    """[B, N, ...] as [B * N, ...]."""
    return x.reshape(-1, *x.shape[2:])


def taps(x: Tensor, window: Window, out: tuple[int, int], fill: int) -> Tensor:
    """[images, H, W, C] as [images, out H, out W, C, kernel_h, kernel_w], `fill` outside."""
    sides = (
        (1, window.pad_top, window.kernel_h, window.stride_h, window.dilation_h, out[0]),
        (2, window.pad_left, window.kernel_w, window.stride_w, window.dilation_w, out[1]),
    )
    pads = [0, 0]
    for axis, pad, kernel, stride, dilation, places in reversed(sides):
        reach = (kernel - 1) * dilation + 1
        pads += [pad, max((places - 1) * stride - pad + reach - x.shape[axis], 0)]
    x = torch.nn.functional.pad(x, pads, value=fill) if any(pads) else x
    for axis, _, kernel, stride, dilation, places in sides:
        x = x.unfold(axis, (kernel - 1) * dilation + 1, stride)[..., ::dilation].narrow(axis, 0, places)
    return x


def batched(operand: Tensor, site: Site, index: int) -> Tensor:
    """Operand `index`, its dims aligned with the output's [B, *dims]; constants, which have no B, align by themselves."""
    if site.constants[index] is not None:
        return operand
    missing = len(site.dims) - len(site.headers[index].dims)
    return operand.reshape(operand.shape[0], *[1] * missing, *operand.shape[1:])
