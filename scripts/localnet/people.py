"""Who lives on the local chain. Their keys come from the public mnemonic that every development chain uses."""

from __future__ import annotations

from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount

MNEMONIC = "test test test test test test test test test test test junk"
"""Anvil's own default: known to everyone, worth nothing anywhere."""

Account.enable_unaudited_hdwallet_features()


@dataclass(frozen=True)
class ExecutorProfile:
    """An executor: who it works for and what it says of itself."""

    name: str
    operator: str
    agent: str
    region: str
    ask: str
    """Payment tokens that it asks for one milestone."""


NAMES = (
    "deployer",
    "creator",
    "operator-amber",
    "operator-birch",
    "operator-cedar",
    "agent-amber",
    "agent-birch",
    "agent-cedar",
    "dispatcher",
    "stranger",
    # Later ones come last: a name's key follows from its place.
    "operator-dogwood",
    "agent-dogwood",
    "challenger",
)

EXECUTORS = (
    ExecutorProfile("amber", "operator-amber", "agent-amber", region="eu", ask="0.8"),
    ExecutorProfile("birch", "operator-birch", "agent-birch", region="eu", ask="0.9"),
    ExecutorProfile("cedar", "operator-cedar", "agent-cedar", region="us", ask="1"),
)
"""Those that are honest, and run from the start."""

CHEAT = ExecutorProfile("dogwood", "operator-dogwood", "agent-dogwood", region="us", ask="0.5")
"""Has a stake like the others, and runs only where somebody is to be caught. It asks the least, so it is chosen first."""

STAKED = (*EXECUTORS, CHEAT)


def account(name: str) -> LocalAccount:
    """The account of one of `NAMES`."""
    path = f"m/44'/60'/0'/0/{NAMES.index(name)}"
    derived: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=path)
    return derived
