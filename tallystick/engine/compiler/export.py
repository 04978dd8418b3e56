"""A simplified graph as an ONNX model again, so that onnxruntime can tell what its values are on calibration data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tallystick.engine.compiler.graph import Graph, Node, Value

OPSET, IR_VERSION, TREE_OPSET = 21, 10, 3
MATRIX = 2
_INDEX_MIN = np.iinfo(np.int64).min


class _Writer:
    """Collects nodes and initializers; attributes that newer opsets take as operands become operands."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def number(self, array: Any, stem: str) -> str:
        name = f"{stem}~operand{len(self.initializers)}"
        self.initializers[name] = numpy_helper.from_array(np.asarray(array), name)
        return name

    def add(self, node: Node) -> None:
        inputs, attributes = list(node.inputs), dict(node.attributes)
        shape = self.graph.values[node.outputs[0]].shape
        stem = node.outputs[0]
        if node.op in ("Reshape", "Expand"):
            inputs, attributes = [inputs[0], self.number(np.array(shape, np.int64), stem)], {}
        elif node.op == "Slice":
            inputs, attributes = self._slice(node, shape), {}
        elif node.op == "Pad":
            value = np.asarray(attributes.pop("value", 0), self.graph.values[inputs[0]].dtype)
            pads = self.number(np.array(attributes.pop("pads"), np.int64), stem)
            inputs, attributes = [inputs[0], pads, self.number(value, stem)], {}
        elif node.op.startswith("Reduce") and "axes" in attributes:
            inputs = [inputs[0], self.number(np.array(attributes.pop("axes"), np.int64), stem)]
        elif node.op == "Clip" and len(inputs) == 1:
            dtype = self.graph.values[inputs[0]].dtype
            for key in ("min", "max"):
                inputs.append(self.number(np.asarray(attributes.pop(key), dtype), stem) if key in attributes else "")
        elif node.op == "Gemm" and len(shape) != MATRIX:
            self._wide_gemm(node)
            return
        # Without names: several of our nodes may come from one of the file's, and names have to differ.
        self.nodes.append(helper.make_node(node.op, inputs, node.outputs, domain=node.domain, **attributes))

    def _wide_gemm(self, node: Node) -> None:
        """Ours takes `x [..., K]`; ONNX's only matrices."""
        x, w, *bias = node.inputs
        turned, product = f"{node.outputs[0]}~turned", f"{node.outputs[0]}~product"
        self.nodes.append(helper.make_node("Transpose", [w], [turned], perm=(1, 0)))
        self.nodes.append(helper.make_node("MatMul", [x, turned], [product if bias else node.outputs[0]]))
        if bias:
            self.nodes.append(helper.make_node("Add", [product, *bias], node.outputs))

    def _slice(self, node: Node, shape: tuple[int, ...]) -> list[str]:
        starts, steps = node.attributes["starts"], node.attributes["steps"]
        ends = [start + step * size for start, step, size in zip(starts, steps, shape, strict=True)]
        ends = [_INDEX_MIN if end < 0 else end for end in ends]
        operands = (starts, ends, range(len(shape)), steps)
        return [node.inputs[0], *(self.number(np.array(each, np.int64), node.outputs[0]) for each in operands)]


def _info(name: str, value: Value) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)


def to_onnx(graph: Graph, outputs: Iterable[str]) -> onnx.ModelProto:
    """The graph's nodes with `outputs` as results; float constants in single precision."""
    writer = _Writer(graph)
    for node in graph.nodes:
        writer.add(node)
    read = {name for node in writer.nodes for name in node.input}
    for name, value in graph.values.items():
        if value.constant is not None and name in read:
            array = np.asarray(value.constant).astype(value.dtype)
            writer.initializers[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
    made = helper.make_graph(
        writer.nodes,
        "calibrated",
        [_info(name, graph.values[name]) for name in graph.inputs],
        [_info(name, graph.values[name]) for name in outputs],
        list(writer.initializers.values()),
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREE_OPSET)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION)
