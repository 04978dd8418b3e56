"""What a tensor is called by: dtype and dims. The elements themselves are bytes, row-major, 32-bit integers big-endian."""

from __future__ import annotations

import dataclasses
import math

from tallystick.engine.opcodes import MAX_RANK, DType
from tallystick.errors import ModelError

MAX_ELEMENTS = 1 << 30
"""Of one tensor: a bound for whoever allocates, far above what a trace can hold."""


@dataclasses.dataclass(frozen=True)
class TensorHeader:
    """Dtype and dims of a tensor.

    Attributes:
        dtype: Of each element.
        dims: At most 8, each at least 1; none for a scalar.
    """

    dtype: DType
    dims: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.dims) > MAX_RANK:
            raise ModelError(f"A tensor of rank {len(self.dims)} is over the bound of {MAX_RANK}.")
        if any(not 1 <= dim < 2**32 for dim in self.dims) or self.size > MAX_ELEMENTS:
            raise ModelError(
                f"A tensor cannot have the dims {list(self.dims)}.", remedy=f"At most {MAX_ELEMENTS} elements."
            )

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.dims)

    @property
    def byte_size(self) -> int:
        return self.size * self.dtype.size

    def encode(self) -> bytes:
        """`dtype u8 | rank u8 | dims u32 each | elements u64`: what a tensor's root hashes before its tree's root."""
        dims = b"".join(dim.to_bytes(4, "big") for dim in self.dims)
        return bytes([self.dtype, len(self.dims)]) + dims + self.size.to_bytes(8, "big")

    def __str__(self) -> str:
        return f"{self.dtype.name.lower()}[{', '.join(map(str, self.dims))}]"
