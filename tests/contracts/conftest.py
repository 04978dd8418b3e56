"""Runs below Brownie's plugin: `python -m pytest -p pytest-brownie tests/contracts --network development`.

Brownie starts anvil itself. The contracts are deployed once; every module and every test gets the chain as it was then.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from copy import copy
from typing import Any

import local_chain
import pytest
from stage import Stage


def pytest_configure() -> None:
    local_chain.configure()
    # Brownie warns of its own calls.
    warnings.filterwarnings("ignore", category=FutureWarning, message="rpc\\.")


@pytest.fixture(scope="session")
def deployed(accounts: Any) -> Stage:
    local_chain.hasten()
    stage = Stage(accounts)
    # What is there to stay need not be looked through whenever garbage is collected.
    gc.collect()
    gc.freeze()
    return stage


@pytest.fixture(scope="module")
def stage(deployed: Stage) -> Iterator[Stage]:
    """The module's own, on which its other fixtures may deploy."""
    with local_chain.turned_back():
        stage = copy(deployed)
        stage.tokens = dict(deployed.tokens)
        yield stage


@pytest.fixture(autouse=True)
def isolation(stage: Stage) -> Iterator[None]:
    """A snapshot of the chain around every test. `stage` comes first, so that it holds the deployed contracts."""
    with local_chain.turned_back():
        yield
