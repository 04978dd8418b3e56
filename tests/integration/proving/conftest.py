"""One prover home for the whole session: keys are made once, and every test sees a warm cache unless it asks otherwise."""

from __future__ import annotations

import pytest
from proving_models import (
    DIGITS,
    MLP_CALIBRATION,
    MLP_INPUT,
    SIGMOID_CALIBRATION,
    digits_samples,
    files_of,
    mlp_4_8_3,
    quantised,
    sigmoid_of_a_sum,
)

from tallystick.proving import EzklProver
from tallystick.proving.prover import Limits

LIMITS = Limits(seconds=60, memory_bytes=4 * 2**30)


@pytest.fixture(scope="session")
def limits():
    return LIMITS


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("prover")


@pytest.fixture(scope="session")
def prover(home):
    return EzklProver(home)


@pytest.fixture(scope="session")
def build(prover, home):
    def build_files(onnx, calibration):
        return files_of(prover.build_circuit(onnx, calibration, srs_folder=home / "srs", limits=LIMITS))

    return build_files


@pytest.fixture(scope="session")
def mlp(build):
    return build(mlp_4_8_3(), MLP_CALIBRATION)


@pytest.fixture(scope="session")
def mlp_proved(prover, mlp):
    return prover.prove(mlp, quantised(mlp, MLP_INPUT), limits=LIMITS)


@pytest.fixture(scope="session")
def sigmoid(build):
    return build(sigmoid_of_a_sum(), SIGMOID_CALIBRATION)


@pytest.fixture(scope="session")
def digits(build):
    return build((DIGITS / "digits.onnx").read_bytes(), [digits_samples()["calibration"]])
