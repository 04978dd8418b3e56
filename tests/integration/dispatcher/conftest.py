from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from anvil_chain import AnvilChain
from dispatcher_market import DispatcherMarket

from tallystick.chain.deployment import Deployment
from tallystick.chain.reader import ChainReader


@pytest.fixture
async def market(
    new_chain: Callable[..., AnvilChain], deployment: Deployment, deployment_record: Path, tmp_path: Path
) -> AsyncIterator[DispatcherMarket]:
    """A chain of the test's own, because turned-back blocks and time are what these tests are about."""
    chain = new_chain()
    reader = await ChainReader.connect(chain.rpc_url, deployment)
    yield DispatcherMarket(chain, reader, deployment_record, tmp_path)
    await reader.close()
