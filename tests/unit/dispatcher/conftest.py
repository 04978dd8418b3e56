from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_room import ApiRoom

from dispatcher.store.database import Database, open_database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A new database in a file, as in production."""
    opened = await open_database(f"sqlite:///{tmp_path / 'dispatcher.db'}", belongs_to="31337:escrow")
    yield opened
    await opened.close()


@pytest.fixture
async def room(database: Database) -> AsyncIterator[ApiRoom]:
    """The whole API over that database."""
    made = ApiRoom(database)
    yield made
    await made.close()
