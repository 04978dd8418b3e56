"""What governance decides on a test's chain, through the timelock as anywhere else.

The deployments of tests have a timelock without delay, and anvil's first account for a governor.
"""

from __future__ import annotations

from typing import Any

from anvil_chain import AnvilChain, dev_account

from tallystick.chain.abi import contract_abi
from tallystick.chain.deployment import Deployment
from tallystick.ids import Address

GOVERNOR = dev_account(0).address
NOTHING_BEFORE = bytes(32)


def send(chain: AnvilChain, to: Address, data: bytes, sender: str = GOVERNOR) -> dict[str, Any]:
    """A transaction by an account that anvil holds the key of. Fails where the contract refuses."""
    message = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(5_000_000)}
    receipt = chain.transact(message)
    assert receipt["status"] == "0x1", receipt
    return receipt


def carry_out(chain: AnvilChain, deployment: Deployment, target: Address, data: bytes) -> None:
    """Has the timelock call `target`: proposed by the governor, then executed."""
    timelock, functions = deployment.contracts.timelock, contract_abi("Timelock").functions
    operation = (target, 0, data, NOTHING_BEFORE, chain.head().to_bytes(32, "big"))
    send(chain, timelock, functions["schedule"].encode(*operation, 0))
    send(chain, timelock, functions["execute"].encode(*operation))
