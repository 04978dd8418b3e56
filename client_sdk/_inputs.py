"""A creator's arrays, cut into milestones and quantised as the circuit takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.errors import TensorError
from tallystick.merkle import MAX_MILESTONES
from tallystick.tensors import QuantisedTensors, TensorSpec, flatten, quantise


def quantise_milestones(
    inputs: Any, specs: Sequence[TensorSpec], milestones: int | None = None
) -> tuple[QuantisedTensors, ...]:
    """One set of tensors for each milestone.

    Args:
        inputs: An array or nested sequence for a model of one input; a mapping from input names for one of several.
            Each has the input's shape (one milestone), or several of them stacked along a new first axis, or a first
            axis that is a multiple of the input's (a batch, cut in order).
        specs: The model's inputs.
        milestones: How many are expected; None takes what the inputs make.

    Raises:
        TensorError: an input is missing, ragged, empty, of another shape, not finite, out of range or no number.
    """
    parts = {spec.name: _cut(_input_of(inputs, spec, specs), spec) for spec in specs}
    counts = {name: len(part) for name, part in parts.items()}
    count = next(iter(counts.values()))
    if len(set(counts.values())) > 1:
        raise TensorError(f"The inputs make different numbers of milestones: {counts}.")
    if milestones is not None and milestones != count:
        raise TensorError(
            f"The inputs make {count} milestones, not {milestones}.",
            remedy=f"Each takes {_takes(specs)}; give {milestones} of them, or leave the number out.",
        )
    if count > MAX_MILESTONES:
        raise TensorError(f"The inputs make {count} milestones; a job has at most {MAX_MILESTONES}.")
    return tuple(_quantise_one(parts, specs, index, count) for index in range(count))


def equal_shares(count: int) -> tuple[int, ...]:
    """10,000 bps over `count` milestones; the first ones carry what does not divide."""
    share, left = divmod(10_000, count)
    return tuple(share + (index < left) for index in range(count))


def _input_of(inputs: Any, spec: TensorSpec, specs: Sequence[TensorSpec]) -> Any:
    if not isinstance(inputs, Mapping):
        if len(specs) > 1:
            names = ", ".join(repr(one.name) for one in specs)
            raise TensorError(
                f"The model has {len(specs)} inputs: {names}.", remedy="Give a mapping from these names to arrays."
            )
        return inputs
    known = {one.name for one in specs}
    if unknown := sorted(inputs.keys() - known):
        raise TensorError(f"The model has no input {unknown[0]!r}.", remedy=f"It has {', '.join(sorted(known))}.")
    if spec.name not in inputs:
        raise TensorError(f"Input {spec.name!r} is missing.", remedy=f"It has shape {list(spec.shape)}.")
    return inputs[spec.name]


def _cut(nested: Any, spec: TensorSpec) -> list[Any]:
    shape = flatten(nested)[1]
    if shape == spec.shape:
        return [nested]
    if shape[1:] == spec.shape:
        return list(nested)
    if spec.shape and len(shape) == len(spec.shape) and shape[1:] == spec.shape[1:]:
        return _cut_batch(nested, shape[0], spec)
    raise TensorError(
        f"Input {spec.name!r} has shape {list(shape)}; the model takes {list(spec.shape)}.",
        remedy="Reshape the input, stack several along a new first axis for several milestones, "
        "or register the model with the shape that you need.",
    )


def _cut_batch(nested: Any, rows: int, spec: TensorSpec) -> list[Any]:
    batch = spec.shape[0]
    if rows % batch:
        raise TensorError(
            f"Input {spec.name!r} has {rows} rows; the model takes {batch} at a time.",
            remedy=f"Pad the input to {rows + batch - rows % batch} rows, or leave {rows % batch} out.",
        )
    return [nested[start : start + batch] for start in range(0, rows, batch)]


def _quantise_one(
    parts: Mapping[str, list[Any]], specs: Sequence[TensorSpec], index: int, count: int
) -> QuantisedTensors:
    try:
        values = tuple(quantise(parts[spec.name][index], spec) for spec in specs)
    except TensorError as error:
        if count == 1:
            raise
        raise TensorError(f"Milestone {index}: {error.what}", remedy=error.remedy) from error
    return QuantisedTensors(shapes=tuple(spec.shape for spec in specs), values=values)


def _takes(specs: Sequence[TensorSpec]) -> str:
    return " and ".join(f"{list(spec.shape)} for {spec.name!r}" for spec in specs)
