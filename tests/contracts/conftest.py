"""Runs below Brownie's plugin: `python -m pytest -p pytest-brownie tests/contracts --network development`.

Brownie starts anvil itself. Every module gets a fresh chain with the contracts deployed, every test a snapshot of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import local_chain
import pytest
from stage import Stage, rpc


def pytest_configure() -> None:
    local_chain.configure()
    # Brownie warns of its own calls.
    warnings.filterwarnings("ignore", category=FutureWarning, message="rpc\\.")


@pytest.fixture(scope="module")
def stage(module_isolation: None, accounts: Any) -> Stage:
    return Stage(accounts)


@pytest.fixture(autouse=True)
def isolation(stage: Stage) -> Iterator[None]:
    """A snapshot of the chain around every test. Not Brownie's `fn_isolation`, which takes ten times as long."""
    snapshot = rpc("evm_snapshot")
    yield
    rpc("evm_revert", snapshot)
