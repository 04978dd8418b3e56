"""A chain with the contracts on it, for every integration test that needs one.

`anvil` and `deployment` are one chain for the whole run: for tests that only add to it. `new_chain` gives a test a chain
of its own with the same deployment on it, at the same addresses: for tests that turn back blocks or time.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from anvil_chain import AnvilChain, dev_account

from scripts.toolchain import ROOT
from tallystick.chain.deployment import Deployment, load_deployment

NewChain = Callable[..., AnvilChain]


@dataclass(frozen=True)
class DeployedState:
    """A deployment record, and everything the chain held after it was made."""

    record: Path
    state: Path
    deployment: Deployment


@pytest.fixture(scope="session")
def deployed_state(tmp_path_factory: pytest.TempPathFactory) -> DeployedState:
    """Deploys with the real script, by anvil's first account, once for the run."""
    folder = tmp_path_factory.mktemp("deployment")
    key, record = folder / "key", folder / "deployment.json"
    key.write_text(dev_account(0).key.hex())
    with AnvilChain() as chain:
        command = [sys.executable, "-m", "scripts.deploy", "--rpc", chain.rpc_url, "--with-test-tokens"]
        # Governance is carried out through the timelock here too, and no test can wait two days.
        options = ["--timelock-seconds", "0", "--key-file", key, "--out", record]
        subprocess.run([*command, *options], cwd=ROOT, check=True)
        state = chain.dump(folder / "state.json")
    return DeployedState(record=record, state=state, deployment=load_deployment(record))


@pytest.fixture(scope="session")
def deployment_record(deployed_state: DeployedState) -> Path:
    """The file that `scripts.deploy` wrote."""
    return deployed_state.record


@pytest.fixture(scope="session")
def deployment(deployed_state: DeployedState) -> Deployment:
    return deployed_state.deployment


@pytest.fixture(scope="session")
def anvil(deployed_state: DeployedState) -> Iterator[AnvilChain]:
    """The run's common chain, a block for each transaction."""
    with AnvilChain(state=deployed_state.state) as chain:
        yield chain


@pytest.fixture
def new_chain(deployed_state: DeployedState) -> Iterator[NewChain]:
    """Starts chains of the test's own; options are anvil's, and `state=None` starts an empty one."""
    with ExitStack() as stack:

        def start(*options: str, state: Path | None = deployed_state.state) -> AnvilChain:
            return stack.enter_context(AnvilChain(*options, state=state))

        yield start
