"""A wire between a process and its chain that a test can cut and mend."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from anvil_chain import free_port


class ChainRelay:
    """Passes bytes to a port while it is up; while it is down, connections are turned away."""

    def __init__(self, chain_port: int) -> None:
        self._chain_port = chain_port
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self.rpc_url = f"http://127.0.0.1:{self._port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._chain_port)
            await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._pipes.discard(task)
            writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def relay_to(chain_port: int) -> AsyncIterator[ChainRelay]:
    """A relay that is down until it is mended."""
    relay = ChainRelay(chain_port)
    try:
        yield relay
    finally:
        await relay.cut()
