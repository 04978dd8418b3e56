"""What a kernel is made from, and the views of tensors that all kernels share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES, Array, Step

Accumulation: TypeAlias = Literal["auto", "float32", "float64"]
"""What a dot product's sums are held in. Both give the same integers: "auto" takes the faster that is exact."""

Kernel: TypeAlias = Callable[[Sequence[Array]], Array]
"""From a step's operands, each [B, *dims], to its output [B, *dims]. A constant comes as a view that repeats it B times."""

Bytes: TypeAlias = npt.NDArray[np.uint8]
Ints: TypeAlias = npt.NDArray[np.int32]
Longs: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float32]
Reals: TypeAlias = npt.NDArray[np.floating[Any]]

SIGN_BIT = 0x80


@dataclasses.dataclass(frozen=True)
class How:
    """What speed depends on and no bit does.

    Attributes:
        accumulation: See `Accumulation`.
        threads: That the rows of a product are shared out among.
    """

    accumulation: Accumulation = "auto"
    threads: int = 1


@dataclasses.dataclass(frozen=True)
class Site:
    """One step and what is known of it before it runs.

    Attributes:
        step: The step.
        headers: Of its operands.
        constants: The operands' arrays where they are constants of the program, else None.
        how: See `How`.
    """

    step: Step
    headers: tuple[TensorHeader, ...]
    constants: tuple[Array | None, ...]
    how: How

    @property
    def dtype(self) -> DType:
        """Of the output."""
        return self.step.header.dtype

    @property
    def dims(self) -> tuple[int, ...]:
        """Of the output, without B."""
        return self.step.header.dims

    def constant(self, index: int) -> Array:
        """The operand of that index, which is known to be a constant."""
        value = self.constants[index]
        assert value is not None  # noqa: S101  # validation says so of the operands that kernels ask for
        return value

    def empty(self, batch: int) -> Array:
        """Memory for the output."""
        return np.empty((batch, *self.dims), NUMPY_DTYPES[self.dtype])


def tensor_bytes(array: Array) -> Bytes:
    """An 8-bit tensor's bytes, contiguous and writable (for the compiler that is part of the type). Copies only what it must."""
    if not (array.flags.c_contiguous and array.flags.writeable):
        array = array.copy(order="C")
    return array.view(np.uint8)


def flip_of(dtype: DType) -> int:
    """What an 8-bit element's byte is XORed with to give an unsigned number in the order of the elements."""
    return SIGN_BIT if dtype is DType.I8 else 0


def lifted_zero(dtype: DType, zero: int) -> int:
    """`zero` among those unsigned numbers: `(byte ^ flip_of(dtype)) - lifted_zero(dtype, zero)` is the element minus `zero`."""
    return zero + flip_of(dtype)


def magnitude(dtype: DType, zero: int) -> int:
    """The largest `abs(element - zero)` that the dtype allows."""
    return max(abs(dtype.low - zero), abs(dtype.high - zero))
