"""JobEscrow.acceptOrder: an order and its acceptance in one transaction.

What a token that calls back finds stands in test_escrow_reentrancy.py.

acceptOrder
├── the order is refused as by itself
│   ├── signed by another key → JobEscrow_BadOrderSignature
│   ├── before it starts → JobEscrow_OrderNotStarted
│   └── new jobs are paused → ProtocolParameters_NewJobsPaused
├── somebody else was quicker
│   ├── and posted it → JobEscrow_OrderNonceUsed; `accept` then works
│   └── and took it → JobEscrow_OrderNonceUsed; JobEscrow_WrongStatus from `accept`
├── the acceptance is refused as by itself
│   ├── the caller is neither the operator nor its agent → StakeManager_NotAgent
│   └── the operator's free stake does not cover the lock → StakeManager_StakeTooLow
├── within the exclusive time, counted from `startsAt`
│   ├── no assignment → JobEscrow_ExclusiveUntil
│   ├── the dispatcher's assignment of the first round, made before there was a job → assigned
│   ├── an assignment of the second round → JobEscrow_AssignmentMismatch
│   └── when it ends → assigned without one
├── the money
│   ├── does not come → the token's refusal
│   └── comes short → JobEscrow_UnexpectedAmount
└── all is well
    ├── by the operator → assigned, at the price since `startsAt`, with its first deadline from now
    ├── by its agent → assigned to the operator
    ├── the deposit is there, the stake is locked
    ├── JobCreated and JobAssigned, in this order
    ├── the creator has sent nothing and has no ether
    └── the job is worked and paid as any other
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import web3
from order_stage import BY_PERMIT, OTHER_KEY, Order, OrderStage, encoded
from refusals import Refused, plain, refusal, refused
from stage import ASSIGNED, COMPLETED, DOLLAR, NO_ASSIGNMENT, OPEN, TALLY, Stage, event


@pytest.fixture
def orders(stage: Stage) -> OrderStage:
    """With an operator who has stake for several jobs."""
    stage.bond(stage.operator, 1_000 * TALLY)
    return OrderStage(stage)


def take(orders: OrderStage, order: Order, sender: Any = None, assignment: Any = NO_ASSIGNMENT, **signed: Any) -> Any:
    """The operator, or another sender on its behalf, takes an order."""
    stage = orders.stage
    signature = b"" if assignment == NO_ASSIGNMENT else stage.sign(assignment)
    call = (orders.signed(order, **signed), stage.operator, assignment, signature)
    return stage.escrow.acceptOrder(*call, {"from": sender or stage.operator})


def refused_take(
    orders: OrderStage, order: Order, sender: Any = None, assignment: Any = NO_ASSIGNMENT, **signed: Any
) -> Refused:
    stage = orders.stage
    signature = b"" if assignment == NO_ASSIGNMENT else stage.sign(assignment)
    call = (orders.signed(order, **signed), stage.operator, assignment, signature)
    return refusal(stage.escrow.acceptOrder, *call, sender=sender or stage.operator)


# ---- the order --------------------------------------------------------------------------------------------------------


def test_accept_order_that_another_key_signed_reverts(orders: OrderStage) -> None:
    order = orders.funded()
    assert refused_take(orders, order, signature=orders.sign(order, key=OTHER_KEY)) == refused(
        "JobEscrow_BadOrderSignature", creator=orders.creator
    )


def test_accept_order_before_it_starts_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded(starts_at=stage.now() + 100)
    stage.at(order.starts_at - 1)
    assert refused_take(orders, order) == refused(
        "JobEscrow_OrderNotStarted", startsAt=order.starts_at, nowAt=order.starts_at - 1
    )


def test_accept_order_while_new_jobs_are_paused_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.parameters.pauseNewJobs({"from": stage.guardian})
    assert refused_take(orders, order) == refused("ProtocolParameters_NewJobsPaused")


# ---- somebody else was quicker ----------------------------------------------------------------------------------------


def test_accept_order_that_a_stranger_posted_reverts(orders: OrderStage) -> None:
    order = orders.funded()
    orders.post(order)
    assert refused_take(orders, order) == refused("JobEscrow_OrderNonceUsed", creator=orders.creator, nonce=0)


def test_accept_of_an_order_that_a_stranger_posted_assigns_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    orders.post(order)
    stage.accept(order.terms)
    assert stage.state(order.terms)["operator"] == plain(stage.operator)


def test_accept_order_that_a_rival_took_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.bond(stage.rival)
    stage.escrow.acceptOrder(orders.signed(order), stage.rival, NO_ASSIGNMENT, b"", {"from": stage.rival})
    assert refused_take(orders, order) == refused("JobEscrow_OrderNonceUsed", creator=orders.creator, nonce=0)


def test_accept_of_an_order_that_a_rival_took_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.bond(stage.rival)
    stage.escrow.acceptOrder(orders.signed(order), stage.rival, NO_ASSIGNMENT, b"", {"from": stage.rival})
    call = (order.terms.abi(), stage.operator, NO_ASSIGNMENT, b"")
    assert refusal(stage.escrow.accept, *call, sender=stage.operator) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(order.terms), status=ASSIGNED, wanted=OPEN
    )


# ---- the acceptance ---------------------------------------------------------------------------------------------------


def test_accept_order_by_a_stranger_reverts(stage: Stage, orders: OrderStage) -> None:
    assert refused_take(orders, orders.funded(), sender=stage.stranger) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=stage.operator
    )


def test_accept_order_with_too_little_free_stake_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded(stakeLock=1_000 * TALLY + 1)
    assert refused_take(orders, order) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, available=1_000 * TALLY, wanted=1_000 * TALLY + 1
    )


# ---- the dispatcher's first choice ------------------------------------------------------------------------------------


@pytest.fixture
def dispatched(orders: OrderStage) -> Order:
    order = orders.dispatched_order()
    orders.fund(order)
    return order


def test_accept_order_without_assignment_in_the_exclusive_time_reverts(
    stage: Stage, orders: OrderStage, dispatched: Order
) -> None:
    until = dispatched.starts_at + 200
    stage.at(until - 1)
    assert refused_take(orders, dispatched) == refused("JobEscrow_ExclusiveUntil", until=until, nowAt=until - 1)


def test_accept_order_with_the_dispatchers_assignment_assigns_the_job(
    stage: Stage, orders: OrderStage, dispatched: Order
) -> None:
    take(orders, dispatched, assignment=stage.assignment(dispatched.terms, stage.operator, round=1))
    assert stage.state(dispatched.terms)["operator"] == plain(stage.operator)


def test_accept_order_with_an_assignment_of_the_second_round_reverts(
    stage: Stage, orders: OrderStage, dispatched: Order
) -> None:
    assignment = stage.assignment(dispatched.terms, stage.operator, round=2)
    assert refused_take(orders, dispatched, assignment=assignment) == refused(
        "JobEscrow_AssignmentMismatch", jobId=stage.job_id(dispatched.terms), operator=stage.operator, round=2
    )


def test_accept_order_when_the_exclusive_time_ends_needs_no_assignment(
    stage: Stage, orders: OrderStage, dispatched: Order
) -> None:
    stage.at(dispatched.starts_at + 200)
    take(orders, dispatched)
    assert stage.state(dispatched.terms)["operator"] == plain(stage.operator)


# ---- the money --------------------------------------------------------------------------------------------------------


def test_accept_order_without_an_allowance_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.order()
    orders.mint(order)
    assert refused_take(orders, order) == refused(
        "ERC20InsufficientAllowance", spender=stage.escrow, allowance=0, needed=100 * DOLLAR
    )


def test_accept_order_in_a_token_with_fee_reverts(stage: Stage, orders: OrderStage) -> None:
    token = stage.deploy("MockFeeToken")
    order = orders.order(paymentToken=token.address)
    orders.fund(order, token)
    assert refused_take(orders, order) == refused(
        "JobEscrow_UnexpectedAmount", token=token, expected=100 * DOLLAR, received=99 * DOLLAR
    )


# ---- all is well ------------------------------------------------------------------------------------------------------


def test_accept_order_assigns_the_job_at_the_price_since_its_start(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.starts_at + 250)
    take(orders, order)
    state = stage.state(order.terms)
    expected = {
        "status": ASSIGNED,
        "operator": plain(stage.operator),
        "round": 1,
        "acceptedAfter": 250,
        "deadline": order.starts_at + 250 + 500,
        "remaining": 100 * DOLLAR,
    }
    assert {name: state[name] for name in expected} == expected


def test_accept_order_by_the_agent_assigns_the_operator(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    take(orders, order, sender=stage.agent)
    assert stage.state(order.terms)["operator"] == plain(stage.operator)


def test_accept_order_moves_the_deposit_and_locks_the_stake(stage: Stage, orders: OrderStage) -> None:
    take(orders, orders.funded())
    held = (
        stage.payment.balanceOf(orders.creator),
        stage.payment.balanceOf(stage.escrow),
        stage.stakes.lockedStakeOf(stage.operator),
    )
    assert plain(held) == (0, 100 * DOLLAR, 50 * TALLY)


def test_accept_order_tells_of_the_job_before_its_assignment(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.starts_at + 250)
    taken = take(orders, order)
    names = [item.name for item in taken.events if item.name.startswith("Job")]
    assert names == ["JobCreated", "JobAssigned"]
    assert event(taken, "JobAssigned") == {
        "jobId": stage.job_id(order.terms),
        "operator": plain(stage.operator),
        "agent": plain(stage.operator),
        "round": 1,
        "price": 70 * DOLLAR,
        "deadline": order.starts_at + 250 + 500,
    }


def test_accept_order_costs_its_creator_no_gas(stage: Stage, orders: OrderStage) -> None:
    order = orders.order()
    permit = orders.permit(orders.mint(order), 100 * DOLLAR)
    take(orders, order, funding=BY_PERMIT, permit=encoded(permit))
    assert (web3.eth.get_transaction_count(orders.creator), web3.eth.get_balance(orders.creator)) == (0, 0)
    assert stage.state(order.terms)["status"] == ASSIGNED


def test_accept_order_makes_a_job_that_is_worked_and_paid(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.starts_at + 500)
    take(orders, order)
    for milestone in (0, 1):
        stage.settle(order.terms, milestone)
    assert stage.state(order.terms)["status"] == COMPLETED
    assert (stage.credit(stage.operator), stage.credit(orders.creator)) == (80 * DOLLAR, 20 * DOLLAR)
