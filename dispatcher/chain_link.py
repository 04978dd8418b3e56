"""The connection to the chain: made when first needed, so that a dispatcher starts and serves without it."""

from __future__ import annotations

import asyncio

from tallystick.chain.deployment import Deployment
from tallystick.chain.reader import ChainReader
from tallystick.logs import get_logger

log = get_logger(__name__)


class ChainLink:
    """Closed by whoever made it."""

    def __init__(self, rpc_url: str, deployment: Deployment, *, timeout_seconds: float = 10.0) -> None:
        self._rpc_url = rpc_url
        self._deployment = deployment
        self._timeout_seconds = timeout_seconds
        self._reader: ChainReader | None = None
        self._connecting = asyncio.Lock()

    async def reader(self) -> ChainReader:
        """The one reader. Raises what `ChainReader.connect` raises, each time, until it has once succeeded."""
        async with self._connecting:
            if self._reader is None:
                self._reader = await ChainReader.connect(self._rpc_url, self._deployment, self._timeout_seconds)
                log.info("chain_connected", chain_id=self._deployment.chain_id)
            return self._reader

    async def close(self) -> None:
        if self._reader is not None:
            await self._reader.close()
