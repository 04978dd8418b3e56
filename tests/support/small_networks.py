"""Small float networks by shape, with seeded weights."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Stack:
    """Layers one after the other on `x` [1, ...]."""

    def __init__(self, seed: int, channels: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.at, self.channels = "x", channels

    def constant(self, *shape: int, fan_in: int) -> str:
        name = f"k{len(self.constants)}"
        array = self.rng.normal(0, (2 / fan_in) ** 0.5, shape).astype(np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op: str, *operands: str, **attributes: object) -> None:
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.at, *operands], [name], name=name, **attributes))
        self.at = name

    def conv(self, out: int) -> None:
        fan_in = 9 * self.channels
        weights, bias = self.constant(out, self.channels, 3, 3, fan_in=fan_in), self.constant(out, fan_in=1_000)
        self.add("Conv", weights, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        self.channels = out

    def dense(self, inputs: int, out: int) -> None:
        self.add("Gemm", self.constant(out, inputs, fan_in=inputs), self.constant(out, fan_in=100), transB=1)

    def model(self, shape: list[int], out: int) -> bytes:
        graph = helper.make_graph(
            self.nodes,
            "stack",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(self.at, TensorProto.FLOAT, [1, out])],
            self.constants,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        return bytes(made.SerializeToString())


def two_d_conv(seed: int = 0) -> bytes:
    """The "2d conv" of published tables: ten 3x3 convolutions on 3x32x32, a 2x2 maximum after every second, 32-64-10-10."""
    stack = Stack(seed, 3)
    for number, out in enumerate((8, 8, 16, 16, 24, 32, 32, 32, 32, 32), 1):
        stack.conv(out)
        stack.add("Relu")
        if number % 2 == 0:
            stack.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    stack.add("Flatten")
    for inputs, out in ((32, 64), (64, 10), (10, 10)):
        stack.dense(inputs, out)
        if out != 10 or inputs != 10:
            stack.add("Relu")
    return stack.model([1, 3, 32, 32], 10)


def perceptron(activation: str, seed: int = 0) -> bytes:
    """20-32-16-6, with one activation throughout."""
    stack = Stack(seed, 20)
    for inputs, out in ((20, 32), (32, 16)):
        stack.dense(inputs, out)
        stack.add(activation)
    stack.dense(16, 6)
    return stack.model([1, 20], 6)
