"""EZKL's own verifier on the test's chain."""

from __future__ import annotations

from typing import Any

from brownie import Contract, web3
from stage import Stage

from scripts import ezkl_verifier


def deploy_ezkl_verifier(stage: Stage) -> Any:
    """Deploys it under the interface that the adapter knows it by."""
    creation = "0x" + ezkl_verifier.load().creation
    address = web3.eth.wait_for_transaction_receipt(
        stage.deployer.transfer(data=creation, silent=True).txid
    ).contractAddress
    return Contract.from_abi("IEzklVerifier", address, stage.project.interface.IEzklVerifier.abi)
