"""One database, one thread: every piece of work is one transaction, and they happen in the order they were asked for.

SQLite's driver blocks, so it must not run on the event loop; with a single writing thread there is nothing to lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from dispatcher.store.tables import SCHEMA_VERSION, Base, MetaRow
from tallystick.errors import InputError

P = ParamSpec("P")
T = TypeVar("T")

MEMORY = "sqlite://"


def _tune(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # FULL, because an offer that was handed out must not be forgotten in a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Database:
    """Made by `open_database`; closed by whoever opened it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")

    async def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(session, ...)` as one transaction: all of it happens, or, where it raises, nothing."""

        def transact() -> T:
            with self._sessions.begin() as session:
                return work(session, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, transact)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)


async def open_database(url: str, *, belongs_to: str) -> Database:
    """Opens the database, and makes its tables where there are none.

    Args:
        url: An SQLAlchemy URL, for example `sqlite:///dispatcher.db`.
        belongs_to: Names the deployment whose facts it holds.

    Raises:
        InputError: unreadable, of another version, or of another deployment.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune)
    database = Database(engine)
    try:
        await database.run(_prepare, belongs_to)
    except DatabaseError as error:
        await database.close()
        raise InputError(
            f"The database {url} cannot be opened: {error.orig}.",
            remedy="Give a writable path, or move the file away: its facts can be read from the chain again.",
        ) from error
    except InputError:
        await database.close()
        raise
    return database


def _prepare(session: Session, belongs_to: str) -> None:
    Base.metadata.create_all(session.connection())
    for key, wanted in (("schema", str(SCHEMA_VERSION)), ("belongs_to", belongs_to)):
        row = session.get(MetaRow, key)
        if row is None:
            session.add(MetaRow(key=key, value=wanted))
        elif row.value != wanted:
            raise InputError(
                f"The database's {key} is {row.value}, not {wanted}.",
                remedy="Give another path, or move the file away: its facts can be read from the chain again.",
            )
