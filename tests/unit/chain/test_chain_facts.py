"""Logs to facts: from the right contract, still on the chain, or not at all."""

import pytest
from chain_samples import (
    AGENT,
    CONTRACTS,
    DEPLOYMENT,
    OPERATOR,
    address,
    appointed_log,
    block_hash,
    deposit_log,
    raw_log,
    topic,
)

from tallystick.chain.facts import FactDecoder
from tallystick.errors import ChainError
from tallystick.market.events import AgentAppointed, StakeDeposited

DECODER = FactDecoder(DEPLOYMENT)


def test_decode_given_a_log_returns_its_fact():
    fact = DECODER.decode(deposit_log(9), 1_700_000_007)
    assert isinstance(fact, StakeDeposited)
    assert (fact.operator, fact.amount) == (OPERATOR, 9)


def test_decode_keeps_where_on_the_chain_it_stands():
    place = DECODER.decode(deposit_log(block=12, index=3), 99).at
    assert (place.block_number, place.block_hash, place.block_time, place.log_index) == (12, block_hash(12), 99, 3)


def test_decode_given_an_event_without_data_returns_its_fact():
    fact = DECODER.decode(appointed_log(), 0)
    assert isinstance(fact, AgentAppointed)
    assert (fact.operator, fact.agent) == (OPERATOR, AGENT)


def test_knows_given_a_log_of_the_deployment_holds():
    assert DECODER.knows(deposit_log())


@pytest.mark.parametrize(
    "log",
    [
        deposit_log(emitter=address(0x99)),
        deposit_log(emitter=CONTRACTS.job_escrow),
        {**deposit_log(), "removed": True},
        raw_log(CONTRACTS.stake_manager, []),
        raw_log(CONTRACTS.stake_manager, [topic("UnbondRequested(address,uint256,uint64)")]),
    ],
    ids=["a stranger's", "another contract's", "removed", "anonymous", "no fact"],
)
def test_knows_given_any_other_log_does_not_hold(log):
    assert not DECODER.knows(log)


def test_filter_names_exactly_the_contracts_that_state_facts():
    assert set(DECODER.filter["address"]) == {
        CONTRACTS.job_escrow,
        CONTRACTS.milestone_settlement,
        CONTRACTS.stake_manager,
        CONTRACTS.model_registry,
        CONTRACTS.trace_dispute,
        CONTRACTS.trace_demands,
    }


@pytest.mark.parametrize(
    "log",
    [{**deposit_log(), "data": "0x"}, {**deposit_log(), "topics": deposit_log()["topics"][:2]}],
    ids=["no data", "a topic short"],
)
def test_decode_given_another_form_says_so(log):
    with pytest.raises(ChainError, match="StakeDeposited"):
        DECODER.decode(log, 0)
