"""Lookups, windows, maps and integer expressions over torch: element by element, so exact wherever integers are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch

from tallystick.engine.backends.cuda_tensors import (
    Run,
    Tensor,
    batched,
    images,
    multipliers_of,
    requantized,
    saturated,
    taps,
)
from tallystick.engine.kernels.site import Site
from tallystick.engine.opcodes import (
    ArgMaxAttributes,
    ArithAttributes,
    ArithKind,
    ConcatAttributes,
    DType,
    GatherAttributes,
    MaxPoolAttributes,
    ViewAttributes,
)


def _bytes(x: Tensor, dtype: DType) -> Tensor:
    """Indices: each element's byte, in 64 bits because torch takes no other."""
    return x.to(torch.int64) & 0xFF if dtype is DType.I8 else x.to(torch.int64)


def _whole(site: Site, x: Tensor, index: int) -> Tensor:
    """Operand `index` with a batch, if only of one."""
    return x if site.constants[index] is None else x[None]


def prepare_lookup(site: Site) -> Run:
    by_channel = len(site.headers[1].dims) == 2

    def run(operands: Sequence[Tensor]) -> Tensor:
        index = _bytes(_whole(site, operands[0], 0), site.headers[0].dtype)
        if by_channel:
            index = index + torch.arange(len(operands[1]), device=index.device) * 256
        return operands[1].reshape(-1)[index]

    return run


def prepare_lookup2(site: Site) -> Run:
    def run(operands: Sequence[Tensor]) -> Tensor:
        a, b = (_bytes(batched(_whole(site, operands[k], k), site, k), site.headers[k].dtype) for k in range(2))
        return operands[2][a * 256 + b]

    return run


# ---- Window ---------------------------------------------------------------------------------------------------------


def _window_taps(site: Site, x: Tensor, fill: int) -> Tensor:
    """[images, out H, out W, C, taps]."""
    window = cast(MaxPoolAttributes | ArgMaxAttributes, site.step.attributes).window
    return taps(x, window, (site.dims[1], site.dims[2]), fill).flatten(4)


def prepare_max_pool(site: Site) -> Run:
    def run(operands: Sequence[Tensor]) -> Tensor:
        x = _whole(site, operands[0], 0)
        return _window_taps(site, images(x), site.dtype.low).amax(dim=4).reshape(-1, *site.dims)

    return run


def prepare_arg_max(site: Site) -> Run:
    """The first of the largest inside; torch's own argmax promises no order."""

    def run(operands: Sequence[Tensor]) -> Tensor:
        x = _whole(site, operands[0], 0)
        values = _window_taps(site, images(x), site.headers[0].dtype.low)
        there = torch.ones((1, *x.shape[2:4], 1), dtype=torch.int32, device=x.device)
        inside = _window_taps(site, there, 0) > 0
        count = values.shape[4]
        places = torch.arange(count, dtype=torch.int32, device=x.device)
        largest = values == values.amax(dim=4, keepdim=True)
        first = torch.where(largest & inside, places, count).amin(dim=4)
        return torch.where(first == count, 0, first).to(torch.int32).reshape(-1, *site.dims)

    return run


# ---- Map ------------------------------------------------------------------------------------------------------------


def prepare_reshape(site: Site) -> Run:
    return lambda operands: _whole(site, operands[0], 0).reshape(-1, *site.dims)


def prepare_concat(site: Site) -> Run:
    axis = cast(ConcatAttributes, site.step.attributes).axis

    def run(operands: Sequence[Tensor]) -> Tensor:
        count = max(len(x) for k, x in enumerate(operands) if site.constants[k] is None)
        parts = [x if site.constants[k] is None else x[None].expand(count, *x.shape) for k, x in enumerate(operands)]
        return torch.cat(parts, dim=axis + 1)

    return run


def prepare_view(site: Site) -> Run:
    attributes = cast(ViewAttributes, site.step.attributes)
    rank = attributes.rank

    def run(operands: Sequence[Tensor]) -> Tensor:
        y = _whole(site, operands[0], 0).permute(0, *(axis + 1 for axis in attributes.perm))
        holes = None
        for k in range(rank):
            places = torch.arange(site.dims[k], device=y.device) * attributes.step[k] + attributes.start[k]
            outside = (places < 0) | (places >= y.shape[k + 1])
            y = y.index_select(k + 1, torch.where(outside, 0, places))
            shaped = outside.reshape(-1, *[1] * (rank - 1 - k))
            holes = shaped if holes is None else holes | shaped
        return (
            y if holes is None else torch.where(holes, torch.tensor(attributes.fill, dtype=y.dtype, device=y.device), y)
        )

    return run


def prepare_gather(site: Site) -> Run:
    axis = cast(GatherAttributes, site.step.attributes).axis

    def one(data: Tensor, indices: Tensor) -> Tensor:
        size = data.shape[axis]
        places = indices.to(torch.int64)
        places = torch.where(places < 0, places + size, places)
        outside = (places < 0) | (places >= size)
        picked = data.index_select(axis, torch.where(outside, 0, places).reshape(-1))
        holes = outside.reshape(-1, *[1] * (data.ndim - axis - 1))
        return torch.where(holes, torch.zeros((), dtype=data.dtype, device=data.device), picked).reshape(site.dims)

    def run(operands: Sequence[Tensor]) -> Tensor:
        sources = [_whole(site, x, k) for k, x in enumerate(operands)]
        count = max(map(len, sources))
        data, indices = (x.expand(count, *x.shape[1:]) for x in sources)
        return torch.stack([one(data[k], indices[k]) for k in range(count)])

    return run


# ---- Arith ----------------------------------------------------------------------------------------------------------


def _shifted_product(a: Tensor, b: Tensor, s: int) -> Tensor:
    return (a * b + ((1 << s) >> 1)) >> s


def _divided(a: Tensor, b: Tensor, s: int) -> Tensor:
    quotient = torch.div(a << s, torch.where(b == 0, 1, b), rounding_mode="trunc")
    return torch.where(b == 0, 0, quotient)


def _divided_round(a: Tensor, b: Tensor, s: int) -> Tensor:
    size = torch.where(b == 0, 1, b.abs())
    quotient = torch.div((a.abs() << s) + (size >> 1), size, rounding_mode="trunc")
    return torch.where(b == 0, 0, torch.sign(a) * torch.sign(b) * quotient)


def _root(a: Tensor, s: int) -> Tensor:
    """The double-precision root is within one of the integer's."""
    square = torch.clamp(a, min=0) << s
    root = torch.floor(torch.sqrt(square.to(torch.float64))).to(torch.int64)
    root = root - (root * root > square).to(torch.int64)
    return root + ((root + 1) * (root + 1) <= square).to(torch.int64)


_EXPRESSIONS: dict[ArithKind, Callable[[Sequence[Tensor], int], Tensor]] = {
    ArithKind.ADD: lambda v, _: v[0] + v[1],
    ArithKind.SUB: lambda v, _: v[0] - v[1],
    ArithKind.MUL: lambda v, _: v[0] * v[1],
    ArithKind.MUL_SHIFT: lambda v, s: _shifted_product(v[0], v[1], s),
    ArithKind.DIV: lambda v, s: _divided(v[0], v[1], s),
    ArithKind.DIV_ROUND: lambda v, s: _divided_round(v[0], v[1], s),
    ArithKind.MIN: lambda v, _: torch.minimum(v[0], v[1]),
    ArithKind.MAX: lambda v, _: torch.maximum(v[0], v[1]),
    ArithKind.LESS: lambda v, _: (v[0] < v[1]).to(torch.int64),
    ArithKind.LESS_EQUAL: lambda v, _: (v[0] <= v[1]).to(torch.int64),
    ArithKind.EQUAL: lambda v, _: (v[0] == v[1]).to(torch.int64),
    ArithKind.SELECT: lambda v, _: torch.where(v[0] != 0, v[1], v[2]),
    ArithKind.SQRT: lambda v, s: _root(v[0], s),
}


def prepare_arith(site: Site) -> Run:
    attributes = cast(ArithAttributes, site.step.attributes)
    kind = ArithKind(attributes.kind)

    def run(operands: Sequence[Tensor]) -> Tensor:
        values = [batched(_whole(site, x, k), site, k) for k, x in enumerate(operands)]
        if kind is ArithKind.REQUANTIZE:
            return requantized(site.dtype, values[0], multipliers_of(values[1]), attributes.zero_y)
        wide = [value.to(torch.int64) for value in values]
        return saturated(site.dtype, _EXPRESSIONS[kind](wide, attributes.shift))

    return run
