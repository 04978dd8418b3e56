"""A creator's arrays as a program takes them: integers, quantised as the model's package says. Needs the engine.

Real numbers are brought to single precision and quantised by the compiler's own `Quantisation`, so that an input becomes the
same integers whoever makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from client_sdk._inputs import Shape, Wanted, cut_milestones, naming_milestone
from client_sdk._programs import header_of
from client_sdk._quantisation import quantisation_of
from tallystick.dispute.artifacts import encode_inputs
from tallystick.engine.commitments import array_root
from tallystick.engine.order import order_image
from tallystick.engine.program import NUMPY_DTYPES, Array
from tallystick.engine.trace import inputs_root
from tallystick.errors import TensorError
from tallystick.market.manifests import ProgramTensor

_WHOLE = "iu"
_BYTES = (np.dtype(np.uint8), np.dtype(np.int8))


@dataclass(frozen=True)
class ProgramInputs:
    """One milestone's inputs.

    Attributes:
        root: That its claim will be about, 32 bytes.
        content: Of its artifact.
        saturated: For each input with numbers beyond what its integers can hold: how many became the nearest end.
    """

    root: bytes
    content: bytes
    saturated: Mapping[str, int]


def program_milestones(
    inputs: Any, tensors: Sequence[ProgramTensor], milestones: int | None = None
) -> tuple[ProgramInputs, ...]:
    """One set of inputs for each milestone of a model with a program.

    Args:
        inputs, milestones: As `cut_milestones` takes them. uint8 and int8 arrays are taken as the integers that they are;
            any other numbers are quantised where the program's input is.
        tensors: The model's inputs.

    Raises:
        TensorError: as `cut_milestones`; also where a value is no number, not finite, or not one that the input can be.
    """
    wanted = [Wanted(tensor.name, tensor.dims) for tensor in tensors]
    arrays = (
        {name: _array(name, one) for name, one in inputs.items()}
        if isinstance(inputs, Mapping)
        else _array(tensors[0].name, inputs)
    )
    sets = cut_milestones(arrays, wanted, milestones, _shape)
    made = []
    for index, parts in enumerate(sets):
        with naming_milestone(index, len(sets)):
            made.append(_prepared(parts, tensors))
    return tuple(made)


def _shape(array: Array) -> Shape:
    if not array.size:
        raise TensorError("The input is empty.", remedy="Give one value for every element of the model's input.")
    return tuple(array.shape)


def _array(name: str, nested: Any) -> Array:
    try:
        array = np.asarray(nested)
    except ValueError as error:
        raise TensorError(f"Input {name!r} is ragged: its rows have different lengths.") from error
    if array.dtype.kind not in "iuf":
        raise TensorError(f"Input {name!r} holds {array.dtype} values.", remedy="Give float32 or integer values.")
    return array


def _prepared(parts: Mapping[str, Array], tensors: Sequence[ProgramTensor]) -> ProgramInputs:
    arrays, saturated = [], {}
    for tensor in tensors:
        array, beyond = integers_of(parts[tensor.name], tensor)
        arrays.append(array)
        if beyond:
            saturated[tensor.name] = beyond
    root = inputs_root([array_root(array) for array in arrays])
    return ProgramInputs(root, encode_inputs(arrays), saturated)


def integers_of(array: Array, tensor: ProgramTensor) -> tuple[Array, int]:
    """One input as the program takes it, [*dims], and how many of its numbers became an end of the range.

    Raises:
        TensorError: a number that is not finite, or integers of another dtype or range than the input's.
    """
    kind = NUMPY_DTYPES[header_of(tensor).dtype]
    if array.dtype in _BYTES and tensor.held != "order":
        return _as_they_are(array, kind, tensor), 0
    if tensor.held == "integers":
        return _whole(array, kind, tensor), 0
    reals = _single(array)
    if tensor.held == "order":
        return _by_order(reals, tensor), 0
    _check_finite(reals, tensor)
    quantisation = quantisation_of(tensor)
    held = quantisation.quantise(reals)
    low, high = quantisation.dequantise(np.array([quantisation.dtype.low, quantisation.dtype.high]))
    half = float(quantisation.scale) / 2
    beyond = int(np.count_nonzero((reals < low - half) | (reals > high + half)))
    return np.ascontiguousarray(held.astype(kind)), beyond


def _as_they_are(array: Array, kind: np.dtype[Any], tensor: ProgramTensor) -> Array:
    if array.dtype != kind:
        raise TensorError(
            f"Input {tensor.name!r} is {array.dtype}; the program takes {kind}.",
            remedy=f"Give {kind} integers, which are taken as they are, or real numbers as float32.",
        )
    return np.ascontiguousarray(array)


def _whole(array: Array, kind: np.dtype[Any], tensor: ProgramTensor) -> Array:
    if array.dtype.kind not in _WHOLE:
        raise TensorError(
            f"Input {tensor.name!r} holds {array.dtype} values; the program takes integers.", remedy="Give integers."
        )
    ends = np.iinfo(kind)
    wrong = np.argwhere(np.less(array, ends.min) | np.greater(array, ends.max))
    if wrong.size:
        place = tuple(int(each) for each in wrong[0])
        raise TensorError(
            f"Input {tensor.name!r} is {array[place]} at {place}, outside {ends.min} to {ends.max}.",
            remedy="Give integers that the model's input can hold.",
        )
    return np.ascontiguousarray(array.astype(kind))


def _single(array: Array) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _check_finite(reals: npt.NDArray[np.float32], tensor: ProgramTensor) -> None:
    wrong = np.argwhere(~np.isfinite(reals))
    if wrong.size:
        place = tuple(int(each) for each in wrong[0])
        raise TensorError(f"Input {tensor.name!r} is {reals[place]} at {place}.", remedy="Remove NaN and inf.")


def _by_order(reals: npt.NDArray[np.float32], tensor: ProgramTensor) -> Array:
    try:
        return order_image(reals)
    except TensorError as error:
        raise TensorError(f"Input {tensor.name!r}: {error.what}", remedy=error.remedy) from error
