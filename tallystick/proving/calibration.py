"""The creator's example data, made into what the prover calibrates with and into the range that inputs must keep to."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.errors import TensorError
from tallystick.tensors import TensorSpec, flatten, quantise

RANGE_MARGIN = 0.1
"""Inputs may go beyond the calibration data by this share of its range, on either side."""


@dataclass(frozen=True)
class Calibration:
    """Batches of every input: `batches[b][i]` holds input i's values, row-major."""

    batches: tuple[tuple[tuple[float, ...], ...], ...]

    def encode(self) -> str:
        """All batches in the prover's JSON: per input, one batch after another, as floats."""
        return json.dumps({"input_data": [self.values(index) for index in range(len(self.batches[0]))]})

    def values(self, index: int) -> list[float]:
        """Of one input, over all batches."""
        return [value for batch in self.batches for value in batch[index]]

    def quantised(self, specs: Sequence[TensorSpec]) -> list[list[tuple[int, ...]]]:
        """Each batch as a job's input would be: `[batch][input][element]`."""
        flat = [spec.model_copy(update={"shape": (spec.size,)}) for spec in specs]
        return [[quantise(values, spec) for values, spec in zip(batch, flat, strict=True)] for batch in self.batches]


def read_calibration(calibration: Sequence[Any], inputs: Sequence[tuple[str, tuple[int, ...]]]) -> Calibration:
    """Checks the data against the model's inputs and splits it into batches.

    Args:
        calibration: One nested sequence per input, of its shape or of several of them stacked along a new first axis.
        inputs: Name and shape of each.

    Raises:
        TensorError: wrong number, shape or content.
    """
    if len(calibration) != len(inputs):
        raise TensorError(
            f"Calibration data for {len(calibration)} inputs; the model has {len(inputs)}: "
            f"{', '.join(name for name, _ in inputs)}.",
            remedy="Give one nested sequence per input.",
        )
    split = [_split(data, name, shape) for data, (name, shape) in zip(calibration, inputs, strict=True)]
    counts = {len(batches) for batches in split}
    if len(counts) != 1:
        raise TensorError(f"The inputs' calibration data have different numbers of batches: {sorted(counts)}.")
    return Calibration(tuple(zip(*split, strict=True)))


def _split(data: Any, name: str, wanted: tuple[int, ...]) -> list[tuple[float, ...]]:
    values, shape = flatten(data)
    if wanted not in (shape, shape[1:]):
        raise TensorError(
            f"Calibration data for input {name!r} has shape {list(shape)}; the model takes {list(wanted)}.",
            remedy=f"Give one of that shape, or several stacked: [n, {', '.join(map(str, wanted))}].",
        )
    for value in values:
        if not math.isfinite(value):
            raise TensorError(f"Calibration data for input {name!r} holds {value}.", remedy="Remove NaN and inf.")
    size = math.prod(wanted)
    return [tuple(values[start : start + size]) for start in range(0, len(values), size)]


def spec_for(name: str, shape: tuple[int, ...], scale: int, values: Sequence[float]) -> TensorSpec:
    """The tensor with the range of `values`, widened by RANGE_MARGIN and outward to a whole quantum of 2**-scale."""
    low, high = min(values), max(values)
    margin = RANGE_MARGIN * (high - low)
    factor = 2.0**scale
    return TensorSpec(
        name=name,
        shape=shape,
        scale=scale,
        low=repr(math.floor((low - margin) * factor) / factor),
        high=repr(math.ceil((high + margin) * factor) / factor),
    )
