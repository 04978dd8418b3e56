"""Rows of single-precision numbers from images: what the matrix products of convolutions read."""

# ruff: noqa: PLR0917
from __future__ import annotations

import numpy as np

from tallystick.engine.kernels.jit import jitted


@jitted
def widen(source, flip, zero, out):  # type: ignore[no-untyped-def]
    """float32 `out` [n] of the bytes `source` [n], minus the zero point."""
    mask, shift = np.uint8(flip), np.int32(zero)
    for k in range(source.size):
        out[k] = np.float32(np.int32(np.int32(source[k] ^ mask) - shift))


@jitted
def _first_inside(left, dilation, kernel):  # type: ignore[no-untyped-def]
    """The first tap of a row whose column is not before the image."""
    return min(max(0, -(left // dilation)), kernel)


@jitted
def gather_patches(x, flip, zero, first, out_hw, window, out):  # type: ignore[no-untyped-def]
    """float32 `out` [n, taps * C]: what the outputs `first` .. `first + n - 1` of a convolution read, minus the zero point.

    `x` is the bytes [N, H, W, C]; outputs are counted over [N, *out_hw]; `window` holds the eight numbers of a `Window`.
    A tap outside the image reads 0.
    """
    _, rows, columns, channels = x.shape
    kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w = window
    mask, shift, pixels = np.uint8(flip), np.int32(zero), x.reshape(-1)
    # Without dilation the taps of a row lie side by side, and are one run.
    joined = kernel_w if dilation_w == 1 else 1
    for k in range(out.shape[0]):
        place = first + k
        n = place // (out_hw[0] * out_hw[1])
        top = place // out_hw[1] % out_hw[0] * stride_h - pad_top
        left = place % out_hw[1] * stride_w - pad_left
        inside = _first_inside(left, dilation_w, kernel_w)
        beyond = max(inside, _first_inside(left - columns, dilation_w, kernel_w))
        for i in range(kernel_h):
            row, at = top + i * dilation_h, i * kernel_w * channels
            begin, end = (inside, beyond) if 0 <= row < rows else (kernel_w, kernel_w)
            for c in range(at, at + begin * channels):
                out[k, c] = np.float32(0)
            for c in range(at + end * channels, at + kernel_w * channels):
                out[k, c] = np.float32(0)
            for j in range(begin, end, joined):
                source = ((n * rows + row) * columns + left + j * dilation_w) * channels
                # Slices, because an index of which the sign is not plain keeps the loop from being made of vector instructions.
                run = pixels[source : source + min(joined, end - j) * channels]
                target = out[k, at + j * channels : at + (j + joined) * channels]
                for c in range(run.size):
                    target[c] = np.float32(np.int32(np.int32(run[c] ^ mask) - shift))
