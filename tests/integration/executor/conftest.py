from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anvil_chain import AnvilChain
from executor_world import DIGITS, World, samples
from onnx import TensorProto, helper

from tallystick.chain.deployment import Deployment
from tallystick.proving import EzklProver
from tallystick.proving.prover import Circuit, Limits


@pytest.fixture(scope="session")
def digits_circuit(tmp_path_factory: pytest.TempPathFactory) -> Circuit:
    """The committed model as its creator registers it, with a prover of the creator's own."""
    home = tmp_path_factory.mktemp("creator")
    onnx, calibration = (DIGITS / "digits.onnx").read_bytes(), [samples()["calibration"]]
    return EzklProver(home).build_circuit(onnx, calibration, srs_folder=home / "srs", limits=Limits(seconds=120))


@pytest.fixture(scope="session")
def trap_circuit(tmp_path_factory: pytest.TempPathFactory) -> Circuit:
    """A hostile creator's: sigmoid(20 a + 20 b), calibrated where the sum is 0. Each input may be anything in -1..1, and
    at (1, 1) the sum is far outside the sigmoid's table."""
    home = tmp_path_factory.mktemp("hostile creator")
    calibration = [[[[1.0, -1.0]], [[-1.0, 1.0]]]]
    prover = EzklProver(home)
    return prover.build_circuit(sigmoid_of_a_sum(), calibration, srs_folder=home / "srs", limits=Limits(seconds=120))


def sigmoid_of_a_sum() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["t"]), helper.make_node("Sigmoid", ["t"], ["y"])],
        "trap",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [2, 2], [20.0, 0.0, 20.0, 1.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="session")
def equipped_state(deployed_state: Any, digits_circuit: Circuit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything the chain holds once the operator has its stake and its agent, which takes two programs to do."""
    folder = tmp_path_factory.mktemp("equipped")
    with AnvilChain(state=deployed_state.state) as chain:
        World(chain, deployed_state.deployment, deployed_state.record, folder, digits_circuit).equip()
        return chain.dump(folder / "state.json")


@pytest.fixture
def chain(new_chain: Callable[..., AnvilChain], equipped_state: Path) -> AnvilChain:
    """A chain of the test's own on which the operator has its stake and its agent."""
    return new_chain(state=equipped_state)


@pytest.fixture
def trap(
    chain: AnvilChain, deployment: Deployment, deployment_record: Path, trap_circuit: Circuit, tmp_path: Path
) -> World:
    """A world whose jobs can be proven in their first milestone, not in their second."""
    values = [[[1.0, -1.0]], [[1.0, 1.0]]]
    return World(chain, deployment, deployment_record, tmp_path, trap_circuit, values=values)


@pytest.fixture
def world(
    chain: AnvilChain, deployment: Deployment, deployment_record: Path, digits_circuit: Circuit, tmp_path: Path
) -> World:
    return World(chain, deployment, deployment_record, tmp_path, digits_circuit)
