"""Whether quantised inputs are such as the circuit was made for: asked before the prover could hang on them."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.errors import TensorError
from tallystick.tensors import QuantisedTensors, TensorSpec, quantise


def quantised_range(spec: TensorSpec) -> tuple[int, int]:
    """The integers that `quantise` can give for this tensor: rounding keeps order, so its ends are theirs."""
    scalar = spec.model_copy(update={"shape": ()})
    return quantise(float(spec.low), scalar)[0], quantise(float(spec.high), scalar)[0]


def check_inputs(inputs: QuantisedTensors, specs: Sequence[TensorSpec]) -> None:
    """Raises TensorError for a wrong number of tensors, a wrong shape or a value beyond the calibrated range."""
    if len(inputs.values) != len(specs) or len(inputs.shapes) != len(specs):
        raise TensorError(f"{len(inputs.values)} input tensors; the model takes {len(specs)}.")
    for shape, values, spec in zip(inputs.shapes, inputs.values, specs, strict=True):
        if shape != spec.shape or len(values) != spec.size:
            raise TensorError(
                f"Input {spec.name!r} has shape {list(shape)} with {len(values)} values; the model takes {list(spec.shape)}."
            )
        low, high = quantised_range(spec)
        for index, value in enumerate(values):
            if not low <= value <= high:
                raise TensorError(
                    f"Input {spec.name!r} holds the integer {value} at element {index}, outside {low} to {high} "
                    f"(floats {spec.low} to {spec.high}).",
                    remedy="Rescale the input, or register the model again with calibration data that covers it.",
                )
