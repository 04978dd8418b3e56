"""A creator's arrays, cut into milestones, and quantised as a circuit takes them. Programs: `_program_inputs`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tallystick.errors import TensorError
from tallystick.merkle import MAX_MILESTONES
from tallystick.tensors import QuantisedTensors, TensorSpec, flatten, quantise

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Wanted:
    """One input of a model, as far as cutting needs it."""

    name: str
    shape: Shape


def quantise_milestones(
    inputs: Any, specs: Sequence[TensorSpec], milestones: int | None = None
) -> tuple[QuantisedTensors, ...]:
    """One set of tensors for each milestone of a model with a circuit.

    Args:
        inputs, milestones: As `cut_milestones` takes them.
        specs: The model's inputs.

    Raises:
        TensorError: as `cut_milestones`; also where a value is not finite, out of range or no number.
    """
    wanted = [Wanted(spec.name, spec.shape) for spec in specs]
    sets = cut_milestones(inputs, wanted, milestones, lambda nested: flatten(nested)[1])
    shapes = tuple(spec.shape for spec in specs)
    made = []
    for index, parts in enumerate(sets):
        with naming_milestone(index, len(sets)):
            values = tuple(quantise(parts[spec.name], spec) for spec in specs)
        made.append(QuantisedTensors(shapes=shapes, values=values))
    return tuple(made)


def cut_milestones(
    inputs: Any, wanted: Sequence[Wanted], milestones: int | None, shape_of: Callable[[Any], Shape]
) -> list[dict[str, Any]]:
    """For each milestone its part of each input, by name, of exactly the input's shape.

    Args:
        inputs: An array or nested sequence for a model of one input; a mapping from input names for one of several.
            Each has the input's shape (one milestone), or several of them stacked along a new first axis, or a first
            axis that is a multiple of the input's (a batch, cut in order).
        wanted: The model's inputs.
        milestones: How many are expected; None takes what the inputs make.
        shape_of: Of an array or nested sequence. Raises TensorError where it has none.

    Raises:
        TensorError: an input is missing, ragged, empty or of another shape, or there are too many or too few.
    """
    parts = {one.name: _cut(_input_of(inputs, one, wanted), one, shape_of) for one in wanted}
    counts = {name: len(part) for name, part in parts.items()}
    count = next(iter(counts.values()))
    if len(set(counts.values())) > 1:
        raise TensorError(f"The inputs make different numbers of milestones: {counts}.")
    if milestones is not None and milestones != count:
        raise TensorError(
            f"The inputs make {count} milestones, not {milestones}.",
            remedy=f"Each takes {_takes(wanted)}; give {milestones} of them, or leave the number out.",
        )
    if count > MAX_MILESTONES:
        raise TensorError(f"The inputs make {count} milestones; a job has at most {MAX_MILESTONES}.")
    return [{name: part[index] for name, part in parts.items()} for index in range(count)]


@contextmanager
def naming_milestone(index: int, count: int) -> Iterator[None]:
    """Where one of several milestones cannot be used, the error says which."""
    try:
        yield
    except TensorError as error:
        if count == 1:
            raise
        raise TensorError(f"Milestone {index}: {error.what}", remedy=error.remedy) from error


def equal_shares(count: int) -> tuple[int, ...]:
    """10,000 bps over `count` milestones; the first ones carry what does not divide."""
    share, left = divmod(10_000, count)
    return tuple(share + (index < left) for index in range(count))


def _input_of(inputs: Any, one: Wanted, wanted: Sequence[Wanted]) -> Any:
    if not isinstance(inputs, Mapping):
        if len(wanted) > 1:
            names = ", ".join(repr(each.name) for each in wanted)
            raise TensorError(
                f"The model has {len(wanted)} inputs: {names}.", remedy="Give a mapping from these names to arrays."
            )
        return inputs
    known = {each.name for each in wanted}
    if unknown := sorted(inputs.keys() - known):
        raise TensorError(f"The model has no input {unknown[0]!r}.", remedy=f"It has {', '.join(sorted(known))}.")
    if one.name not in inputs:
        raise TensorError(f"Input {one.name!r} is missing.", remedy=f"It has shape {list(one.shape)}.")
    return inputs[one.name]


def _cut(nested: Any, wanted: Wanted, shape_of: Callable[[Any], Shape]) -> list[Any]:
    shape = shape_of(nested)
    if shape == wanted.shape:
        return [nested]
    if shape[1:] == wanted.shape:
        return list(nested)
    if wanted.shape and len(shape) == len(wanted.shape) and shape[1:] == wanted.shape[1:]:
        return _cut_batch(nested, shape[0], wanted)
    raise TensorError(
        f"Input {wanted.name!r} has shape {list(shape)}; the model takes {list(wanted.shape)}.",
        remedy="Reshape the input, stack several along a new first axis for several milestones, "
        "or register the model with the shape that you need.",
    )


def _cut_batch(nested: Any, rows: int, wanted: Wanted) -> list[Any]:
    batch = wanted.shape[0]
    if rows % batch:
        raise TensorError(
            f"Input {wanted.name!r} has {rows} rows; the model takes {batch} at a time.",
            remedy=f"Pad the input to {rows + batch - rows % batch} rows, or leave {rows % batch} out.",
        )
    return [nested[start : start + batch] for start in range(0, rows, batch)]


def _takes(wanted: Sequence[Wanted]) -> str:
    return " and ".join(f"{list(one.shape)} for {one.name!r}" for one in wanted)
