"""Two processes that need the same keys or the same SRS at the same time."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from proving_models import MLP_CALIBRATION, mlp_4_8_3

from tallystick.proving import EzklProver
from tallystick.proving.prover import Limits

pytestmark = pytest.mark.proofs

LIMITS = Limits(seconds=60)


def ensure_keys(home, files):
    said = []
    EzklProver(home).ensure_keys(files, limits=LIMITS, progress=said.append)
    return [step.name for step in said if step.took_seconds is not None]


def build_circuit(home):
    circuit = EzklProver(home).build_circuit(mlp_4_8_3(), MLP_CALIBRATION, srs_folder=home / "srs", limits=LIMITS)
    return circuit.srs.sha256


@pytest.fixture
def two_processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def test_ensure_keys_in_two_processes_at_once_makes_them_once(two_processes, mlp, tmp_path):
    ran = [future.result(60) for future in [two_processes.submit(ensure_keys, tmp_path, mlp) for _ in range(2)]]

    assert sorted(ran) == [[], ["compile", "setup", "vka"]]


def test_build_circuit_in_two_processes_at_once_uses_one_srs(two_processes, tmp_path):
    digests = {future.result(60) for future in [two_processes.submit(build_circuit, tmp_path) for _ in range(2)]}

    assert len(digests) == 1
