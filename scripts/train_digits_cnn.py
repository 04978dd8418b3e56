"""Trains the convolutional digits classifier and writes `examples/digits_cnn/`: `python -m scripts.train_digits_cnn`.

A network for optimistic jobs: two convolutions, two pools, one dense layer, on scikit-learn's 8x8 digits. Plain gradient descent
in numpy, so that nothing is needed that the project does not have; half a minute, the same every time on one machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FOLDER = Path(__file__).parents[1] / "examples" / "digits_cnn"

SIDE, CLASSES, PIXEL_MAX = 8, 10, 16.0
CHANNELS = (8, 16)
EPOCHS, BATCH, STEP, MOMENTUM = 40, 32, 0.05, 0.9
SEED, HELD_OUT, CALIBRATION, SHOWN = 0, 360, 64, 8

Floats = NDArray[np.float32]


class Convolution:
    """3x3 with padding 1, Relu, and a 2x2 maximum; keeps what the way back needs."""

    def __init__(self, rng: np.random.Generator, inputs: int, outputs: int) -> None:
        self.weights = rng.normal(0, (2 / (9 * inputs)) ** 0.5, (outputs, inputs, 3, 3)).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def forward(self, x: Floats) -> Floats:
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        self._patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        y = np.einsum("nchwij,ocij->nohw", self._patches, self.weights, optimize=True) + self.bias[:, None, None]
        self._positive = y > 0
        n, c, h, w = y.shape
        blocks = np.maximum(y, 0).reshape(n, c, h // 2, 2, w // 2, 2)
        pooled = blocks.max(axis=(3, 5), keepdims=True)
        self._largest = blocks == pooled
        return np.asarray(pooled.reshape(n, c, h // 2, w // 2), np.float32)

    def backward(self, gradient: Floats) -> tuple[Floats, Floats, Floats]:
        """Gradients of weights, bias and input."""
        n, c, h, w = gradient.shape
        spread = self._largest * gradient.reshape(n, c, h, 1, w, 1) / self._largest.sum(axis=(3, 5), keepdims=True)
        y = np.asarray(spread.reshape(n, c, 2 * h, 2 * w) * self._positive, np.float32)
        weights = np.einsum("nohw,nchwij->ocij", y, self._patches, optimize=True)
        padded = np.pad(y, ((0, 0), (0, 0), (1, 1), (1, 1)))
        patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        x = np.einsum("nohwij,ocij->nchw", patches, self.weights[:, :, ::-1, ::-1], optimize=True)
        return weights, y.sum(axis=(0, 2, 3)), x


class Classifier:
    """Two convolutions and a dense layer."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.convolutions = [Convolution(rng, 1, CHANNELS[0]), Convolution(rng, *CHANNELS)]
        features = CHANNELS[1] * (SIDE // 4) ** 2
        self.dense = rng.normal(0, features**-0.5, (CLASSES, features)).astype(np.float32)
        self.offset = np.zeros(CLASSES, np.float32)

    def parameters(self) -> list[Floats]:
        first, second = self.convolutions
        return [first.weights, first.bias, second.weights, second.bias, self.dense, self.offset]

    def scores(self, images: Floats) -> Floats:
        """[n, 1, 8, 8] to [n, 10]."""
        for convolution in self.convolutions:
            images = convolution.forward(images)
        self._features = images
        return np.asarray(images.reshape(len(images), -1) @ self.dense.T + self.offset, np.float32)

    def gradients(self, images: Floats, labels: NDArray[np.int64]) -> list[Floats]:
        """Of the mean cross-entropy, in the order of `parameters`."""
        scores = self.scores(images)
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        chances[np.arange(len(labels)), labels] -= 1
        chances /= len(labels)
        dense, offset = chances.T @ self._features.reshape(len(images), -1), chances.sum(axis=0)
        back = (chances @ self.dense).reshape(self._features.shape)
        w2, b2, back = self.convolutions[1].backward(back)
        w1, b1, _ = self.convolutions[0].backward(back)
        return [w1, b1, w2, b2, dense, offset]


def batches(rng: np.random.Generator, images: Floats, labels: Any) -> Iterator[tuple[Floats, Any]]:
    order = rng.permutation(len(images))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        yield images[chosen], labels[chosen]


def train() -> tuple[Classifier, Floats, Floats, float]:
    """The classifier, images that it was trained on, images that it has never seen, and how well it does on those."""
    data: Any = load_digits()
    images = (data.data / PIXEL_MAX).astype(np.float32).reshape(-1, 1, SIDE, SIDE)
    shown, held_out, shown_labels, labels = train_test_split(
        images, data.target, test_size=HELD_OUT, random_state=SEED, stratify=data.target
    )
    rng = np.random.default_rng(SEED)
    classifier = Classifier(rng)
    speeds = [np.zeros_like(parameter) for parameter in classifier.parameters()]
    for epoch in range(EPOCHS):
        step = STEP * (1 - epoch / EPOCHS)
        for batch, batch_labels in batches(rng, shown, shown_labels):
            gradients = classifier.gradients(batch, batch_labels)
            for parameter, speed, gradient in zip(classifier.parameters(), speeds, gradients, strict=True):
                np.multiply(speed, MOMENTUM, out=speed)
                np.subtract(speed, step * gradient, out=speed)
                np.add(parameter, speed, out=parameter)
    accuracy = float(np.mean(classifier.scores(held_out).argmax(axis=1) == labels))
    return classifier, shown, held_out, accuracy


def to_onnx(classifier: Classifier) -> onnx.ModelProto:
    """`image` [batch, 1, 8, 8] to `scores` [batch, 10]."""
    names = ("w1", "b1", "w2", "b2", "w3", "b3")
    parameters = zip(names, classifier.parameters(), strict=True)
    initializers = [numpy_helper.from_array(value, name) for name, value in parameters]
    nodes = []
    for number, source in ((1, "image"), (2, "pooled1")):
        inputs = [source, f"w{number}", f"b{number}"]
        nodes.append(helper.make_node("Conv", inputs, [f"sums{number}"], f"conv{number}", pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"sums{number}"], [f"kept{number}"], f"relu{number}"))
        kept, pooled = [f"kept{number}"], [f"pooled{number}"]
        nodes.append(helper.make_node("MaxPool", kept, pooled, f"pool{number}", kernel_shape=[2, 2], strides=[2, 2]))
    nodes.append(helper.make_node("Flatten", ["pooled2"], ["features"], "flatten"))
    nodes.append(helper.make_node("Gemm", ["features", "w3", "b3"], ["scores"], "dense", transB=1))
    graph = helper.make_graph(
        nodes,
        "digits_cnn",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", CLASSES])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    classifier, shown, held_out, accuracy = train()
    FOLDER.mkdir(parents=True, exist_ok=True)
    onnx.save(to_onnx(classifier), FOLDER / "digits_cnn.onnx")
    np.savez_compressed(FOLDER / "calibration.npz", image=shown[:CALIBRATION])
    np.savez_compressed(FOLDER / "held_out.npz", image=held_out)
    # What `tallystick job fund --inputs` takes, for a program that reads eight images at once.
    (FOLDER / "inputs.json").write_text(json.dumps(held_out[:SHOWN].tolist(), separators=(",", ":")) + "\n")
    print(f"{accuracy:.1%} of {len(held_out)} images that it has not seen; wrote {FOLDER.name}/")


if __name__ == "__main__":
    main()
