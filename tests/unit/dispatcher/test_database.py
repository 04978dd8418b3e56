from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatcher.store.database import Database, open_database
from dispatcher.store.tables import MetaRow
from tallystick.errors import InputError


def _add_then_fail(session: Session) -> None:
    session.add(MetaRow(key="half", value="done"))
    session.flush()
    raise RuntimeError("power cut")


async def test_run_given_work_that_raises_keeps_nothing_of_it(database: Database) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        await database.run(_add_then_fail)

    assert await database.run(lambda session: session.get(MetaRow, "half")) is None


async def test_open_database_given_an_sqlite_file_writes_ahead(database: Database) -> None:
    assert await database.run(lambda session: session.execute(text("PRAGMA journal_mode")).scalar()) == "wal"


async def test_open_database_given_another_deployments_file_refuses_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    await (await open_database(url, belongs_to="1:a")).close()

    with pytest.raises(InputError, match="belongs_to is 1:a, not 1:b"):
        await open_database(url, belongs_to="1:b")


async def test_open_database_given_a_file_that_is_no_database_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("not a database" * 100)

    with pytest.raises(InputError, match="cannot be opened"):
        await open_database(f"sqlite:///{tmp_path / 'a.db'}", belongs_to="1:a")


async def test_open_database_given_a_folder_that_is_not_there_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="writable path"):
        await open_database(f"sqlite:///{tmp_path / 'missing' / 'a.db'}", belongs_to="1:a")
