"""What a sender has signed, on disk before it goes out. SQLite, durable after every step.

A crash can therefore only ever be followed by sending the very same bytes again, which a chain takes once.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tallystick.chain.calls import Call
from tallystick.chain.fees import Fees
from tallystick.errors import InputError
from tallystick.ids import Address, Bytes32

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('intent', 'signed', 'broadcast', 'mined', 'failed')),
    target TEXT NOT NULL,
    data BLOB NOT NULL,
    value TEXT NOT NULL,
    description TEXT NOT NULL,
    nonce INTEGER UNIQUE,
    outcome TEXT,
    block_number INTEGER,
    CHECK ((state = 'intent') = (nonce IS NULL)),
    CHECK ((state IN ('mined', 'failed')) = (outcome IS NOT NULL))
);
CREATE TABLE IF NOT EXISTS attempts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL REFERENCES entries (key) ON DELETE CASCADE,
    transaction_hash TEXT NOT NULL UNIQUE,
    raw BLOB NOT NULL,
    gas INTEGER NOT NULL,
    max_fee TEXT NOT NULL,
    priority_fee TEXT NOT NULL,
    signed_at INTEGER NOT NULL
);
"""


class State(StrEnum):
    INTENT = "intent"  # a call was decided on; nothing is signed
    SIGNED = "signed"  # signed bytes are kept; a node may have seen them, or not
    BROADCAST = "broadcast"  # a node took them
    MINED = "mined"  # in a block that had its confirmations
    FAILED = "failed"  # mined and refused, or its nonce was used by another


@dataclass(frozen=True)
class Attempt:
    """One signed form of a transaction: all attempts of an entry share nonce and call and differ in fees."""

    transaction_hash: Bytes32
    raw: bytes
    gas: int
    fees: Fees
    signed_at: int


@dataclass(frozen=True)
class Entry:
    """One call under its idempotency key."""

    key: str
    state: State
    call: Call
    nonce: int | None
    attempts: tuple[Attempt, ...]
    outcome: str | None
    block_number: int | None

    @property
    def signed_nonce(self) -> int:
        """The nonce of an entry that is past its intent. Raises ValueError."""
        if self.nonce is None:
            raise ValueError(f"{self.key!r} is not signed yet")
        return self.nonce

    @property
    def recorded_outcome(self) -> str:
        """The outcome of an entry that is over. Raises ValueError."""
        if self.outcome is None:
            raise ValueError(f"{self.key!r} is not over yet")
        return self.outcome


def lock_journal(path: Path) -> int:
    """A lock that the operating system frees when this process ends, however it ends. Raises InputError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(handle, 32).decode(errors="replace").strip() or "another"
        os.close(handle)
        raise InputError(
            f"The journal {path} is in use by process {holder}.",
            remedy="Stop that process first; one key must have one sender.",
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


class Journal:
    """The journal of one account on one chain.

    Its calls block for the milliseconds of a disk's flush; that is what they are for.

    Raises:
        InputError: another process holds it, or it belongs to another account or chain.
    """

    def __init__(self, path: Path, *, chain_id: int, address: Address) -> None:
        self.path = path
        self._lock = lock_journal(path)
        try:
            self._database = sqlite3.connect(path)
            path.chmod(0o600)
            self._open(f"{chain_id}:{address}")
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, owner: str) -> None:
        self._database.row_factory = sqlite3.Row
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA foreign_keys = ON")
            self._database.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{self.path} is not a journal of sent transactions: {error}.",
                remedy="Name another file; do not delete a journal while its transactions are in flight.",
            ) from error
        self.claim("owner", owner, f"The journal {self.path} belongs to another account or chain")

    def claim(self, name: str, value: str, refusal: str) -> None:
        """Writes a lasting mark, or checks that the one that is there is the same. Raises InputError."""
        with self._changes() as database:
            database.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, value))
        [held] = self._database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if held != value:
            raise InputError(f"{refusal}: it holds {held}, not {value}.", remedy="Use another journal file.")

    def close(self) -> None:
        self._database.close()
        os.close(self._lock)

    @contextmanager
    def _changes(self) -> Iterator[sqlite3.Connection]:
        with self._database:
            yield self._database

    # ---- reading ------------------------------------------------------------------------------------------------------

    def find(self, key: str) -> Entry | None:
        row = self._database.execute("SELECT * FROM entries WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._entry(row)

    def get(self, key: str) -> Entry:
        """Raises KeyError."""
        entry = self.find(key)
        if entry is None:
            raise KeyError(key)
        return entry

    def unsettled(self, since_block: int) -> list[Entry]:
        """Entries that are not over, oldest first, and those mined at or after `since_block`: a reorganisation of
        the chain could still undo them."""
        rows = self._database.execute(
            "SELECT * FROM entries WHERE state IN ('intent', 'signed', 'broadcast') OR block_number >= ? "
            "ORDER BY nonce IS NULL, nonce",
            (since_block,),
        )
        return [self._entry(row) for row in rows.fetchall()]

    def from_nonce(self, nonce: int) -> list[Entry]:
        """Entries with this nonce or a later one, in order."""
        rows = self._database.execute("SELECT * FROM entries WHERE nonce >= ? ORDER BY nonce", (nonce,))
        return [self._entry(row) for row in rows.fetchall()]

    def next_nonce(self) -> int:
        """The first nonce after every one that was signed for; 0 in a new journal."""
        [highest] = self._database.execute("SELECT MAX(nonce) FROM entries").fetchone()
        return 0 if highest is None else int(highest) + 1

    def _entry(self, row: sqlite3.Row) -> Entry:
        attempts = self._database.execute("SELECT * FROM attempts WHERE key = ? ORDER BY number", (row["key"],))
        call = Call(
            to=Address(row["target"]), data=row["data"], description=row["description"], value=int(row["value"])
        )
        return Entry(
            key=row["key"],
            state=State(row["state"]),
            call=call,
            nonce=row["nonce"],
            attempts=tuple(_attempt(held) for held in attempts.fetchall()),
            outcome=row["outcome"],
            block_number=row["block_number"],
        )

    # ---- steps --------------------------------------------------------------------------------------------------------

    def intend(self, key: str, call: Call) -> None:
        """A call was decided on. Saying it again changes nothing."""
        with self._changes() as database:
            database.execute(
                "INSERT OR IGNORE INTO entries (key, state, target, data, value, description) VALUES (?, ?, ?, ?, ?, ?)",
                (key, State.INTENT, call.to, call.data, str(call.value), call.description),
            )

    def sign(self, key: str, nonce: int, attempt: Attempt) -> None:
        """Keeps signed bytes: the first of an entry, or a later one with higher fees and the same nonce.

        Raises:
            ValueError: the entry is signed with another nonce, so the chain could take both.
        """
        with self._changes() as database:
            changed = database.execute(
                "UPDATE entries SET nonce = ?, state = CASE state WHEN 'intent' THEN 'signed' ELSE state END "
                "WHERE key = ? AND (nonce IS NULL OR nonce = ?)",
                (nonce, key, nonce),
            )
            if changed.rowcount != 1:
                raise ValueError(f"{key!r} is not there or has another nonce than {nonce}")
            database.execute(
                "INSERT INTO attempts (key, transaction_hash, raw, gas, max_fee, priority_fee, signed_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    attempt.transaction_hash,
                    attempt.raw,
                    attempt.gas,
                    str(attempt.fees.max_fee),
                    str(attempt.fees.priority_fee),
                    attempt.signed_at,
                ),
            )

    def mark_broadcast(self, key: str) -> None:
        """A node took it; or it is in flight again because the block that held it is gone."""
        with self._changes() as database:
            database.execute(
                "UPDATE entries SET state = 'broadcast', outcome = NULL, block_number = NULL WHERE key = ?", (key,)
            )

    def settle(self, key: str, state: State, outcome: str, block_number: int | None) -> None:
        with self._changes() as database:
            database.execute(
                "UPDATE entries SET state = ?, outcome = ?, block_number = ? WHERE key = ?",
                (state, outcome, block_number, key),
            )

    def forget(self, key: str) -> None:
        """Frees a key, and its nonce where none follows it."""
        with self._changes() as database:
            database.execute("DELETE FROM entries WHERE key = ?", (key,))


def _attempt(row: sqlite3.Row) -> Attempt:
    return Attempt(
        transaction_hash=Bytes32(row["transaction_hash"]),
        raw=row["raw"],
        gas=row["gas"],
        fees=Fees(max_fee=int(row["max_fee"]), priority_fee=int(row["priority_fee"])),
        signed_at=row["signed_at"],
    )


def same_call(one: Call, other: Call) -> bool:
    """Whether two calls do the same; their descriptions may differ."""
    return (one.to, one.data, one.value) == (other.to, other.data, other.value)
