"""Averages, maxima and other reductions."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.graph import Array, Node, Quantisation
from tallystick.engine.compiler.lower_linear import window_of
from tallystick.engine.compiler.lowering import Lowering, Rule
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.saturating import output_of, put_saturated
from tallystick.engine.opcodes import DType, Window
from tallystick.engine.program import Ref, float_bits

MAX_TAPS = 16
"""Largest window of one average: its taps lie apart, and each is a leaf to open. A larger one is summed by rows first."""


def _kernel(node: Node) -> tuple[int, int]:
    height, width = node.attributes["kernel_shape"]
    return int(height), int(width)


def _refuse_indices(node: Node) -> None:
    if len([name for name in node.outputs if name]) > 1:
        raise refuse(node, "its indices are read", "Leave the second output of MaxPool out.")


def lower_max_pool(lowering: Lowering, node: Node) -> None:
    _refuse_indices(node)
    target = node.outputs[0]
    x = _same_hold(lowering, node, last=True)
    height, width = lowering.value(target).shape[2:]
    lowering.put(target, lowering.builder.max_pool(x, window_of(node, _kernel(node)), (height, width)))


def average_multipliers(x: Quantisation, y: Quantisation, counts: Array) -> npt.NDArray[np.float32]:
    """`f32(scale_x / f32(scale_y * count))`, one for each number of taps."""
    return (np.float32(x.scale) / (np.float32(y.scale) * counts.astype(np.float32))).astype(np.float32)


def lower_average_pool(lowering: Lowering, node: Node) -> None:
    """Of the taps inside; of all taps where `count_include_pad` is set, those outside counting as 0."""
    x, x_held = lowering.real_operand(node.inputs[0], node, last=True)
    target, y_held = output_of(lowering, node)
    window = window_of(node, _kernel(node))
    height, width = lowering.value(node.outputs[0]).shape[2:]
    counts = np.arange(1, window.taps + 1)
    if node.attributes.get("count_include_pad", 0):
        counts = np.full(window.taps, window.taps)
    factors = average_multipliers(x_held, y_held, counts)
    zeros = (x_held.zero, y_held.zero)
    ref = _average(lowering.builder, x, window, (height, width), factors, zeros=zeros, dtype=y_held.dtype)
    put_saturated(lowering, node, target, ref)


def _average(
    builder: ProgramBuilder,
    x: Ref,
    window: Window,
    out_hw: tuple[int, int],
    factors: npt.NDArray[np.float32],
    *,
    zeros: tuple[int, int],
    dtype: DType,
) -> Ref:
    whole = out_hw == (1, 1) and (window.kernel_h, window.kernel_w) == builder.dims(x)[1:3] and not window.pad_top
    if whole and window.taps > MAX_TAPS and not window.pad_left:
        rows = builder.pool_sum(x, Window(1, window.kernel_w), (window.kernel_h, 1), zeros=(zeros[0], 0))
        bits = builder.constant(float_bits(np.full(window.kernel_h, factors[-1])))
        return builder.pool_sum(rows, Window(window.kernel_h, 1), (1, 1), bits, zeros=(0, zeros[1]), dtype=dtype)
    return builder.pool_sum(x, window, out_hw, builder.constant(float_bits(factors)), zeros=zeros, dtype=dtype)


# ---- along axes -------------------------------------------------------------------------------------------------------


def _axes(lowering: Lowering, node: Node) -> tuple[int, ...]:
    rank = len(lowering.value(node.inputs[0]).shape)
    axes = node.attributes.get("axes")
    if axes is None:
        axes = range(rank)
    return tuple(sorted(axis % rank for axis in axes))


def _to_last(builder: ProgramBuilder, x: Ref, axes: tuple[int, ...]) -> Ref:
    """x with the axes that are reduced joined into the last one."""
    rank = len(builder.dims(x))
    kept = [axis for axis in range(rank) if axis not in axes]
    moved = builder.transpose(x, (*kept, *axes))
    dims = builder.dims(x)
    return builder.reshape(moved, (*(dims[axis] for axis in kept), math.prod(dims[axis] for axis in axes)))


def _reduce(lowering: Lowering, node: Node, *, mean: bool) -> None:
    name = node.inputs[0]
    x, target = lowering.ref(name, node), node.outputs[0]
    builder = lowering.builder
    rows = _to_last(builder, x, _axes(lowering, node))
    if not lowering.value(name).is_float:
        lowering.put(target, builder.reshape(builder.sum_last(rows), lowering.value(target).shape))
        return
    x_held, y_held = lowering.quantisation(name, node), lowering.quantisation(target, node)
    count = builder.dims(rows)[-1] if mean else 1
    (factor,) = average_multipliers(x_held, y_held, np.array([count]))
    summed = builder.sum_last(rows, zero=x_held.zero)
    ref = builder.requantize(summed, factor, y_held.zero, y_held.dtype)
    lowering.put(target, builder.reshape(ref, lowering.value(target).shape))


def lower_sum(lowering: Lowering, node: Node) -> None:
    _reduce(lowering, node, mean=False)


def lower_mean(lowering: Lowering, node: Node) -> None:
    _reduce(lowering, node, mean=True)


def lower_reduce_max(lowering: Lowering, node: Node) -> None:
    target, builder = node.outputs[0], lowering.builder
    x = _same_hold(lowering, node)
    rows = _to_last(builder, x, _axes(lowering, node))
    lowering.put(target, builder.reshape(builder.max_last(rows), lowering.value(target).shape))


def _same_hold(lowering: Lowering, node: Node, *, last: bool = False) -> Ref:
    """The operand, held as the output is where it is a real number."""
    name, target = node.inputs[0], node.outputs[0]
    if not lowering.value(name).is_float:
        return lowering.ref(name, node, last=last)
    return lowering.held_as(name, node, lowering.quantisation(target, node), last=last)


def lower_arg_max(lowering: Lowering, node: Node) -> None:
    """The first of the largest: `select_last_index` is refused."""
    if node.attributes.get("select_last_index", 0):
        raise refuse(node, "it asks for the last of equal values", "Export it with select_last_index = 0.")
    name, target, builder = node.inputs[0], node.outputs[0], lowering.builder
    rank = len(lowering.value(name).shape)
    rows = _to_last(builder, lowering.ref(name, node), (int(node.attributes.get("axis", 0)) % rank,))
    if builder.header(rows).dtype is not DType.I32 and node.op == "ArgMin":
        low_first = np.arange(DType.U8.high, -1, -1).astype(np.uint8)
        if builder.header(rows).dtype is DType.I8:
            low_first = np.bitwise_not(np.arange(256).astype(np.uint8)).view(np.int8)
        rows = builder.lookup(rows, low_first)
    lowering.put(target, builder.reshape(builder.arg_max_last(rows), lowering.value(target).shape))


RULES: dict[str, Rule] = {
    "ArgMax": lower_arg_max,
    "ArgMin": lower_arg_max,
    "AveragePool": lower_average_pool,
    "MaxPool": lower_max_pool,
    "ReduceMax": lower_reduce_max,
    "ReduceMean": lower_mean,
    "ReduceSum": lower_sum,
}
