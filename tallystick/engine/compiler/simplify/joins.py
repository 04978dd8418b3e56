"""Constants that follow a Conv or a Gemm go into its weights and its bias; reductions of whole images become pools."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tallystick.engine.compiler.graph import Array, Graph, Node
from tallystick.engine.compiler.simplify.passes import run_pass
from tallystick.engine.compiler.simplify.rewriter import Rewriter

_IMAGE_RANK = 4


def join_constants(graph: Graph) -> Graph:
    """Mul, Div, Add and Sub by a constant for each channel, as BatchNormalization leaves them behind a Conv."""
    uses = graph.uses()

    def attempt(r: Rewriter, node: Node) -> bool:
        return _join(r, node, once=lambda name: uses[name] == 1)

    return run_pass(graph, dict.fromkeys(("Mul", "Div", "Add", "Sub"), attempt))


def _join(r: Rewriter, node: Node, once: Callable[[str], bool]) -> bool:
    """Only where nothing else reads the product, and its weights are real numbers that are known."""
    names = [r.resolve(name) for name in node.inputs]
    place = 0 if r.constant(names[1]) is not None else 1
    if place == 1 and node.op in ("Div", "Sub"):
        return False
    product, content = r.writer(names[place]), r.constant(names[1 - place])
    if product is None or content is None or product.op not in ("Conv", "Gemm"):
        return False
    weights = r.constant(product.inputs[1])
    bias = product.inputs[2] if len(product.inputs) > 2 else ""
    held = r.constant(bias) if bias else None
    if weights is None or (bias and held is None) or not np.issubdtype(weights.dtype, np.floating):
        return False
    shape = r.shape(node.outputs[0])
    each = _per_channel(content, len(shape), 1 if product.op == "Conv" else len(shape) - 1, weights.shape[0])
    if each is None or shape != r.shape(names[place]) or not once(names[place]):
        return False
    start = np.zeros(weights.shape[0]) if held is None else held.astype(np.float64)
    factor, offset = _affine(node.op, each)
    shifted, w = start * factor + offset, product.inputs[1]
    if not (np.all(np.isfinite(shifted)) and np.all(np.isfinite(factor))):
        return False
    if node.op in ("Mul", "Div"):
        w = r.hold(w, weights * factor.reshape(-1, *(1 for _ in weights.shape[1:])), weights.dtype)
    b = r.hold(bias or f"{node.outputs[0]}:bias", shifted, weights.dtype)
    # Without a bias before and nothing added there is still none.
    inputs = [product.inputs[0], w, *([b] if held is not None or np.any(shifted) else [])]
    r.write(Node(product.op, inputs, list(node.outputs), product.attributes, product.name))
    return True


def _affine(op: str, each: Array) -> tuple[Array, Array]:
    ones, zeros = np.ones_like(each), np.zeros_like(each)
    with np.errstate(all="ignore"):
        known = {"Mul": (each, zeros), "Div": (1 / each, zeros), "Add": (ones, each), "Sub": (ones, -each)}
    return known[op]


def _per_channel(content: Array, rank: int, axis: int, channels: int) -> Array | None:
    """One number for each channel, or None where the constant varies otherwise."""
    if content.ndim > rank:
        return None
    shape = (1,) * (rank - content.ndim) + content.shape
    if any(dim != 1 for place, dim in enumerate(shape) if place != axis) or shape[axis] not in (1, channels):
        return None
    return np.broadcast_to(content.reshape(-1).astype(np.float64), (channels,))


def pool_images(graph: Graph) -> Graph:
    """ReduceMean and ReduceMax over both spatial axes of [N, C, H, W] as pools with one window."""
    return run_pass(graph, {"ReduceMean": _pool, "ReduceMax": _pool})


def _pool(r: Rewriter, node: Node) -> bool:
    shape, kept = r.shape(node.inputs[0]), r.shape(node.outputs[0])
    if len(shape) != _IMAGE_RANK or kept != (*shape[:2], 1, 1) or not set(node.attributes["axes"]) <= {2, 3}:
        return False
    if not np.issubdtype(r.dtype(node.inputs[0]), np.floating):
        return False
    attributes = {"kernel_shape": shape[2:], "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1)}
    op = "MaxPool" if node.op == "ReduceMax" else "AveragePool"
    if op == "AveragePool":
        attributes["count_include_pad"] = 0  # type: ignore[assignment]  # a number among tuples
    r.write(Node(op, list(node.inputs), list(node.outputs), dict(attributes), node.name))
    return True
