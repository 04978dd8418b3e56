"""Quantised tensors as artifacts: what a circuit takes and gives, exactly.

A float has many roads into a circuit; an integer has one. So inputs and outputs travel as the fixed-point integers
that the circuit works on, in canonical JSON, and floats exist only at the two ends, in the creator's hands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, model_validator

from tallystick.canonical import decode_canonical, encode_canonical
from tallystick.errors import ArtifactCorruptError, TensorError
from tallystick.hashing import FIELD, instance_root, to_field

MAX_ELEMENTS = 1 << 20
"""In all tensors of one document together."""

MAX_SCALE = 64

Dimension = Annotated[int, Field(ge=1, le=MAX_ELEMENTS)]

Quantised = Annotated[int, Field(strict=True, ge=-(FIELD // 2), le=FIELD // 2)]
"""The signed integers that a field element can stand for. One more, and two documents would share a root."""


class TensorSpec(BaseModel):
    """What one input or output of a model looks like.

    Attributes:
        shape: Dimensions, each at least 1.
        scale: Fixed-point bits: an integer q stands for q / 2**scale.
        low: Smallest float that the circuit was calibrated for, spelled as Python spells it.
        high: Largest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=200)]
    shape: tuple[Dimension, ...]
    scale: Annotated[int, Field(ge=0, le=MAX_SCALE)]
    low: str
    high: str

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        low, high = float(self.low), float(self.high)
        if not -math.inf < low <= high < math.inf:
            raise ValueError(f"{self.low} to {self.high} is not a range")
        if self.size > MAX_ELEMENTS:
            raise ValueError(f"{self.size} elements are more than {MAX_ELEMENTS}")
        return self

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class QuantisedTensors(BaseModel):
    """Integers of one or more tensors, flattened row-major, in the model's order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    # A document with a million wrong values gets one sentence, not a million.
    shapes: Annotated[tuple[tuple[Dimension, ...], ...], FailFast()]
    values: Annotated[tuple[Annotated[tuple[Quantised, ...], FailFast()], ...], FailFast()]

    def encode(self) -> bytes:
        return encode_canonical(self.model_dump(mode="json"))

    @classmethod
    def decode(cls, data: bytes) -> QuantisedTensors:
        """Raises ArtifactCorruptError unless `data` is the canonical spelling of well-shaped tensors."""
        try:
            tensors = cls.model_validate(decode_canonical(data))
        except ValidationError as error:
            raise ArtifactCorruptError(f"The tensor document has the wrong form: {error}") from error
        trouble = next(tensors._misfits(), None)
        if trouble:
            raise ArtifactCorruptError(f"The tensor document does not fit together: {trouble}.")
        if tensors.encode() != data:
            raise ArtifactCorruptError("The tensor document leaves out a field, so its hash is of another document.")
        return tensors

    def _misfits(self) -> Iterator[str]:
        if len(self.shapes) != len(self.values):
            yield f"{len(self.shapes)} shapes for {len(self.values)} tensors"
        for shape, values in zip(self.shapes, self.values, strict=False):
            if math.prod(shape) != len(values):
                yield f"a tensor of shape {list(shape)} cannot hold {len(values)} values"
        total = sum(len(values) for values in self.values)
        if total > MAX_ELEMENTS:
            yield f"{total} elements are more than {MAX_ELEMENTS}"

    def field_elements(self) -> list[int]:
        """Every value as a field element, tensors one after another: the circuit's instances."""
        return [to_field(value) for values in self.values for value in values]

    def root(self) -> bytes:
        """The statement's inputRoot or outputRoot, 32 bytes."""
        return instance_root(self.field_elements())


def flatten(nested: Any) -> tuple[list[float], tuple[int, ...]]:
    """Row-major values and shape of nested sequences, or of anything with `tolist()` such as an array.

    Raises:
        TensorError: ragged, empty, or holding something that is not a number.
    """
    plain = nested.tolist() if hasattr(nested, "tolist") else nested
    if not isinstance(plain, list | tuple):
        return [_number(plain)], ()
    if not plain:
        raise TensorError("The input is empty.", remedy="Give one value for every element of the model's input.")
    parts = [flatten(item) for item in plain]
    shape = parts[0][1]
    if any(part[1] != shape for part in parts):
        raise TensorError("The input is ragged: its rows have different lengths.")
    return [value for part in parts for value in part[0]], (len(parts), *shape)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TensorError(
            f"The input holds {value!r} of type {type(value).__name__}.", remedy="Give float32 or integer values."
        )
    try:
        return float(value)
    except OverflowError:
        raise TensorError("The input holds an integer that no float can hold.", remedy="Rescale the input.") from None


def _round(value: float) -> int:
    """Halves away from zero. Not floor(x + 0.5): the sum rounds, and 0.49999999999999994 would become 1."""
    whole = math.floor(abs(value))
    rounded = whole + (abs(value) - whole >= 0.5)
    return rounded if value >= 0 else -rounded


def _place(index: int, shape: Sequence[int]) -> str:
    place = []
    for dimension in reversed(shape):
        index, here = divmod(index, dimension)
        place.append(here)
    return str(tuple(reversed(place)))


def quantise(nested: Any, spec: TensorSpec) -> tuple[int, ...]:
    """The fixed-point integers of an input, checked against the model's specification.

    `q = round(x * 2**scale)`, halves away from zero, as EZKL quantises.

    Raises:
        TensorError: wrong shape, NaN, infinite, or outside the calibrated range (which is known to hang provers).
    """
    values, shape = flatten(nested)
    if shape != spec.shape:
        raise TensorError(
            f"Input {spec.name!r} has shape {list(shape)}; the model takes {list(spec.shape)}.",
            remedy="Reshape the input, or register the model with the shape that you need.",
        )
    low, high = float(spec.low), float(spec.high)
    for index, value in enumerate(values):
        if not math.isfinite(value):
            raise TensorError(
                f"Input {spec.name!r} is {value} at {_place(index, shape)}.", remedy="Remove NaN and inf."
            )
        if not low <= value <= high:
            raise TensorError(
                f"Input {spec.name!r} is {value} at {_place(index, shape)}, outside the circuit's range {low} to {high}.",
                remedy="Rescale the input, or register the model again with calibration data that covers it.",
            )
    factor = 2.0**spec.scale
    return tuple(_round(value * factor) for value in values)


def dequantise(values: Sequence[int], scale: int) -> list[float]:
    """`q / 2**scale` for each value."""
    factor = 2.0**scale
    return [value / factor for value in values]
