"""Whole files in, programs out: how well they agree, that they are the same twice, what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from transformer_block import TOKENS, WORDS, transformer_block

from tallystick.engine.commitments import program_commitment
from tallystick.engine.compiler.compile import Compiled, CompileOptions, compile_model
from tallystick.errors import InputError, ModelError

ROOT = Path(__file__).parents[3]
DIGITS = ROOT / "examples" / "digits_cnn"
GIVEN = ROOT.parent / "shared" / "data" / "models"


def given(name: str) -> Path:
    path = GIVEN / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    return path


def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(DIGITS / name) as archive:
        return dict(archive)


def digits(side: int) -> np.ndarray:
    """Handwritten digits [1797, 1, side, side] in 0..1, enlarged by repetition."""
    images = load_digits().images / 16.0
    places = np.arange(side) * 8 // side
    return np.asarray(images[:, None, places][..., places], np.float32)


def test_compile_of_the_digits_network_agrees_with_it_on_images_it_has_not_seen() -> None:
    from tallystick.engine.compiler.agreement import measure_agreement
    from tallystick.engine.compiler.float_runs import samples_of
    from tallystick.engine.compiler.load import load_model
    from tallystick.engine.compiler.simplify import simplify

    model = load_model(DIGITS / "digits_cnn.onnx")
    compiled = compile_model(DIGITS / "digits_cnn.onnx", arrays("calibration.npz"))
    graph = simplify(model)
    held = {spec.name: spec.quantisation for spec in (*compiled.report.inputs, compiled.report.output)}
    for name, quantisation in held.items():
        graph.values[name].quantisation = quantisation
    samples = samples_of(graph, arrays("held_out.npz"))
    agreement = measure_agreement(model.SerializeToString(), graph, compiled.program, samples)
    assert agreement.samples == 360
    assert agreement.top1 is not None
    assert agreement.top1 >= 0.99


def test_compile_of_lenet_agrees_with_it() -> None:
    images = digits(32)
    compiled = compile_model(given("lenet_5.onnx"), {"input": images[:300]}, CompileOptions(samples=300))
    assert compiled.report.top1 is not None
    assert compiled.report.top1 >= 0.98


def test_compile_of_boosted_trees_is_exact() -> None:
    inputs = np.random.default_rng(0).uniform(0, 8, (64, 4)).astype(np.float32)
    compiled = compile_model(given("xgboost.onnx"), {"input": inputs})
    assert compiled.report.equal == 1.0


def test_compile_of_a_transformer_block_agrees_with_it() -> None:
    ids = np.random.default_rng(0).integers(0, WORDS, (64, TOKENS))
    compiled = compile_model(transformer_block().SerializeToString(), {"ids": ids})
    report = compiled.report
    assert report.operators["LayerNormalization"] == 3
    assert report.operators["Softmax"] == 1
    assert report.top1 is not None
    assert report.top1 >= 0.95
    assert report.rms_error is not None
    assert report.rms is not None
    assert report.rms_error < 0.05 * report.rms


def compiled_digits(**options: object) -> Compiled:
    return compile_model(DIGITS / "digits_cnn.onnx", arrays("calibration.npz"), CompileOptions(**options))  # type: ignore[arg-type]


def test_compile_twice_gives_one_program() -> None:
    first, second = (program_commitment(compiled_digits().program).program_hash for _ in range(2))
    assert first == second


def test_compile_of_a_batch_of_four_has_it_in_every_tensor() -> None:
    program = compiled_digits(batch=4).program
    assert program.inputs[0].dims == (4, 1, 8, 8)
    assert program.output_header.dims == (4, 10)


def test_compile_of_the_digits_network_is_eight_steps() -> None:
    steps = Counter(step.opcode.name for step in compiled_digits().program.steps)
    assert steps == {"CONV": 2, "MAX_POOL": 2, "RESHAPE": 2, "VIEW": 1, "MATMUL": 1}


def test_compile_of_a_float_model_without_calibration_says_what_to_give() -> None:
    with pytest.raises(ModelError, match=r"Give inputs as jobs will bring them"):
        compile_model(DIGITS / "digits_cnn.onnx")


def test_compile_with_calibration_of_another_shape_says_both_shapes() -> None:
    with pytest.raises(InputError, match=r"'image' has the shape \[3, 7\]; a sample is \[1, 1, 8, 8\]"):
        compile_model(DIGITS / "digits_cnn.onnx", {"image": np.zeros((3, 7), np.float32)})


def test_compile_with_calibration_by_another_name_says_which_is_missing() -> None:
    with pytest.raises(InputError, match=r"has no 'image'; it has \['picture'\]"):
        compile_model(DIGITS / "digits_cnn.onnx", {"picture": np.zeros((1, 8, 8), np.float32)})


def test_compile_with_nan_in_the_calibration_is_refused() -> None:
    with pytest.raises(InputError, match="NaN"):
        compile_model(DIGITS / "digits_cnn.onnx", {"image": np.full((2, 1, 8, 8), np.nan, np.float32)})


def test_compile_tells_its_stages() -> None:
    stages: list[str] = []
    compile_model(
        DIGITS / "digits_cnn.onnx",
        arrays("calibration.npz"),
        progress=lambda stage, done, total: stages.append(stage),
    )
    assert list(dict.fromkeys(stages)) == ["reading", "calibrating", "lowering", "checking", "comparing"]


def test_compile_of_a_file_that_takes_bytes_compares_bytes() -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    constants = {
        "scale": np.float32(0.1),
        "zero": np.uint8(100),
        "w": rng.integers(-64, 64, (4, 2, 3, 3)).astype(np.int8),
        "w_scale": np.float32(0.02),
        "w_zero": np.int8(0),
        "y_scale": np.float32(0.5),
    }
    inputs = ["x", "scale", "zero", "w", "w_scale", "w_zero", "y_scale", "zero"]
    graph = helper.make_graph(
        [helper.make_node("QLinearConv", inputs, ["y"], "conv")],
        "bytes",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 2, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 4, 4, 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    images = rng.integers(0, 256, (20, 2, 6, 6)).astype(np.uint8)
    assert compile_model(model.SerializeToString(), {"x": images}).report.equal == 1.0


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("qdq", [True, False])
def test_compile_of_a_quantised_file_gives_what_onnxruntime_gives(qdq: bool, per_channel: bool) -> None:
    from quantised_models import images, quantise, small_cnn

    model = quantise(small_cnn(), qdq=qdq, per_channel=per_channel)
    feeds = images(8, seed=5)
    calibration = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
    report = compile_model(model.SerializeToString(), calibration).report
    assert report.quantised_by == "file"
    assert report.rms_error is not None
    assert report.rms is not None
    assert report.rms_error < 1e-6 * report.rms


@pytest.mark.parametrize("activation", ["Relu", "Sigmoid", "Tanh", "Gelu"])
def test_compile_of_a_perceptron_agrees_with_it(activation: str) -> None:
    from small_networks import perceptron

    inputs = np.random.default_rng(1).normal(size=(200, 20)).astype(np.float32)
    report = compile_model(perceptron(activation), {"x": inputs}).report
    assert report.top1 is not None
    assert report.top1 >= 0.95
    assert report.rms_error is not None
    assert report.rms is not None
    assert report.rms_error < 0.05 * report.rms


def test_compile_of_the_two_dimensional_convolutions_agrees_with_them() -> None:
    from small_networks import two_d_conv

    inputs = np.random.default_rng(1).normal(size=(64, 3, 32, 32)).astype(np.float32)
    compiled = compile_model(two_d_conv(), {"x": inputs})
    steps = Counter(step.opcode.name for step in compiled.program.steps)
    assert steps["CONV"] == 10
    assert steps["MATMUL"] == 3
    assert compiled.report.rms_error is not None
    assert compiled.report.rms is not None
    assert compiled.report.rms_error < 0.15 * compiled.report.rms
