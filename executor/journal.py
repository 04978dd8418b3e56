"""What this agent must not forget, in one SQLite file of its home folder. Safe to kill at any instruction.

Every method is one transaction, on disk when it returns. The chain is the truth and this is memory: a lost journal costs
a new scan and may cost work done twice, never money. Calls block for the milliseconds of an fsync, which is short enough
for an event loop that waits for blocks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, TypeAdapter

from executor.work import JobWork
from tallystick.clock import Clock
from tallystick.errors import InputError
from tallystick.ids import Address, JobId, ModelId
from tallystick.market.events import DemandReturned, DemandUnanswered, JobFact, TraceDemanded, TraceShown
from tallystick.service.patience import Link
from tallystick.wire.api import Offer

SCHEMA_VERSION = 3
FILE_NAME = "journal.sqlite3"

_REHEARSALS = """
CREATE TABLE rehearsals (
    job_id TEXT, milestone INTEGER, prover TEXT, against TEXT NOT NULL, PRIMARY KEY (job_id, milestone, prover)
) WITHOUT ROWID;
"""

_DEMANDS = """
CREATE TABLE demands (
    demand_id TEXT PRIMARY KEY, job_id TEXT NOT NULL, block INTEGER NOT NULL, body TEXT NOT NULL, over_block INTEGER
) WITHOUT ROWID;
CREATE TABLE alerts (name TEXT PRIMARY KEY, text TEXT NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;
"""

_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (
    block INTEGER, log_index INTEGER, job_id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (block, log_index)
) WITHOUT ROWID;
CREATE TABLE works (job_id TEXT PRIMARY KEY, body TEXT NOT NULL, updated_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE offers (job_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE models (
    model_id TEXT, prover TEXT, against TEXT NOT NULL, PRIMARY KEY (model_id, prover)
) WITHOUT ROWID;
CREATE TABLE earnings (
    job_id TEXT, milestone INTEGER, block INTEGER NOT NULL, token TEXT NOT NULL, amount TEXT NOT NULL,
    PRIMARY KEY (job_id, milestone)
) WITHOUT ROWID;
CREATE TABLE links (name TEXT PRIMARY KEY, trouble TEXT NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;
{_REHEARSALS}
{_DEMANDS}
"""

_STEPS_UP = {0: _TABLES, 1: _REHEARSALS + _DEMANDS, 2: _DEMANDS}
"""By the version that a journal has: what it lacks. 0: a new file."""

_FACT: TypeAdapter[JobFact] = TypeAdapter(Annotated[JobFact, Field(discriminator="event")])
_WORK = TypeAdapter(JobWork)


@dataclass(frozen=True)
class Earning:
    """One milestone paid to the operator. `amount` in the smallest unit of `token`."""

    job_id: JobId
    milestone: int
    block: int
    token: Address
    amount: int


@dataclass(frozen=True)
class Alert:
    """Something that an operator should know, and since when."""

    name: str
    text: str
    since: int


class Journal:
    """Make it with `open` or `look_into`, and `close` it."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    @classmethod
    def open(cls, path: Path, clock: Clock, *, identity: str) -> Self:
        """For the one agent that writes it.

        Args:
            identity: Deployment, operator and agent that it is about.

        Raises:
            InputError: it is of another version, or about another deployment, operator or agent.
        """
        database = sqlite3.connect(path)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        lacking = _STEPS_UP.get(_version(database))
        if lacking is not None:
            with database:
                database.executescript(f"BEGIN; {lacking} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        journal = cls(database, clock)
        try:
            _check_version(database, path)
            journal._check_identity(identity, path)
        except InputError:
            database.close()
            raise
        return journal

    @classmethod
    def look_into(cls, path: Path, clock: Clock) -> Self:
        """For reading, beside an agent that writes it. Raises InputError where there is none."""
        try:
            database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            _check_version(database, path)
        except sqlite3.OperationalError as error:
            raise InputError(
                f"There is no readable journal at {path}: {error}.",
                remedy="Name the executor's home folder, and start the executor once.",
            ) from error
        return cls(database, clock)

    def now(self) -> int:
        """By the clock that entries are dated with."""
        return self._clock.now()

    def close(self) -> None:
        self._db.close()

    def _check_identity(self, identity: str, path: Path) -> None:
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('identity', ?)", (identity,))
        held = self.meta("identity")
        if held != identity:
            raise InputError(
                f"The journal {path} is about {held}, not about {identity}.",
                remedy="Give every deployment, operator and agent a home folder of its own.",
            )

    def meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    # ---- following the chain --------------------------------------------------------------------------------------

    def facts(self) -> list[JobFact]:
        """Everything recorded and not rolled back or forgotten, in the chain's order."""
        rows = self._db.execute("SELECT body FROM facts ORDER BY block, log_index")
        return [_FACT.validate_json(body) for (body,) in rows]

    def record(
        self,
        *,
        rolled_back_to: int | None,
        facts: Iterable[JobFact],
        earned: Iterable[Earning],
        cursor: str,
        asked: Iterable[TraceDemanded] = (),
        settled: Iterable[TraceShown | DemandReturned | DemandUnanswered] = (),
    ) -> None:
        """One step of following: all of it or nothing.

        Args:
            asked, settled: Demands on claims of ours, and what ended any.
        """
        with self._db:
            if rolled_back_to is not None:
                self._db.execute("DELETE FROM facts WHERE block > ?", (rolled_back_to,))
                self._db.execute("DELETE FROM earnings WHERE block > ?", (rolled_back_to,))
                self._db.execute("DELETE FROM demands WHERE block > ?", (rolled_back_to,))
                self._db.execute("UPDATE demands SET over_block = NULL WHERE over_block > ?", (rolled_back_to,))
            self._db.executemany(
                "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)",
                [(f.at.block_number, f.at.log_index, f.job_id, f.model_dump_json()) for f in facts],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO earnings VALUES (?, ?, ?, ?, ?)",
                # An amount may have 128 bits, SQLite's integers have 64.
                [(e.job_id, e.milestone, e.block, e.token, str(e.amount)) for e in earned],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO demands VALUES (?, ?, ?, ?, NULL)",
                [(d.demand_id, d.job_id, d.at.block_number, d.model_dump_json()) for d in asked],
            )
            self._db.executemany(
                "UPDATE demands SET over_block = ? WHERE demand_id = ?",
                [(fact.at.block_number, fact.demand_id) for fact in settled],
            )
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('cursor', ?)", (cursor,))

    def demands(self) -> list[TraceDemanded]:
        """Those on claims of ours that nobody has answered, oldest first."""
        rows = self._db.execute("SELECT body FROM demands WHERE over_block IS NULL ORDER BY block, demand_id")
        return [TraceDemanded.model_validate_json(body) for (body,) in rows]

    def forget_facts(self, jobs: Iterable[JobId]) -> None:
        """Drops the facts of jobs that are over and buried under blocks."""
        with self._db:
            for job_id in jobs:
                self._db.execute("DELETE FROM facts WHERE job_id = ?", (job_id,))
                self._db.execute("DELETE FROM demands WHERE job_id = ?", (job_id,))

    # ---- jobs -----------------------------------------------------------------------------------------------------

    def works(self) -> dict[JobId, JobWork]:
        rows = self._db.execute("SELECT body FROM works ORDER BY updated_at, job_id")
        return {work.job_id: work for work in (_WORK.validate_json(body) for (body,) in rows)}

    def updated_at(self, job_id: JobId) -> int:
        [updated_at] = self._db.execute("SELECT updated_at FROM works WHERE job_id = ?", (job_id,)).fetchone()
        return int(updated_at)

    def put_work(self, work: JobWork, offer: Offer | None = None) -> None:
        """With the offer that the job is taken by, because an acceptance must be the same after a restart."""
        body = _WORK.dump_json(work).decode()
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO works VALUES (?, ?, ?)", (work.job_id, body, self._clock.now()))
            if offer is not None:
                self._db.execute("INSERT OR REPLACE INTO offers VALUES (?, ?)", (work.job_id, offer.model_dump_json()))

    def forget_work(self, jobs: Iterable[JobId]) -> None:
        with self._db:
            for job_id in jobs:
                self._db.execute("DELETE FROM works WHERE job_id = ?", (job_id,))
                self._db.execute("DELETE FROM offers WHERE job_id = ?", (job_id,))
                self._db.execute("DELETE FROM rehearsals WHERE job_id = ?", (job_id,))

    def offer_of(self, job_id: JobId, round_: int) -> Offer | None:
        """The offer that was put down for this opening of the job."""
        row = self._db.execute("SELECT body FROM offers WHERE job_id = ?", (job_id,)).fetchone()
        offer = None if row is None else Offer.model_validate_json(row[0])
        return offer if offer is not None and offer.round == round_ else None

    # ---- models ---------------------------------------------------------------------------------------------------

    def judge_model(self, model_id: ModelId, prover: str, against: str = "") -> None:
        """Remembers that a model's files are what its registration says, or what speaks against that.

        Args:
            prover: Backend and version that tried it: another one may come to another end.
        """
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO models VALUES (?, ?, ?)", (model_id, prover, against))

    def verdict_on(self, model_id: ModelId, prover: str) -> str | None:
        """What speaks against the model; empty: nothing, it was checked; None: it was never checked."""
        query = "SELECT against FROM models WHERE model_id = ? AND prover = ?"
        row = self._db.execute(query, (model_id, prover)).fetchone()
        return None if row is None else str(row[0])

    def note_rehearsal(self, job_id: JobId, milestone: int, prover: str, against: str = "") -> None:
        """Remembers that a milestone's input can be proven, or the prover's words why it cannot.

        Args:
            prover: As for `judge_model`.
        """
        row = (job_id, milestone, prover, against)
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO rehearsals VALUES (?, ?, ?, ?)", row)

    def rehearsal_of(self, job_id: JobId, milestone: int, prover: str) -> str | None:
        """What speaks against the milestone; empty: nothing, it was tried; None: it was never tried."""
        query = "SELECT against FROM rehearsals WHERE job_id = ? AND milestone = ? AND prover = ?"
        row = self._db.execute(query, (job_id, milestone, prover)).fetchone()
        return None if row is None else str(row[0])

    # ---- for people -----------------------------------------------------------------------------------------------

    def earnings(self) -> list[Earning]:
        rows = self._db.execute(
            "SELECT job_id, milestone, block, token, amount FROM earnings ORDER BY block, milestone"
        )
        return [Earning(JobId(job), int(m), int(block), Address(token), int(n)) for job, m, block, token, n in rows]

    def put_link(self, name: str, trouble: str) -> None:
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO links VALUES (?, ?, ?)", (name, trouble, self._clock.now()))

    def put_alerts(self, prefix: str, alerts: Mapping[str, str]) -> None:
        """What an operator should know: all that there is under names that begin with `prefix`."""
        with self._db:
            held = [name for (name,) in self._db.execute("SELECT name FROM alerts")]
            over = [(name,) for name in held if name.startswith(prefix) and name not in alerts]
            self._db.executemany("DELETE FROM alerts WHERE name = ?", over)
            self._db.executemany(
                "INSERT INTO alerts VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text",
                [(name, text, self._clock.now()) for name, text in alerts.items()],
            )

    def alerts(self) -> list[Alert]:
        rows = self._db.execute("SELECT name, text, since FROM alerts ORDER BY since, name")
        return [Alert(str(name), str(text), int(since)) for name, text, since in rows]

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
            remedy="Finish its jobs with the version that wrote it, or start with a new home folder.",
        )
