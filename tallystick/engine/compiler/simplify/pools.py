"""Windows of convolutions and pools: padding made explicit, rounding up made padding."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import onnx

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse

POOLS = ("AveragePool", "MaxPool")
GLOBAL_POOLS = ("GlobalAveragePool", "GlobalMaxPool")
_LARGEST_PAD = 2**20


@dataclasses.dataclass(frozen=True)
class Span:
    """A window along one axis.

    Attributes:
        size: Places of the input.
        begin: Padding before the input.
        end: Padding after it, as the file declares it.
        out: Places of the output.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    begin: int
    end: int
    out: int

    @property
    def reach(self) -> int:
        """Places that one window covers."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def reached_end(self) -> int:
        """Padding after the input that the last window reaches into, or what is declared where that is more."""
        return max(self.end, (self.out - 1) * self.stride + self.reach - self.size - self.begin)


def spans(
    node: Node | onnx.NodeProto, shape: tuple[int, ...], kernel: tuple[int, ...], attributes: Mapping[str, Any]
) -> list[Span]:
    """One for each spatial axis of `shape` [N, C, ...].

    Raises:
        ModelError: Attributes of the wrong length, negative or huge padding, a window that does not fit.
    """
    sizes, rank = shape[2:], len(shape) - 2
    strides = attributes.get("strides") or (1,) * rank
    dilations = attributes.get("dilations") or (1,) * rank
    pads = attributes.get("pads") or (0,) * (2 * rank)
    mode = attributes.get("auto_pad", "NOTSET")
    if rank < 1 or {len(kernel), len(strides), len(dilations)} != {rank} or len(pads) != 2 * rank:
        raise refuse(
            node, f"it has a window {kernel} with strides {strides}, dilations {dilations} and pads {pads} on {shape}"
        )
    if not all(0 <= pad <= _LARGEST_PAD for pad in pads):
        raise refuse(node, f"it has pads of {pads}", "Cut with a Slice rather than with negative padding.")
    found = []
    for axis, (size, taps, stride, dilation) in enumerate(zip(sizes, kernel, strides, dilations, strict=True)):
        reach = dilation * (taps - 1) + 1
        begin, end = (pads[axis], pads[axis + rank]) if mode == "NOTSET" else _auto(node, mode, size, reach, stride)
        room = size + begin + end - reach
        if room < 0:
            raise refuse(node, f"it has a window of {reach} on {size + begin + end} places of axis {axis + 2}")
        out = room // stride + 1
        if attributes.get("ceil_mode", 0):
            out = -(-room // stride) + 1
            # A last window that would begin in the padding is left out, as runtimes do.
            out -= (out - 1) * stride >= size + begin
        found.append(Span(size, taps, stride, dilation, begin, end, out))
    return found


def _auto(node: Node | onnx.NodeProto, mode: str, size: int, reach: int, stride: int) -> tuple[int, int]:
    if mode == "VALID":
        return 0, 0
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise refuse(node, f"it has an auto_pad of {mode[:40]!r}")
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    less, more = total // 2, total - total // 2
    return (less, more) if mode == "SAME_UPPER" else (more, less)


def pooled_shape(node: onnx.NodeProto, shape: tuple[int, ...], attributes: Mapping[str, Any]) -> tuple[int, ...]:
    """Of what a pool gives. Raises ModelError as `spans` does."""
    if attributes.get("channels_last", 0):
        raise refuse(node, "it has its channels last", "Export it in ONNX's own layout, channels second.")
    if node.op_type.removeprefix("QLinear") in GLOBAL_POOLS:
        return (*shape[:2], *(1 for _ in shape[2:]))
    kernel = attributes.get("kernel_shape", ())
    return (*shape[:2], *(span.out for span in spans(node, shape, kernel, attributes)))
