"""Small seeded models, and what onnxruntime's own quantiser makes of them: files as people bring them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from tallystick.engine.compiler.graph import Graph, Node, Value

onnxruntime.set_default_logger_severity(3)
TYPES = {
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.float32): TensorProto.FLOAT,
}
OPSET = 17


def model_of(
    nodes: list[onnx.NodeProto], inputs: dict[str, np.ndarray], constants: dict[str, Any], outputs: dict[str, Any]
) -> onnx.ModelProto:
    """`inputs` give shapes and dtypes; `outputs` map names to numpy dtypes."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, TYPES[array.dtype], array.shape) for name, array in inputs.items()],
        [helper.make_tensor_value_info(name, TYPES[np.dtype(kind)], None) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def run_onnxruntime(model: onnx.ModelProto, inputs: dict[str, np.ndarray], *, optimised: bool = True) -> np.ndarray:
    """The first output, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, inputs)[0]
    return result


class Layers:
    """Writes a float model layer by layer, with weights from a seed."""

    def __init__(self, seed: int, channels: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.channels, self._count = channels, 0

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array, dtype)
        return name

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        self._count += 1
        name = f"t{self._count}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=f"{op}_{self._count}", **attributes))
        return name

    def conv(self, x: str, out: int, kernel: int = 3, stride: int = 1, group: int = 1) -> str:
        fan = self.channels // group * kernel * kernel
        w = self.rng.normal(0, fan**-0.5, (out, self.channels // group, kernel, kernel))
        w *= self.rng.uniform(0.3, 2.0, (out, 1, 1, 1))
        pad, self.channels = kernel // 2, out
        constants = self.constant(w), self.constant(self.rng.normal(0, 0.1, out))
        sizes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return self.add("Conv", x, *constants, group=group, **sizes)

    def hard_swish(self, x: str) -> str:
        """As exporters of older opsets write it."""
        gate = self.add("HardSigmoid", x, alpha=1 / 6, beta=0.5)
        return self.add("Mul", x, gate)

    def squeeze_excite(self, x: str) -> str:
        width = self.channels
        pooled = self.add("GlobalAveragePool", x)
        inner = self.add("Relu", self.conv(pooled, max(width // 2, 4), kernel=1))
        gate = self.add("Sigmoid", self.conv(inner, width, kernel=1))
        return self.add("Mul", x, gate)

    def gemm(self, x: str, features: int, out: int) -> str:
        w = self.constant(self.rng.normal(0, features**-0.5, (out, features)))
        return self.add("Gemm", x, w, self.constant(self.rng.normal(0, 0.1, out)), transB=1)


def small_cnn(seed: int = 0) -> onnx.ModelProto:
    """x [1, 3, 16, 16] to y [1, 10]: convolutions, a depthwise one, a residual, an SE block, HardSwish, pools, Gemm."""
    layers = Layers(seed, 3)
    x = layers.add("Relu", layers.conv("x", 8, stride=2))
    residual = layers.conv(layers.add("Relu", layers.conv(x, 8)), 8)
    x = layers.add("Relu", layers.add("Add", x, residual))
    x = layers.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = layers.hard_swish(layers.conv(layers.conv(x, 8, group=8), 12, kernel=1))
    x = layers.squeeze_excite(x)
    x = layers.add("Concat", x, layers.add("LeakyRelu", layers.conv(x, 12, kernel=1), alpha=0.1), axis=1)
    x = layers.add("Flatten", layers.add("GlobalAveragePool", x))
    y = layers.gemm(x, 24, 10)
    image = {"x": np.zeros((1, 3, 16, 16), np.float32)}
    layers.nodes[-1].output[0] = "y"
    assert y == layers.nodes[-1].name.replace("Gemm_", "t")
    return model_of(layers.nodes, image, layers.constants, {"y": np.float32})


def images(count: int, seed: int = 1) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [{"x": rng.normal(0, 1, (1, 3, 16, 16)).astype(np.float32)} for _ in range(count)]


class _Images(CalibrationDataReader):
    def __init__(self, count: int) -> None:
        self._left: Iterator[dict[str, np.ndarray]] = iter(images(count))

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._left, None)


def quantise(
    model: onnx.ModelProto,
    *,
    qdq: bool,
    per_channel: bool = False,
    reduce_range: bool = False,
    activations: QuantType = QuantType.QUInt8,
    weights: QuantType = QuantType.QInt8,
) -> onnx.ModelProto:
    """By onnxruntime's quantize_static, calibrated on eight images. Its pre-processing is left out: it needs sympy."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "held.onnx"
        onnx.save(model, source)
        quantize_static(
            source,
            target,
            _Images(8),
            quant_format=QuantFormat.QDQ if qdq else QuantFormat.QOperator,
            per_channel=per_channel,
            reduce_range=reduce_range,
            activation_type=activations,
            weight_type=weights,
        )
        return onnx.load(target)


def run_inside(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor by name, as onnxruntime computes it without optimisation."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    results = {value.name for value in model.graph.output}
    inner = [name for node in model.graph.node for name in node.output if name and name not in results]
    whole.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in inner)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(whole.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip([each.name for each in session.get_outputs()], session.run(None, inputs), strict=True))


def run_bytes(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors of bytes, those that a QuantizeLinear gives by the name of what it quantises."""
    sources = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    inside = {name: array for name, array in run_inside(model, inputs).items() if array.dtype in (np.uint8, np.int8)}
    return {sources.get(name, name): array for name, array in inside.items()}


def graph_of(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> Graph:
    """The graph that simplification gives, with shapes and dtypes as onnxruntime finds them in a run."""
    arrays = run_inside(model, inputs) | inputs
    values = {name: Value(tuple(array.shape), array.dtype) for name, array in arrays.items()}
    for tensor in model.graph.initializer:
        constant = numpy_helper.to_array(tensor)
        values[tensor.name] = Value(tuple(constant.shape), constant.dtype, constant)
    graph = Graph([], values, list(inputs), [value.name for value in model.graph.output])
    graph.nodes = [_simplified(graph, node) for node in model.graph.node]
    return graph


def _simplified(graph: Graph, proto: onnx.NodeProto) -> Node:
    attributes = {each.name: helper.get_attribute_value(each) for each in proto.attribute}
    node = Node(proto.op_type, list(proto.input), list(proto.output), attributes, proto.name, proto.domain)
    if node.op == "Flatten":
        return dataclasses.replace(node, op="Reshape", attributes={})
    if node.op == "Reshape":
        return dataclasses.replace(node, inputs=node.inputs[:1])
    if node.op == "GlobalAveragePool":
        kernel = graph.values[node.inputs[0]].shape[2:]
        return dataclasses.replace(node, op="AveragePool", attributes={"kernel_shape": kernel})
    if node.op == "Pad":
        pads, value = (graph.constant(name) for name in node.inputs[1:3])
        assert pads is not None and value is not None
        return dataclasses.replace(
            node, inputs=node.inputs[:1], attributes={"pads": pads.tolist(), "value": value.item()}
        )
    return node
