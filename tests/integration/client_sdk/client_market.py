"""A client on a real chain, with a registered model whose circuit nobody has to make."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from anvil_chain import AnvilChain, dev_account
from artifacts import artifact
from eth_account.signers.local import LocalAccount
from onnx import TensorProto, helper, numpy_helper

from client_sdk import AsyncClient, JobRequest, ModelHandle
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.deployment import Deployment
from tallystick.hashing import sha256
from tallystick.ids import Address, bytes32, parse_address
from tallystick.market.manifests import SrsRef
from tallystick.proving.prover import Circuit, Limits, Progress
from tallystick.tensors import TensorSpec

INPUT = TensorSpec(name="x", shape=(1, 2), scale=4, low="-1", high="1")
OUTPUT = TensorSpec(name="y", shape=(1, 3), scale=4, low="-8", high="8")
INPUTS = [[0.5, 0.0], [0.0, 0.5]]
WEIGHTS = numpy.array([[1.0, -0.5, 0.25], [0.5, 2.0, -1.0]], dtype=numpy.float32)
CREATOR = dev_account(1)
STRANGER = dev_account(2)


class SameCircuit:
    """Stands where EZKL would: registering, funding and refunding never look into the circuit."""

    backend = "ezkl"
    version = "23.0.5"

    def __init__(self, folder: Path) -> None:
        self._srs = folder / "srs"

    def build_circuit(
        self, onnx: bytes, calibration: Sequence[Any], *, srs_folder: Path, limits: Limits, progress: Progress
    ) -> Circuit:
        self._srs.write_bytes(b"srs")
        srs = SrsRef(logrows=10, sha256=bytes32(sha256(b"srs")), origin="development")
        return Circuit(onnx, b"{}", srs, self._srs, (sha256(onnx),), (INPUT,), (OUTPUT,), 10, self.version)


def product() -> bytes:
    """`y = x @ WEIGHTS`: real, and the smallest thing that proves."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


@dataclass(frozen=True)
class Market:
    """A chain with the contracts on it, and a folder for everybody's files."""

    chain: AnvilChain
    deployment: Deployment
    folder: Path

    def settings(self, account: LocalAccount | None) -> dict[str, Any]:
        """What a client connects with, synchronous or not."""
        return {
            "rpc": self.chain.rpc_url,
            "deployment": self.deployment,
            "store": self.folder / "store",
            "account": account,
            "home": self.folder / "home",
            "prover": SameCircuit(self.folder),
            "poll_seconds": 0.05,
        }

    def client(
        self, account: LocalAccount | None = CREATOR, **changes: Any
    ) -> AbstractAsyncContextManager[AsyncClient]:
        return AsyncClient.connect(**(self.settings(account) | changes))

    async def model(self, client: AsyncClient, onnx: bytes = b"onnx") -> ModelHandle:
        return await client.register_model(onnx, [[0.0, 0.0]], name="doubler")

    async def request(self, client: AsyncClient, **changes: Any) -> JobRequest:
        fields: dict[str, Any] = {"model": await self.model(client), "inputs": INPUTS, "max_price": "10"}
        return JobRequest(**(fields | changes))

    def deploy(self, name: str) -> Address:
        """A mock of the contracts' own, which takes no arguments."""
        code = artifact(name)["bytecode"]
        message = {"from": CREATOR.address, "data": f"0x{code}", "gas": hex(5_000_000)}
        return parse_address(self.chain.transact(message)["contractAddress"])

    def mint(self, token: Address, amount: int) -> Call:
        """To the creator, of any token that anyone can mint; in its smallest unit."""
        return MarketCalls(self.deployment).mint_test_token(token, address_of(CREATOR), amount)

    @property
    def payment(self) -> Address:
        assert self.deployment.tokens.payment is not None
        return self.deployment.tokens.payment


def address_of(account: LocalAccount) -> Address:
    return parse_address(account.address)
