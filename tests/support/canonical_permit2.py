"""The real Permit2 at its canonical address, from the npm package that carries its creation code."""

from __future__ import annotations

from anvil_chain import AnvilChain, dev_account
from governance import send

from scripts.toolchain import ROOT
from tallystick.ids import parse_address
from tallystick.market.orders import PERMIT2

FACTORY = parse_address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
"""The deterministic deployer that anvil starts with: salt and code in, an address that follows from both out."""
SALT = bytes.fromhex("d3af2663da51c10215000000").rjust(32, b"\0")
"""Of Permit2's makers."""
CODE = ROOT / "node_modules" / "hardhat-predeploy" / "bin" / f"{PERMIT2}.bytecode"


def is_packaged() -> bool:
    return CODE.exists()


def install_permit2(chain: AnvilChain) -> None:
    """As it was deployed everywhere. Its address follows from its code, so an answer there is the real one's."""
    send(chain, FACTORY, SALT + CODE.read_bytes(), sender=dev_account(0).address)
    assert chain.request("eth_getCode", PERMIT2, "latest") != "0x", "the packaged code is another contract's"
