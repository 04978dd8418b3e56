"""The connections to the chain: made when first needed, so that a dispatcher starts and serves without it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from eth_account.signers.local import LocalAccount

from tallystick.chain.deployment import Deployment
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import Sender
from tallystick.logs import get_logger

log = get_logger(__name__)


class ChainLink:
    """The one reader. Closed by whoever made it."""

    def __init__(self, rpc_url: str, deployment: Deployment, *, timeout_seconds: float = 10.0) -> None:
        self._rpc_url = rpc_url
        self._deployment = deployment
        self._timeout_seconds = timeout_seconds
        self._reader: ChainReader | None = None
        self._turn = asyncio.Lock()

    async def reader(self) -> ChainReader:
        """Raises what `ChainReader.connect` raises, each time until it has once succeeded."""
        async with self._turn:
            if self._reader is None:
                self._reader = await ChainReader.connect(self._rpc_url, self._deployment, self._timeout_seconds)
                log.info("chain_connected", chain_id=self._deployment.chain_id)
            return self._reader

    async def close(self) -> None:
        if self._reader is not None:
            await self._reader.close()


class SenderLink:
    """The one sender, with whatever an earlier process left in flight settled first."""

    def __init__(self, link: ChainLink, account: LocalAccount, journal: Path, *, confirmations: int) -> None:
        self._link = link
        self._account = account
        self._journal = journal
        self._confirmations = confirmations
        self._sender: Sender | None = None
        self._turn = asyncio.Lock()

    async def sender(self) -> Sender:
        """Raises ChainError while the chain is away, InputError where another process uses the journal."""
        async with self._turn:
            if self._sender is None:
                reader = await self._link.reader()
                self._sender = Sender(reader, self._account, self._journal, confirmations=self._confirmations)
                await self._sender.resume()
            return self._sender

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()
