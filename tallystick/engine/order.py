"""Single-precision numbers as 32-bit integers in the same order, so that trees compare them exactly (docs/determinism.md)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tallystick.errors import TensorError

_MAGNITUDE = np.int32(0x7FFFFFFF)


def order_image(values: npt.NDArray[np.floating] | npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """The images of single-precision numbers, in their shape: `image(a) < image(b)` exactly where `a < b`, equal where equal.

    Infinities and denormals have images like any number, -0 that of +0.

    Raises:
        TensorError: the array is not float32, or has a NaN, which no order has a place for.
    """
    if values.dtype != np.float32:
        raise TensorError(
            f"Only float32 numbers have an order image, not {values.dtype}.", remedy="Convert to float32 first."
        )
    if np.isnan(values).any():
        raise TensorError("The input has a NaN, which trees cannot compare.", remedy="Fill in missing values first.")
    bits = np.ascontiguousarray(values).view(np.int32)
    image = np.where(bits >= 0, bits, bits ^ _MAGNITUDE)
    return np.where(values == 0, np.int32(0), image).astype(np.int32).reshape(values.shape)


def from_order_image(images: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """The inverse of `order_image`, for people who read a trace; 0 comes back as +0."""
    images = np.ascontiguousarray(images, dtype=np.int32)
    return np.where(images >= 0, images, images ^ _MAGNITUDE).astype(np.int32).view(np.float32)
