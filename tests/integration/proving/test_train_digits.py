"""The committed example is what its script makes, from real data."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from proving_models import DIGITS, digits_samples
from sklearn.datasets import load_digits

from scripts.train_digits import BATCH, scores, to_onnx, to_samples, train


@pytest.fixture(scope="module")
def trained():
    return train()


@pytest.fixture(scope="module")
def committed():
    return (DIGITS / "digits.onnx").read_bytes()


def weights_of(model):
    return [numpy_helper.to_array(tensor) for tensor in onnx.load_model_from_string(model).graph.initializer]


def accuracy(weights, trained):
    return float(np.mean(scores(weights, trained.held_out).argmax(axis=1) == trained.labels))


def test_train_reaches_93_percent_on_held_out_images(trained):
    assert trained.accuracy >= 0.93


def test_committed_model_is_as_good_as_the_script_makes_it(trained, committed):
    # not byte for byte: another BLAS adds in another order, and training amplifies it
    assert accuracy(weights_of(committed), trained) == pytest.approx(trained.accuracy, abs=0.02)


def test_committed_model_has_the_scripts_layers(trained, committed):
    made = onnx.load_model_from_string(to_onnx(trained.weights)).graph
    kept = onnx.load_model_from_string(committed).graph

    assert (made.node, made.input, made.output) == (kept.node, kept.input, kept.output)


def test_to_onnx_twice_gives_the_same_bytes(trained):
    assert to_onnx(trained.weights) == to_onnx(trained.weights)


def test_to_onnx_computes_what_the_trained_weights_compute(trained):
    session = onnxruntime.InferenceSession(to_onnx(trained.weights))
    [output] = session.run(None, {"pixels": trained.held_out[:BATCH]})

    assert output == pytest.approx(scores(trained.weights, trained.held_out[:BATCH]), abs=1e-4)


def test_committed_samples_are_those_of_the_script(trained):
    made = json.loads(to_samples(trained))
    kept = digits_samples()

    assert {key: made[key] for key in ("calibration", "images", "labels")} == {
        key: kept[key] for key in ("calibration", "images", "labels")
    }


def test_committed_samples_are_real_images_with_their_labels():
    data = load_digits()
    known = {tuple(image): label for image, label in zip(data.data / 16, data.target, strict=True)}
    samples = digits_samples()

    assert [known[tuple(image)] for image in samples["images"]] == samples["labels"]


def test_committed_samples_were_not_trained_on(trained):
    trained_on = {tuple(image) for batch in digits_samples()["calibration"] for image in batch}

    assert trained_on.isdisjoint(tuple(image) for image in digits_samples()["images"])
