"""Starts a dispatcher, keeps it running, and closes everything in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from dispatcher.api import build_api
from dispatcher.api.limits import Limits
from dispatcher.app import DispatcherApp
from dispatcher.loops import repeat
from dispatcher.server import HttpServer, bind
from dispatcher.settings import Settings
from dispatcher.store.database import Database, open_database
from dispatcher.store.ledger import feed_name
from tallystick.chain.deployment import load_deployment
from tallystick.chain.keys import Ask, load_account
from tallystick.errors import ChainUnavailableError
from tallystick.ids import Address
from tallystick.logs import get_logger
from tallystick.storage.open import open_store

log = get_logger(__name__)


@dataclass(frozen=True)
class Running:
    """A dispatcher that serves. `url` has the port that was found where the settings said 0."""

    url: str
    port: int
    address: Address
    server: HttpServer
    serving: asyncio.Task[None]

    async def until_stopped(self) -> None:
        """Returns once `server.stop()` was called."""
        await self.serving


@asynccontextmanager
async def running_dispatcher(
    settings: Settings, *, ask: Ask | None = None, limits: Limits | None = None
) -> AsyncIterator[Running]:
    """A dispatcher that serves for as long as the context is entered.

    Raises:
        InputError: a setting, the deployment record, the key, the database or the port cannot be used.
        WrongChainError, NotDeployedError: the chain answers, and is not the deployment's. A chain that does not answer
            is waited for.
    """
    async with AsyncExitStack() as stack:
        socket = stack.enter_context(bind(settings.host, settings.port))
        port: int = socket.getsockname()[1]
        parts = await _assemble(settings, limits or Limits(), ask, stack)
        await _greet_chain(parts)
        await parts.follower.load()

        for loop in (
            repeat("index", parts.follower.step, failed=parts.follower.failed),
            repeat("briefs", parts.fetcher.step),
            repeat("match", parts.matcher.step),
        ):
            stack.push_async_callback(_cancel, asyncio.create_task(loop))
        await stack.enter_async_context(parts.timetable)
        server = HttpServer(build_api(parts.api_context, parts.limits), on_stop=parts.api_context.polls.end)
        serving = asyncio.create_task(server.serve(sockets=[socket]))
        stack.push_async_callback(_finish, server, serving)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield Running(f"http://{host}:{port}", port, parts.address, server, serving)


async def _assemble(settings: Settings, limits: Limits, ask: Ask | None, stack: AsyncExitStack) -> DispatcherApp:
    deployment = load_deployment(settings.deployment)
    domain = deployment.domain()
    account = load_account(settings.keystore, settings.password_file, ask)
    store = open_store(settings.store)
    database: Database = await open_database(settings.database_url, belongs_to=f"{domain.chain_id}:{domain.escrow}")
    stack.push_async_callback(database.close)
    parts = DispatcherApp(
        settings=settings,
        limits=limits,
        deployment=deployment,
        account=account,
        store=store,
        database=database,
        feed=await database.run(feed_name),
    )
    stack.push_async_callback(parts.link.close)
    stack.callback(parts.sender.close)
    return parts


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _finish(server: HttpServer, serving: asyncio.Task[None]) -> None:
    """Answers what is being asked, for a moment, before anything that answers need is closed."""
    server.stop()
    await serving


async def _greet_chain(parts: DispatcherApp) -> None:
    """A chain that is away now may come; one that is another than the deployment's is a mistake to hear of at once."""
    try:
        await parts.link.reader()
    except ChainUnavailableError as error:
        log.warning("chain_missed", error=str(error))
