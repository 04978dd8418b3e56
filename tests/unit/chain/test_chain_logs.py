"""Logs over any range, from endpoints that refuse large ones."""

import pytest
from chain_samples import block_hash, deposit_log
from rpc_server import RefusedRequestError, RpcServer

from tallystick.chain.logs import MAX_SPAN, LogFetcher
from tallystick.chain.rpc import Rpc
from tallystick.chain.tokens import clean_symbol
from tallystick.errors import ChainUnavailableError, RpcRefusedError
from tallystick.ids import Address

EVERY = 10
"""Blocks between two logs of the sample chain."""


class SampleChain:
    """Answers for a chain with a log in every tenth block, as an endpoint with limits of its own."""

    def __init__(self, *, height=50_000, most_blocks=10**9, most_logs=10**9, poisoned=None):
        self.height, self.most_blocks, self.most_logs, self.poisoned = height, most_blocks, most_logs, poisoned
        self.ranges = []

    def __call__(self, method, params):
        if method == "eth_getBlockByNumber":
            number = int(params[0], 16)
            return {"hash": block_hash(number)} if number <= self.height else None
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        self.ranges.append((first, last))
        held = [number for number in range(first, last + 1) if number % EVERY == 0]
        if last - first + 1 > self.most_blocks or len(held) > self.most_logs:
            raise RefusedRequestError("query returned more than I like", -32005)
        if self.poisoned is not None and first <= self.poisoned <= last:
            raise RefusedRequestError("header not found", -32000)
        return [deposit_log(block=number) for number in held]


async def fetched(chain, first, last, also=()):
    with RpcServer(chain) as server:
        rpc = Rpc(server.url, timeout_seconds=5)
        try:
            return await LogFetcher(rpc, {"address": []}).fetch(first, last, also)
        finally:
            await rpc.close()


def numbers_of(logs):
    return [int(log["blockNumber"], 16) for log in logs]


@pytest.mark.parametrize(
    "limits",
    [{}, {"most_blocks": 1}, {"most_blocks": 7}, {"most_blocks": 100}, {"most_logs": 3}, {"most_logs": 1}],
    ids=str,
)
async def test_fetch_given_an_endpoint_with_limits_returns_every_log_in_order(limits):
    logs, _ = await fetched(SampleChain(**limits), 5, 205)
    assert numbers_of(logs) == list(range(10, 210, EVERY))


async def test_fetch_given_a_range_that_is_too_large_asks_for_halves():
    chain = SampleChain(most_blocks=50)
    await fetched(chain, 1, 100)
    assert chain.ranges == [(1, 100), (1, 50), (51, 100)]


async def test_fetch_after_a_refusal_dares_more_again():
    """A few blocks full of logs must not make the rest of a long scan slow."""
    chain = SampleChain(most_blocks=64)
    await fetched(chain, 1, 1000)
    answered = [last - first + 1 for first, last in chain.ranges]
    assert sum(answered) / len(answered) > 32


async def test_fetch_never_asks_for_more_than_its_own_limit():
    chain = SampleChain()
    await fetched(chain, 1, 25_000)
    assert chain.ranges == [(1, MAX_SPAN), (MAX_SPAN + 1, 2 * MAX_SPAN), (2 * MAX_SPAN + 1, 25_000)]


async def test_fetch_given_one_block_that_is_refused_says_so():
    with pytest.raises(RpcRefusedError, match="header not found"):
        await fetched(SampleChain(poisoned=37), 1, 100)


async def test_fetch_returns_the_hashes_of_the_last_block_and_of_those_named():
    _, hashes = await fetched(SampleChain(), 1, 100, [40, 3])
    assert hashes == {100: block_hash(100), 40: block_hash(40), 3: block_hash(3)}


async def test_fetch_from_a_node_that_lags_is_refused_although_it_answers():
    """It would give the logs that it has, without a word about those that it does not have yet."""
    with pytest.raises(ChainUnavailableError, match="has not seen block 100 yet"):
        await fetched(SampleChain(height=99), 1, 100)


ADDRESS = Address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")


@pytest.mark.parametrize(
    ("symbol", "shown"),
    [
        ("USDC", "USDC"),
        (" DAI ", "DAI"),
        ("\x1b[31mRED", "[31mRED"),
        ("A" * 40, "A" * 16),
        ("", "0x5aAe..eAed"),
        ("\u202e\n", "0x5aAe..eAed"),
    ],
    ids=["usual", "spaces", "terminal codes", "long", "none", "invisible"],
)
def test_clean_symbol_shows_what_can_be_printed(symbol, shown):
    assert clean_symbol(symbol, ADDRESS) == shown
