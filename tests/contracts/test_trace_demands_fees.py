"""TraceDemands: what a demand costs, who has the coin in the end, and accounts that do not want it.

priceOf
├── of each form → 1.25 times the gas of its answer, at the base fee and a tip
├── at any base fee → no more than at the cap
├── the k-th open one → (1 + k / 16)^2 as much; a shown one counts no more
└── of no node → TraceDemands_BadDemand
demand
├── a wei less → TraceDemands_Underpaid; exactly → nothing is credited; more → the rest is credited
└── by the operator itself → what is above the base is lost
withdraw
├── nothing → TraceDemands_NothingToWithdraw
├── by anyone → DemandFeesWithdrawn, to its owner
├── of an account that refuses → TraceDemands_CallFailed, and nobody else minds
└── of an account that calls back → it gets once what is its own
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from demand_stage import DEEP, ETHER, STEP, Asked, coin, of_model, set_base_fee, step_leaf
from dispute_stage import DisputeStage
from refusals import plain, refusal, refused
from stage import Stage, event, rpc

from tallystick.dispute.demand_packing import demand_words
from tallystick.dispute.levels import Demand

GWEI = 10**9
ANSWER_GAS, BYTE_GAS, TIP, MOST = 120_000, 40, GWEI, 200 * GWEI


def price(length: int, gas_price: int = TIP, open_ones: int = 0) -> int:
    base = (ANSWER_GAS + BYTE_GAS * length) * gas_price * 5 // 4
    return base * (16 + open_ones) ** 2 // 256


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


@pytest.fixture
def asked(dispute: DisputeStage) -> Asked:
    return Asked.claimed(dispute)


@pytest.fixture
def base_fee() -> Iterator[Any]:
    """Sets that of the coming blocks."""

    def change(wei: int) -> None:
        set_base_fee(wei)
        rpc("evm_mine")
        set_base_fee(wei)

    yield change
    change(0)


def balanced(asked: Asked, *demands: Demand) -> bool:
    """INVARIANT 39, of everybody on the stage and these open demands."""
    stage = asked.stage
    people = [stage.finder, stage.operator, stage.rival, stage.stranger, stage.agent, stage.creator]
    credits = sum(int(asked.contract.creditOf(person)) for person in people)
    states = [asked.state(demand) for demand in demands]
    held = sum(state["base"] + state["crowding"] for state in states if not state["isOver"])
    return coin(asked.contract) == credits + held + int(asked.contract.burnt())


# ---- price ------------------------------------------------------------------------------------------------------------


def test_price_of_each_form_is_that_of_its_answers_bytes(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    prices = asked.walk(step_leaf(0), lambda demand: (asked.price(demand), asked.learn(demand))[0])
    # Two roots; a tensor's first, which may be 16 KiB of leaves; of 65 nodes the first one's 128; 2 of those leaves.
    assert prices == [price(64), price(1 << 14), price(128 * 32), price(256)]


@pytest.mark.parametrize("wei", [7 * GWEI, MOST - TIP, MOST, 10_000 * GWEI])
def test_price_in_a_fee_spike_is_no_more_than_at_the_cap(asked: Asked, base_fee: Any, wei: int) -> None:
    base_fee(wei)
    demand = asked.next(step_leaf(0))
    assert asked.price(demand) == price(32 * 10, min(wei + TIP, MOST))


def test_price_of_no_node_reverts(asked: Asked) -> None:
    for words in [
        (2, True, 0, 0, 0, 0, bytes(32)),
        (2, False, 0, 5, 0, 5, bytes(32)),
        (2, False, 0, 5, 9, 1, bytes(32)),
    ]:
        found = refusal(asked.contract.priceOf, asked.job_id, 0, words, sender=asked.stage.finder)
        assert found == refused("TraceDemands_BadDemand")


def test_price_grows_with_what_is_open_and_falls_when_it_is_shown(asked: Asked) -> None:
    asked.asked_and_shown(asked.next(step_leaf(0)))
    demands = [asked.next(step_leaf(step)) for step in range(8)]
    found = []
    for demand in demands[:-1]:
        found.append(asked.price(demand))
        asked.ask(demand)
    assert found == [price(1 << 14, open_ones=k) for k in range(7)]
    paid = [asked.state(demand) for demand in demands[:-1]]
    assert [state["base"] + state["crowding"] for state in paid] == found
    assert balanced(asked, *demands[:-1])
    for demand in demands[:-1]:
        asked.show(demand)
    assert asked.price(demands[-1]) == price(1 << 14)
    assert int(asked.contract.burnt()) == sum(found) - 7 * price(1 << 14)
    assert balanced(asked)


# ---- what is paid -----------------------------------------------------------------------------------------------------


def test_demand_for_a_wei_too_little_reverts(asked: Asked) -> None:
    demand = asked.next(step_leaf(0))
    due = asked.price(demand)
    assert asked.refusal_to_ask(demand, value=due - 1) == refused("TraceDemands_Underpaid", price=due, paid=due - 1)
    assert asked.refusal_to_ask(demand, value=0).name == "TraceDemands_Underpaid"


@pytest.mark.parametrize("over", [0, 1, ETHER])
def test_demand_credits_what_was_too_much(asked: Asked, over: int) -> None:
    demand = asked.next(step_leaf(0))
    asked.ask(demand, value=asked.price(demand) + over)
    assert int(asked.contract.creditOf(asked.stage.finder)) == over
    assert balanced(asked, demand)


def test_executor_that_floods_itself_loses_what_it_paid_for_crowding(asked: Asked) -> None:
    """It gets its fees back as the operator, but not what the crowd costs; the others pay more while it lasts."""
    stage = asked.stage
    asked.asked_and_shown(asked.next(step_leaf(0)))
    start = coin(stage.operator) + int(asked.contract.creditOf(stage.operator))
    demands = [asked.next(step_leaf(step)) for step in range(8)]
    for demand in demands[:-1]:
        asked.ask(demand, by=stage.operator, value=asked.price(demand))
    assert asked.price(demands[-1]) == price(1 << 14, open_ones=7)
    for demand in demands[:-1]:
        asked.show(demand)
    lost = start - coin(stage.operator) - int(asked.contract.creditOf(stage.operator))
    assert lost == int(asked.contract.burnt()) == sum(price(1 << 14, open_ones=k) - price(1 << 14) for k in range(7))


def test_crowding_is_returned_where_nothing_was_shown(asked: Asked) -> None:
    stage = asked.stage
    asked.asked_and_shown(asked.next(step_leaf(0)))
    demands = [asked.next(step_leaf(step)) for step in range(3)]
    for demand in demands:
        asked.ask(demand)
    paid, before = asked.state(demands[2]), int(asked.contract.creditOf(stage.finder))
    stage.at(stage.now() + STEP + 1)
    asked.fault(demands[2])
    assert int(asked.contract.creditOf(stage.finder)) - before == paid["base"] + paid["crowding"]
    assert paid["crowding"] > 0


# ---- withdraw ---------------------------------------------------------------------------------------------------------


def test_withdraw_of_nothing_reverts(asked: Asked) -> None:
    found = refusal(asked.contract.withdraw, asked.stage.finder, sender=asked.stage.finder)
    assert found == refused("TraceDemands_NothingToWithdraw", account=asked.stage.finder)


def test_withdraw_by_anyone_sends_it_to_its_owner(asked: Asked) -> None:
    stage, demand = asked.stage, asked.next(step_leaf(0))
    asked.ask(demand)
    asked.show(demand)
    owed, before = int(asked.contract.creditOf(stage.operator)), coin(stage.operator)
    transaction = asked.contract.withdraw(stage.operator, {"from": stage.stranger})
    assert event(transaction, "DemandFeesWithdrawn") == {"account": plain(stage.operator), "amount": owed}
    assert (coin(stage.operator) - before, int(asked.contract.creditOf(stage.operator))) == (owed, 0)
    assert (
        refusal(asked.contract.withdraw, stage.operator, sender=stage.stranger).name == "TraceDemands_NothingToWithdraw"
    )


def payee(asked: Asked) -> tuple[Any, Demand]:
    """A contract that has asked, and has coin to come."""
    contract, demand = asked.stage.deploy("MockPayee"), asked.next(step_leaf(0))
    call = asked.contract.demand.encode_input(*asked.arguments(demand))
    contract.act(asked.contract, call, {"from": asked.stage.stranger, "value": ETHER})
    assert asked.state(demand)["payer"] == plain(contract)
    return contract, demand


def test_withdraw_to_an_account_that_refuses_harms_nobody_else(asked: Asked) -> None:
    stage, (contract, demand) = asked.stage, payee(asked)
    contract.refuse(True, {"from": stage.stranger})
    owed = int(asked.contract.creditOf(contract))
    found = refusal(asked.contract.withdraw, contract, sender=stage.stranger)
    assert found == refused("TraceDemands_CallFailed", account=contract)
    asked.show(demand)
    asked.contract.withdraw(stage.operator, {"from": stage.stranger})
    contract.refuse(False, {"from": stage.stranger})
    asked.contract.withdraw(contract, {"from": stage.stranger})
    assert (owed, coin(asked.contract)) == (coin(contract), 0)


def test_fault_of_a_demand_whose_payer_refuses_coin_goes_through(asked: Asked) -> None:
    stage, (contract, demand) = asked.stage, payee(asked)
    contract.refuse(True, {"from": stage.stranger})
    stage.at(stage.now() + STEP + 1)
    assert event(asked.fault(demand), "JobFaulted")["challenger"] == plain(contract)
    assert int(asked.contract.creditOf(contract)) == coin(asked.contract) == ETHER


@pytest.mark.parametrize("what", ["withdraw", "giveBack", "answer"])
def test_withdraw_to_an_account_that_calls_back_pays_once(asked: Asked, what: str) -> None:
    stage, (contract, demand) = asked.stage, payee(asked)
    owed, key = int(asked.contract.creditOf(contract)), asked.key
    words = demand_words(demand)
    calls = {
        "withdraw": asked.contract.withdraw.encode_input(contract),
        "giveBack": asked.contract.giveBack.encode_input(asked.job_id, 0, key, words),
        "answer": asked.contract.answer.encode_input(asked.terms.abi(), 0, words, asked.answer(demand)),
    }
    contract.arm(asked.contract, calls[what], {"from": stage.stranger})
    asked.contract.withdraw(contract, {"from": stage.stranger})
    # An answer from inside is an answer like any other; there is nothing to get twice.
    assert (coin(contract), contract.reentered()) == (owed, what == "answer")
    assert int(asked.contract.creditOf(contract)) == 0
    rest = asked.state(demand)["base"]
    assert coin(asked.contract) == rest
