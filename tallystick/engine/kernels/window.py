"""MAX_POOL, ARG_MAX and POOL_SUM: tap by tap over whole tensors, or one reduction where the window is the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tallystick.engine.kernels.requantize import requantize
from tallystick.engine.kernels.site import Kernel, Longs, Site
from tallystick.engine.kernels.taps import covers_all, tap_counts, taps
from tallystick.engine.opcodes import ArgMaxAttributes, MaxPoolAttributes, PoolSumAttributes, Window
from tallystick.engine.program import Array


class _Images:
    """The one activation as [B * N, H, W, C], and where its taps lie."""

    def __init__(self, site: Site, window: Window) -> None:
        self.dims = site.headers[0].dims[1:]
        self.out_dims = site.dims[1:]
        self.window = window
        in_hw, out_hw = self.dims[:2], self.out_dims[:2]
        self.in_hw, self.out_hw = cast(tuple[int, int], in_hw), cast(tuple[int, int], out_hw)
        self.whole = covers_all(window, self.in_hw, self.out_hw)
        self.taps = [] if self.whole else list(taps(window, self.in_hw, self.out_hw))

    def of(self, operand: Array) -> npt.NDArray[np.integer[Any]]:
        return cast(npt.NDArray[np.integer[Any]], operand.reshape(-1, *self.dims))

    def flat(self, operand: Array) -> Array:
        """[B * N, H * W, C]."""
        return operand.reshape(-1, self.dims[0] * self.dims[1], self.dims[2])


def prepare_max_pool(site: Site) -> Kernel:
    images = _Images(site, cast(MaxPoolAttributes, site.step.attributes).window)

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        flat = out.reshape(-1, *images.out_dims)
        if images.whole:
            images.flat(operands[0]).max(axis=1, out=flat[:, 0, 0])
            return out
        flat[...] = site.dtype.low
        x = images.of(operands[0])
        for _, rows, columns in images.taps:
            target = flat[:, rows.outputs, columns.outputs]
            np.maximum(target, x[:, rows.inputs, columns.inputs], out=target)
        return out

    return kernel


def prepare_arg_max(site: Site) -> Kernel:
    images = _Images(site, cast(ArgMaxAttributes, site.step.attributes).window)

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        flat = out.reshape(-1, *images.out_dims)
        if images.whole:
            flat[:, 0, 0] = images.flat(operands[0]).argmax(axis=1)
            return out
        flat[...] = 0
        x = images.of(operands[0])
        # Below every element, so that the first tap inside wins even where it holds the dtype's lowest value.
        best = np.full(flat.shape, -(2**31) - 1, np.int64)
        for tap, rows, columns in images.taps:
            found, held = x[:, rows.inputs, columns.inputs], best[:, rows.outputs, columns.outputs]
            better = found > held
            np.copyto(held, found, where=better)
            np.copyto(flat[:, rows.outputs, columns.outputs], np.int32(tap), where=better)
        return out

    return kernel


def _sums(images: _Images, operand: Array, zero: int, counts: Longs) -> Longs:
    """int64 [B * N, H, W, C]: the inside taps' sums, minus the zero point for each."""
    if images.whole:
        flat = images.flat(operand).sum(axis=1, dtype=np.int64)
        sums: Longs = flat[:, None, None] - zero * images.window.taps
        return sums
    x = images.of(operand)
    sums = np.zeros((len(x), *images.out_dims), np.int64)
    for _, rows, columns in images.taps:
        sums[:, rows.outputs, columns.outputs] += x[:, rows.inputs, columns.inputs]
    sums -= zero * counts[..., None]
    return sums


def prepare_pool_sum(site: Site) -> Kernel:
    """Multipliers, where there are any, are a constant."""
    attributes = cast(PoolSumAttributes, site.step.attributes)
    images = _Images(site, attributes.window)
    counts = tap_counts(attributes.window, images.in_hw, images.out_hw)
    multipliers = np.zeros((1, 1, 1), np.float32)
    if attributes.requantize:
        # With no tap inside the sum is 0, and so is its product with any multiplier.
        by_count = np.ascontiguousarray(site.constant(1), np.int32).view(np.float32)
        multipliers = by_count[np.maximum(counts, 1) - 1][..., None]

    def kernel(operands: Sequence[Array]) -> Array:
        sums = _sums(images, operands[0], attributes.zero_x, counts)
        shape = (len(operands[0]), *site.dims)
        if not attributes.requantize:
            return sums.astype(np.int32).reshape(shape)
        return requantize(sums, multipliers, attributes.zero_y, site.dtype).reshape(shape)

    return kernel
