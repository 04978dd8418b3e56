"""Following a real chain through real reorganisations."""

import pytest
from anvil_chain import AnvilChain
from market_scene import address_of, create_runtime

from tallystick.chain.scanner import Cursor, FactScanner
from tallystick.errors import ChainUnavailableError
from tallystick.market.events import AgentAppointed, AgentRevoked, StakeDeposited

pytestmark = pytest.mark.chain


def agents(steps):
    return [(type(fact), fact.agent) for fact in steps if isinstance(fact, AgentAppointed | AgentRevoked)]


@pytest.fixture
def scanner(scene):
    return FactScanner(scene.reader, scene.deployment.block)


async def appoint(scene, key, agent):
    return await scene.send("operator", key, scene.calls.appoint_agent(address_of(agent)))


async def test_poll_delivers_what_the_reader_reads(scene, scanner):
    await appoint(scene, "one", "stranger")
    step = await scanner.poll()
    assert list(step.facts) == await scene.reader.facts(scene.deployment.block, step.head.number) != []


async def test_poll_after_a_reorganisation_tells_what_to_forget_and_what_is_new(scene, scanner):
    await scanner.poll()
    await appoint(scene, "one", "stranger")
    first = await scanner.poll()
    scene.chain.reorganise(1)
    scene.chain.mine(2)
    scene.close()
    step = await scanner.poll()
    [fact] = first.facts
    assert step.rolled_back_to is not None
    assert (step.rolled_back_to < fact.at.block_number, step.facts) == (True, ())


async def test_poll_given_a_fact_that_moved_to_another_block_delivers_it_there(scene, scanner):
    await scanner.poll()
    await appoint(scene, "one", "stranger")
    [before] = (await scanner.poll()).facts
    scene.chain.reorganise(1)
    await appoint(scene, "one", "stranger")  # the sender notices and offers the same bytes again
    step = await scanner.poll()
    [after] = [fact for fact in step.facts if isinstance(fact, AgentAppointed)]
    assert (after.at.transaction_hash, after.at != before.at) == (before.at.transaction_hash, True)


async def test_poll_of_a_chain_that_turned_back_to_a_snapshot_follows_it(scene, scanner):
    """What tests with evm_revert do: blocks vanish, later ones take their numbers."""
    snapshot = scene.chain.request("evm_snapshot")
    await appoint(scene, "one", "stranger")
    await scanner.poll()
    scene.chain.request("evm_revert", snapshot)
    lagging = await scanner.poll()
    scene.chain.pass_time(5)
    scene.chain.mine(3)
    step = await scanner.poll()
    assert (lagging.rolled_back_to, step.rolled_back_to is not None, agents(step.facts)) == (None, True, [])


async def test_scanner_with_a_persisted_cursor_notices_what_was_undone_meanwhile(scene, scanner):
    await scanner.poll()
    await appoint(scene, "one", "stranger")
    cursor = (await scanner.poll()).cursor.encode()
    scene.chain.reorganise(1)
    scene.chain.mine()
    later = FactScanner(scene.reader, scene.deployment.block, Cursor.decode(cursor))
    assert (await later.poll()).rolled_back_to is not None


async def test_poll_step_by_step_delivers_the_same(scene, scanner):
    await appoint(scene, "one", "stranger")
    whole = (await scanner.poll()).facts
    slow = FactScanner(scene.reader, scene.deployment.block, max_blocks=3)
    facts = []
    while True:
        step = await slow.poll()
        facts += step.facts
        if step.is_caught_up:
            break
    assert tuple(facts) == whole


async def test_poll_while_the_chain_is_down_raises_and_goes_on_later(scene, scanner, monkeypatch):
    await scanner.poll()
    await appoint(scene, "one", "stranger")
    monkeypatch.setattr(scene.reader, "head", _down)
    with pytest.raises(ChainUnavailableError):
        await scanner.poll()
    monkeypatch.undo()
    assert agents((await scanner.poll()).facts) == [(AgentAppointed, address_of("stranger"))]


async def _down():
    raise ChainUnavailableError("down")


# Copies calldata after three words to memory and logs it with those words as topics: CALLDATASIZE-96 bytes.
ECHO = "606036036060600037" + "604035602035600035" + "606036036000a300"


def emit(chain: AnvilChain, emitter: str, topics, data: bytes) -> None:
    calldata = "0x" + "".join(topic.removeprefix("0x") for topic in topics) + data.hex()
    chain.transact({"from": address_of("governor"), "to": emitter, "data": calldata})


async def test_poll_given_the_same_event_from_a_strangers_contract_delivers_nothing(scene, scanner):
    """Anyone can emit anything; only the deployment's own contracts state facts."""
    [genuine] = [fact for fact in (await scanner.poll()).facts if isinstance(fact, StakeDeposited)]
    receipt = scene.chain.request("eth_getTransactionReceipt", genuine.at.transaction_hash)
    [log] = [
        log for log in receipt["logs"] if log["address"].lower() == scene.deployment.contracts.stake_manager.lower()
    ]
    emit(scene.chain, create_runtime(scene.chain, ECHO), log["topics"], bytes.fromhex(log["data"][2:]))
    head = scene.chain.head()
    copied = scene.chain.request("eth_getLogs", {"fromBlock": hex(head), "toBlock": hex(head)})
    assert [(entry["topics"], entry["data"]) for entry in copied] == [(log["topics"], log["data"])]
    assert (await scanner.poll()).facts == ()
