"""The shapes of a model's inputs: dims that the file leaves open get the sizes that the caller gives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import onnx

from tallystick.engine.compiler.graph import Value
from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.refusal import shown
from tallystick.engine.compiler.simplify.types import dtype_of, name_of
from tallystick.errors import ModelError


def input_values(graph: onnx.GraphProto, *, batch: int, dims: Mapping[str, int], limits: Limits) -> dict[str, Value]:
    """The inputs that have no default, in the file's order.

    Raises:
        ModelError: A dim without a size, a size for a name that no dim has, an input that is no tensor of numbers.
    """
    for name, size in (("batch", batch), *dims.items()):
        if size < 1:
            raise ModelError(f"{shown(name)} is {size}; a dim is 1 or more.")
    defaults = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in defaults]
    if not inputs:
        raise ModelError("The model has no input.", remedy="Export it with its weights as initializers, not its input.")
    sizes = dict(dims)
    for value in inputs:
        # The name that a first dim has is the batch wherever it stands.
        first = next(iter(value.type.tensor_type.shape.dim), None)
        if first is not None and first.dim_param:
            sizes.setdefault(first.dim_param, batch)
    named = {dim.dim_param for value in inputs for dim in value.type.tensor_type.shape.dim}
    unknown = sorted(set(dims) - named)
    if unknown:
        raise ModelError(
            f"No input has a dim called {shown(unknown[0])}.",
            remedy=f"Their open dims are {', '.join(map(shown, sorted(named - {''})[:8])) or 'none'}.",
        )
    return {value.name: _value(value, batch, sizes, limits) for value in inputs}


def _value(value: onnx.ValueInfoProto, batch: int, sizes: Mapping[str, int], limits: Limits) -> Value:
    name = f"The input {shown(value.name)}"
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise ModelError(f"{name} is not a tensor whose rank is known.", remedy="Export it with its shape.")
    tensor = value.type.tensor_type
    dtype = dtype_of(tensor.elem_type)
    if dtype is None:
        raise ModelError(f"{name} is of {name_of(tensor.elem_type)}.", remedy="Export with float32 or integer inputs.")
    shape = []
    for axis, dim in enumerate(tensor.shape.dim):
        size = dim.dim_value if dim.HasField("dim_value") else sizes.get(dim.dim_param, batch if axis == 0 else 0)
        if size < 1:
            raise ModelError(
                f"{name} has no size for dim {axis}, {shown(dim.dim_param) if dim.dim_param else 'which has no name'}.",
                remedy="Give its size by name when compiling, or export with fixed shapes; only the first is the batch.",
            )
        shape.append(int(size))
    if math.prod(shape) > limits.elements:
        raise ModelError(f"{name} has dims {shape}; a tensor may have {limits.elements:,} elements.")
    return Value(tuple(shape), dtype)
