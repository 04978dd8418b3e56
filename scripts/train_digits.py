"""Trains the digits classifier of the demo and writes `examples/digits/`: `python -m scripts.train_digits`.

A real model on real data, small enough to prove in seconds: 64 pixels, 14 hidden units, 10 scores, four images at a time.
With 15 hidden units the circuit would nearly fill 2**13 rows, with 16 it would need 2**14 and twice the time.
"""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

FOLDER = Path(__file__).parents[1] / "examples" / "digits"

HIDDEN = 14
BATCH = 4
PIXELS = 64
CLASSES = 10
SEED = 0
HELD_OUT = 360
SAMPLES = 32
CALIBRATION_BATCHES = 4
PIXEL_MAX = 16.0

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Trained:
    """Weights in the order of use, and how well they do.

    Attributes:
        weights: `w1 [64, H]`, `b1 [H]`, `w2 [H, 10]`, `b2 [10]`.
        calibration: Images the model was trained on, `[n, 64]`.
        held_out, labels: Images it has never seen, `[360, 64]`, and what they show.
    """

    weights: tuple[Floats, Floats, Floats, Floats]
    calibration: Floats
    held_out: Floats
    labels: Labels
    accuracy: float


def train() -> Trained:
    """A multilayer perceptron on scikit-learn's digits; the same every time on one machine."""
    data: Any = load_digits()
    images = (data.data / PIXEL_MAX).astype(np.float32)
    shown, held_out, shown_labels, labels = train_test_split(
        images, data.target, test_size=HELD_OUT, random_state=SEED, stratify=data.target
    )
    classifier = MLPClassifier((HIDDEN,), alpha=0.1, random_state=SEED, max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is meant: it generalises as well
        classifier.fit(shown, shown_labels)
    first, second = (weights.astype(np.float32) for weights in classifier.coefs_)
    bias_1, bias_2 = (bias.astype(np.float32) for bias in classifier.intercepts_)
    weights = (first, bias_1, second, bias_2)
    accuracy = float(np.mean(scores(weights, held_out).argmax(axis=1) == labels))
    return Trained(weights, shown[: CALIBRATION_BATCHES * BATCH], held_out, labels, accuracy)


def scores(weights: tuple[Floats, Floats, Floats, Floats], images: Floats) -> Floats:
    """`[n, 64]` images to `[n, 10]` scores in float32."""
    first, bias_1, second, bias_2 = weights
    result: Floats = np.maximum(images @ first + bias_1, 0) @ second + bias_2
    return result


def to_onnx(weights: tuple[Floats, Floats, Floats, Floats]) -> bytes:
    """The model for exactly four images: a circuit has one shape."""
    names = ("w1", "b1", "w2", "b2")
    nodes = [
        helper.make_node("Gemm", ["pixels", "w1", "b1"], ["hidden"], name="first"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("Gemm", ["active", "w2", "b2"], ["scores"], name="second"),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [BATCH, PIXELS])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [BATCH, CLASSES])],
        [numpy_helper.from_array(array, name) for name, array in zip(names, weights, strict=True)],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="tallystick"
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def to_samples(trained: Trained) -> str:
    """`calibration [n, 4, 64]`, `images [32, 64]` never seen in training, `labels [32]`; pixels in 0..1."""
    calibration = trained.calibration.reshape(-1, BATCH, PIXELS)
    document = {
        "calibration": calibration.tolist(),
        "images": trained.held_out[:SAMPLES].tolist(),
        "labels": trained.labels[:SAMPLES].tolist(),
        "held_out_accuracy": round(trained.accuracy, 4),
    }
    return json.dumps(document, separators=(",", ":")) + "\n"


def to_calibration(trained: Trained) -> str:
    """`[n, 4, 64]`: what `tallystick model register --calibration` takes."""
    return json.dumps(trained.calibration.reshape(-1, BATCH, PIXELS).tolist(), separators=(",", ":")) + "\n"


def to_inputs(trained: Trained) -> str:
    """`[2, 4, 64]`, two milestones of unseen images: what `tallystick job fund --inputs` takes."""
    return json.dumps(trained.held_out[: 2 * BATCH].reshape(2, BATCH, PIXELS).tolist(), separators=(",", ":")) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    trained = train()
    model, samples = to_onnx(trained.weights), to_samples(trained)
    (folder / "digits.onnx").write_bytes(model)
    (folder / "samples.json").write_text(samples)
    (folder / "calibration.json").write_text(to_calibration(trained))
    (folder / "inputs.json").write_text(to_inputs(trained))
    print(f"held-out accuracy {trained.accuracy:.4f} on {HELD_OUT} images; {len(model)} bytes of ONNX in {folder}")


if __name__ == "__main__":
    main()
