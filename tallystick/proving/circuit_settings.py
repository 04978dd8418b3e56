"""What a circuit's settings.json says, and whether it is of the one form that this market accepts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from tallystick.errors import ModelError
from tallystick.tensors import TensorSpec

MAX_SETTINGS_BYTES = 4 * 1024 * 1024


class _RunArguments(BaseModel):
    logrows: Annotated[int, Field(ge=1, le=28)]
    input_visibility: str
    output_visibility: str
    param_visibility: str
    decomp_base: int
    decomp_legs: int


class CircuitSettings(BaseModel):
    """The fields that matter here; EZKL writes many more.

    Attributes:
        num_rows: Used; the circuit has 2**logrows.
        model_instance_shapes: Of the inputs, then of the outputs.
        model_input_scales: Fixed-point bits of each input.
    """

    run_args: _RunArguments
    num_rows: int
    model_instance_shapes: tuple[tuple[int, ...], ...]
    model_input_scales: tuple[int, ...]
    model_output_scales: tuple[int, ...]
    version: str

    @property
    def logrows(self) -> int:
        return self.run_args.logrows

    @property
    def instance_count(self) -> int:
        """Public field elements: of all inputs and outputs."""
        return sum(math.prod(shape) for shape in self.model_instance_shapes)


def read_settings(data: bytes) -> CircuitSettings:
    """Raises ModelError unless inputs and outputs are public and the weights are fixed in the verifying key.

    With private weights one key would prove any weights; with hashed values the instances would not be the job's.
    """
    if len(data) > MAX_SETTINGS_BYTES:
        raise ModelError(f"The circuit's settings have {len(data)} bytes; at most {MAX_SETTINGS_BYTES} are read.")
    try:
        settings = CircuitSettings.model_validate_json(data)
    except ValidationError as error:
        raise ModelError(f"The circuit's settings have the wrong form: {error}") from error
    arguments = settings.run_args
    visibility = (arguments.input_visibility, arguments.output_visibility, arguments.param_visibility)
    if visibility != ("Public", "Public", "Fixed"):
        raise ModelError(
            f"The circuit's inputs, outputs and weights are {', '.join(visibility)}; they must be Public, Public, Fixed.",
            remedy="Register the model with settings made by this software.",
        )
    return settings


def check_specs(settings: CircuitSettings, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """Raises ModelError unless the tensors that a manifest announces are the circuit's."""
    sizes = [math.prod(shape) for shape in settings.model_instance_shapes]
    scales = [*settings.model_input_scales, *settings.model_output_scales]
    said = [(spec.size, spec.scale) for spec in (*inputs, *outputs)]
    if list(zip(sizes, scales, strict=False)) != said or len(sizes) != len(scales):
        raise ModelError(
            f"The manifest announces tensors of (elements, scale) {said}; the circuit has {list(zip(sizes, scales, strict=False))}.",
            remedy="The manifest and the settings do not belong together; ask the model's creator.",
        )
