"""Seeded float models with the shapes of well-known networks, for benchmarks that need no download.

Weights are random, but scaled so that activations keep a second moment near one, as in a trained network: a quantised
version uses the whole range of its 8 bits. Every model takes `image` [1, 3, 224, 224] and gives `logits` [1, 1000].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
CLASSES = 1000


class _Network:
    """Adds layers one after the other. `moments` is what each value's second moment should be, for the next layer's scale."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._channels = {"image": 3}
        self._moments = {"image": 1.0}

    def channels(self, x: str) -> int:
        return self._channels[x]

    def _weight(self, array: npt.NDArray[np.floating]) -> str:
        name = f"w{len(self._initializers)}"
        self._initializers.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def _add(self, op: str, inputs: Sequence[str], channels: int, moment: float, **attributes: Any) -> str:
        name = f"{op.lower()}{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        self._channels[name] = channels
        self._moments[name] = moment
        return name

    def _gaussian(self, x: str, shape: tuple[int, ...], fan_in: int) -> str:
        return self._weight(self._rng.normal(0, (fan_in * self._moments[x]) ** -0.5, shape))

    def conv(self, x: str, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, *, gain: float = 1.0) -> str:
        """Convolution without bias, then BatchNormalization of scale about `gain`; "same" padding of odd kernels."""
        per_group = self.channels(x) // groups
        weight = self._gaussian(x, (out, per_group, kernel, kernel), per_group * kernel * kernel)
        pad = kernel // 2
        y = self._add(
            "Conv",
            [x, weight],
            out,
            1.0,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[pad] * 4,
            group=groups,
        )
        return self._batch_norm(y, gain)

    def _batch_norm(self, x: str, gain: float) -> str:
        c, rng = self.channels(x), self._rng
        scale, variance = gain * rng.uniform(0.8, 1.2, c), rng.uniform(0.8, 1.2, c)
        bias, mean = rng.normal(0, 0.2, c), rng.normal(0, 0.1, c)
        return self._add(
            "BatchNormalization", [x, *map(self._weight, (scale, bias, mean, variance))], c, gain * gain + 0.05
        )

    def conv_with_bias(self, x: str, out: int) -> str:
        """A 1x1 convolution with bias, as squeeze-and-excitation has it."""
        c = self.channels(x)
        weight = self._gaussian(x, (out, c, 1, 1), c)
        bias = self._weight(self._rng.normal(0, 0.2, out))
        return self._add("Conv", [x, weight, bias], out, 1.0, kernel_shape=[1, 1])

    def relu(self, x: str, kept: float = 0.5) -> str:
        """`kept` is the part of the second moment that lies above zero."""
        return self._add("Relu", [x], self.channels(x), kept * self._moments[x])

    def relu6(self, x: str) -> str:
        bounds = [self._weight(np.array(0.0)), self._weight(np.array(6.0))]
        return self._add("Clip", [x, *bounds], self.channels(x), self._moments[x] / 2)

    def hard_swish(self, x: str) -> str:
        return self._add("HardSwish", [x], self.channels(x), 0.4 * self._moments[x])

    def add(self, x: str, y: str) -> str:
        return self._add("Add", [x, y], self.channels(x), self._moments[x] + self._moments[y])

    def max_pool(self, x: str) -> str:
        return self._add("MaxPool", [x], self.channels(x), 1.2, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])

    def squeeze_excite(self, x: str, squeezed: int) -> str:
        pooled = self._add("GlobalAveragePool", [x], self.channels(x), 0.35 * self._moments[x])
        hidden = self.relu(self.conv_with_bias(pooled, squeezed))
        gate = self.conv_with_bias(hidden, self.channels(x))
        gate = self._add("HardSigmoid", [gate], self.channels(x), 0.3, alpha=1 / 6, beta=0.5)
        return self._add("Mul", [x, gate], self.channels(x), 0.3 * self._moments[x])

    def pool_and_flatten(self, x: str) -> str:
        pooled = self._add("GlobalAveragePool", [x], self.channels(x), 0.35 * self._moments[x])
        return self._add("Flatten", [pooled], self.channels(x), self._moments[pooled], axis=1)

    def dense(self, x: str, out: int) -> str:
        weight = self._gaussian(x, (out, self.channels(x)), self.channels(x))
        bias = self._weight(self._rng.normal(0, 0.1, out))
        return self._add("Gemm", [x, weight, bias], out, 1.0, transB=1)

    def model(self, output: str, name: str) -> onnx.ModelProto:
        last = self._nodes[-1]
        del last.output[:]
        last.output.append("logits")
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 224, 224])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, self.channels(output)])],
            self._initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        onnx.checker.check_model(model)
        return model


def image(seed: int, count: int = 1) -> npt.NDArray[np.float32]:
    """`count` inputs [count, 3, 224, 224] with a second moment of one and some smoothness, as photographs have."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (count, 3, 28, 28)).repeat(8, 2).repeat(8, 3)
    fine = rng.normal(0, 1, (count, 3, 224, 224))
    return np.asarray(0.8 * coarse + 0.6 * fine, np.float32)


def mobilenet_v2(seed: int = 0) -> onnx.ModelProto:
    """Stem, 17 inverted residual blocks with linear bottlenecks, 1x1 to 1280, pool, 1000 classes; 300 million products."""
    net = _Network(seed)
    x = net.relu6(net.conv("image", 32, 3, 2))
    settings = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expansion, out, blocks, stride in settings:
        for block in range(blocks):
            x = _inverted_residual(net, x, expansion, out, stride if block == 0 else 1)
    x = net.relu6(net.conv(x, 1280))
    return net.model(net.dense(net.pool_and_flatten(x), CLASSES), "mobilenet_v2")


def _inverted_residual(net: _Network, x: str, expansion: int, out: int, stride: int) -> str:
    hidden = net.channels(x) * expansion
    y = x if expansion == 1 else net.relu6(net.conv(x, hidden))
    y = net.conv(net.relu6(net.conv(y, hidden, 3, stride, hidden)), out)
    return net.add(x, y) if stride == 1 and net.channels(x) == out else y


# kernel, expanded channels, output channels, squeeze-and-excitation, hard swish, stride
_V3_SMALL = (
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)


def mobilenet_v3_small(seed: int = 0) -> onnx.ModelProto:
    """HardSwish, squeeze-and-excitation with HardSigmoid, 5x5 depthwise kernels; 56 million products."""
    net = _Network(seed)
    x = net.hard_swish(net.conv("image", 16, 3, 2))
    for kernel, hidden, out, excite, swish, stride in _V3_SMALL:
        activate = net.hard_swish if swish else net.relu
        y = x if net.channels(x) == hidden else activate(net.conv(x, hidden))
        y = activate(net.conv(y, hidden, kernel, stride, hidden))
        if excite:
            y = net.squeeze_excite(y, _multiple_of_eight(hidden / 4))
        y = net.conv(y, out)
        x = net.add(x, y) if stride == 1 and net.channels(x) == out else y
    x = net.pool_and_flatten(net.hard_swish(net.conv(x, 576)))
    return net.model(net.dense(net.hard_swish(net.dense(x, 1024)), CLASSES), "mobilenet_v3_small")


def _multiple_of_eight(value: float) -> int:
    """As the network's authors round channels: to the nearest multiple, at least 8, never losing a tenth."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


def resnet50(seed: int = 0) -> onnx.ModelProto:
    """Bottleneck blocks of 3, 4, 6 and 3, the stride in the 3x3; 4 thousand million products."""
    net = _Network(seed)
    x = net.max_pool(net.relu(net.conv("image", 64, 7, 2)))
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            x = _bottleneck(net, x, width, stride if block == 0 else 1)
    return net.model(net.dense(net.pool_and_flatten(x), CLASSES), "resnet50")


def _bottleneck(net: _Network, x: str, width: int, stride: int) -> str:
    y = net.relu(net.conv(x, width))
    y = net.conv(net.relu(net.conv(y, width, 3, stride)), 4 * width, gain=0.5)
    shortcut = x if net.channels(x) == 4 * width else net.conv(x, 4 * width, 1, stride)
    return net.relu(net.add(shortcut, y), 0.5 if shortcut != x else 0.9)
