"""Small ONNX models made by hand, and what a simplified graph gives beside what onnxruntime makes of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from tallystick.engine.compiler.export import to_onnx
from tallystick.engine.compiler.graph import Graph
from tallystick.engine.compiler.load import load_model
from tallystick.engine.compiler.simplify import simplify

FLOAT = TensorProto.FLOAT
IR_VERSION = 8


def model_of(
    nodes: Iterable[onnx.NodeProto],
    inputs: Mapping[str, tuple[Any, ...]],
    output: str | list[str],
    constants: Mapping[str, Any] | None = None,
    *,
    opset: int = 17,
    dtype: int = FLOAT,
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """A model whose inputs are all of `dtype`; a dim may be a name. Outputs are declared without a shape."""
    graph = helper.make_graph(
        list(nodes),
        "model",
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in ([output] if isinstance(output, str) else output)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    imports = [helper.make_opsetid(domain, version) for domain, version in {"": opset, **(domains or {})}.items()]
    return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """A node; names are separated by spaces, `_` is an input that is left out."""
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), **attributes)


def simplified(model: onnx.ModelProto, **options: Any) -> Graph:
    return simplify(load_model(model.SerializeToString()), **options)


def run_file(model: bytes, feeds: Mapping[str, np.ndarray], output: str) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (result,) = session.run([output], dict(feeds))
    return np.asarray(result)


def run_graph(graph: Graph, feeds: Mapping[str, np.ndarray]) -> np.ndarray:
    """The graph as it is, through an ONNX model again."""
    (output,) = graph.outputs
    return run_file(to_onnx(graph, [output]).SerializeToString(), feeds, output)


def feeds_of(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Random inputs in the shapes and dtypes of a graph's."""
    generator = np.random.default_rng(seed)
    feeds = {}
    for name in graph.inputs:
        value = graph.values[name]
        if value.is_float:
            feeds[name] = generator.standard_normal(value.shape).astype(value.dtype)
        else:
            feeds[name] = generator.integers(0, 3, value.shape).astype(value.dtype)
    return feeds


def assert_same(model: onnx.ModelProto, tolerance: float = 1e-5, **options: Any) -> Graph:
    """The simplified graph gives what the file gives, with shapes as it says; returns the graph."""
    graph = simplified(model, **options)
    feeds = feeds_of(graph)
    expected = run_file(model.SerializeToString(), feeds, graph.outputs[0])
    found = run_graph(graph, feeds)
    assert found.shape == expected.shape == graph.values[graph.outputs[0]].shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    return graph


def ops(graph: Graph) -> list[str]:
    return [each.op for each in graph.nodes]
