"""Connecting to the wrong place, or through a bad line: each has its own error, and none shows the URL."""

import asyncio
import socket
import time

import pytest
from anvil_chain import free_port
from faulty_node import FaultyNode
from rpc_server import RefusedRequestError

from tallystick.chain.reader import ChainReader
from tallystick.errors import (
    ChainUnavailableError,
    InputError,
    NotDeployedError,
    RpcRefusedError,
    WrongChainError,
)

pytestmark = pytest.mark.chain

SECRET = "s3cret-api-key"


async def trouble(url, deployment, kind, **options):
    with pytest.raises(kind) as caught:
        await ChainReader.connect(url, deployment, **options)
    return caught.value


@pytest.fixture
async def node(anvil):
    with FaultyNode(anvil) as running:
        yield running


async def test_connect_given_chain_and_contracts_reads_the_head(anvil, deployment):
    async with await ChainReader.connect(anvil.rpc_url, deployment) as reader:
        head = await reader.head()
        assert head == await reader.block(head.number)


async def test_connect_given_another_chain_names_both(anvil, deployment):
    error = await trouble(anvil.rpc_url, deployment.model_copy(update={"chain_id": 1}), WrongChainError)
    assert "answers for chain 31337; the deployment is on chain 1" in str(error)


async def test_connect_given_a_chain_without_the_contracts_names_the_first(new_chain, deployment):
    error = await trouble(new_chain(state=None).rpc_url, deployment, NotDeployedError)
    assert f"no contract at {deployment.contracts.job_escrow}" in str(error)


async def test_connect_given_another_verifier_than_recorded_refuses_it(new_chain, deployment):
    chain = new_chain()
    chain.request("anvil_setCode", deployment.contracts.ezkl_verifier, "0x600160005260206000f3")
    error = await trouble(chain.rpc_url, deployment, NotDeployedError)
    assert "its verifier is not the one that was recorded" in str(error)


async def test_connect_given_nobody_there_says_so(deployment):
    error = await trouble(f"http://127.0.0.1:{free_port()}/{SECRET}", deployment, ChainUnavailableError)
    assert ("cannot be reached" in str(error), SECRET in str(error)) == (True, False)


async def test_connect_given_somebody_who_never_answers_waits_no_longer_than_told(deployment):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        error = await trouble(url, deployment, ChainUnavailableError, timeout_seconds=0.2)
    assert ("within 0.2 s" in str(error), time.monotonic() - started < 10) == (True, True)


async def test_connect_given_no_url_is_refused(deployment):
    await trouble("127.0.0.1:8545", deployment, InputError)


async def test_connect_that_fails_leaves_no_connection_open(anvil, deployment, recwarn):
    await trouble(anvil.rpc_url, deployment.model_copy(update={"chain_id": 1}), WrongChainError)
    await asyncio.sleep(0.05)
    assert [str(warning.message) for warning in recwarn if "nclosed" in str(warning.message)] == []


async def test_reader_after_the_chain_is_gone_says_so(new_chain, deployment):
    chain = new_chain()
    async with await ChainReader.connect(chain.rpc_url, deployment) as reader:
        chain.stop()
        with pytest.raises(ChainUnavailableError):
            await reader.head()


async def test_block_beyond_the_head_is_none(anvil, deployment):
    async with await ChainReader.connect(anvil.rpc_url, deployment) as reader:
        assert await reader.block(10**9) is None


async def test_call_that_the_node_refuses_is_no_revert(node, deployment):
    async with await ChainReader.connect(node.url, deployment) as reader:
        node.refuse_once("eth_call", "daily request count exceeded", -32005)
        with pytest.raises(RpcRefusedError, match="daily request count"):
            await reader.min_lock()


async def test_head_of_a_node_that_has_none_yet_says_so(node, deployment):
    async with await ChainReader.connect(node.url, deployment) as reader:
        node.rules["eth_getBlockByNumber"] = lambda _: None
        with pytest.raises(ChainUnavailableError, match="has no block yet"):
            await reader.head()


async def test_facts_from_a_node_without_block_times_in_logs_ask_for_the_blocks(node, deployment, anvil):
    """Only newer nodes state `blockTimestamp`; the time must be the same either way."""

    def without_times(params):
        logs = anvil.request("eth_getLogs", *params)
        return [{key: value for key, value in log.items() if key != "blockTimestamp"} for log in logs]

    async with await ChainReader.connect(node.url, deployment) as reader:
        [usual] = await facts_of_an_appointment(anvil, reader, deployment)
    async with await ChainReader.connect(node.url, deployment) as reader:
        node.rules["eth_getLogs"] = without_times
        assert await reader.facts(usual.at.block_number, usual.at.block_number) == [usual]


async def facts_of_an_appointment(anvil, reader, deployment):
    from tallystick.chain.calls import MarketCalls

    account = anvil.request("eth_accounts")[7]
    data = MarketCalls(deployment).appoint_agent(account).data
    call = {"from": account, "to": deployment.contracts.stake_manager, "data": "0x" + data.hex()}
    block = int(anvil.transact(call)["blockNumber"], 16)
    return await reader.facts(block, block)


async def test_facts_of_a_block_that_was_just_undone_say_so(node, deployment, anvil):
    def without_times(params):
        logs = anvil.request("eth_getLogs", *params)
        return [{key: value for key, value in log.items() if key != "blockTimestamp"} for log in logs]

    async with await ChainReader.connect(node.url, deployment) as reader:
        [fact] = await facts_of_an_appointment(anvil, reader, deployment)
    async with await ChainReader.connect(node.url, deployment) as reader:
        node.rules = {"eth_getLogs": without_times, "eth_getBlockByHash": lambda _: None}
        with pytest.raises(ChainUnavailableError, match="any more"):
            await reader.facts(fact.at.block_number, fact.at.block_number)


async def test_facts_of_an_empty_range_are_none(anvil, deployment):
    async with await ChainReader.connect(anvil.rpc_url, deployment) as reader:
        assert await reader.facts(10, 9) == []


async def test_facts_beyond_the_head_are_refused_rather_than_none(anvil, deployment):
    async with await ChainReader.connect(anvil.rpc_url, deployment) as reader:
        with pytest.raises(ChainUnavailableError, match="has not seen block"):
            await reader.facts(1, anvil.head() + 5)


async def test_facts_from_a_node_that_takes_no_batches_and_small_ranges_alone_are_the_same(node, deployment, anvil):
    def small_ranges_only(params):
        first, last = (int(params[0][end], 16) for end in ("fromBlock", "toBlock"))
        if last - first >= 3:
            raise RefusedRequestError("block range is too wide", -32602)
        return node.HAND_ON

    async with await ChainReader.connect(anvil.rpc_url, deployment) as reader:
        await facts_of_an_appointment(anvil, reader, deployment)
        usual = await reader.facts(0, anvil.head())
    async with await ChainReader.connect(node.url, deployment) as reader:
        node.takes_batches, node.rules = False, {"eth_getLogs": small_ranges_only}
        assert await reader.facts(0, anvil.head()) == usual != []
