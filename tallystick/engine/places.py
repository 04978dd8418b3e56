"""Where an element stands: flat row-major indices, places in dims, and the taps of a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tallystick.engine.opcodes import Window


def place_of(index: int, dims: Sequence[int]) -> list[int]:
    """The place of the element at a flat index: the inverse of `index_at`."""
    place = [0] * len(dims)
    for axis in reversed(range(len(dims))):
        place[axis] = index % dims[axis]
        index //= dims[axis]
    return place


def index_at(place: Sequence[int], dims: Sequence[int]) -> int:
    index = 0
    for at, dim in zip(place, dims, strict=True):
        index = index * dim + at
    return index


def broadcast_index(index: int, dims: Sequence[int], operand_dims: Sequence[int]) -> int:
    """Which element of an operand the output's element `index` takes: aligned at the right, a dim of 1 repeats."""
    place = place_of(index, dims)[len(dims) - len(operand_dims) :]
    return index_at([0 if dim == 1 else at for at, dim in zip(place, operand_dims, strict=True)], operand_dims)


def taps_inside(window: Window, y: int, x: int, height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """`(tap, row, column)` of each tap of output (y, x) that lies in the input, in order; tap (i, j) is `i * kernel_w + j`."""
    for i in range(window.kernel_h):
        row = y * window.stride_h - window.pad_top + i * window.dilation_h
        for j in range(window.kernel_w):
            column = x * window.stride_w - window.pad_left + j * window.dilation_w
            if 0 <= row < height and 0 <= column < width:
                yield i * window.kernel_w + j, row, column
