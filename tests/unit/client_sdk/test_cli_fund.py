"""`job fund` says how it paid, and lets go of the key; `job sign` writes an order and sends nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from client_builders import DEPLOYMENT, World
from client_job_facts import whole_job

from client_sdk._client import AsyncClient
from client_sdk.cli._job_fund import cancel_order, fund, sign
from client_sdk.cli._screen import Screen
from tallystick.errors import InputError
from tallystick.market.orders import SignedOrder
from tallystick.market.terms import job_id_of


@dataclass
class SessionOver:
    """As much of `Session` as a command asks, over a world of fakes."""

    world: World
    screen: Screen

    @asynccontextmanager
    async def client(self, *, sign: bool = False) -> AsyncIterator[AsyncClient]:
        async with AsyncExitStack() as exits:
            yield AsyncClient(self.world.connection, lambda: pytest.fail("no prover is needed"), exits)


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "inputs.json").write_text(json.dumps([[0.5, 0.0], [0.0, 0.5]]))
    return World(tmp_path)


def session_over(world: World) -> Any:
    return SessionOver(world, Screen(as_json=True))


def asked(world: World, tmp_path: Path) -> dict[str, Any]:
    return {"model": world.model.model_id, "inputs": tmp_path / "inputs.json", "max_price": "10"}


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What the command said; where nobody configured logging, log lines stand between."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(("takes_permits", "way"), [(True, "permit"), (False, "approval")])
async def test_fund_given_any_token_says_which_way_it_paid(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], takes_permits: bool, way: str
) -> None:
    world.chain.takes_permits = takes_permits

    await fund(session_over(world), **asked(world, tmp_path))

    lines = told(capsys)
    assert {"event": "deposit_paid", "funded_by": way} in lines
    assert lines[-1]["funded_by"] == way


async def test_sign_writes_an_order_and_sends_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.chain.takes_permits = True
    out = tmp_path / "order.json"

    await sign(session_over(world), **asked(world, tmp_path), out=out)

    signed = SignedOrder.model_validate_json(out.read_text())
    last = told(capsys)[-1]
    assert world.signing.sent == []
    assert last["job_id"] == job_id_of(signed.order.terms, DEPLOYMENT.domain())
    assert (last["funded_by"], last["closes_at"]) == ("permit", signed.order.closes_at)


async def test_sign_given_a_file_that_is_there_does_not_overwrite_it(world: World, tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text("kept")

    with pytest.raises(InputError, match="is there already"):
        await sign(session_over(world), **asked(world, tmp_path), out=tmp_path / "order.json")
    assert (tmp_path / "order.json").read_text() == "kept"


async def test_cancel_order_given_a_signed_order_sends_its_nonce(world: World, tmp_path: Path) -> None:
    world.chain.takes_permits = True
    out = tmp_path / "order.json"
    await sign(session_over(world), **asked(world, tmp_path), out=out)

    await cancel_order(session_over(world), out)

    assert [key.partition(":")[0] for key, _ in world.signing.sent] == ["cancel_order"]


async def test_cancel_order_given_another_file_says_so(world: World, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no signed order"):
        await cancel_order(session_over(world), tmp_path / "inputs.json")


async def test_fund_given_watch_releases_the_key_before_it_watches(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
    async with asyncio.timeout(60):
        await fund(session_over(world), **asked(world, tmp_path), watch=True)

    assert told(capsys)[-1]["status"] == "completed"
