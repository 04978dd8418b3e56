"""Every test has a chain of its own, because balances and time are what these tests are about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from anvil_chain import AnvilChain
from client_market import Market

from tallystick.chain.deployment import Deployment


@pytest.fixture
async def market(new_chain: Callable[..., AnvilChain], deployment: Deployment, tmp_path: Path) -> Market:
    """A fresh chain, and a creator with 100 payment tokens."""
    made = Market(new_chain(), deployment, tmp_path)
    async with made.client() as client:
        await client.mint_test_tokens("100")
    return made
