"""Shape and dtype of what a node gives, from those of what it reads and from the constants among them.

ONNX's own inference does it, one node at a time and on checked attributes: what it is handed is always fully known, so that
what it answers is either fully known too or refused. Operators that ONNX does not define are inferred here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from tallystick.engine.compiler.graph import Value
from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.refusal import refuse, shown
from tallystick.engine.compiler.simplify.pools import GLOBAL_POOLS, POOLS, pooled_shape
from tallystick.engine.compiler.simplify.types import dtype_of, name_of, tensor_type

Inferred = tuple[tuple[int, ...], np.dtype[Any]]
SMALL = 4096
"""Elements of a constant that inference is shown: those that say something about shapes are short."""


def infer(
    node: onnx.NodeProto,
    attributes: Mapping[str, Any],
    schema: Any | None,
    values: Mapping[str, Value],
    *,
    wanted: frozenset[str],
    limits: Limits,
) -> dict[str, Inferred]:
    """By name, of the outputs that are wanted. Raises ModelError where one has no static shape, or one that is too large."""
    inputs = [values[name] if name else None for name in node.input]
    foreign = _FOREIGN.get((node.domain, node.op_type))
    if foreign is not None:
        found = dict(zip(node.output, foreign(node, attributes, inputs), strict=False))
    elif schema is not None:
        found = _by_onnx(node, schema, values, wanted)
    else:
        raise refuse(node, "it is not an operator that the compiler knows", "Export with standard ONNX operators.")
    for name in node.output:
        if name in wanted:
            _check(node, name, found, limits)
    return {name: found[name] for name in node.output if name in wanted}


def _check(node: onnx.NodeProto, name: str, found: Mapping[str, Inferred], limits: Limits) -> None:
    if name not in found:
        raise refuse(
            node, f"it gives {shown(name)}, whose shape cannot be known before it runs", "Export with static shapes."
        )
    shape, _ = found[name]
    if any(dim < 0 for dim in shape) or max(math.prod(shape), *shape, 0) > limits.elements:
        raise refuse(node, f"it gives {shown(name)} of shape {shape}; a tensor may have {limits.elements:,} elements")


def _by_onnx(
    node: onnx.NodeProto, schema: Any, values: Mapping[str, Value], wanted: frozenset[str]
) -> dict[str, Inferred]:
    names = [name for name in dict.fromkeys(node.input) if name]
    kinds = {name: tensor_type(values[name].dtype, values[name].shape) for name in names}
    contents = {}
    for name in names:
        content = values[name].constant
        if content is not None and content.size <= SMALL:
            contents[name] = numpy_helper.from_array(np.ascontiguousarray(content).reshape(content.shape), name)
    try:
        answers = shape_inference.infer_node_outputs(schema, node, kinds, contents)
    except Exception as error:  # what the C++ threw, of no particular type
        reason = f"it is not valid: {str(error).strip()[:300]}"
        raise refuse(node, reason, "Export the model again.") from error
    found: dict[str, Inferred] = {}
    for name, answer in answers.items():
        tensor = answer.tensor_type
        if name not in wanted or not answer.HasField("tensor_type") or not tensor.HasField("shape"):
            continue
        dtype = dtype_of(tensor.elem_type)
        if dtype is None:
            raise refuse(
                node, f"it gives {shown(name)} of {name_of(tensor.elem_type)}", "Use float32, 8-bit or 32-bit integers."
            )
        if all(dim.HasField("dim_value") for dim in tensor.shape.dim):
            found[name] = (tuple(int(dim.dim_value) for dim in tensor.shape.dim), dtype)
    return found


Inputs = list[Value | None]
Foreign = Callable[[onnx.NodeProto, Mapping[str, Any], Inputs], list[Inferred]]


def _input(node: onnx.NodeProto, inputs: Inputs, place: int) -> Value:
    value = inputs[place] if place < len(inputs) else None
    if value is None:
        raise refuse(node, f"it lacks its input {place}")
    return value


def _broadcast(node: onnx.NodeProto, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return tuple(int(dim) for dim in np.broadcast_shapes(*shapes))
    except ValueError as error:
        raise refuse(node, f"it has operands of the shapes {shapes}, which do not go together") from error


def _like_first(node: onnx.NodeProto, _: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    first = _input(node, inputs, 0)
    return [(first.shape, first.dtype)]


def _joined(*places: int) -> Foreign:
    """Of an operator whose operands are broadcast; the last place gives the dtype."""

    def infer_joined(node: onnx.NodeProto, _: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
        values = [_input(node, inputs, place) for place in places]
        return [(_broadcast(node, *(value.shape for value in values)), values[-1].dtype)]

    return infer_joined


def _quantised(node: onnx.NodeProto, _: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    zero = _input(node, inputs, 2)
    return [(_input(node, inputs, 0).shape, zero.dtype)]


def _dequantised(node: onnx.NodeProto, _: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    return [(_input(node, inputs, 0).shape, _input(node, inputs, 1).dtype)]


def _gemm(node: onnx.NodeProto, attributes: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    left, right = _input(node, inputs, 0), _input(node, inputs, 3)
    if len(left.shape) != 2 or len(right.shape) != 2:
        raise refuse(node, f"it multiplies shapes {left.shape} and {right.shape}, which are not both matrices")
    a = left.shape[::-1] if attributes.get("transA", 0) else left.shape
    b = right.shape[::-1] if attributes.get("transB", 0) else right.shape
    if a[1] != b[0]:
        raise refuse(node, f"it multiplies {a} by {b}")
    has_scale = len(inputs) > 7 and inputs[7] is not None
    return [((a[0], b[1]), left.dtype if has_scale else np.dtype(np.float32))]


def _concat(node: onnx.NodeProto, attributes: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    parts = [_input(node, inputs, place) for place in range(2, len(inputs), 3)]
    if not parts:
        raise refuse(node, "it joins nothing")
    first, axis = parts[0], int(attributes.get("axis", 0))
    rank = len(first.shape)
    if not -rank <= axis < rank or any(len(part.shape) != rank for part in parts):
        raise refuse(node, f"it joins tensors of the shapes {[part.shape for part in parts][:4]} along axis {axis}")
    shape = list(first.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return [(tuple(shape), first.dtype)]


def _reduced(node: onnx.NodeProto, attributes: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    first = _input(node, inputs, 0)
    rank = len(first.shape)
    axes = {axis % max(rank, 1) for axis in attributes.get("axes", range(rank))}
    kept = attributes.get("keepdims", 1)
    shape = [1 if axis in axes else dim for axis, dim in enumerate(first.shape) if kept or axis not in axes]
    return [(tuple(shape), first.dtype)]


def _matrix_product(node: onnx.NodeProto, _: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    left, right = _input(node, inputs, 0).shape, _input(node, inputs, 1).shape
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        raise refuse(node, f"it multiplies {left} by {right}")
    leading = _broadcast(node, left[:-2], right[:-2])
    return [((*leading, left[-2], right[-1]), np.dtype(np.float32))]


def _pool(node: onnx.NodeProto, attributes: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    # ONNX's own inference differs from opset to opset in how it rounds up; runtimes do not.
    first = _input(node, inputs, 0)
    result = (pooled_shape(node, first.shape, attributes), first.dtype)
    return [result, (result[0], np.dtype(np.int64))]


def _split(node: onnx.NodeProto, attributes: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    # ONNX's own inference ends the process where there are more outputs than parts.
    first = _input(node, inputs, 0)
    given = inputs[1].constant if len(inputs) > 1 and inputs[1] is not None else None
    sizes = attributes.get("split") if given is None else tuple(int(size) for size in given.reshape(-1))
    axis, rank = attributes.get("axis", 0), len(first.shape)
    if not -rank <= axis < rank or (len(inputs) > 1 and inputs[1] is not None and given is None):
        raise refuse(node, f"it splits axis {axis} of {first.shape} into parts that are not known")
    if sizes is None:
        parts = attributes.get("num_outputs", len(node.output))
        each = -(-first.shape[axis] // parts)
        sizes = tuple(max(min(each, first.shape[axis] - each * part), 0) for part in range(parts))
    if len(sizes) != len(node.output) or sum(sizes) != first.shape[axis] or min(sizes) < 0:
        raise refuse(
            node, f"it splits {first.shape[axis]} places into {len(sizes)} parts for {len(node.output)} outputs"
        )
    axis %= rank
    return [((*first.shape[:axis], size, *first.shape[axis + 1 :]), first.dtype) for size in sizes]


def _tree_classes(node: onnx.NodeProto, attributes: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    rows = _rows(node, inputs)
    labels = attributes.get("classlabels_int64s") or attributes.get("classlabels_strings") or ()
    scores: Inferred = ((rows, max(len(labels), 1)), np.dtype(np.float32))
    return [((rows,), np.dtype(np.int64)), scores]


def _tree_targets(node: onnx.NodeProto, attributes: Mapping[str, Any], inputs: Inputs) -> list[Inferred]:
    return [((_rows(node, inputs), int(attributes.get("n_targets", 1))), np.dtype(np.float32))]


def _rows(node: onnx.NodeProto, inputs: Inputs) -> int:
    shape = _input(node, inputs, 0).shape
    if len(shape) not in (1, 2):
        raise refuse(node, f"it reads a tensor of shape {shape}; it takes rows of features")
    return shape[0] if len(shape) == 2 else 1


_FOREIGN: dict[tuple[str, str], Foreign] = {
    **{("", op): _pool for op in (*POOLS, *GLOBAL_POOLS)},
    ("", "Split"): _split,
    ("", "GroupNormalization"): _like_first,
    ("ai.onnx.ml", "TreeEnsembleClassifier"): _tree_classes,
    ("ai.onnx.ml", "TreeEnsembleRegressor"): _tree_targets,
    ("com.microsoft", "QuantizeLinear"): _quantised,
    ("com.microsoft", "DequantizeLinear"): _dequantised,
    ("com.microsoft", "QLinearAdd"): _joined(0, 3),
    ("com.microsoft", "QLinearMul"): _joined(0, 3),
    ("com.microsoft", "QLinearWhere"): _joined(0, 1, 4),
    ("com.microsoft", "QLinearSigmoid"): _like_first,
    ("com.microsoft", "QLinearLeakyRelu"): _like_first,
    ("com.microsoft", "QLinearSoftmax"): _like_first,
    ("com.microsoft", "QLinearAveragePool"): _pool,
    ("com.microsoft", "QLinearGlobalAveragePool"): _pool,
    ("com.microsoft", "QLinearConcat"): _concat,
    ("com.microsoft", "QLinearReduceMean"): _reduced,
    ("com.microsoft", "QGemm"): _gemm,
    ("com.microsoft", "MatMulIntegerToFloat"): _matrix_product,
    ("com.microsoft", "Gelu"): _like_first,
    ("com.microsoft", "FastGelu"): _like_first,
}
