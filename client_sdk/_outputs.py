"""Integers that a claim carried, back to numbers with a shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tallystick.errors import InputError
from tallystick.tensors import QuantisedTensors, TensorSpec, dequantise

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

NestedFloats = list[Any]
"""Lists in lists, as `tolist()` of an array gives them."""


def to_floats(tensors: QuantisedTensors, specs: Sequence[TensorSpec]) -> list[NestedFloats]:
    """One nested list for each output of the model."""
    return [
        _nest(dequantise(values, spec.scale), spec.shape) for values, spec in zip(tensors.values, specs, strict=True)
    ]


def to_arrays(outputs: Sequence[NestedFloats]) -> list[NDArray[float64]]:
    """The same as arrays of float64, which holds every fixed-point value exactly.

    Raises:
        InputError: numpy is not installed.
    """
    try:
        import numpy  # noqa: PLC0415  (the SDK imports without it)
    except ModuleNotFoundError as error:
        raise InputError(
            "Results as arrays need numpy, which is not installed.",
            remedy="Run `pip install 'tallystick[numpy]'`, or ask for result_floats().",
        ) from error
    return [numpy.asarray(output, dtype=numpy.float64) for output in outputs]


def _nest(values: Sequence[float], shape: Sequence[int]) -> Any:
    if not shape:
        return values[0]
    step = len(values) // shape[0]
    return [_nest(values[index * step : (index + 1) * step], shape[1:]) for index in range(shape[0])]


def stack(milestones: Sequence[list[NestedFloats]]) -> list[NestedFloats]:
    """From outputs by milestone to milestones by output."""
    return [list(outputs) for outputs in zip(*milestones, strict=True)]
