"""Deploys Tallystick with Brownie to whatever chain an RPC endpoint serves, and writes down where everything is.

    python -m scripts.deploy --rpc URL --key-file FILE --out FILE [--with-test-tokens]

The contracts know each other by immutable address, and some of them in circles. A contract's address follows from its
deployer and nonce, so the script computes the addresses to come, and the constructors refuse wrong ones.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from scripts import brownie_inclusion, compile_contracts, ezkl_verifier
from scripts.toolchain import ROOT, tool_environment

SCHEMA = 1
ZK = 1
"""ProofKind.Zk, see contracts/types/JobTypes.sol."""


class RpcUnreachableError(Exception):
    """Nothing was sent."""

    def __init__(self, rpc_url: str) -> None:
        super().__init__(f"No chain answers at {rpc_url}. Start one there, or name another with --rpc.")


@dataclass(frozen=True)
class Parameters:
    """What is fixed for ever at deployment. Amounts in the stake token's smallest unit."""

    min_lock: int = 10**18
    unbond_seconds: int = 7 * 24 * 3600
    slash_split_bps: tuple[int, int, int, int] = (1_000, 4_000, 3_000, 2_000)
    """To the finder, the creator, the bounty, nobody."""
    ezkl_gas_cap: int = 8_000_000
    """The most gas a check of an EZKL proof may take: about 4,000 public instances."""


@dataclass
class Deployer:
    """Sends one creation after another and keeps the account of them."""

    account: Any
    project: Any
    web3: Any
    contracts: dict[str, str] = field(default_factory=dict)
    gas: dict[str, int] = field(default_factory=dict)
    first_block: int | None = None

    def create(self, name: str, *arguments: Any, as_name: str | None = None) -> str:
        """Deploys a contract of the project. Returns its address."""
        data = getattr(self.project, name).deploy.encode_input(*arguments)
        return self.create_raw(as_name or name, data)

    def create_raw(self, name: str, data: str) -> str:
        # A plain transaction rather than Brownie's `deploy`, which keeps a map of live deployments that we do not want.
        receipt = self.account.transfer(data=data, silent=True)
        self.first_block = self.first_block or receipt.block_number
        self.contracts[name] = str(to_checksum_address(receipt.contract_address))
        self.gas[name] = receipt.gas_used
        return self.contracts[name]

    def call(self, label: str, name: str, method: str, *arguments: Any) -> None:
        """Sends a transaction to a contract that was deployed before."""
        # Not Brownie's `at`, which records live deployments as well.
        data = self.web3.eth.contract(abi=getattr(self.project, name).abi).encode_abi(method, args=arguments)
        receipt = self.account.transfer(to=self.contracts[name], data=data, silent=True)
        self.gas[label] = receipt.gas_used

    def coming(self, steps: int) -> str:
        """The address of the contract that is `steps` creations away, 0 being the next."""
        nonce = self.account.nonce + steps
        encoded = rlp.encode([bytes.fromhex(self.account.address[2:]), nonce])
        return str(to_checksum_address(keccak(encoded)[12:]))


@contextmanager
def brownie_session(rpc_url: str, key: str) -> Iterator[Deployer]:
    """Brownie's project, connected to an endpoint that somebody else runs, with one account."""
    # Before the first import: Brownie reads HOME while it is imported.
    os.environ.update(tool_environment())
    brownie: Any = importlib.import_module("brownie")
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


def _deploy_tokens(deployer: Deployer) -> dict[str, str]:
    return {
        "payment": deployer.create("MockToken", "Test dollar", "tUSD", 6, as_name="PaymentToken"),
        "stake": deployer.create("MockToken", "Tally", "TALLY", 18, as_name="StakeToken"),
    }


def _deploy_contracts(deployer: Deployer, stake_token: str, parameters: Parameters) -> None:
    verifier = deployer.create_raw("EzklVerifier", "0x" + ezkl_verifier.load().creation)
    adapter = deployer.create("EzklVerifierAdapter", verifier)
    router = deployer.create("VerifierRouter", deployer.account.address)
    deployer.call("VerifierRouter.addAdapter", "VerifierRouter", "addAdapter", ZK, adapter, parameters.ezkl_gas_cap)
    registry = deployer.create("ModelRegistry", router)

    escrow, settlement = deployer.coming(1), deployer.coming(2)
    split = parameters.slash_split_bps
    stakes = deployer.create("StakeManager", stake_token, escrow, parameters.min_lock, parameters.unbond_seconds, split)
    deployer.create("JobEscrow", stakes, registry, settlement)
    deployer.create("MilestoneSettlement", escrow)


def _record(deployer: Deployer, tokens: dict[str, str], codehash: str, chain_id: int) -> dict[str, Any]:
    deployed = {name: address for name, address in deployer.contracts.items() if not name.endswith("Token")}
    return {
        "schema": SCHEMA,
        "chain_id": chain_id,
        "block": deployer.first_block,
        "contracts": dict(sorted(deployed.items())),
        "tokens": tokens,
        "ezkl_verifier_codehash": codehash,
        "gas": dict(sorted(deployer.gas.items())),
    }


def deploy(
    rpc_url: str,
    key: str,
    *,
    stake_token: str | None = None,
    governor: str | None = None,
    parameters: Parameters | None = None,
) -> dict[str, Any]:
    """Deploys everything and returns the deployment record.

    Args:
        key: The deployer's private key, hex.
        stake_token: An ERC-20 that is there already. None deploys two mintable test tokens, for local chains.
        governor: Who may add verifier adapters from now on; it must call `acceptOwnership`. None keeps the deployer.
    """
    compile_contracts.main()
    ezkl_verifier.load()  # before anything is sent: what can fail on this machine fails first
    with brownie_session(rpc_url, key) as deployer:
        tokens = {"stake": stake_token} if stake_token else _deploy_tokens(deployer)
        _deploy_contracts(deployer, tokens["stake"], parameters or Parameters())
        if governor:
            deployer.call("VerifierRouter.transferOwnership", "VerifierRouter", "transferOwnership", governor)
        code = bytes(deployer.web3.eth.get_code(deployer.contracts["EzklVerifier"]))
        return _record(deployer, tokens, "0x" + keccak(code).hex(), int(deployer.web3.eth.chain_id))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = Parameters()
    parser.add_argument("--rpc", required=True, metavar="URL")
    parser.add_argument("--key-file", required=True, type=Path, help="holds the deployer's private key in hex")
    parser.add_argument("--out", required=True, type=Path, help="where the deployment record goes")
    token = parser.add_mutually_exclusive_group(required=True)
    token.add_argument("--with-test-tokens", action="store_true", help="deploy two tokens that anyone can mint")
    token.add_argument("--stake-token", metavar="ADDRESS")
    parser.add_argument("--governor", metavar="ADDRESS", help="takes over the adapter list; the deployer by default")
    parser.add_argument("--min-lock", type=int, default=defaults.min_lock, help="in the token's smallest unit")
    parser.add_argument("--unbond-seconds", type=int, default=defaults.unbond_seconds)
    parser.add_argument("--ezkl-gas-cap", type=int, default=defaults.ezkl_gas_cap)
    return parser.parse_args()


def main() -> None:
    options = _arguments()
    parameters = Parameters(
        min_lock=options.min_lock, unbond_seconds=options.unbond_seconds, ezkl_gas_cap=options.ezkl_gas_cap
    )
    try:
        record = deploy(
            options.rpc,
            options.key_file.read_text().strip(),
            stake_token=options.stake_token,
            governor=options.governor,
            parameters=parameters,
        )
    except (RpcUnreachableError, ezkl_verifier.EzklVerifierError) as error:
        sys.exit(str(error))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=2) + "\n")
    print(f"deployed to chain {record['chain_id']} at block {record['block']}: {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
