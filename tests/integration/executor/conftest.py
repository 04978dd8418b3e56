from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from anvil_chain import AnvilChain
from executor_world import DIGITS, World, samples

from tallystick.chain.deployment import Deployment
from tallystick.proving import EzklProver
from tallystick.proving.prover import Circuit, Limits


@pytest.fixture(scope="session")
def digits_circuit(tmp_path_factory: pytest.TempPathFactory) -> Circuit:
    """The committed model as its creator registers it, with a prover of the creator's own."""
    home = tmp_path_factory.mktemp("creator")
    onnx, calibration = (DIGITS / "digits.onnx").read_bytes(), [samples()["calibration"]]
    return EzklProver(home).build_circuit(onnx, calibration, srs_folder=home / "srs", limits=Limits(seconds=120))


@pytest.fixture
def world(
    new_chain: Callable[..., AnvilChain],
    deployment: Deployment,
    deployment_record: Path,
    digits_circuit: Circuit,
    tmp_path: Path,
) -> World:
    chain: AnvilChain = new_chain()
    made = World(chain, deployment, deployment_record, tmp_path, digits_circuit)
    made.equip()
    return made
