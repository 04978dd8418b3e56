from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from executor_builders import NOW
from executor_market import Contracts, Sent
from executor_process import NewProcess, Process

from tallystick.clock import ManualClock
from tallystick.storage.folder import FolderStore


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """A command configures logging for its process; the next test must not write to its streams."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def contracts() -> Contracts:
    return Contracts(ManualClock(NOW))


@pytest.fixture
def shared(tmp_path: Path) -> FolderStore:
    """The store that everybody sees."""
    return FolderStore(tmp_path / "shared")


@pytest.fixture
def start(tmp_path: Path, contracts: Contracts, shared: FolderStore) -> NewProcess:
    """Starts one life of the same agent after another."""
    home, sent = tmp_path / "home", Sent()
    home.mkdir()

    def new(**options: Any) -> Process:
        return Process(home, contracts, sent, shared, **options)

    return new
