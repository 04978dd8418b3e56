"""Runs below Brownie's plugin: `python -m pytest -p pytest-brownie tests/contracts --network development`.

Brownie starts anvil itself. Every module gets a fresh chain with the contracts deployed, every test a snapshot of it.
"""

from __future__ import annotations

import gc
import warnings
from typing import Any

import local_chain
import pytest
from brownie import web3
from stage import Stage

from scripts import brownie_inclusion


def pytest_configure() -> None:
    local_chain.configure()
    # Brownie warns of its own calls.
    warnings.filterwarnings("ignore", category=FutureWarning, message="rpc\\.")


@pytest.fixture(scope="module")
def stage(module_isolation: None, accounts: Any) -> Stage:
    brownie_inclusion.install(web3)
    stage = Stage(accounts)
    # Brownie collects garbage at every revert; what is there to stay need not be looked through each time.
    gc.freeze()
    return stage


@pytest.fixture(autouse=True)
def isolation(stage: Stage, fn_isolation: None) -> None:
    """A snapshot of the chain around every test. `stage` comes first, so that it holds the deployed contracts.

    Not a bare `evm_snapshot`: Brownie would wait for ever for transactions that the revert undid.
    """
