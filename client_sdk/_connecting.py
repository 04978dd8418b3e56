"""Puts a client's long-lived parts together and takes them apart again, in the opposite order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from eth_account.signers.local import LocalAccount

from client_sdk._connection import Connection, Signing
from client_sdk._following import Follower
from client_sdk._journal import JobJournal
from tallystick.chain.calls import MarketCalls
from tallystick.chain.deployment import Deployment
from tallystick.chain.reader import ChainReader
from tallystick.chain.scanner import FactScanner
from tallystick.chain.sender import Sender
from tallystick.clock import Clock
from tallystick.errors import InputError
from tallystick.ids import parse_address
from tallystick.proving.prover import Prover
from tallystick.storage.store import Store
from tallystick.wire.dispatcher_client import DispatcherClient


@asynccontextmanager
async def connected(
    *,
    rpc: str,
    deployment: Deployment,
    store: Store,
    dispatcher: DispatcherClient | None,
    account: LocalAccount | None,
    home: Path,
    confirmations: int,
    poll_seconds: float,
    clock: Clock,
) -> AsyncIterator[Connection]:
    """See `AsyncClient.connect`."""
    async with AsyncExitStack() as exits:
        reader = await ChainReader.connect(rpc, deployment)
        exits.push_async_callback(reader.close)
        if dispatcher is not None:
            exits.push_async_callback(dispatcher.close)
        signing = None
        if account is not None:
            folder = home / "networks" / await _network_of(reader) / parse_address(account.address)
            signing = _signing(reader, account, folder, confirmations, clock)
            exits.callback(signing.close)
        yield Connection(
            reader=reader,
            calls=MarketCalls(deployment),
            store=store,
            dispatcher=dispatcher,
            signing=signing,
            follower=Follower(
                reader,
                lambda block: FactScanner(reader, block),
                first_block=deployment.block,
                poll_seconds=poll_seconds,
            ),
            home=home,
            clock=clock,
            confirmations=confirmations,
        )


def expanded(path: Path | str) -> Path:
    return Path(path).expanduser()


def _signing(reader: ChainReader, account: LocalAccount, folder: Path, confirmations: int, clock: Clock) -> Signing:
    def open_sender() -> Sender:
        return Sender(reader, account, folder / "transactions.sqlite", confirmations=confirmations, clock=clock)

    return Signing(account, open_sender, JobJournal(folder / "jobs"))


async def _network_of(reader: ChainReader) -> str:
    """A name for this chain's very history: a local chain that was started anew has its id, and none of its past."""
    deployment = reader.deployment
    block = await reader.block(deployment.block)
    if block is None:
        raise InputError(
            f"The endpoint has no block {deployment.block}, in which the market was deployed.",
            remedy="Wait until it has caught up, or use the deployment record of this chain.",
        )
    return f"{deployment.chain_id}-{block.hash[2:14]}"


def load_prover(home: Path) -> Prover:
    """EZKL, loaded when it is first needed. Raises InputError where it is not installed."""
    try:
        from tallystick.proving.ezkl_prover import EzklProver  # noqa: PLC0415  (heavy, and an extra)
    except ModuleNotFoundError as error:
        raise InputError(
            f"Making a circuit needs the module {error.name!r}, which is not installed.",
            remedy="Run `pip install 'tallystick[proving]'`.",
        ) from error
    return EzklProver(home / "proving")
