"""`job fund --watch`: once the job is funded, the key is free for other commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from client_builders import World
from client_job_facts import whole_job

from client_sdk._client import AsyncClient
from client_sdk.cli._job_fund import fund
from client_sdk.cli._screen import Screen


@dataclass
class SessionOver:
    """As much of `Session` as a command asks, over a world of fakes."""

    world: World
    screen: Screen

    @asynccontextmanager
    async def client(self, *, sign: bool = False) -> AsyncIterator[AsyncClient]:
        async with AsyncExitStack() as exits:
            yield AsyncClient(self.world.connection, lambda: pytest.fail("no prover is needed"), exits)


async def test_fund_given_watch_releases_the_key_before_it_watches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path)
    (tmp_path / "inputs.json").write_text(json.dumps([[0.5, 0.0], [0.0, 0.5]]))

    def finish_the_job() -> None:
        # Nothing happens to the job before the key is free: a command that kept it would watch for ever.
        job_id = next(fact.job_id for fact in world.chain.happened if fact.event == "JobCreated")
        moved = [
            fact.model_copy(
                update={"job_id": job_id, "at": fact.at.model_copy(update={"block_number": fact.at.block_number + 90})}
            )
            for fact in whole_job()[1:]
        ]
        world.happen(*moved)

    world.signing.on_release = finish_the_job
    session: Any = SessionOver(world, Screen(as_json=True))

    async with asyncio.timeout(5):
        await fund(
            session,
            model=world.model.model_id,
            inputs=tmp_path / "inputs.json",
            max_price="10",
            watch=True,
        )

    assert json.loads(capsys.readouterr().out.splitlines()[-1])["status"] == "completed"
