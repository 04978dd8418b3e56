"""From EZKL's words, as EZKL 23.0.5 says them, to this project's errors."""

import signal

import pytest

from tallystick.errors import (
    ModelError,
    ProofRejectedError,
    ProverFailedError,
    ProverMemoryError,
    TensorError,
)
from tallystick.proving.failures import explain, explain_death

UNSUPPORTED = (
    'Failed to generate settings: [graph] [tract] Translating node #1 "y" Unimplemented(Det) ToTypedTranslator'
)
LOOKUP = "Failed to run mock: [execute] verification failed: Lookup (index: 0) is not satisfied in Region 4 ('model')"


def test_explain_given_an_unsupported_operator_names_node_and_operator():
    error = explain("settings", "error", UNSUPPORTED)

    assert isinstance(error, ModelError)
    assert '"y"' in error.what
    assert "Det" in error.what


def test_explain_given_a_missing_attribute_says_what_to_write():
    error = explain("settings", "error", "[graph] a node is missing required params: stride")

    assert isinstance(error, ModelError)
    assert "'stride'" in error.what
    assert "strides=[1,1]" in error.remedy


def test_explain_given_a_wrong_length_names_both_sizes():
    error = explain("witness", "error", "[tensor] Cannot reshape tensor of length 3 to [1, 4]")

    assert isinstance(error, TensorError)
    assert "3 values" in error.what
    assert "[1, 4]" in error.what


@pytest.mark.parametrize("step", ["witness", "mock", "calibrate"])
def test_explain_given_a_value_beyond_the_decomposition_is_a_tensor_error(step):
    assert isinstance(explain(step, "error", "[halo2] General synthesis error"), TensorError)


def test_explain_given_an_unsatisfied_lookup_is_a_tensor_error_with_the_place():
    error = explain("mock", "error", LOOKUP)

    assert isinstance(error, TensorError)
    assert "Region 4" in error.what


def test_explain_given_hopeless_calibration_data_says_to_scale_it():
    error = explain("calibrate", "error", "calibration failed, could not find any suitable parameters given ...")

    assert isinstance(error, TensorError)
    assert "Scale" in error.remedy


def test_explain_given_a_failed_verification_is_a_rejected_proof():
    assert isinstance(explain("verify", "error", "The constraint system is not satisfied"), ProofRejectedError)


def test_explain_given_a_synthesis_error_while_proving_is_no_tensor_error():
    assert isinstance(explain("prove", "error", "[halo2] General synthesis error"), ProverFailedError)


def test_explain_given_another_reading_error_is_a_model_error():
    assert isinstance(explain("compile", "error", "[tract] Failed analyse for node #3"), ModelError)


def test_explain_given_a_panic_says_that_the_prover_crashed():
    assert "crashed in step 'prove'" in explain("prove", "panic", "index out of bounds").what


def test_explain_given_no_library_says_how_to_install_it():
    assert "pip install" in explain("prove", "missing", "No module named 'ezkl'").remedy


def test_explain_given_an_endless_message_shows_its_beginning_only():
    assert len(str(explain("prove", "error", "x" * 100_000))) < 600


def test_explain_death_by_the_kernel_is_a_memory_error():
    assert isinstance(explain_death("prove", -signal.SIGKILL, ""), ProverMemoryError)


def test_explain_death_by_a_refused_allocation_is_a_memory_error():
    error = explain_death("setup", -signal.SIGABRT, "memory allocation of 68719476736 bytes failed")

    assert isinstance(error, ProverMemoryError)


def test_explain_death_by_another_signal_names_it_and_shows_the_last_words():
    error = explain_death("prove", -signal.SIGSEGV, "thread panicked")

    assert isinstance(error, ProverFailedError)
    assert "SIGSEGV" in error.what
    assert "thread panicked" in error.what


def test_explain_death_by_exit_names_the_code():
    assert "exit code 3" in explain_death("start", 3, "").what
