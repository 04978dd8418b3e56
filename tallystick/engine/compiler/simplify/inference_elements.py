"""Shapes of what operators give that work on each element, or on all elements of a channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tallystick.engine.compiler.simplify.elementwise import KEPT
from tallystick.engine.compiler.simplify.operands import Operands, Shape

ShapeRule = Callable[[Operands], Sequence[Shape]]
_JOINED = """
    Add Sub Mul Div Pow Mod And Or Xor Less Greater LessOrEqual GreaterOrEqual Equal BitShift Where Max Min Sum Mean
"""


def same(operands: Operands) -> list[Shape]:
    return [operands.shape()]


def joined(operands: Operands) -> list[Shape]:
    """Any number of operands, all of which are there."""
    return [operands.broadcast(*(operands.shape(place) for place in range(len(operands.inputs))))]


def _sloped(operands: Operands) -> list[Shape]:
    operands.fits(1, operands.shape())
    return same(operands)


def _clipped(operands: Operands) -> list[Shape]:
    for place in (1, 2):
        if operands.has(place) and operands.shape(place) not in ((), (1,)):
            raise operands.refusal(f"it has a bound of shape {operands.shape(place)}", "A bound is one number.")
    return same(operands)


def _dropped(operands: Operands) -> list[Shape]:
    return [operands.shape()] * 2


def _quantised(operands: Operands) -> list[Shape]:
    """QuantizeLinear and DequantizeLinear: one scale, one for each place of an axis, or one for each block."""
    shape, scale = operands.shape(), operands.shape(1)
    if scale not in ((), (1,)) and not operands.attributes.get("block_size", 0):
        axis = operands.axis(operands.attributes.get("axis", 1), len(shape))
        if scale != (shape[axis],):
            raise operands.refusal(f"it has scales of shape {scale} for the {shape[axis]} places of axis {axis}")
    if operands.has(2) and operands.shape(2) != scale and {operands.shape(2), scale} != {(), (1,)}:
        raise operands.refusal(f"it has scales of shape {scale} and zero points of shape {operands.shape(2)}")
    return same(operands)


def _quantised_by_range(operands: Operands) -> list[Shape]:
    return [operands.shape(), (), ()]


def _batch_normalised(operands: Operands) -> list[Shape]:
    shape = operands.shape()
    channels = shape[1] if len(shape) > 1 else 1
    operands.one_per(channels, 1, 2, 3, 4)
    return [shape, *[(channels,)] * 4]


def _layer_normalised(operands: Operands) -> list[Shape]:
    shape = operands.shape()
    axis = operands.axis(operands.attributes.get("axis", -1), len(shape))
    operands.fits(1, shape)
    operands.fits(2, shape)
    return [shape, *[(*shape[:axis], *(1 for _ in shape[axis:]))] * 2]


def _instance_normalised(operands: Operands) -> list[Shape]:
    shape = operands.shape()
    if len(shape) < 2:
        raise operands.refusal(f"it normalises channels of {shape}, which has none")
    operands.one_per(shape[1], 1, 2)
    return same(operands)


def _group_normalised(operands: Operands) -> list[Shape]:
    shape, groups = operands.shape(), operands.attributes["num_groups"]
    if len(shape) < 2 or shape[1] % groups:
        raise operands.refusal(f"it makes {groups} groups of the channels of {shape}")
    for place in (1, 2):
        if operands.shape(place) not in ((groups,), (shape[1],)):  # opset 18 has one per group, 21 one per channel
            raise operands.refusal(f"its input {place} is of shape {operands.shape(place)} for {shape[1]} channels")
    return same(operands)


def _triangular(operands: Operands) -> list[Shape]:
    if len(operands.shape()) < 2:
        raise operands.refusal(f"it works on matrices, not on {operands.shape()}")
    return same(operands)


def _square(operands: Operands) -> list[Shape]:
    if len(operands.shape()) != 2:
        raise operands.refusal(f"it works on one matrix, not on {operands.shape()}")
    return same(operands)


def _along_axis(operands: Operands) -> list[Shape]:
    operands.axis(operands.attributes.get("axis", -1), len(operands.shape()))
    return same(operands)


ELEMENTS: dict[str, ShapeRule] = {
    **dict.fromkeys(KEPT, same),
    **dict.fromkeys(("Cast", "CastLike", "Identity", "Swish", "CumSum"), same),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _along_axis),
    **dict.fromkeys(_JOINED.split(), joined),
    "Trilu": _triangular,
    "EyeLike": _square,
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _quantised),
    "PRelu": _sloped,
    "Clip": _clipped,
    "Dropout": _dropped,
    "DynamicQuantizeLinear": _quantised_by_range,
    "BatchNormalization": _batch_normalised,
    "LayerNormalization": _layer_normalised,
    "InstanceNormalization": _instance_normalised,
    "GroupNormalization": _group_normalised,
}
