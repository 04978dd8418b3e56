"""From exact sums to elements: `sat(rne(f32(acc) * M) + zero)`, or the sums themselves."""

# ruff: noqa: PLR0917
from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.engine.kernels.jit import jitted
from tallystick.engine.kernels.site import Floats, Ints, Longs
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES, Array

_FAR = float(2**40)


@jitted
def requantize_rows(acc, bias, multipliers, zero, low, high, out):  # type: ignore[no-untyped-def]
    """uint8 `out` [P, O] of `acc` [P, O], whole numbers as float32 or int32; `bias` int32 [O], `multipliers` float32 [O].

    It is saturated before it is rounded: both bounds are integers, so the order makes no difference, and no product is too
    large for the conversion. The sum with the bias is below 2^31 by the program's accumulator bound.
    """
    least, most, shift = np.float32(low - zero), np.float32(high - zero), np.int32(zero)
    for p in range(acc.shape[0]):
        for o in range(acc.shape[1]):
            total = np.int32(np.int32(acc[p, o]) + bias[o])
            scaled = np.float32(total) * multipliers[o]
            scaled = scaled if scaled > least else least
            scaled = scaled if scaled < most else most
            out[p, o] = np.uint8(np.int32(np.rint(scaled)) + shift)


@jitted
def bias_rows(acc, bias, out):  # type: ignore[no-untyped-def]
    """int32 `out` [P, O]: `acc` plus `bias` [O]."""
    for p in range(acc.shape[0]):
        for o in range(acc.shape[1]):
            out[p, o] = np.int32(np.int32(acc[p, o]) + bias[o])


@jitted
def add_rows(part, acc):  # type: ignore[no-untyped-def]
    """int32 `acc` [P, O] grows by `part`, whole numbers as float32."""
    for p in range(part.shape[0]):
        for o in range(part.shape[1]):
            acc[p, o] = np.int32(acc[p, o] + np.int32(part[p, o]))


@dataclasses.dataclass(frozen=True)
class Finish:
    """What becomes of the exact sums of a dot product with O outputs.

    Attributes:
        dtype: Of the output; i32 for the sums themselves.
        bias: int32 [O].
        multipliers: float32 [O].
        zero: The output's zero point.
    """

    dtype: DType
    bias: Ints
    multipliers: Floats
    zero: int

    @classmethod
    def of(cls, params: Array, outputs: int, dtype: DType, zero: int) -> Finish:
        """`params` is int32 [O, 2] or [1, 2]: bias and the multiplier's bits."""
        params = np.broadcast_to(params, (outputs, 2))
        multipliers = np.ascontiguousarray(params[:, 1]).view(np.float32)
        return cls(dtype, np.array(params[:, 0], np.int32), np.array(multipliers), zero)

    def part(self, where: slice) -> Finish:
        """Of some of the outputs."""
        return dataclasses.replace(self, bias=self.bias[where].copy(), multipliers=self.multipliers[where].copy())

    def __call__(self, acc: npt.NDArray[Any], out: Array) -> None:
        """`out` [P, O] of the output's dtype, contiguous, from `acc` [P, O] without bias."""
        if acc.dtype == np.float64:
            acc = acc.astype(np.int32)
        if self.dtype is DType.I32:
            bias_rows(acc, self.bias, out)
        else:
            low, high = self.dtype.low, self.dtype.high
            requantize_rows(acc, self.bias, self.multipliers, self.zero, low, high, out.view(np.uint8))


def requantize(acc: Ints | Longs, multipliers: Floats, zero: int, dtype: DType) -> Array:
    """The same for any dtype and dims, plainly; `multipliers` broadcast."""
    with np.errstate(over="ignore"):
        scaled = acc.astype(np.float32) * multipliers
    whole = np.rint(scaled).astype(np.float64).clip(-_FAR, _FAR).astype(np.int64)
    out: Array = (whole + zero).clip(dtype.low, dtype.high).astype(NUMPY_DTYPES[dtype])
    return out
