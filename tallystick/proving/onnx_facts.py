"""What an ONNX file says about itself, read before the prover is started so that the common faults get clear names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

from tallystick.errors import ModelError

_CONV_ATTRIBUTES = {
    "Conv": ("strides", "dilations"),
    "ConvTranspose": ("strides", "dilations"),
    "MaxPool": ("strides",),
}


@dataclass(frozen=True)
class OnnxFacts:
    """Names and shapes of the graph's inputs (weights excluded) and outputs, in its order."""

    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[tuple[str, tuple[int, ...]], ...]


def read_onnx(data: bytes) -> OnnxFacts:
    """Raises ModelError for a file that is no valid model, or that the prover is known to refuse."""
    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise ModelError(f"This is not a valid ONNX file: {str(error).strip()[:300]}") from error
    graph = model.graph
    _check_nodes(graph.node)
    weights = {tensor.name for tensor in graph.initializer}
    inputs = tuple(_tensor(value) for value in graph.input if value.name not in weights)
    if not inputs:
        raise ModelError("The model has no input.", remedy="A job needs something to compute from.")
    return OnnxFacts(inputs, tuple(_tensor(value) for value in graph.output))


def _check_nodes(nodes: Iterable[Any]) -> None:
    for number, node in enumerate(nodes):
        present = {attribute.name: attribute for attribute in node.attribute}
        place = f'Node {number} "{node.name or node.output[0]}" ({node.op_type})'
        for wanted in _CONV_ATTRIBUTES.get(node.op_type, ()):
            if wanted not in present:
                raise ModelError(
                    f"{place} has no attribute {wanted!r}, for which the prover assumes no default.",
                    remedy=f"Write it out when exporting, for example {wanted}=[1, 1].",
                )
        if any(step != 1 for step in (present["dilations"].ints if "dilations" in present else ())):
            raise ModelError(
                f"{place} has dilations {list(present['dilations'].ints)}; the prover supports only 1.",
                remedy="Write the dilated kernel out with zeros.",
            )


def _tensor(value: Any) -> tuple[str, tuple[int, ...]]:
    kind = value.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        raise ModelError(
            f"{value.name!r} holds {onnx.TensorProto.DataType.Name(kind.elem_type)}; the prover takes FLOAT.",
            remedy="Cast inside the model, so that its inputs and outputs are float32.",
        )
    shape = tuple(dimension.dim_value for dimension in kind.shape.dim)
    if not kind.HasField("shape") or any(dimension < 1 for dimension in shape):
        shown = [dimension.dim_param or dimension.dim_value or "?" for dimension in kind.shape.dim]
        raise ModelError(
            f"{value.name!r} has the shape {shown}, which is not fixed.",
            remedy="Export with a fixed batch size: a circuit has one shape.",
        )
    return value.name, shape
