"""What a challenger must not forget, in one SQLite file of its home folder. Safe to kill at any instruction.

Every method is one transaction, on disk when it returns. The chain is the truth and this is memory: a lost journal costs a new
scan and new looks, never money, but for a commitment whose witness is not to be had any more.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self, get_args

from pydantic import Field, TypeAdapter

from challenger.cases import Case, CaseKey
from tallystick.clock import Clock
from tallystick.errors import InputError
from tallystick.ids import JobId
from tallystick.market.events import DisputeFact, JobFact
from tallystick.service.patience import Link

SCHEMA_VERSION = 1
FILE_NAME = "journal.sqlite3"
SEED_BYTES = 32

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (
    block INTEGER, log_index INTEGER, job_id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (block, log_index)
) WITHOUT ROWID;
CREATE TABLE cases (
    key TEXT PRIMARY KEY, job_id TEXT NOT NULL, is_over INTEGER NOT NULL, body TEXT NOT NULL, updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE paid (
    purpose TEXT PRIMARY KEY, case_key TEXT NOT NULL, wei TEXT NOT NULL, claim_key TEXT NOT NULL, attempt INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE links (name TEXT PRIMARY KEY, trouble TEXT NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;
"""

Told = JobFact | DisputeFact
_FACT: TypeAdapter[Told] = TypeAdapter(Annotated[Told, Field(discriminator="event")])
_CASE = TypeAdapter(Case)
FACT_TYPES = (*get_args(JobFact), *get_args(DisputeFact))
"""What is kept of the chain."""


@dataclass(frozen=True)
class Paid:
    """A demand's fee, as it was when it was first sent.

    Attributes:
        purpose: The transaction's key.
        wei: What was sent along.
        claim_key: Names the claim on the chain.
        attempt: Grows where an earlier one can no longer count.
    """

    purpose: str
    case_key: CaseKey
    wei: int
    claim_key: str
    attempt: int = 0


class Journal:
    """Make it with `open`, `in_memory` or `look_into`, and `close` it."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    @classmethod
    def open(cls, path: Path, clock: Clock, *, identity: str) -> Self:
        """For the one challenger that writes it.

        Args:
            identity: Deployment that it is about.

        Raises:
            InputError: it is of another version, or about another deployment.
        """
        database = sqlite3.connect(path)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        journal = cls._begun(database, clock)
        try:
            _check_version(database, path)
            journal._check_identity(identity, path)
        except InputError:
            database.close()
            raise
        return journal

    @classmethod
    def in_memory(cls, clock: Clock) -> Self:
        """For a single look, of which nothing is to be kept."""
        return cls._begun(sqlite3.connect(":memory:"), clock)

    @classmethod
    def _begun(cls, database: sqlite3.Connection, clock: Clock) -> Self:
        if _version(database) == 0:
            with database:
                database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
                seed = secrets.token_hex(SEED_BYTES)
                database.execute("INSERT INTO meta VALUES ('seed', ?)", (seed,))
        return cls(database, clock)

    @classmethod
    def look_into(cls, path: Path, clock: Clock) -> Self:
        """For reading beside the challenger that writes it. Raises InputError where there is none."""
        if not path.exists():
            raise InputError(f"There is no journal {path}.", remedy="Name the home folder of a challenger that ran.")
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            _check_version(database, path)
        except InputError:
            database.close()
            raise
        return cls(database, clock)

    def close(self) -> None:
        self._db.close()

    def _check_identity(self, identity: str, path: Path) -> None:
        held = self.meta("identity")
        if held not in (None, identity):
            raise InputError(
                f"The journal {path} is about {held}, not about {identity}.", remedy="Use another home folder."
            )
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('identity', ?)", (identity,))

    def meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    @property
    def seed(self) -> bytes:
        """Known to nobody else: it draws samples and salts."""
        return bytes.fromhex(self.meta("seed") or "")

    # ---- the chain ------------------------------------------------------------------------------------------------

    def record(self, *, rolled_back_to: int | None, facts: Iterable[Told], cursor: str) -> None:
        """One step of a scan: forgets what the chain undid, keeps what is new, and where to go on."""
        rows = [(fact.at.block_number, fact.at.log_index, fact.job_id, fact.model_dump_json()) for fact in facts]
        with self._db:
            if rolled_back_to is not None:
                self._db.execute("DELETE FROM facts WHERE block > ?", (rolled_back_to,))
            self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", rows)
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('cursor', ?)", (cursor,))

    def facts(self) -> Iterable[Told]:
        """All that are kept, oldest first."""
        for (body,) in self._db.execute("SELECT body FROM facts ORDER BY block, log_index"):
            yield _FACT.validate_json(body)

    def forget_facts(self, job_ids: Collection[JobId]) -> None:
        with self._db:
            self._db.executemany("DELETE FROM facts WHERE job_id = ?", [(job_id,) for job_id in job_ids])

    # ---- cases ----------------------------------------------------------------------------------------------------

    def put_case(self, case: Case) -> None:
        row = (case.key, case.job_id, case.is_over, _CASE.dump_json(case).decode(), self._clock.now())
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?, ?)", row)

    def case(self, key: CaseKey) -> Case | None:
        row = self._db.execute("SELECT body FROM cases WHERE key = ?", (key,)).fetchone()
        return None if row is None else _CASE.validate_json(row[0])

    def open_cases(self) -> list[Case]:
        """Those whose claims may still stand."""
        return [_CASE.validate_json(body) for (body,) in self._db.execute("SELECT body FROM cases WHERE NOT is_over")]

    def latest_cases(self, count: int) -> list[Case]:
        """Those that changed last, newest first."""
        query = "SELECT body FROM cases ORDER BY updated_at DESC, key LIMIT ?"
        return [_CASE.validate_json(body) for (body,) in self._db.execute(query, (count,))]

    # ---- what was paid --------------------------------------------------------------------------------------------

    def note_paid(self, paid: Paid) -> None:
        row = (paid.purpose, paid.case_key, str(paid.wei), paid.claim_key, paid.attempt)
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO paid VALUES (?, ?, ?, ?, ?)", row)

    def paid(self, purpose: str) -> Paid | None:
        row = self._db.execute("SELECT * FROM paid WHERE purpose = ?", (purpose,)).fetchone()
        return None if row is None else Paid(str(row[0]), str(row[1]), int(row[2]), str(row[3]), int(row[4]))

    def paid_for(self, key: CaseKey) -> list[Paid]:
        rows = self._db.execute("SELECT * FROM paid WHERE case_key = ? ORDER BY purpose", (key,))
        return [Paid(str(row[0]), str(row[1]), int(row[2]), str(row[3]), int(row[4])) for row in rows]

    def forget_paid(self, purpose: str) -> None:
        with self._db:
            self._db.execute("DELETE FROM paid WHERE purpose = ?", (purpose,))

    # ---- for people -----------------------------------------------------------------------------------------------

    def put_link(self, name: str, trouble: str) -> None:
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO links VALUES (?, ?, ?)", (name, trouble, self._clock.now()))

    def links(self) -> list[Link]:
        rows = self._db.execute("SELECT name, trouble, since FROM links ORDER BY name")
        return [Link(str(name), str(trouble), int(since)) for name, trouble, since in rows]


def _version(database: sqlite3.Connection) -> int:
    [version] = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def _check_version(database: sqlite3.Connection, path: Path) -> None:
    held = _version(database)
    if held != SCHEMA_VERSION:
        raise InputError(
            f"The journal {path} has version {held}; this program reads version {SCHEMA_VERSION}.",
            remedy="Start with a new home folder.",
        )
