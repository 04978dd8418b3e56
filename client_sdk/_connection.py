"""Everything that the parts of a client share, made once by `AsyncClient.connect`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from client_sdk._following import Follower
from client_sdk._journal import JobJournal
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.sender import Sender
from tallystick.clock import Clock
from tallystick.errors import DispatcherUnavailableError, KeystoreError
from tallystick.ids import parse_address
from tallystick.storage.store import Store
from tallystick.wire.dispatcher_client import DispatcherClient


class Signing:
    """What exists only for a client with a key: who signs, and what is written down before it is sent.

    Args:
        open_sender: Called at the first transaction. One key has one sender at a time, in whatever process, so a
            client that only watches must not hold it.
    """

    def __init__(self, account: LocalAccount, open_sender: Callable[[], Sender], journal: JobJournal) -> None:
        self.address = parse_address(account.address)
        self.journal = journal
        self._account = account
        self._open_sender = open_sender
        self._sender: Sender | None = None
        self._under_way = 0

    async def send(self, key: str, call: Call) -> Receipt:
        """See `Sender.send`."""
        if self._sender is None:
            self._sender = self._open_sender()
        self._under_way += 1
        try:
            return await self._sender.send(key, call)
        finally:
            self._under_way -= 1

    def sign(self, message: SignableMessage) -> bytes:
        """The account's signature of a message: r, s, v in 65 bytes. Sends nothing."""
        return bytes(self._account.sign_message(message).signature)

    def forget(self, key: str) -> None:
        """Frees the key of a transaction that failed. Raises InputError for one that is in flight or was mined."""
        if self._sender is not None:
            self._sender.forget(key)

    def release(self) -> None:
        """Lets another process sign, until the next transaction. Does nothing while one is under way."""
        if not self._under_way:
            self.close()

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None


@dataclass(frozen=True)
class Connection:
    """One client's long-lived parts.

    Attributes:
        home: Folder for what outlives a run and belongs to no one network.
        confirmations: Blocks, the fact's own among them, after which a fact counts as final.
    """

    reader: ChainReader
    calls: MarketCalls
    store: Store
    dispatcher: DispatcherClient | None
    signing: Signing | None
    follower: Follower
    home: Path
    clock: Clock
    confirmations: int

    def signer(self) -> Signing:
        """Raises KeystoreError for a client that can only read."""
        if self.signing is None:
            raise KeystoreError(
                "This client has no key, so it can only read.",
                remedy="Connect with an account, or name a keystore: --keystore, TALLYSTICK_CLIENT_KEYSTORE.",
            )
        return self.signing

    def require_dispatcher(self) -> DispatcherClient:
        """Raises DispatcherUnavailableError for a client that goes without."""
        if self.dispatcher is None:
            raise DispatcherUnavailableError(
                "No dispatcher is named.",
                remedy="Name one with --dispatcher or TALLYSTICK_CLIENT_DISPATCHER; jobs run without it all the same.",
            )
        return self.dispatcher
