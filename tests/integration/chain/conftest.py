"""A market on a chain of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from anvil_chain import AnvilChain
from market_scene import Scene

from tallystick.chain.deployment import Deployment
from tallystick.chain.reader import ChainReader
from tallystick.market.claims import ModelSpec


@dataclass(frozen=True)
class MarketState:
    """Everything the chain held once the market was set, and the model that was registered."""

    state: Path
    spec: ModelSpec


@pytest.fixture(scope="session")
def market_state(deployed_state, tmp_path_factory: pytest.TempPathFactory) -> MarketState:
    folder = tmp_path_factory.mktemp("market")

    async def play() -> ModelSpec:
        async with await ChainReader.connect(chain.rpc_url, deployed_state.deployment) as reader:
            scene = Scene(chain, reader, deployed_state.deployment, folder)
            spec = await scene.set()
            scene.close()
            return spec

    with AnvilChain(state=deployed_state.state) as chain:
        spec = asyncio.run(play())
        return MarketState(chain.dump(folder / "state.json"), spec)


@pytest.fixture
def chain(market_state: MarketState, new_chain) -> AnvilChain:
    """A chain of the test's own with the market set."""
    return new_chain(state=market_state.state)


@pytest.fixture
async def reader(chain: AnvilChain, deployment: Deployment) -> AsyncIterator[ChainReader]:
    async with await ChainReader.connect(chain.rpc_url, deployment) as connected:
        yield connected


@pytest.fixture
async def scene(
    chain: AnvilChain, reader: ChainReader, deployment: Deployment, market_state: MarketState, tmp_path: Path
) -> AsyncIterator[Scene]:
    made = Scene(chain, reader, deployment, tmp_path / "senders", spec=market_state.spec)
    yield made
    made.close()
