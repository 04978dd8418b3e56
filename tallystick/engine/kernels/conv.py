"""CONV: 1x1 as a matrix product, any window by patches, groups one by one; a channel of its own per output in `depthwise`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from tallystick.engine.kernels.dense import Dense, FillRows
from tallystick.engine.kernels.depthwise import prepare_depthwise
from tallystick.engine.kernels.requantize import Finish
from tallystick.engine.kernels.rows import gather_patches, widen
from tallystick.engine.kernels.site import Bytes, Kernel, Site, flip_of, lifted_zero, magnitude, tensor_bytes
from tallystick.engine.opcodes import ConvAttributes, DType
from tallystick.engine.program import NUMPY_DTYPES, Array


def prepare_conv(site: Site) -> Kernel:
    """Weights and params are constants."""
    attributes = cast(ConvAttributes, site.step.attributes)
    weights, x = site.constant(1), site.headers[0]
    finish = Finish.of(site.constant(2), len(weights), site.dtype, attributes.zero_y)
    if weights.shape[3] == 1 and attributes.groups > 1:
        return prepare_depthwise(site, attributes, weights, finish)
    scale = magnitude(x.dtype, attributes.zero_x)
    per_group = len(weights) // attributes.groups
    denses = [
        Dense(weights[part].reshape(per_group, -1), attributes.zero_w, scale, finish.part(part), site.how)
        for part in (slice(first, first + per_group) for first in range(0, len(weights), per_group))
    ]
    return _dense_kernel(site, attributes, denses) if len(denses) == 1 else _grouped_kernel(site, attributes, denses)


def _is_pointwise(attributes: ConvAttributes) -> bool:
    w = attributes.window
    return w.taps == 1 and w.pad_top == w.pad_left == 0


def _pointwise_view(x: Bytes, attributes: ConvAttributes, out_hw: tuple[int, int]) -> Bytes | None:
    """The pixels [P, C] that a 1x1 convolution reads, if all of them lie inside the image."""
    w, (height, width) = attributes.window, out_hw
    if (
        not _is_pointwise(attributes)
        or (height - 1) * w.stride_h >= x.shape[1]
        or (width - 1) * w.stride_w >= x.shape[2]
    ):
        return None
    read = x[:, : (height - 1) * w.stride_h + 1 : w.stride_h, : (width - 1) * w.stride_w + 1 : w.stride_w]
    return np.ascontiguousarray(read).reshape(-1, x.shape[3])


def rows_of(pixels: Bytes, dtype: DType, zero: int) -> FillRows:
    """Rows that are those of the bytes `pixels` [P, K]."""
    flip, lifted = flip_of(dtype), lifted_zero(dtype, zero)

    def fill(first: int, block: Array) -> None:
        widen(pixels[first : first + len(block)].reshape(-1), flip, lifted, block.reshape(-1))

    return fill


def _fill_for(x: Bytes, dtype: DType, attributes: ConvAttributes, out_hw: tuple[int, int]) -> FillRows:
    pixels = _pointwise_view(x, attributes, out_hw)
    if pixels is not None:
        return rows_of(pixels, dtype, attributes.zero_x)
    flip, lifted, window = flip_of(dtype), lifted_zero(dtype, attributes.zero_x), attributes.to_ints()[:8]

    def fill(first: int, block: Array) -> None:
        gather_patches(x, flip, lifted, first, out_hw, window, block)

    return fill


def _out_hw(site: Site) -> tuple[int, int]:
    return site.dims[1], site.dims[2]


def _images(site: Site, operand: Array) -> Array:
    """[B, N, H, W, C] as [B * N, H, W, C]."""
    return operand.reshape(-1, *site.headers[0].dims[1:])


def _dense_kernel(site: Site, attributes: ConvAttributes, denses: Sequence[Dense]) -> Kernel:
    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        flat = out.reshape(-1, out.shape[-1])
        x = tensor_bytes(_images(site, operands[0]))
        denses[0](len(flat), _fill_for(x, site.headers[0].dtype, attributes, _out_hw(site)), flat)
        return out

    return kernel


def _grouped_kernel(site: Site, attributes: ConvAttributes, denses: Sequence[Dense]) -> Kernel:
    channels = site.headers[0].dims[3] // len(denses)

    def kernel(operands: Sequence[Array]) -> Array:
        out = site.empty(len(operands[0]))
        flat = out.reshape(-1, len(denses), out.shape[-1] // len(denses))
        images = _images(site, operands[0])
        part = np.empty((flat.shape[0], flat.shape[2]), NUMPY_DTYPES[site.dtype])
        for group, dense in enumerate(denses):
            x = tensor_bytes(images[..., group * channels : (group + 1) * channels])
            dense(len(flat), _fill_for(x, site.headers[0].dtype, attributes, _out_hw(site)), part)
            flat[:, group] = part
        return out

    return kernel
