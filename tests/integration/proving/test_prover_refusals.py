"""Bad models and bad inputs, against the real prover: a clear error, and never a hang."""

import time

import pytest
from onnx import helper
from proving_models import onnx_model, quantised

from tallystick.errors import ModelError, ProverFailedError, ProverTimeoutError, TensorError
from tallystick.proving import steps
from tallystick.proving.child import ChildRunner
from tallystick.proving.keys import KeyFiles
from tallystick.proving.proof_file import encode_input
from tallystick.proving.prover import Limits, no_progress
from tallystick.tensors import QuantisedTensors

pytestmark = pytest.mark.proofs

RELU = onnx_model([helper.make_node("Relu", ["x"], ["y"])], [("x", [1, 2])], [("y", [1, 2])])


def test_build_circuit_given_an_unsupported_operator_names_it(build):
    onnx = onnx_model([helper.make_node("Det", ["x"], ["y"])], [("x", [2, 2])], [("y", [])])

    with pytest.raises(ModelError, match='"y" uses the operator Det'):
        build(onnx, [[[1.0, 2.0], [3.0, 4.0]]])


def test_build_circuit_given_a_conv_without_strides_says_what_to_write(build):
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="edges")
    onnx = onnx_model([node], [("x", [1, 1, 2, 2])], [("y", [1, 1, 1, 1])], {"w": [[[[1, 1], [1, 1]]]]})

    with pytest.raises(ModelError, match=r'"edges".*strides=\[1, 1\]'):
        build(onnx, [[[[[1.0, 1.0], [1.0, 1.0]]]]])


def test_build_circuit_given_values_beyond_every_decomposition_says_to_scale(build):
    with pytest.raises(TensorError, match="Scale the model's inputs"):
        build(RELU, [[[1e30, 1.0]]])


def test_build_circuit_given_nan_is_refused(build):
    with pytest.raises(TensorError, match="holds nan"):
        build(RELU, [[[float("nan"), 1.0]]])


def test_build_circuit_given_nothing_is_refused(build):
    with pytest.raises(TensorError, match="empty"):
        build(RELU, [[]])


def test_prove_given_a_value_outside_the_range_is_refused_before_the_prover_starts(prover, mlp, limits):
    inputs = QuantisedTensors(shapes=((1, 4),), values=((10**6, 0, 0, 0),))
    said = []

    with pytest.raises(TensorError, match="outside"):
        prover.prove(mlp, inputs, limits=limits, progress=said.append)
    assert said == []


def test_prove_given_inputs_whose_sum_leaves_the_lookup_table_is_refused_in_time(prover, sigmoid, limits):
    start = time.monotonic()

    with pytest.raises(TensorError, match="Lookup"):
        prover.prove(sigmoid, quantised(sigmoid, [[1.0, 1.0]]), limits=limits)
    assert time.monotonic() - start < limits.seconds / 2


def test_rehearse_given_that_input_says_what_prove_says(prover, sigmoid, limits):
    inputs = quantised(sigmoid, [[1.0, 1.0]])
    with pytest.raises(TensorError) as proving:
        prover.prove(sigmoid, inputs, limits=limits)

    with pytest.raises(TensorError) as rehearsing:
        prover.rehearse(sigmoid, inputs, limits=limits)
    assert str(rehearsing.value) == str(proving.value)


def test_rehearse_given_a_value_outside_the_range_is_refused_before_the_prover_starts(prover, mlp, limits):
    said = []

    with pytest.raises(TensorError, match="outside"):
        prover.rehearse(
            mlp, QuantisedTensors(shapes=((1, 4),), values=((10**6, 0, 0, 0),)), limits=limits, progress=said.append
        )
    assert said == []


@pytest.fixture
def sigmoid_keys(home, sigmoid):
    [folder] = [path.parent for path in home.glob("keys/*/network.onnx") if path.read_bytes() == sigmoid.onnx]
    return KeyFiles(folder)


def test_prove_without_mock_on_that_input_hangs_and_is_stopped(tmp_path, sigmoid, sigmoid_keys):
    """Why `mock` comes first, and why there is a time limit all the same: EZKL issue 1029."""
    data, witness = tmp_path / "input.json", tmp_path / "witness.json"
    data.write_text(encode_input([(40 * 128, 40 * 128)]))
    wanted = [
        steps.witness(data, sigmoid_keys.compiled, witness),
        steps.prove(witness, sigmoid_keys.compiled, sigmoid_keys.pk, tmp_path / "proof.json", sigmoid.srs_path),
    ]

    with pytest.raises(ProverTimeoutError, match="'prove'"):
        ChildRunner(tmp_path / "child").run(wanted, limits=Limits(seconds=3), progress=no_progress)


def test_run_when_the_library_panics_says_that_it_crashed(tmp_path, sigmoid_keys):
    data = tmp_path / "input.json"
    data.write_text(encode_input([]))

    with pytest.raises(ProverFailedError, match="crashed in step 'witness'"):
        ChildRunner(tmp_path / "child").run(
            [steps.witness(data, sigmoid_keys.compiled, tmp_path / "witness.json")],
            limits=Limits(seconds=60),
            progress=no_progress,
        )
