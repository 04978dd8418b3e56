"""Starts a challenger, keeps it running, and closes everything in the right order."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from eth_account.signers.local import LocalAccount

from challenger.app import CHAIN_AWAY, ChallengerParts
from challenger.checker import Progress
from challenger.journal import FILE_NAME, Journal
from challenger.settings import Settings
from challenger.watcher import Tell
from tallystick.chain.deployment import Deployment, load_deployment
from tallystick.chain.keys import Ask, keystore_address, load_account
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import Sender
from tallystick.clock import SystemClock
from tallystick.engine.backends import Backend
from tallystick.errors import InputError
from tallystick.ids import Address, JobId, parse_address
from tallystick.logs import get_logger
from tallystick.service.backend_choice import BackendChoice, make_backend
from tallystick.service.home import home_lock
from tallystick.service.patience import Patience
from tallystick.service.threads import in_thread

log = get_logger(__name__)


@asynccontextmanager
async def assembled_challenger(
    settings: Settings,
    *,
    sends: bool,
    progress: Progress,
    tell: Tell,
    ask: Ask | None = None,
    keeps: bool = True,
    only: Callable[[JobId, int], bool] = lambda *_: True,
) -> AsyncIterator[ChallengerParts]:
    """A challenger with everything opened, connected and checked.

    Args:
        sends: Whether it may send; a key is needed then.
        keeps: Whether it goes by the home folder's journal, and adds to it; if not, it reads the chain from the start.

    Raises:
        InputError: a setting, the deployment record, a key or the home folder cannot be used.
        HomeInUseError: another process works in the home folder.
        WrongChainError, NotDeployedError: the chain is not the deployment's. One that does not answer is waited for.
    """
    async with AsyncExitStack() as stack:
        if keeps:
            stack.enter_context(home_lock(settings.home))
        deployment = load_deployment(settings.deployment)
        account = _account(settings, ask) if sends else None
        address = _address(settings, account)
        journal = _journal(settings, deployment, keeps=keeps)
        stack.callback(journal.close)
        chain_link = Patience("chain", CHAIN_AWAY, journal)
        reader = await chain_link.until_answered(
            lambda: ChainReader.connect(settings.rpc, deployment, settings.rpc_timeout_seconds)
        )
        stack.push_async_callback(reader.close)
        sender = None
        if account is not None:
            file = settings.home / "transactions.sqlite3"
            sender = Sender(reader, account, file, confirmations=settings.confirmations)
            stack.callback(sender.close)
        parts = ChallengerParts(
            settings=settings,
            backend=await in_thread(lambda: _backend(settings), "backend"),
            journal=journal,
            chain_link=chain_link,
            reader=reader,
            sender=sender,
            account=address,
            progress=progress,
            tell=tell,
            only=only,
        )
        await _check(parts)
        yield parts


def _account(settings: Settings, ask: Ask | None) -> LocalAccount:
    if settings.keystore is None:
        raise InputError(
            "There is no key to send with.", remedy="Name one with --keystore, or add --dry-run to send nothing."
        )
    return load_account(settings.keystore, settings.password_file, ask)


def _address(settings: Settings, account: LocalAccount | None) -> Address | None:
    if account is not None:
        return parse_address(account.address)
    return None if settings.keystore is None else keystore_address(settings.keystore)


def _journal(settings: Settings, deployment: Deployment, *, keeps: bool) -> Journal:
    if not keeps:
        return Journal.in_memory(SystemClock())
    domain = deployment.domain()
    identity = f"chain {domain.chain_id}, escrow {domain.escrow}"
    return Journal.open(settings.home / FILE_NAME, SystemClock(), identity=identity)


async def _check(parts: ChallengerParts) -> None:
    """What would make everything fail is said at once; it may be put right while the challenger runs."""
    _ = parts.policy
    account = parts.account
    if parts.sender is None or account is None:
        return
    if not await parts.chain_link.until_answered(lambda: parts.reader.native_balance(account)):
        log.warning("gas_missing", account=account, remedy="Send it some of the chain's native coin.")


async def run_challenger(parts: ChallengerParts, *, once: bool) -> None:
    """Until cancelled, or until there is nothing to do about what stands. Settles first what is in flight."""
    if parts.sender is not None:
        for receipt in await parts.sending.until_answered(parts.sender.resume):
            log.info("transaction_settled", key=receipt.key, block=receipt.block_number)
    if once:
        await parts.watcher.run_once(parts.settings.poll_seconds)
    else:
        await parts.watcher.run(parts.settings.poll_seconds)


def _backend(settings: Settings) -> Backend:
    """Of `auto` the fastest that gives the reference's bits on this machine, which is tested once."""
    candidate = BackendChoice(settings.home, settings.backend).settle()
    log.info("backend_chosen", backend=candidate.name)
    return make_backend(candidate, os.cpu_count() or 1)
