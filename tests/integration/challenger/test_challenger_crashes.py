"""Killed at the worst places, a challenger goes on where it was, and sends nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from challenger_world import CHALLENGER, WINDOW, World

from challenger.lifetime import run_challenger
from tallystick.dispute.faults import ElementFault
from tallystick.market.events import FaultProven, TraceDemanded

pytestmark = pytest.mark.chain

CHILD = Path(__file__).parent / "dying_child.py"
ROOT = Path(__file__).parents[3]


def dies(world: World) -> None:
    done = subprocess.run(
        [sys.executable, str(CHILD)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **world.surroundings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


async def lives(world: World) -> None:
    async with world.challenger() as parts:
        await run_challenger(parts, once=True)


async def test_challenger_given_a_kill_while_it_shows_a_fault_sends_it_once(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    dies(world)
    await lives(world)

    [slash] = (await world.job(world.job_id(terms))).slashes
    assert slash.finder == CHALLENGER.address
    assert world.chain.transaction_count(CHALLENGER.address) == 2  # the fault, and the collection
    assert len([fact for fact in await world.facts() if isinstance(fact, FaultProven)]) == 1


async def test_challenger_given_a_kill_while_it_asks_pays_once(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2), withheld=True)
    world.chain.pass_time(WINDOW // 4)
    dies(world)
    await lives(world)

    assert len([fact for fact in await world.facts() if isinstance(fact, TraceDemanded)]) == 1
    assert world.chain.transaction_count(CHALLENGER.address) == 1
