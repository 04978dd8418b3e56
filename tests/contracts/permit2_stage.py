"""The real Permit2 on the test's chain, and the messages that its users sign.

The npm package `hardhat-predeploy` carries Permit2's creation code. It is deployed as it was everywhere: by the
deterministic deployer that anvil starts with, under the salt of its makers. Its address follows from that code and
that salt (EIP-1014), so an answer at 0x…78BA3 is the real one's. `anvil_setCode` would need runtime code, in which the
constructor has already written a chain id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brownie import Contract, web3
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from scripts.toolchain import ROOT

PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
FACTORY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
SALT = bytes.fromhex("d3af2663da51c10215000000").rjust(32, b"\x00")
FILES = ROOT / "node_modules" / "hardhat-predeploy" / "bin"
DEPLOYMENT_GAS = 3_000_000

TOKEN_PERMISSIONS = (("token", "address"), ("amount", "uint256"))

Fields = Sequence[tuple[str, str]]
"""A struct's members in order: name, type."""


def creation_code() -> bytes:
    """As packaged. Raises AssertionError where it is not the code that the canonical address stands for."""
    code = (FILES / f"{PERMIT2}.bytecode").read_bytes()
    made = to_checksum_address(keccak(b"\xff" + bytes.fromhex(FACTORY[2:]) + SALT + keccak(code))[12:])
    assert made == PERMIT2, f"the packaged code belongs to {made}"
    return code


def permit2_abi() -> list[dict[str, Any]]:
    """As packaged: its functions and its errors."""
    return list(json.loads((FILES / f"{PERMIT2}.abi").read_text()))


def install_permit2(sender: Any) -> Any:
    """The contract at its canonical address, deployed now unless it is there. `sender` pays."""
    if not web3.eth.get_code(to_checksum_address(PERMIT2)):
        sender.transfer(FACTORY, data=SALT + creation_code(), gas_limit=DEPLOYMENT_GAS, silent=True)
    return Contract.from_abi("Permit2", PERMIT2, permit2_abi())


@dataclass(frozen=True)
class Witness:
    """What a signature is bound to besides the transfer.

    Args:
        name: A struct of `types`, or an elementary type such as "bytes32".
        types: That struct and those that it holds, by name.
        value: The struct's values by name; 32 bytes for "bytes32".
    """

    name: str
    types: Mapping[str, Fields]
    value: Any

    def type_string(self) -> str:
        """What permitWitnessTransferFrom takes for `witnessTypeString`: the end of the whole type's spelling."""
        structs = sorted({**self.types, "TokenPermissions": TOKEN_PERMISSIONS}.items())
        spelled = (f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})" for name, fields in structs)
        return f"{self.name} witness)" + "".join(spelled)

    def hash(self) -> bytes:
        """What permitWitnessTransferFrom takes for `witness`."""
        if self.name not in self.types:
            return bytes(self.value)
        # A message's body is its struct's hash; the domain stands in the header, which is not used here.
        return bytes(encode_typed_data({}, _typed(self.types), self.value).body)


def permit2_message(
    chain_id: int, *, token: str, amount: int, spender: str, nonce: int, deadline: int, witness: Witness
) -> SignableMessage:
    """What the owner signs. `spender` is the contract that will call Permit2; `deadline` is in unix seconds.

    The message's header is the domain separator.
    """
    types: dict[str, Fields] = {
        **witness.types,
        "TokenPermissions": TOKEN_PERMISSIONS,
        "PermitWitnessTransferFrom": (
            ("permitted", "TokenPermissions"),
            ("spender", "address"),
            ("nonce", "uint256"),
            ("deadline", "uint256"),
            ("witness", witness.name),
        ),
    }
    # Without a version, unlike ours.
    domain = {"name": "Permit2", "chainId": chain_id, "verifyingContract": PERMIT2}
    value = {
        "permitted": {"token": token, "amount": amount},
        "spender": spender,
        "nonce": nonce,
        "deadline": deadline,
        "witness": witness.value,
    }
    return encode_typed_data(domain, _typed(types), value)


def _typed(types: Mapping[str, Fields]) -> dict[str, list[dict[str, str]]]:
    return {name: [{"name": field, "type": kind} for field, kind in fields] for name, fields in types.items()}
