"""What asking and answering costs, end to end, with the calldata's floor of EIP-7623 where the chain here does not charge it.

demand for a list, a tensor, a node below one
answer with 128 hashes, with 16 KiB, with the roots of 2,048 tensors, with next to nothing
└── → below its bound; and the fee of an answer is more than it costs
faultUnanswered → below its bound
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import web3
from demand_stage import DEEP, STEP, Asked, deep_trace, of_model, step_leaf
from dispute_gas import warmed
from dispute_stage import DisputeStage, Run
from stage import Stage

from tallystick.dispute.levels import Demand

TIP = 10**9
LISTED = Run(deep_trace(3, 2048))
WHOLE = Run(deep_trace(2**14))
MOST = {
    "demand list": 190_000,
    "demand tensor": 155_000,
    "demand below": 166_000,
    "answer roots": 2_700_000,
    "answer 16 KiB": 705_000,
    "answer 128": 162_000,
    "answer least": 100_000,
    "fault": 155_000,
}


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    warmed(stage)
    return DisputeStage.of(stage)


def gas_of(transaction: Any) -> int:
    data = bytes(web3.eth.get_transaction(transaction.txid)["input"])
    zeros = data.count(0)
    return max(int(transaction.gas_used), 21_000 + 10 * zeros + 40 * (len(data) - zeros))


def cost(asked: Asked, demand: Demand) -> tuple[int, int]:
    """Of asking and of answering. The answer's fee, at the gas price that it was set at, is more than it costs."""
    transaction, shown = asked.asked_and_shown(demand)
    paid = asked.state(demand)["base"] // TIP
    assert gas_of(shown) < paid
    return gas_of(transaction), gas_of(shown)


def test_demand_and_answer_cost_less_than_their_bounds(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    costs = asked.walk(step_leaf(0), lambda demand: cost(asked, demand))
    found = dict(zip(("demand list", "demand tensor", "demand below"), (ask for ask, _ in costs), strict=False))
    found |= {"answer least": costs[0][1], "answer 128": costs[1][1]}
    listed, whole = of_model(dispute, LISTED, "listed"), of_model(dispute, WHOLE, "whole")
    found["answer roots"] = cost(listed, listed.next(step_leaf(0)))[1]
    cost(whole, whole.next(step_leaf(0)))
    found["answer 16 KiB"] = cost(whole, whole.next(step_leaf(0)))[1]
    demand = whole.next(step_leaf(1))
    whole.ask(demand)
    whole.stage.at(whole.stage.now() + STEP + 1)
    found["fault"] = gas_of(whole.fault(demand))
    assert {name: gas for name, gas in found.items() if gas >= MOST[name]} == {}
    assert set(found) == set(MOST)
