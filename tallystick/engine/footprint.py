"""How many leaves of its operands the worst element of a step needs, without looking at any element.

`readings` says what one element reads and `openings` joins what lies in touching leaves. Here stands an upper bound of both over
all elements of a step, in constant time. A window is counted as if no tap fell outside, and as if everything began at the worst
place within a leaf that its alignment allows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from tallystick.engine.fold import LEAF_BYTES, leaf_count
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import Opcode, Window
from tallystick.engine.program import Step
from tallystick.merkle import depth_of

Headers = Sequence[TensorHeader]


@dataclasses.dataclass(frozen=True)
class Footprint:
    """What is opened of one tensor.

    Attributes:
        runs: Openings of leaves that lie side by side.
        leaves: In all runs together.
        siblings: Hashes in the proofs of all runs together.
    """

    runs: int
    leaves: int
    siblings: int


def leaves_touched(size: int, align: int = 1) -> int:
    """The most leaves that `size` bytes lie in, if they begin at a multiple of `align` bytes."""
    align = math.gcd(align, LEAF_BYTES)
    return -(-(LEAF_BYTES - align + size) // LEAF_BYTES)


def footprint(header: TensorHeader, runs: int, leaves: int) -> Footprint:
    """Of `leaves` leaves in `runs` runs, or of the whole tensor where that is less."""
    total = leaf_count(header.byte_size)
    depth = depth_of(total)
    leaves = min(leaves, total)
    runs = min(runs, leaves)
    # One leaf has one neighbour a level; a longer run has two at most. Not more in all than nodes beside its leaves.
    each = depth if leaves == runs else 2 * depth
    return Footprint(runs, leaves, runs * each)


def one_range(header: TensorHeader, count: int = 1) -> Footprint:
    """Of `count` elements that lie side by side and begin at a multiple of `count`."""
    size = header.dtype.size
    return footprint(header, 1, leaves_touched(count * size, count * size))


def window_footprint(window: Window, x: TensorHeader, channels: int) -> Footprint:
    """Of `channels` elements under every tap, which begin at a multiple of `channels`."""
    _, height, width, depth = x.dims
    size = x.dtype.size
    rows = min(window.kernel_h, -(-height // window.dilation_h))
    columns = min(window.kernel_w, -(-width // window.dilation_w))
    align = channels * size
    tap = channels * size
    along = window.dilation_w * depth * size
    row = (columns - 1) * along + tap
    down = window.dilation_h * width * depth * size
    whole = (rows - 1) * down + row
    leaves = min(
        rows * columns * leaves_touched(tap, align), rows * leaves_touched(row, align), leaves_touched(whole, align)
    )
    # Neighbours whose gap is shorter than a leaf lie in touching leaves, and those are one run. At the border a row may have
    # one tap inside, so the gap between rows is taken from a single tap.
    joined_along, joined_down = along - tap < LEAF_BYTES, down - tap < LEAF_BYTES
    runs = 1 if joined_along and joined_down else rows if joined_along else rows * columns
    return footprint(x, runs, leaves)


# ---- by opcode --------------------------------------------------------------------------------------------------------


def _conv(attributes: Any, headers: Headers) -> list[Footprint]:
    x, w, params = headers
    return [
        window_footprint(attributes.window, x, w.dims[3]),
        one_range(w, math.prod(w.dims[1:])),
        one_range(params, 2),
    ]


def _matmul(_: Any, headers: Headers) -> list[Footprint]:
    a, b, params = headers
    return [one_range(a, a.dims[-1]), one_range(b, b.dims[-1]), one_range(params, 2)]


def _windowed(attributes: Any, headers: Headers) -> list[Footprint]:
    """And of POOL_SUM one multiplier."""
    return [window_footprint(attributes.window, headers[0], 1), *(one_range(header) for header in headers[1:])]


def _each(_: Any, headers: Headers) -> list[Footprint]:
    """One element of every operand; of a table, one entry."""
    return [one_range(header) for header in headers]


def _concat(_: Any, headers: Headers) -> list[Footprint]:
    """One element of one operand, the one with the longest proof. The others are not opened."""
    return [one_range(max(headers, key=lambda header: header.byte_size))]


FOOTPRINTS: dict[Opcode, Callable[[Any, Headers], list[Footprint]]] = {
    Opcode.CONV: _conv,
    Opcode.MATMUL: _matmul,
    Opcode.POOL_SUM: _windowed,
    Opcode.MAX_POOL: _windowed,
    Opcode.ARG_MAX: _windowed,
    Opcode.CONCAT: _concat,
}


def footprints(step: Step, headers: Headers) -> list[Footprint]:
    """What the worst element of a step opens, tensor by tensor; the output's claimed leaf is not among them.

    Args:
        step: One that `check_step` finds nothing wrong with.
        headers: Of its operands.
    """
    return FOOTPRINTS.get(step.opcode, _each)(step.attributes, headers)
