"""Rules for operators that work on each element: most stay as they are."""

from __future__ import annotations

import math

import numpy as np

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify.matrices import scaled
from tallystick.engine.compiler.simplify.rewriter import Rewriter
from tallystick.engine.compiler.simplify.types import element_type_of

_KEPT = """
    Relu Sigmoid Tanh HardSigmoid HardSwish Erf Exp Log Sqrt Reciprocal Neg Abs Floor Ceil Round Sign LeakyRelu Elu Selu Celu
    Softplus Softsign Mish Gelu ThresholdedRelu Shrink Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Not IsNaN
    IsInf Add Sub Mul Div Pow PRelu Mod And Or Xor Less Greater LessOrEqual GreaterOrEqual Equal Where
"""
KEPT = tuple(_KEPT.split())


def kept(r: Rewriter, node: Node) -> None:
    r.write(Node(node.op, node.inputs, node.outputs, node.attributes, node.name, node.domain))


def same(r: Rewriter, node: Node) -> None:
    """Identity, and what is one in evaluation."""
    r.alias(node.outputs[0], node.inputs[0])


def dropped_out(r: Rewriter, node: Node) -> None:
    training = r.scalar(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else 0
    if training != 0 or len(node.outputs) > 1:
        raise refuse(node, "it is in training mode, or is asked for its mask", "Export the model in evaluation mode.")
    same(r, node)


def cast(r: Rewriter, node: Node) -> None:
    """Cast and CastLike. One from a real number to a real number of another width stays: it rounds."""
    if r.dtype(node.inputs[0]) == r.dtype(node.outputs[0]):
        same(r, node)
    else:
        to = element_type_of(r.dtype(node.outputs[0]))
        r.write(Node("Cast", node.inputs[:1], node.outputs, {"to": to}, node.name))


def clipped(r: Rewriter, node: Node) -> None:
    """Constant bounds of real numbers become attributes; others, and those of integers, Max and Min."""
    x, result = node.inputs[0], node.outputs[0]
    low = node.inputs[1] if len(node.inputs) > 1 else ""
    high = node.inputs[2] if len(node.inputs) > 2 else ""
    known = all(r.scalar(name) is not None for name in (low, high) if name)
    if known and np.issubdtype(r.dtype(x), np.floating):
        given = {"min": r.scalar(low) if low else None, "max": r.scalar(high) if high else None}
        bounds = {**node.attributes, **{name: bound for name, bound in given.items() if bound is not None}}
        if any(math.isnan(bound) for bound in bounds.values()):
            raise refuse(node, f"it clips to {bounds}")
        r.write(Node("Clip", [x], [result], bounds, node.name))
        return
    shape = r.shape(result)
    if low:
        x = r.emit("Max", [x, low], shape, like=x, to="" if high else result)
    if high:
        r.emit("Min", [x, high], shape, like=x, to=result)
    if not low and not high:
        r.alias(result, x)


def chained(r: Rewriter, node: Node) -> None:
    """Max, Min, Sum and Mean of any number of operands, two at a time."""
    op = {"Sum": "Add", "Mean": "Add"}.get(node.op, node.op)
    result, parts = node.outputs[0], node.inputs
    factor = 1 / len(parts) if node.op == "Mean" else 1.0
    total = parts[0]
    for place, part in enumerate(parts[1:], 2):
        shape = tuple(int(dim) for dim in np.broadcast_shapes(r.shape(total), r.shape(part)))
        last = place == len(parts) and factor == 1
        total = r.emit(op, [total, part], shape, like=part, to=result if last else "")
    if factor != 1:
        scaled(r, total, factor, result)
    elif len(parts) == 1:
        r.alias(result, total)


def fast_gelu(r: Rewriter, node: Node) -> None:
    """com.microsoft's Gelu and FastGelu, as the standard operator."""
    x = node.inputs[0]
    if len(node.inputs) > 1 and node.inputs[1]:
        x = r.emit("Add", [x, node.inputs[1]], r.shape(x), like=x)
    approximate = "tanh" if node.op == "FastGelu" else "none"
    r.write(Node("Gelu", [x], node.outputs, {"approximate": approximate}, node.name))


def swish(r: Rewriter, node: Node) -> None:
    """x times the Sigmoid of alpha times x, as opsets before 24 have it."""
    x, shape = node.inputs[0], r.shape(node.inputs[0])
    inner = scaled(r, x, float(node.attributes.get("alpha", 1.0)))
    gate = r.emit("Sigmoid", [inner], shape, like=x)
    r.emit("Mul", [x, gate], shape, like=x, to=node.outputs[0])


def triangle(r: Rewriter, node: Node) -> None:
    """Trilu: a constant mask chooses between the input and zeros."""
    x, shape = node.inputs[0], r.shape(node.inputs[0])
    offset = r.scalar(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] else 0.0
    if offset is None or len(shape) < 2:
        raise refuse(node, f"it cuts a triangle out of {shape} at an offset that depends on the input")
    upper = bool(node.attributes.get("upper", 1))
    bound = max(shape[-2:])
    r.afford(shape[-2] * shape[-1])
    offset = min(max(offset, -bound), bound)
    ones = np.ones(shape[-2:], np.bool_)
    mask = np.triu(ones, int(offset)) if upper else np.tril(ones, int(offset))
    zero = r.hold("zero", 0, r.dtype(x))
    r.emit("Where", [r.hold(f"{x}:mask", mask), x, zero], shape, like=x, to=node.outputs[0])


def quantised_by_axis(r: Rewriter, node: Node) -> None:
    """QuantizeLinear and DequantizeLinear: the axis counted from the front, 8 or 32 bits, no blocks."""
    rank, given = len(r.shape(node.inputs[0])), node.attributes
    if given.get("block_size", 0):
        raise refuse(node, "it quantises in blocks", "Quantise per tensor or per channel.")
    axis = given.get("axis", 1)
    if r.shape(node.inputs[1]) not in ((), (1,)) and not -rank <= axis < rank:
        raise refuse(node, f"it has an axis of {axis} on a tensor of {rank} dims")
    attributes = {"axis": axis % rank if rank and -rank <= axis < rank else 0}
    if given.get("output_dtype", 0):
        attributes["output_dtype"] = given["output_dtype"]
    r.write(Node(node.op, node.inputs, node.outputs, attributes, node.name, node.domain))


def trees(r: Rewriter, node: Node) -> None:
    if node.op == "TreeEnsembleClassifier" and node.attributes.get("classlabels_strings") and node.outputs[0]:
        raise refuse(
            node, "it gives its labels as text", "Choose the output of its scores, or export with integer labels."
        )
    kept(r, node)
