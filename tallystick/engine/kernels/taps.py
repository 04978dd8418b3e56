"""Which outputs of a window one tap reaches, as slices: so that a tap is one operation over whole tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tallystick.engine.kernels.site import Longs
from tallystick.engine.opcodes import Window


@dataclasses.dataclass(frozen=True)
class Reach:
    """Along one axis: the outputs whose tap lies inside the input, and where it lies."""

    outputs: slice
    inputs: slice


@dataclasses.dataclass(frozen=True)
class Axis:
    """One axis of a window over `size` inputs: tap t of output o reads input `o * stride - pad + t * dilation`."""

    kernel: int
    stride: int
    pad: int
    dilation: int
    size: int
    outputs: int

    def reaches(self) -> Iterator[tuple[int, Reach]]:
        """Every tap that is inside for some output. A window may be far larger than what it looks at, so none else is tried."""
        first = max(0, -(-(self.pad - (self.outputs - 1) * self.stride) // self.dilation))
        last = min(self.kernel - 1, (self.size - 1 + self.pad) // self.dilation)
        for tap in range(first, last + 1):
            reach = self._reach(tap * self.dilation - self.pad)
            if reach is not None:
                yield tap, reach

    def _reach(self, shift: int) -> Reach | None:
        first = max(0, -(shift // self.stride))
        last = min(self.outputs - 1, (self.size - 1 - shift) // self.stride)
        if first > last:
            return None
        start = first * self.stride + shift
        return Reach(slice(first, last + 1), slice(start, last * self.stride + shift + 1, self.stride))


def taps(window: Window, in_hw: tuple[int, int], out_hw: tuple[int, int]) -> Iterator[tuple[int, Reach, Reach]]:
    """(i * kernel_w + j, rows, columns) of every tap that is inside for some output, in order."""
    w = window
    down = Axis(w.kernel_h, w.stride_h, w.pad_top, w.dilation_h, in_hw[0], out_hw[0])
    across = list(Axis(w.kernel_w, w.stride_w, w.pad_left, w.dilation_w, in_hw[1], out_hw[1]).reaches())
    for i, rows in down.reaches():
        for j, columns in across:
            yield i * w.kernel_w + j, rows, columns


def tap_counts(window: Window, in_hw: tuple[int, int], out_hw: tuple[int, int]) -> Longs:
    """int64 [H, W]: how many taps of each output lie inside."""
    counts = np.zeros(out_hw, np.int64)
    for _, rows, columns in taps(window, in_hw, out_hw):
        counts[rows.outputs, columns.outputs] += 1
    return counts


def covers_all(window: Window, in_hw: tuple[int, int], out_hw: tuple[int, int]) -> bool:
    """Whether the one output reads every input once: a reduction of the whole image."""
    w = window
    whole = (w.kernel_h, w.kernel_w) == in_hw and out_hw == (1, 1)
    spread = (w.dilation_h == 1 or w.kernel_h == 1) and (w.dilation_w == 1 or w.kernel_w == 1)
    return whole and spread and w.pad_top == w.pad_left == 0
