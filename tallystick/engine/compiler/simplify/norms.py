"""Rules for normalisations: those with constants become Mul and Add, those over the input LayerNormalization."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify.rewriter import Rewriter, Shape, axis_of, elements


def batch_normalised(r: Rewriter, node: Node) -> None:
    """A Mul and an Add for each channel, which join a Conv or a Gemm before them (see joins)."""
    if node.attributes.get("training_mode", 0) or len(node.outputs) > 1:
        raise refuse(node, "it is in training mode", "Export the model in evaluation mode.")
    x, result, shape = node.inputs[0], node.outputs[0], r.shape(node.inputs[0])
    constants = [r.constant(name) for name in node.inputs[1:5]]
    arrays = [array.astype(np.float64) for array in constants if array is not None]
    channels = shape[1] if len(shape) > 1 else 1
    if len(arrays) != 4 or any(array.shape != (channels,) for array in arrays):
        raise refuse(node, "it has a scale, bias, mean or variance that is no constant of one number per channel")
    scale, bias, mean, variance = arrays
    spread = variance + node.attributes["epsilon"]
    if not np.all(spread > 0):
        raise refuse(node, f"it has a variance of {variance.min()}", "A variance is not negative.")
    factor = scale / np.sqrt(spread)
    wide = (channels,) + (1,) * (len(shape) - 2)
    dtype = r.dtype(x)
    product = r.emit("Mul", [x, r.hold(f"{result}:scale", factor.reshape(wide), dtype)], shape, like=x)
    r.emit(
        "Add",
        [product, r.hold(f"{result}:bias", (bias - mean * factor).reshape(wide), dtype)],
        shape,
        like=x,
        to=result,
    )


def layer_normalised(r: Rewriter, node: Node) -> None:
    shape = r.shape(node.inputs[0])
    axis = axis_of(node.attributes["axis"], len(shape))
    if axis is None or len(node.outputs) > 1:
        reason = f"it has axis {node.attributes['axis']} on {shape}, or is asked for its mean"
        raise refuse(node, reason, "Use only its first output.")
    write_layer_norm(r, node.inputs, axis, float(node.attributes["epsilon"]), node.outputs[0])


def write_layer_norm(r: Rewriter, inputs: Sequence[str], axis: int, epsilon: float, to: str) -> None:
    """A LayerNormalization over the last axis; the axes from `axis` on become that one."""
    shape = r.shape(inputs[0])
    width = elements(shape[axis:])
    if axis == len(shape) - 1:
        operands = [inputs[0], *(_flat(r, name, shape[axis:]) for name in inputs[1:])]
        r.emit("LayerNormalization", operands, shape, like=inputs[0], to=to, axis=axis, epsilon=epsilon)
        return
    rows = (*shape[:axis], width)
    flat = [r.reshape(inputs[0], rows), *(_flat(r, name, shape[axis:]) for name in inputs[1:])]
    normal = r.emit("LayerNormalization", flat, rows, like=inputs[0], axis=axis, epsilon=epsilon)
    r.reshape(normal, shape, to)


def _flat(r: Rewriter, name: str, shape: Shape) -> str:
    if not name:
        return ""
    content = r.constant(name)
    if content is not None and content.shape != (elements(shape),):
        r.afford(elements(shape))
        return r.hold(name, np.broadcast_to(content, shape).reshape(-1))
    return r.reshape(r.expand(name, shape), (elements(shape),))


def normalised_rows(r: Rewriter, x: str, groups: int, epsilon: float) -> str:
    """x [N, C, ...] with each group of channels of each row brought to mean 0 and variance 1."""
    shape = r.shape(x)
    rows = (shape[0], groups, elements(shape[1:]) // groups)
    ones = r.ones(rows[2], r.dtype(x))
    flat = r.reshape(x, rows)
    normal = r.emit("LayerNormalization", [flat, ones], rows, like=x, axis=2, epsilon=epsilon)
    return r.reshape(normal, shape)


def _channel_affine(r: Rewriter, node: Node, x: str, scale: str, bias: str) -> None:
    shape = r.shape(x)
    wide: Shape = (shape[1],) + (1,) * (len(shape) - 2)
    product = r.emit("Mul", [x, r.reshape(scale, wide)], shape, like=x)
    r.emit("Add", [product, r.reshape(bias, wide)], shape, like=x, to=node.outputs[0])


def instance_normalised(r: Rewriter, node: Node) -> None:
    shape = r.shape(node.inputs[0])
    if len(shape) < 3:
        raise refuse(node, f"it normalises {shape}, which has no spatial axes")
    x = normalised_rows(r, node.inputs[0], shape[1], float(node.attributes["epsilon"]))
    _channel_affine(r, node, x, node.inputs[1], node.inputs[2])


def group_normalised(r: Rewriter, node: Node) -> None:
    shape, groups = r.shape(node.inputs[0]), node.attributes["num_groups"]
    if len(shape) < 2 or shape[1] % groups:
        raise refuse(node, f"it makes {groups} groups of the channels of {shape}")
    scale, bias = node.inputs[1], node.inputs[2]
    if r.shape(scale) == (groups,) != (shape[1],):
        # Opset 18 has one scale per group, 21 one per channel.
        scale, bias = (_repeated(r, node, name, shape[1] // groups) for name in (scale, bias))
    x = normalised_rows(r, node.inputs[0], groups, float(node.attributes["epsilon"]))
    _channel_affine(r, node, x, scale, bias)


def _repeated(r: Rewriter, node: Node, name: str, times: int) -> str:
    array = r.constant(name)
    if array is None:
        raise refuse(node, "it has a scale or a bias that depends on the input")
    return r.hold(name, np.repeat(array, times))
