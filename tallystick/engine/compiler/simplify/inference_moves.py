"""Shapes of what operators give that move, repeat, cut or join elements."""

from __future__ import annotations

import math

from tallystick.engine.compiler.simplify.inference_elements import ShapeRule
from tallystick.engine.compiler.simplify.operands import Operands, Shape


def _reshaped(operands: Operands) -> list[Shape]:
    old, given = operands.shape(), operands.integers(1, "shape") or ()
    wrong = operands.refusal(f"it makes a Reshape of {old} to {given[:16]}", "The elements must be as many.")
    keeps_zero = operands.attributes.get("allowzero", 0)
    open_places = [place for place, dim in enumerate(given) if dim == -1]
    if len(open_places) > 1 or any(dim < -1 for dim in given):
        raise wrong
    if not keeps_zero and any(dim == 0 and place >= len(old) for place, dim in enumerate(given)):
        raise wrong
    shape = [dim if dim or keeps_zero else old[place] for place, dim in enumerate(given)]
    for place in open_places:
        rest = math.prod(dim for dim in shape if dim != -1)
        shape[place] = math.prod(old) // rest if rest else -1
    if math.prod(shape) != math.prod(old) or -1 in shape:
        raise wrong
    return [tuple(shape)]


def _flattened(operands: Operands) -> list[Shape]:
    shape, axis = operands.shape(), operands.attributes.get("axis", 1)
    if axis != len(shape):
        axis = operands.axis(axis, len(shape))
    return [(math.prod(shape[:axis]), math.prod(shape[axis:]))]


def _squeezed(operands: Operands) -> list[Shape]:
    shape, given = operands.shape(), operands.integers(1, "axes")
    if given is None:
        return [tuple(dim for dim in shape if dim != 1)]
    axes = operands.axes(given, len(shape))
    if any(shape[axis] != 1 for axis in axes):
        raise operands.refusal(f"it removes the axes {axes} of {shape}, which are not all of one place")
    return [tuple(dim for axis, dim in enumerate(shape) if axis not in axes)]


def _unsqueezed(operands: Operands) -> list[Shape]:
    given = operands.integers(1, "axes") or ()
    rank = len(operands.shape()) + len(given)
    axes, rest = operands.axes(given, rank), iter(operands.shape())
    return [tuple(1 if axis in axes else next(rest) for axis in range(rank))]


def _transposed(operands: Operands) -> list[Shape]:
    shape = operands.shape()
    perm = operands.attributes.get("perm", range(len(shape))[::-1])
    if len(perm) != len(shape) or sorted(perm) != list(range(len(shape))):
        raise operands.refusal(f"it has a perm of {tuple(perm)} on a tensor of {len(shape)} dims")
    return [tuple(shape[axis] for axis in perm)]


def _sliced(operands: Operands) -> list[Shape]:
    starts, ends = operands.integers(1, "starts") or (), operands.integers(2, "ends") or ()
    given = operands.integers(3, "axes")
    steps = operands.integers(4, "steps") or (1,) * len(starts)
    shape = list(operands.shape())
    axes = operands.axes(range(len(starts)) if given is None else given, len(shape))
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise operands.refusal(f"it cuts from {starts[:8]} to {ends[:8]} in steps of {steps[:8]} along axes {axes}")
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        shape[axis] = len(range(shape[axis])[slice(start, end, step)])
    return [tuple(shape)]


def _split(operands: Operands) -> list[Shape]:
    shape, count = operands.shape(), len(operands.node.output)
    axis = operands.axis(operands.attributes.get("axis", 0), len(shape))
    sizes = operands.integers(1, "split")
    if sizes is None:
        # Parts are equal; where they cannot be, the last is smaller, as opset 18 has it.
        parts = operands.attributes.get("num_outputs", count)
        each = -(-shape[axis] // parts)
        sizes = tuple(max(min(each, shape[axis] - each * part), 0) for part in range(parts))
    if len(sizes) != count or sum(sizes) != shape[axis] or min(sizes) < 0:
        raise operands.refusal(f"it splits {shape[axis]} places into {len(sizes)} parts for {count} outputs")
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]


def _padded(operands: Operands) -> list[Shape]:
    shape, pads = list(operands.shape()), operands.integers(1, "pads") or ()
    given = operands.integers(3, "axes")
    axes = operands.axes(range(len(shape)) if given is None else given, len(shape))
    if len(pads) != 2 * len(axes):
        raise operands.refusal(f"it has {len(pads)} pads for {len(axes)} axes")
    for place, axis in enumerate(axes):
        shape[axis] += pads[place] + pads[place + len(axes)]
    if any(dim < 0 for dim in shape):
        raise operands.refusal(f"it has pads of {pads}, which leave nothing of {operands.shape()}")
    return [tuple(shape)]


def _expanded(operands: Operands) -> list[Shape]:
    return [operands.broadcast(operands.shape(), operands.integers(1, "shape") or ())]


def _tiled(operands: Operands) -> list[Shape]:
    shape, repeats = operands.shape(), operands.integers(1, "repeats") or ()
    if len(repeats) != len(shape):
        raise operands.refusal(f"it repeats {shape} {repeats[:16]} times, not once for each axis")
    return [tuple(dim * times for dim, times in zip(shape, repeats, strict=True))]


def _concatenated(operands: Operands) -> list[Shape]:
    parts = [operands.shape(place) for place in range(len(operands.inputs))]
    first = parts[0]
    axis = operands.axis(operands.attributes["axis"], len(first))
    if any(
        len(part) != len(first) or (*part[:axis], *part[axis + 1 :]) != (*first[:axis], *first[axis + 1 :])
        for part in parts
    ):
        raise operands.refusal(f"it joins tensors of the shapes {parts[:8]} along axis {axis}")
    return [(*first[:axis], sum(part[axis] for part in parts), *first[axis + 1 :])]


def _deepened(operands: Operands) -> list[Shape]:
    """SpaceToDepth."""
    n, c, h, w = _image(operands)
    size = operands.attributes["blocksize"]
    if h % size or w % size:
        raise operands.refusal(f"it has a blocksize of {size} on an image of {h} by {w}")
    return [(n, c * size**2, h // size, w // size)]


def _widened(operands: Operands) -> list[Shape]:
    """DepthToSpace."""
    n, c, h, w = _image(operands)
    size = operands.attributes["blocksize"]
    if c % size**2:
        raise operands.refusal(f"it has a blocksize of {size} on {c} channels")
    return [(n, c // size**2, h * size, w * size)]


def _image(operands: Operands) -> tuple[int, int, int, int]:
    shape = operands.shape()
    if len(shape) != 4:
        raise operands.refusal(f"it works on [N, C, H, W], not on {shape}")
    return shape[0], shape[1], shape[2], shape[3]


MOVES: dict[str, ShapeRule] = {
    "Reshape": _reshaped,
    "Flatten": _flattened,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
    "Transpose": _transposed,
    "Slice": _sliced,
    "Split": _split,
    "Pad": _padded,
    "Expand": _expanded,
    "Tile": _tiled,
    "Concat": _concatenated,
    "SpaceToDepth": _deepened,
    "DepthToSpace": _widened,
}
