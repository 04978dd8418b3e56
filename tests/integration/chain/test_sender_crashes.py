"""Killed at any place, a sender that comes back has sent its transaction exactly once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from market_scene import account, address_of

from scripts.toolchain import ROOT
from tallystick.chain.journal import State

pytestmark = pytest.mark.chain

AMOUNT = 1_000
PLACES = ["intent", "signed", "offered", "broadcast", "found", "mined"]


@pytest.fixture
def kill_at(scene, deployment_record):
    """Runs the child until it kills itself at a place."""

    def run(place: str) -> None:
        arguments = [
            scene.chain.rpc_url,
            deployment_record,
            scene.folder / "stranger.sqlite",
            account("stranger").key.hex(),
            place,
            str(AMOUNT),
        ]
        child = Path(__file__).with_name("sending_child.py")
        done = subprocess.run([sys.executable, child, *arguments], cwd=ROOT, check=False)
        assert done.returncode == -signal.SIGKILL

    return run


def mint(scene):
    return scene.calls.mint_test_token(scene.payment, address_of("stranger"), AMOUNT)


async def what_happened(scene):
    return (
        scene.chain.transaction_count(address_of("stranger")),
        await scene.reader.balance_of(scene.payment, address_of("stranger")),
    )


@pytest.mark.parametrize("place", PLACES)
async def test_resume_after_a_kill_sends_exactly_once(scene, kill_at, place):
    kill_at(place)
    await scene.sender("stranger").resume()
    assert await what_happened(scene) == (1, AMOUNT)


@pytest.mark.parametrize("place", PLACES)
async def test_send_with_the_same_key_after_a_kill_sends_exactly_once(scene, kill_at, place):
    kill_at(place)
    receipt = await scene.send("stranger", "mint", mint(scene))
    assert (receipt.status, await what_happened(scene)) == (True, (1, AMOUNT))


@pytest.mark.parametrize("place", ["signed", "broadcast"])
async def test_send_with_another_key_after_a_kill_leaves_no_hole_in_the_nonces(scene, kill_at, place):
    kill_at(place)
    await scene.send("stranger", "another", mint(scene))
    assert await what_happened(scene) == (2, 2 * AMOUNT)


async def test_sender_killed_twice_still_sends_exactly_once(scene, kill_at):
    kill_at("signed")
    kill_at("broadcast")
    await scene.send("stranger", "mint", mint(scene))
    assert await what_happened(scene) == (1, AMOUNT)


async def test_resume_returns_the_receipts_of_what_was_in_flight_and_then_nothing(scene, kill_at):
    kill_at("signed")
    sender = scene.sender("stranger")
    assert [[receipt.key for receipt in await sender.resume()] for _ in range(2)] == [["mint"], []]


async def test_resume_of_an_intent_that_is_refused_by_now_drops_it(scene, kill_at):
    kill_at("intent")
    scene.chain.request("anvil_setCode", scene.payment, "0x60006000fd")  # refuses everything
    steps = []
    sender = scene.sender("stranger", on_step=lambda key, state: steps.append(state))
    assert (await sender.resume(), steps) == ([], [])
    assert scene.chain.transaction_count(address_of("stranger")) == 0


async def test_steps_are_told_in_order(scene):
    steps = []
    sender = scene.sender("stranger", on_step=lambda key, state: steps.append((key, state)))
    await sender.send("mint", mint(scene))
    assert steps == [("mint", state) for state in (State.INTENT, State.SIGNED, State.BROADCAST, State.MINED)]
