"""Rules for operators that only move elements: Reshape and its kin, Transpose, Slice, Split, Pad, Expand, Tile, Gather."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Array, Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify.rewriter import Rewriter, Shape, axis_of, elements


def reshaped(r: Rewriter, node: Node) -> None:
    """Reshape, Flatten, Squeeze, Unsqueeze: the shape was inferred, so nothing else matters."""
    shape = r.shape(node.outputs[0])
    if elements(shape) != elements(r.shape(node.inputs[0])):
        raise refuse(node, f"it makes {shape} of {r.shape(node.inputs[0])}")
    r.reshape(node.inputs[0], shape, node.outputs[0])


def transposed(r: Rewriter, node: Node) -> None:
    rank = len(r.shape(node.inputs[0]))
    perm = tuple(node.attributes.get("perm", range(rank)[::-1]))
    if sorted(perm) != list(range(rank)):
        raise refuse(node, f"it has a perm of {perm} on a tensor of {rank} dims")
    r.transpose(node.inputs[0], perm, node.outputs[0])


def _integers(r: Rewriter, node: Node, place: int, name: str) -> Shape | None:
    """Integers that newer opsets have as an input and older ones as an attribute."""
    if name in node.attributes:
        return tuple(node.attributes[name])
    if place >= len(node.inputs) or not node.inputs[place]:
        return None
    array = r.constant(node.inputs[place])
    if array is None:
        raise refuse(node, f"it has {name} that depend on the input", "Export with static shapes.")
    return tuple(int(number) for number in array.reshape(-1))


def axes_of(r: Rewriter, node: Node, place: int, rank: int, default: Shape) -> Shape:
    """The axes of an operator, in order, counted from the front."""
    axes = _integers(r, node, place, "axes")
    found = {axis_of(axis, rank) for axis in (default if axes is None else axes)}
    if None in found:
        raise refuse(node, f"it has axes {axes} on a tensor of {rank} dims")
    return tuple(sorted(axis for axis in found if axis is not None))


def sliced(r: Rewriter, node: Node) -> None:
    x, shape = node.inputs[0], r.shape(node.inputs[0])
    starts, ends = _integers(r, node, 1, "starts"), _integers(r, node, 2, "ends")
    if starts is None or ends is None:
        raise refuse(node, "it has no starts or no ends")
    axes = _integers(r, node, 3, "axes") or tuple(range(len(starts)))
    steps = _integers(r, node, 4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise refuse(node, f"it has {len(starts)} starts, {len(ends)} ends, {len(axes)} axes and {len(steps)} steps")
    begin, stride, out = [0] * len(shape), [1] * len(shape), list(shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = axis_of(axis, len(shape))
        if place is None or step == 0:
            raise refuse(node, f"it cuts axis {axis} of {len(shape)} in steps of {step}")
        covered = range(shape[place])[slice(start, end, step)]
        begin[place], stride[place], out[place] = covered.start, covered.step, len(covered)
    if tuple(out) != r.shape(node.outputs[0]) or 0 in out:
        raise refuse(node, f"it leaves a tensor of shape {tuple(out)}", "Leave at least one element.")
    r.cut(x, tuple(begin), tuple(stride), tuple(out), node.outputs[0])


def split(r: Rewriter, node: Node) -> None:
    x, shape = node.inputs[0], r.shape(node.inputs[0])
    axis = axis_of(node.attributes.get("axis", 0), len(shape))
    sizes = _integers(r, node, 1, "split")
    if axis is None:
        raise refuse(node, f"it splits an axis that a tensor of {len(shape)} dims does not have")
    if sizes is None:
        # Parts are equal; where they cannot be, the last is smaller, as opset 18 has it. Outputs that nobody needs are gone.
        size = max(r.shape(name)[axis] for name in node.outputs if name)
        size = -(-shape[axis] // node.attributes["num_outputs"]) if "num_outputs" in node.attributes else size
        sizes = tuple(min(size, shape[axis] - start) for start in range(0, shape[axis], size))
    if len(sizes) < len(node.outputs) or any(size < 1 for size in sizes) or sum(sizes) != shape[axis]:
        raise refuse(node, f"it splits {shape[axis]} places into {sizes[:16]}")
    start = 0
    for name, size in zip(node.outputs, sizes, strict=False):
        if name:
            starts = tuple(start if place == axis else 0 for place in range(len(shape)))
            out = (*shape[:axis], size, *shape[axis + 1 :])
            r.cut(x, starts, (1,) * len(shape), out, name)
        start += size


def padded(r: Rewriter, node: Node) -> None:
    x, rank = node.inputs[0], len(r.shape(node.inputs[0]))
    mode = node.attributes.get("mode", "constant")
    if mode != "constant":
        raise refuse(node, f"it pads in the mode {mode!r}", "Only constant padding is supported: pad with zeros.")
    pads = _integers(r, node, 1, "pads")
    value: float | None = node.attributes.get("value", 0.0)
    if len(node.inputs) > 2 and node.inputs[2]:
        value = r.scalar(node.inputs[2])
    axes = axes_of(r, node, 3, rank, tuple(range(rank)))
    given = _integers(r, node, 3, "axes") if len(node.inputs) > 3 else None
    if pads is None or value is None or len(pads) != 2 * len(axes):
        raise refuse(
            node, f"it has pads of {pads} and a value of {value} on a tensor of {rank} dims", "Both must be constants."
        )
    order = [axis % rank for axis in given] if given else list(axes)
    full = [0] * (2 * rank)
    for place, axis in enumerate(order):
        full[axis], full[axis + rank] = pads[place], pads[place + len(order)]
    _pad(r, node, x, tuple(full), value)


def _pad(r: Rewriter, node: Node, x: str, pads: Shape, value: float) -> None:
    """Negative padding cuts."""
    shape, rank = r.shape(x), len(r.shape(x))
    cuts = [max(-pad, 0) for pad in pads]
    kept = tuple(dim - cuts[axis] - cuts[axis + rank] for axis, dim in enumerate(shape))
    if min(kept, default=1) < 1:
        raise refuse(node, f"it has pads of {pads}, which leave nothing of {shape}")
    x = r.cut(x, tuple(cuts[:rank]), (1,) * rank, kept)
    r.pad(x, tuple(max(pad, 0) for pad in pads), value, node.outputs[0])


def expanded(r: Rewriter, node: Node) -> None:
    r.expand(node.inputs[0], r.shape(node.outputs[0]), node.outputs[0])


def tiled(r: Rewriter, node: Node) -> None:
    """Each repeated axis becomes a pair: how often, and the axis itself."""
    old, new = r.shape(node.inputs[0]), r.shape(node.outputs[0])
    inner: list[int] = []
    outer: list[int] = []
    for before, after in zip(old, new, strict=True):
        times = after // before
        inner += [1, before] if times > 1 else [before]
        outer += [times, before] if times > 1 else [before]
    r.reshape(r.expand(r.reshape(node.inputs[0], tuple(inner)), tuple(outer)), new, node.outputs[0])


def depth_to_space(r: Rewriter, node: Node) -> None:
    n, c, h, w = _image(r, node)
    size = node.attributes["blocksize"]
    depth = c // size**2
    if depth * size**2 != c:
        raise refuse(node, f"it has a blocksize of {size} on {c} channels")
    if node.attributes.get("mode", "DCR") == "CRD":
        shape, perm = (n, depth, size, size, h, w), (0, 1, 4, 2, 5, 3)
    else:
        shape, perm = (n, size, size, depth, h, w), (0, 3, 4, 1, 5, 2)
    moved = r.transpose(r.reshape(node.inputs[0], shape), perm)
    r.reshape(moved, (n, depth, h * size, w * size), node.outputs[0])


def space_to_depth(r: Rewriter, node: Node) -> None:
    n, c, h, w = _image(r, node)
    size = node.attributes["blocksize"]
    if h % size or w % size:
        raise refuse(node, f"it has a blocksize of {size} on an image of {h} by {w}")
    parts = r.reshape(node.inputs[0], (n, c, h // size, size, w // size, size))
    perm = (0, 1, 3, 5, 2, 4) if node.attributes.get("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
    r.reshape(r.transpose(parts, perm), (n, c * size**2, h // size, w // size), node.outputs[0])


def _image(r: Rewriter, node: Node) -> tuple[int, int, int, int]:
    shape = r.shape(node.inputs[0])
    if len(shape) != 4:
        raise refuse(node, f"it works on [N, C, H, W], not on {shape}")
    return shape[0], shape[1], shape[2], shape[3]


def concatenated(r: Rewriter, node: Node) -> None:
    shape = r.shape(node.outputs[0])
    axis = axis_of(node.attributes["axis"], len(shape))
    # A part without elements adds nothing.
    parts = [name for name in node.inputs if elements(r.shape(name))]
    if axis is None or not parts:
        raise refuse(node, f"it joins {len(parts)} tensors along axis {node.attributes['axis']} of {len(shape)}")
    if len(parts) == 1:
        r.alias(node.outputs[0], parts[0])
    else:
        r.emit("Concat", parts, shape, like=parts[0], to=node.outputs[0], axis=axis)


def gathered(r: Rewriter, node: Node) -> None:
    """Constant indices in even steps are a Slice."""
    data, indices = node.inputs[0], r.constant(node.inputs[1])
    shape = r.shape(data)
    axis = axis_of(node.attributes.get("axis", 0), len(shape))
    if axis is None:
        raise refuse(node, f"it picks along an axis that a tensor of {len(shape)} dims does not have")
    if indices is not None:
        indices = checked_indices(node, indices, shape[axis])
        steps = _even_steps(indices)
        if steps is not None:
            starts = tuple(int(indices.flat[0]) if place == axis else 0 for place in range(len(shape)))
            out = (*shape[:axis], indices.size, *shape[axis + 1 :])
            strides = tuple(steps if place == axis else 1 for place in range(len(shape)))
            r.reshape(r.cut(data, starts, strides, out), r.shape(node.outputs[0]), node.outputs[0])
            return
    places = node.inputs[1] if indices is None else r.hold(node.inputs[1], indices)
    r.emit("Gather", [data, places], r.shape(node.outputs[0]), like=data, to=node.outputs[0], axis=axis)


def gathered_elements(r: Rewriter, node: Node) -> None:
    data, indices = node.inputs[0], r.constant(node.inputs[1])
    axis = axis_of(node.attributes.get("axis", 0), len(r.shape(data)))
    if axis is None:
        raise refuse(node, "it picks along an axis that its tensor does not have")
    places = (
        node.inputs[1]
        if indices is None
        else r.hold(node.inputs[1], checked_indices(node, indices, r.shape(data)[axis]))
    )
    r.emit("GatherElements", [data, places], r.shape(node.outputs[0]), like=data, to=node.outputs[0], axis=axis)


def checked_indices(node: Node, indices: Array, size: int) -> Array:
    """Counted from the front. Raises ModelError where one is outside."""
    wrong = indices[(indices < -size) | (indices >= size)]
    if wrong.size:
        raise refuse(node, f"it picks place {int(wrong.flat[0])} of {size}")
    found: Array = np.where(indices < 0, indices + size, indices).astype(np.int64)
    return found


def _even_steps(indices: Array) -> int | None:
    if indices.size == 0:
        return None
    steps = np.unique(np.diff(indices.reshape(-1)))
    if steps.size == 0:
        return 1
    return int(steps[0]) if steps.size == 1 and steps[0] != 0 else None
