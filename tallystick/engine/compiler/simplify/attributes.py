"""A node's attributes as plain Python values, defaults filled in."""

from __future__ import annotations

import math
from typing import Any

import onnx
from onnx import AttributeProto, numpy_helper

from tallystick.engine.compiler.refusal import refuse, shown
from tallystick.engine.compiler.simplify.types import dtype_of, name_of

MOST_INTEGER = 2**31 - 1
_ABOVE_ZERO = ("strides", "dilations", "kernel_shape", "group", "blocksize", "num_outputs", "num_groups")
_BOUNDED = ("axis", "axes", "batch_dims", "split", "perm", "pads", "shape", "output_shape", "output_padding")

_FOREIGN_TYPES = {
    **dict.fromkeys(
        ["axis", "keepdims", "transA", "transB", "channels_last", "ceil_mode", "count_include_pad"], AttributeProto.INT
    ),
    **dict.fromkeys(["opset", "block_size", "storage_order"], AttributeProto.INT),
    **dict.fromkeys(["axes", "kernel_shape", "strides", "pads", "dilations"], AttributeProto.INTS),
    "alpha": AttributeProto.FLOAT,
    "auto_pad": AttributeProto.STRING,
}
"""Of com.microsoft's operators."""


def schema_of(node: onnx.NodeProto, opsets: dict[str, int]) -> Any | None:
    """ONNX's definition of the operator at the model's opset, or None where it has none."""
    try:
        return onnx.defs.get_schema(node.op_type, opsets[node.domain], node.domain)
    except onnx.defs.SchemaError:
        return None


def attributes_of(node: onnx.NodeProto, schema: Any | None) -> dict[str, Any]:
    """Integers, floats, strings, tuples of them and numpy arrays, by name. What the operator's definition gives as a default
    is there too. Raises ModelError for what no operator that is supported has."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.name in found:
            raise refuse(node, f"it has the attribute {shown(attribute.name)} twice")
        if attribute.ref_attr_name:
            raise refuse(node, f"it takes its attribute {shown(attribute.name)} from a function that it is not in")
        found[attribute.name] = _value(node, attribute)
    if schema is not None:
        _check_known(node, found, schema)
        for name, definition in schema.attributes.items():
            default = definition.default_value
            if name not in found and default.type != AttributeProto.UNDEFINED:
                found[name] = _value(node, default)
    else:
        _check_foreign(node)
    _check_integers(node, found)
    return found


def _check_known(node: onnx.NodeProto, found: dict[str, Any], schema: Any) -> None:
    fitting = schema.min_input <= len(node.input) <= schema.max_input
    if not fitting or not schema.min_output <= len(node.output) <= schema.max_output:
        raise refuse(node, f"it has {len(node.input)} inputs and {len(node.output)} outputs", "Export it again.")
    for name in found:
        if name not in schema.attributes:
            raise refuse(
                node,
                f"it has an attribute {shown(name)}, which it does not have at the model's opset",
                "Export it again.",
            )
    for name, definition in schema.attributes.items():
        if definition.required and name not in found:
            raise refuse(node, f"it lacks the attribute {name!r}", "Export it again.")
    for attribute in node.attribute:
        wanted = int(schema.attributes[attribute.name].type)
        if wanted != attribute.type:
            raise refuse(node, f"it has an attribute {attribute.name!r} of the wrong type")


def _check_foreign(node: onnx.NodeProto) -> None:
    """Of an operator that ONNX does not define the attributes that are read have the types that readers expect."""
    for attribute in node.attribute:
        wanted = _FOREIGN_TYPES.get(attribute.name)
        if wanted is None or attribute.type != wanted:
            raise refuse(node, f"it has an attribute {shown(attribute.name)} that is unknown or of the wrong type")


def _text(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _value(node: onnx.NodeProto, attribute: AttributeProto) -> Any:
    def number(single: float) -> float:
        if math.isnan(single):
            reason = f"it has a NaN in its attribute {shown(attribute.name)}"
            raise refuse(node, reason, "Export a model whose numbers are numbers.")
        return float(single)

    readers = {
        AttributeProto.FLOAT: lambda: number(attribute.f),
        AttributeProto.INT: lambda: int(attribute.i),
        AttributeProto.STRING: lambda: _text(attribute.s),
        AttributeProto.FLOATS: lambda: tuple(map(number, attribute.floats)),
        AttributeProto.INTS: lambda: tuple(map(int, attribute.ints)),
        AttributeProto.STRINGS: lambda: tuple(map(_text, attribute.strings)),
        AttributeProto.TENSOR: lambda: array_of(attribute.t, f"the attribute {shown(attribute.name)}", node),
    }
    reader = readers.get(attribute.type)
    if reader is None:
        raise refuse(node, f"it has an attribute {shown(attribute.name)} of a type that is not supported")
    return reader()  # type: ignore[no-untyped-call]  # lambdas have no types


def array_of(tensor: onnx.TensorProto, what: str, node: onnx.NodeProto | None = None) -> Any:
    """A tensor, whose length load_model has checked, as a numpy array."""
    if dtype_of(tensor.data_type) is None:
        holder = onnx.NodeProto(op_type="Initializer", name=tensor.name) if node is None else node
        raise refuse(holder, f"it is of {name_of(tensor.data_type)}: {what}", "Use float32, 8-bit or 32-bit integers.")
    return numpy_helper.to_array(tensor)


def _check_integers(node: onnx.NodeProto, found: dict[str, Any]) -> None:
    """Before anything divides by a stride of 0."""
    for name in (*_ABOVE_ZERO, *_BOUNDED):
        value = found.get(name)
        integers = value if isinstance(value, tuple) else (value,)
        least = 1 if name in _ABOVE_ZERO else -MOST_INTEGER
        if any(isinstance(number, int) and not least <= number <= MOST_INTEGER for number in integers):
            raise refuse(node, f"it has {name} of {str(value)[:80]}", "Export the model again.")
    if found.get("num_outputs", 0) > len(node.output):
        raise refuse(node, f"it has {len(node.output)} outputs and num_outputs of {found['num_outputs']}")
