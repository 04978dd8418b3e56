"""The whole path with real proofs."""

import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from onnx import helper
from proving_models import DIGITS, MLP_INPUT, digits_samples, mlp_4_8_3, onnx_model, quantised

from tallystick.errors import ArtifactCorruptError, ModelError, ProofRejectedError
from tallystick.market.claims import program_id_of
from tallystick.proving import EzklProver
from tallystick.proving.keys import read_vka
from tallystick.proving.proof_file import encode_proof
from tallystick.proving.prover import Limits
from tallystick.tensors import dequantise

pytestmark = pytest.mark.proofs


def run_onnx(onnx, array):
    session = onnxruntime.InferenceSession(onnx)
    [output] = session.run(None, {session.get_inputs()[0].name: np.asarray(array, np.float32)})
    return output


def floats_of(files, proved):
    spec = files.manifest.outputs[0]
    return np.array(dequantise(proved.outputs.values[0], spec.scale)).reshape(spec.shape)


def test_prove_given_the_mlp_outputs_what_onnxruntime_outputs(mlp, mlp_proved):
    assert floats_of(mlp, mlp_proved) == pytest.approx(run_onnx(mlp.onnx, MLP_INPUT), abs=0.05)


def test_prove_given_the_mlp_has_inputs_then_outputs_as_instances(mlp, mlp_proved):
    wanted = [*quantised(mlp, MLP_INPUT).field_elements(), *mlp_proved.outputs.field_elements()]

    assert (list(mlp_proved.instances), mlp_proved.input_count) == (wanted, 4)


def test_prove_comes_with_the_registered_program(mlp, mlp_proved):
    assert program_id_of(mlp_proved.vka) == mlp.manifest.program_id


def test_prove_given_digits_predicts_what_the_float_model_predicts(prover, digits, limits):
    images = digits_samples()["images"][:4]
    proved = prover.prove(digits, quantised(digits, images), limits=limits)

    assert list(floats_of(digits, proved).argmax(axis=1)) == list(run_onnx(digits.onnx, images).argmax(axis=1))


def test_build_circuit_given_digits_needs_no_more_than_2_to_the_13_rows(digits):
    assert json.loads(digits.settings)["run_args"]["logrows"] <= 13


def test_build_circuit_accepts_every_committed_sample(digits):
    images = digits_samples()["images"]

    assert all(quantised(digits, images[start : start + 4]) for start in range(0, len(images), 4))


def test_prove_says_every_step_before_and_after(prover, mlp, limits):
    said = []
    prover.prove(mlp, quantised(mlp, MLP_INPUT), limits=limits, progress=said.append)

    names = ["witness", "mock", "prove", "verify"]
    assert [(step.name, step.took_seconds is None) for step in said] == [
        (name, before) for name in names for before in (True, False)
    ]


def test_prove_says_how_much_memory_a_step_took(prover, mlp, limits):
    said = []
    prover.prove(mlp, quantised(mlp, MLP_INPUT), limits=limits, progress=said.append)

    assert all(10 * 2**20 < step.peak_memory_bytes < 2**30 for step in said if step.took_seconds is not None)


def test_rehearse_given_an_input_that_can_be_proven_runs_witness_and_mock_alone(prover, mlp, limits):
    said = []
    prover.rehearse(mlp, quantised(mlp, MLP_INPUT), limits=limits, progress=said.append)

    assert [step.name for step in said if step.took_seconds is not None] == ["witness", "mock"]


def test_estimate_of_a_rehearsal_is_a_fraction_of_a_proofs(prover, mlp, mlp_proved):
    assert 0 < prover.estimate_rehearsal_seconds(mlp) < prover.estimate_seconds(mlp) / 2


def test_estimate_of_a_rehearsal_without_keys_counts_them(prover, mlp, without_keys):
    assert without_keys.estimate_rehearsal_seconds(mlp) > prover.estimate_rehearsal_seconds(mlp)


def test_estimate_after_a_proof_is_close_to_what_a_proof_takes(prover, mlp, mlp_proved):
    assert 0.05 < prover.estimate_seconds(mlp) < 60


@pytest.fixture
def without_keys(home, mlp_proved, tmp_path):
    """A prover that has no keys and knows the times that the other one measured."""
    (tmp_path / "estimates.json").write_bytes((home / "estimates.json").read_bytes())
    return EzklProver(tmp_path)


def test_estimate_without_keys_counts_them(prover, mlp, without_keys):
    assert without_keys.estimate_seconds(mlp) > prover.estimate_seconds(mlp)


def test_ensure_keys_on_another_machine_makes_the_same_program(mlp, tmp_path, limits):
    other = EzklProver(tmp_path / "other", environment={"RAYON_NUM_THREADS": "1"})
    said = []
    other.ensure_keys(mlp, limits=limits, progress=said.append)

    assert "setup" in [step.name for step in said]


def test_ensure_keys_given_a_warm_cache_starts_no_child(prover, mlp, limits):
    said = []
    prover.ensure_keys(mlp, limits=limits, progress=said.append)

    assert said == []


def test_ensure_keys_given_other_weights_is_refused(prover, mlp, limits):
    with pytest.raises(ModelError, match="registered with"):
        prover.ensure_keys(replace(mlp, onnx=mlp_4_8_3(seed=1)), limits=limits)


def test_ensure_keys_given_another_version_says_which_to_install(prover, mlp, limits):
    manifest = mlp.manifest.model_copy(update={"prover_version": "22.0.0"})

    with pytest.raises(ModelError, match=r"pip install ezkl==22\.0\.0"):
        prover.ensure_keys(replace(mlp, manifest=manifest), limits=limits)


def test_ensure_keys_given_another_srs_is_refused(prover, mlp, tmp_path, limits):
    other = tmp_path / "other.srs"
    content = bytearray(mlp.srs_path.read_bytes())
    content[1000] ^= 1
    other.write_bytes(content)

    with pytest.raises(ArtifactCorruptError, match="SHA-256"):
        prover.ensure_keys(replace(mlp, srs_path=other), limits=limits)


def test_prove_when_the_cached_verifying_key_was_changed_makes_it_again(mlp, tmp_path, limits):
    prover = EzklProver(tmp_path)
    prover.ensure_keys(mlp, limits=limits)
    [vk] = tmp_path.glob("keys/*/vk.key")
    good = vk.read_bytes()
    vk.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))

    prover.prove(mlp, quantised(mlp, MLP_INPUT), limits=limits)

    assert vk.read_bytes() == good


def test_verify_given_a_good_proof_passes(prover, mlp, mlp_proved, limits):
    prover.verify(mlp, mlp_proved, limits=limits)


@pytest.mark.parametrize(
    "forge",
    [
        lambda p: replace(p, proof=bytes([p.proof[0] ^ 1]) + p.proof[1:]),
        lambda p: replace(p, proof=p.proof[:-32]),
        lambda p: replace(p, proof=p.proof + bytes(32)),
        lambda p: replace(p, proof=p.proof + b"\x00"),
        lambda p: replace(p, proof=b""),
        lambda p: replace(p, instances=(p.instances[0] + 1, *p.instances[1:])),
        lambda p: replace(p, vka=(p.vka[0][::-1], *p.vka[1:])),
        lambda p: replace(p, outputs=p.outputs.model_copy(update={"values": ((1, 2, 3),)})),
    ],
    ids=["byte", "cut", "32 more", "1 more", "none", "instance", "key", "outputs"],
)
def test_verify_given_a_forged_proof_is_refused(prover, mlp, mlp_proved, limits, forge):
    with pytest.raises(ProofRejectedError):
        prover.verify(mlp, forge(mlp_proved), limits=limits)


def test_verify_given_the_proof_of_another_model_is_refused(prover, build, mlp_proved, limits):
    other = build(mlp_4_8_3(seed=2), [[MLP_INPUT]])

    with pytest.raises(ProofRejectedError, match="another circuit"):
        prover.verify(other, mlp_proved, limits=limits)


def test_read_vka_gives_the_words_that_ezkl_puts_into_calldata(home, mlp_proved, tmp_path):
    import ezkl
    from eth_abi import decode

    [vka] = [path for path in home.glob("keys/*/vka.bin") if read_vka(path.read_bytes()) == mlp_proved.vka]
    (tmp_path / "proof.json").write_text(encode_proof(mlp_proved.proof, mlp_proved.instances))
    calldata = bytes(ezkl.encode_evm_calldata(str(tmp_path / "proof.json"), str(tmp_path / "calldata"), str(vka)))

    assert decode(["bytes", "uint256[]", "bytes32[]"], calldata[4:]) == (
        mlp_proved.proof,
        mlp_proved.instances,
        mlp_proved.vka,
    )


def test_prove_given_two_inputs_and_outputs_keeps_their_order(prover, build, limits):
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["difference"])]
    onnx = onnx_model(nodes, [("a", [1, 2]), ("b", [1, 2])], [("sum", [1, 2]), ("difference", [1, 2])])
    files = build(onnx, [[[[0.0, 0.0]], [[4.0, 4.0]]], [[[0.0, 0.0]], [[1.0, 1.0]]]])

    proved = prover.prove(files, quantised(files, [[3.0, 2.0]], [[0.5, 0.25]]), limits=limits)

    assert [dequantise(values, 7) for values in proved.outputs.values] == [[3.5, 2.25], [2.5, 1.75]]


def test_prove_under_a_tight_memory_limit_is_stopped(prover, digits, limits):
    from tallystick.errors import ProverMemoryError

    with pytest.raises(ProverMemoryError, match="'prove'"):
        prover.prove(
            digits,
            quantised(digits, digits_samples()["images"][:4]),
            limits=Limits(seconds=60, memory_bytes=90 * 2**20),
        )


def test_digits_model_is_the_file_that_is_committed(digits):
    assert digits.onnx == (DIGITS / "digits.onnx").read_bytes()
