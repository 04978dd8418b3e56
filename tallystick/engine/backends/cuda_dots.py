"""CONV, MATMUL and POOL_SUM over torch. Sums are exact: integers on the tensor cores, or floating point wide enough for every sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, cast

import torch

from tallystick.engine.backends.cuda_tensors import Run, Tensor, images, multipliers_of, requantized, taps
from tallystick.engine.kernels.site import Site, magnitude
from tallystick.engine.opcodes import ConvAttributes, DType, MatMulAttributes, PoolSumAttributes

Products: TypeAlias = Literal["integer", "floating"]
"""What matrices are multiplied in: `torch._int_mm`, or single or double precision as the sums need."""

LEAST_ROWS = 17
MULTIPLE = 8
"""What `torch._int_mm` asks of its operands: more than 16 rows, and the other two dims multiples of 8."""
SINGLE_EXACT = 2**24


def signed(x: Tensor, dtype: DType) -> Tensor:
    """8-bit elements as int8: those of u8 minus 128."""
    return torch.bitwise_xor(x.view(torch.int8), -128) if dtype is DType.U8 else x


def signed_zero(zero: int, dtype: DType) -> int:
    return zero - 128 if dtype is DType.U8 else zero


def _finish(site: Site, acc: Tensor, params: Tensor) -> Tensor:
    """`acc` int32 [..., O] without bias; the output [B, *dims]."""
    attributes = cast(ConvAttributes | MatMulAttributes, site.step.attributes)
    acc = acc + params[:, 0]
    if attributes.requantize:
        acc = requantized(site.dtype, acc, multipliers_of(params[:, 1]), attributes.zero_y)
    return acc.reshape(-1, *site.dims)


class Product:
    """Exact sums of products of int8 matrices with zero points; sums of zero points included they fit 32 bits."""

    def __init__(self, site: Site, zeros: tuple[int, int], terms: int, products: Products) -> None:
        dtypes = site.headers[0].dtype, site.headers[1].dtype
        bound = terms * magnitude(dtypes[0], zeros[0]) * magnitude(dtypes[1], zeros[1])
        self.zeros = signed_zero(zeros[0], dtypes[0]), signed_zero(zeros[1], dtypes[1])
        self._integer = products == "integer"
        self._kind = torch.float32 if bound < SINGLE_EXACT else torch.float64

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """int32 [..., M, N] of int8 [..., M, K] and [..., N, K]."""
        if self._integer and a.ndim == b.ndim == 2:
            return self._on_integers(a, b)
        left, right = (a.to(self._kind) - self.zeros[0]), (b.to(self._kind) - self.zeros[1])
        return torch.matmul(left, right.transpose(-1, -2)).to(torch.int32)

    def _on_integers(self, a: Tensor, b: Tensor) -> Tensor:
        """What the zero points contribute is taken off by sums of rows. All of it is modulo 2^32."""
        rows, terms = a.shape
        left = _padded(a, max(rows, LEAST_ROWS))
        right = _padded(b, _up(len(b)))
        acc = torch._int_mm(left, right.t())[:rows, : len(b)]
        if self.zeros[0]:
            acc = acc - self.zeros[0] * b.sum(dim=1, dtype=torch.int32)
        if self.zeros[1]:
            acc = acc - self.zeros[1] * a.sum(dim=1, dtype=torch.int32)[:, None]
        return acc + terms * self.zeros[0] * self.zeros[1]


def _up(size: int) -> int:
    return -(-size // MULTIPLE) * MULTIPLE


def _padded(x: Tensor, rows: int) -> Tensor:
    terms = _up(x.shape[1])
    if x.shape == (rows, terms):
        return x.contiguous()
    return torch.nn.functional.pad(x, (0, terms - x.shape[1], 0, rows - x.shape[0]))


def prepare_conv(site: Site, products: Products) -> Run:
    attributes = cast(ConvAttributes, site.step.attributes)
    groups, outputs, channels = attributes.groups, site.dims[3], site.headers[0].dims[3]
    terms = attributes.window.taps * (channels // groups)
    product = Product(site, (attributes.zero_x, attributes.zero_w), terms, products)
    sums = _depthwise if groups == outputs == channels and groups > 1 else _grouped

    def of(x: Tensor, w: Tensor, params: Tensor) -> Tensor:
        lifted = images(signed(x, site.headers[0].dtype))
        gathered = taps(lifted, attributes.window, (site.dims[1], site.dims[2]), product.zeros[0])
        return _finish(site, sums(gathered, signed(w, site.headers[1].dtype), groups, product), params)

    def run(operands: Sequence[Tensor]) -> Tensor:
        x, w, params = operands
        if site.constants[1] is not None:
            return of(x, w, params)
        return torch.cat([of(_item(x, k, site), w[k], params) for k in range(len(w))])

    return run


def _item(x: Tensor, k: int, site: Site) -> Tensor:
    return x[None] if site.constants[0] is not None else x[k : k + 1]


def _grouped(gathered: Tensor, w: Tensor, groups: int, product: Product) -> Tensor:
    """`gathered` [images, H, W, C, kernel_h, kernel_w]; the filters' elements are in the order kernel_h, kernel_w, channel."""
    patches = gathered.permute(0, 1, 2, 4, 5, 3)
    each, channels = len(w) // groups, w.shape[3]
    parts = [
        product(
            patches[..., g * channels : (g + 1) * channels].reshape(-1, w[0].numel()),
            w[g * each : (g + 1) * each].reshape(each, -1),
        )
        for g in range(groups)
    ]
    return parts[0] if groups == 1 else torch.cat(parts, dim=-1)


def _depthwise(gathered: Tensor, w: Tensor, _: int, product: Product) -> Tensor:
    acc = torch.zeros(gathered.shape[:4], dtype=torch.int32, device=gathered.device)
    filters = w.to(torch.int32) - product.zeros[1]
    for i in range(gathered.shape[4]):
        for j in range(gathered.shape[5]):
            acc += (gathered[..., i, j].to(torch.int32) - product.zeros[0]) * filters[:, i, j, 0]
    return acc


def prepare_matmul(site: Site, products: Products) -> Run:
    attributes = cast(MatMulAttributes, site.step.attributes)
    a_dims, b_dims = site.headers[0].dims, site.headers[1].dims
    product = Product(site, (attributes.zero_a, attributes.zero_b), a_dims[-1], products)

    def run(operands: Sequence[Tensor]) -> Tensor:
        a, b = (signed(x, site.headers[k].dtype) for k, x in enumerate(operands[:2]))
        if site.constants[1] is not None and len(b_dims) == 2 and site.constants[0] is None:
            return _finish(site, product(a.reshape(-1, a.shape[-1]), b), operands[2])
        if site.constants[1] is None and len(b_dims) == 2:
            b = b.reshape(len(b), *[1] * (len(a_dims) - 2), *b_dims)
        return _finish(site, product(a, b), operands[2])

    return run


def prepare_pool_sum(site: Site) -> Run:
    attributes = cast(PoolSumAttributes, site.step.attributes)
    window, out = attributes.window, (site.dims[1], site.dims[2])

    def run(operands: Sequence[Tensor]) -> Tensor:
        x = operands[0] if site.constants[0] is None else operands[0][None]
        centred = images(x).to(torch.int64) - attributes.zero_x
        acc = taps(centred, window, out, 0).sum(dim=(4, 5))
        if not attributes.requantize:
            return acc.to(torch.int32).reshape(-1, *site.dims)
        inside = torch.ones((1, *site.headers[0].dims[1:3], 1), dtype=torch.int64, device=x.device)
        counts = taps(inside, window, out, 0).sum(dim=(4, 5))
        factors = multipliers_of(operands[1])[torch.clamp(counts - 1, min=0)]
        return requantized(site.dtype, acc, factors, attributes.zero_y).reshape(-1, *site.dims)

    return run
