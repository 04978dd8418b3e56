"""Convolutions in which every output has one input channel: no matrix product, but sums over taps, channels side by side."""

# ruff: noqa: PLR0917
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.engine.kernels.jit import jitted
from tallystick.engine.kernels.requantize import Finish
from tallystick.engine.kernels.shares import share_out
from tallystick.engine.kernels.site import Kernel, Site, flip_of, lifted_zero, tensor_bytes
from tallystick.engine.opcodes import ConvAttributes
from tallystick.engine.program import Array


@jitted
def depthwise_rows(x, flip, zero, first, out_hw, window, weights, acc):  # type: ignore[no-untyped-def]
    """int32 sums `acc` [n, C] of the outputs `first` .. `first + n - 1`, counted over [N, *out_hw].

    `x` is the bytes [N, H, W, C], `weights` int32 [kernel_h, kernel_w, C] minus the zero point. Taps outside take no part.
    """
    rows, columns, channels = x.shape[1], x.shape[2], x.shape[3]
    kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w = window
    mask, shift = np.uint8(flip), np.int32(zero)
    for k in range(acc.shape[0]):
        place = first + k
        n = place // (out_hw[0] * out_hw[1])
        top = place // out_hw[1] % out_hw[0] * stride_h - pad_top
        left = place % out_hw[1] * stride_w - pad_left
        for c in range(channels):
            acc[k, c] = 0
        for i in range(kernel_h):
            row = top + i * dilation_h
            if row < 0 or row >= rows:
                continue
            for j in range(kernel_w):
                column = left + j * dilation_w
                if column < 0 or column >= columns:
                    continue
                for c in range(channels):
                    value = np.int32(np.int32(x[n, row, column, c] ^ mask) - shift)
                    acc[k, c] = np.int32(acc[k, c] + np.int32(value * weights[i, j, c]))


_BLOCK_NUMBERS = 1 << 16
"""Sums held at once: 256 KiB."""


def prepare_depthwise(site: Site, attributes: ConvAttributes, weights: Array, finish: Finish) -> Kernel:
    """`weights` is [O, kernel_h, kernel_w, 1]; O is a multiple of the number of channels."""
    prepared = np.ascontiguousarray(weights[..., 0].transpose(1, 2, 0).astype(np.int32) - np.int32(attributes.zero_w))
    dtype, outputs, channels = site.headers[0].dtype, len(weights), site.headers[0].dims[3]
    flip, lifted, window = flip_of(dtype), lifted_zero(dtype, attributes.zero_x), attributes.to_ints()[:8]
    size = max(1, _BLOCK_NUMBERS // outputs)

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        images = operands[0].reshape(-1, *site.headers[0].dims[1:])
        x = tensor_bytes(images if outputs == channels else np.repeat(images, outputs // channels, axis=3))
        flat = out.reshape(-1, outputs)

        def share(start: int, end: int) -> None:
            acc = np.empty((min(size, end - start), outputs), np.int32)
            for first in range(start, end, size):
                block = acc[: min(size, end - first)]
                depthwise_rows(x, flip, lifted, first, site.dims[1:3], window, prepared, block)
                finish(block, flat[first : first + len(block)])

        share_out(site.how.threads, len(flat), share)
        return out

    return kernel
