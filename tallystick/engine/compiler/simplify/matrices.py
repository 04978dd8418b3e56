"""Rules for Gemm and MatMul.

A `Gemm` of ours has `x [..., K]`, `w [N, K]` and perhaps a bias `[N]`, and gives `[..., N]`: x may have leading dims.
"""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify.rewriter import Rewriter, Shape
from tallystick.engine.compiler.simplify.windows import dequantised_constant


def gemm(r: Rewriter, node: Node) -> None:
    """alpha and beta go into the constants, or into a Mul where there are none."""
    a, b = node.inputs[:2]
    c = node.inputs[2] if len(node.inputs) > 2 else ""
    alpha, beta = float(node.attributes["alpha"]), float(node.attributes["beta"])
    if node.attributes["transA"]:
        a = r.transpose(a, (1, 0))
    if not node.attributes["transB"]:
        b = transposed_weights(r, b)
    shape, weights = r.shape(node.outputs[0]), r.constant(b)
    if weights is not None and alpha != 1:
        b, alpha = r.hold(b, weights * np.asarray(alpha, weights.dtype)), 1.0
    bias = _bias(r, c, beta, shape[-1]) if c and alpha == 1 else ""
    left = c if c and not bias else ""
    steps = [alpha != 1, bool(left)]
    result = r.emit(
        "Gemm", [a, b, *([bias] if bias else [])], shape, like=a, to="" if any(steps) else node.outputs[0], transB=1
    )
    if alpha != 1:
        result = scaled(r, result, alpha, "" if left else node.outputs[0])
    if left:
        r.emit("Add", [result, scaled(r, left, beta)], shape, like=a, to=node.outputs[0])


def _bias(r: Rewriter, c: str, beta: float, width: int) -> str:
    """A bias [width], or nothing where C is no such thing."""
    shape, content = r.shape(c), r.constant(c)
    if any(dim != 1 for dim in shape[:-1]) or (shape and shape[-1] not in (1, width)):
        return ""
    if content is not None:
        return r.hold(c, np.broadcast_to(content.reshape(-1) * np.asarray(beta, content.dtype), (width,)).copy())
    return c if beta == 1 and shape == (width,) else ""


def scaled(r: Rewriter, x: str, factor: float, to: str = "") -> str:
    """x times a number; x itself for 1."""
    if factor == 1:
        return x
    return r.emit("Mul", [x, r.hold("factor", factor, r.dtype(x))], r.shape(x), like=x, to=to)


def transposed_weights(r: Rewriter, name: str) -> str:
    """[K, N] as [N, K]; of a DequantizeLinear of a constant the integers are transposed, so that it stays one."""
    node = dequantised_constant(r, name)
    if node is None or node.attributes.get("block_size", 0):
        return r.transpose(name, (1, 0))
    attributes = dict(node.attributes)
    if r.shape(node.inputs[1]):
        attributes["axis"] = 1 - attributes.get("axis", 1) % 2
    inner = r.transpose(node.inputs[0], (1, 0))
    shape = r.shape(name)[::-1]
    return r.emit(node.op, [inner, *node.inputs[1:]], shape, like=name, domain=node.domain, **attributes)


def matrix_product(r: Rewriter, node: Node) -> None:
    """With a constant matrix at the right a Gemm; else operands have two dims or more, and equal leading ones."""
    a, b = node.inputs
    result, shape = node.outputs[0], r.shape(node.outputs[0])
    left, right = r.shape(a), r.shape(b)
    if not left or not right:
        raise refuse(node, f"it multiplies {left} by {right}")
    b = r.reshape(b, (*right, 1)) if len(right) == 1 else b
    a = r.reshape(a, (1, *left)) if len(left) == 1 else a
    left, right = r.shape(a), r.shape(b)
    if all(dim == 1 for dim in right[:-2]) and r.constant(b) is not None:
        weights = transposed_weights(r, r.reshape(b, right[-2:]))
        full = (*left[:-1], right[-1])
        same = full == shape
        made = r.emit("Gemm", [a, weights], full, like=a, to=result if same else "", transB=1)
        if not same:
            r.reshape(made, shape, result)
        return
    leading = tuple(int(dim) for dim in np.broadcast_shapes(left[:-2], right[:-2]))
    a, b = r.expand(a, (*leading, *left[-2:])), r.expand(b, (*leading, *right[-2:]))
    full = (*leading, left[-2], right[-1])
    same = full == shape
    made = r.emit("MatMul", [a, b], full, like=a, to=result if same else "")
    if not same:
        r.reshape(made, shape, result)


def integer_gemm(r: Rewriter, node: Node) -> None:
    """com.microsoft's QGemm: transposed constants, alpha left to the stage that knows scales."""
    inputs, attributes = list(node.inputs), dict(node.attributes)
    if attributes.get("transA", 0):
        inputs[0] = r.transpose(inputs[0], (1, 0))
    if not attributes.get("transB", 0):
        inputs[3] = r.transpose(inputs[3], (1, 0))
    shape: Shape = r.shape(node.outputs[0])
    if len(inputs) > 6 and inputs[6] and r.shape(inputs[6]) != (shape[-1],):
        inputs[6] = _wide_bias(r, node, inputs[6], shape[-1])
    attributes = {"alpha": float(attributes.get("alpha", 1.0)), "transA": 0, "transB": 1}
    r.write(Node(node.op, inputs, node.outputs, attributes, node.name, node.domain))


def _wide_bias(r: Rewriter, node: Node, name: str, width: int) -> str:
    bias = _bias(r, name, 1.0, width)
    if not bias:
        raise refuse(node, f"it adds a tensor of shape {r.shape(name)}", f"The bias must have {width} entries.")
    return bias
