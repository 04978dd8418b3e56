"""Sending contracts to a chain with Brownie: one creation after another from one account, and the account of them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from scripts import brownie_inclusion, compile_contracts
from scripts.toolchain import ROOT, tool_environment


class DeploymentError(Exception):
    """The deployment cannot be, or is not what it should be. The sentence says what, and what to do."""


class RpcUnreachableError(DeploymentError):
    """Nothing was sent."""

    def __init__(self, rpc_url: str) -> None:
        super().__init__(f"No chain answers at {rpc_url}. Start one there, or name another with --rpc.")


@dataclass
class Deployer:
    """Sends one creation after another and keeps the account of them.

    Attributes:
        gas: What each transaction took, in the order of sending.
    """

    account: Any
    project: Any
    web3: Any
    contracts: dict[str, str] = field(default_factory=dict)
    gas: dict[str, int] = field(default_factory=dict)
    first_block: int | None = None

    @property
    def address(self) -> str:
        return str(self.account.address)

    def creation(self, name: str, *arguments: Any) -> str:
        """A contract's creation code with its constructor's arguments, hex."""
        return str(getattr(self.project, name).deploy.encode_input(*arguments))

    def create(self, name: str, *arguments: Any, as_name: str | None = None) -> str:
        """Deploys a contract of the project. Returns its address."""
        return self.create_raw(as_name or name, self.creation(name, *arguments))

    def create_raw(self, name: str, data: str) -> str:
        # A plain transaction rather than Brownie's `deploy`, which keeps a map of live deployments that we do not want.
        receipt = self.account.transfer(data=data, silent=True)
        self.first_block = self.first_block or receipt.block_number
        self.contracts[name] = str(to_checksum_address(receipt.contract_address))
        self.gas[name] = receipt.gas_used
        return self.contracts[name]

    def call(self, label: str, name: str, method: str, *arguments: Any) -> None:
        """Sends a transaction to a contract that was deployed before."""
        data = self._at(name).encode_abi(method, args=arguments)
        receipt = self.account.transfer(to=self.contracts[name], data=data, silent=True)
        self.gas[label] = receipt.gas_used

    def read(self, name: str, method: str, *arguments: Any) -> Any:
        """What a contract that was deployed before answers."""
        return self._at(name).functions[method](*arguments).call()

    def _at(self, name: str) -> Any:
        # Not Brownie's `at`, which records live deployments.
        return self.web3.eth.contract(address=self.contracts[name], abi=getattr(self.project, name).abi)

    def has_code(self, address: str) -> bool:
        return bool(self.web3.eth.get_code(address))

    def coming(self, steps: int) -> str:
        """The address of the contract that is `steps` creations away, 0 being the next."""
        nonce = self.account.nonce + steps
        encoded = rlp.encode([bytes.fromhex(self.address[2:]), nonce])
        return str(to_checksum_address(keccak(encoded)[12:]))


@contextmanager
def brownie_session(rpc_url: str, key: str) -> Iterator[Deployer]:
    """Brownie's project, connected to an endpoint that somebody else runs, with one account."""
    # Before the first import: Brownie reads HOME while it is imported.
    os.environ.update(tool_environment())
    brownie: Any = importlib.import_module("brownie")
    # Loading writes artifacts anew, and whoever loads meanwhile would find some of them gone.
    with compile_contracts.alone():
        loaded = brownie.project.load(str(ROOT), name="TallystickDeployment")
    # Without "cmd" it is a live network to Brownie: gas is estimated and nothing is started or killed.
    settings = {"id": "tallystick", "name": "tallystick", "host": rpc_url, "chainid": 0}
    brownie._config.CONFIG.networks["tallystick"] = settings
    try:
        brownie.network.connect("tallystick")
        if not brownie.network.is_connected():
            raise RpcUnreachableError(rpc_url)
        brownie_inclusion.install(brownie.web3)
        yield Deployer(account=brownie.accounts.add(key), project=loaded, web3=brownie.web3)
    finally:
        if brownie.network.is_connected():
            brownie.network.disconnect(kill_rpc=False)
        loaded.close(raises=False)
