"""JobEscrow when a token calls back in the middle of a transfer.

acceptOrder, whose token calls any function that changes something
├── → ReentrancyGuardReentrantCall, and the same call goes through afterwards
└── → the books are right
createJob, createJobWithPermit, postOrder, withdraw
└── whose token calls `withdraw` → ReentrancyGuardReentrantCall, and the same call goes through afterwards
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from brownie import accounts
from order_stage import NO_PERMIT, Order, OrderStage
from refusals import decoded, plain, refused
from stage import ASSIGNED, DOLLAR, NO_ASSIGNMENT, OPTIMISTIC, TALLY, Stage, Terms, rpc, word

GUARDED = refused("ReentrancyGuardReentrantCall")


@dataclass
class Trap:
    """An order in a token that calls back, and jobs that it could reach for: it is an agent of the operator's, and a
    creator itself."""

    stage: Stage
    token: Any
    order: Order
    signed: tuple[Any, ...]
    other_order: tuple[Any, ...]
    jobs: dict[str, Terms]


@pytest.fixture(scope="module")
def trap(stage: Stage) -> Trap:
    """Set once; every test springs it on a chain of its own."""
    stage.bond(stage.operator, 1_000 * TALLY)
    orders = OrderStage(stage)
    token = stage.deploy("MockReentrantToken")
    stage.stakes.appointAgent(token, {"from": stage.operator})
    order = orders.order(paymentToken=token.address, starts_at=stage.now() + 700)
    orders.fund(order, token)
    jobs = {
        "late": stage.assigned(salt=2),
        "open": stage.create(salt=3),
        "nobody's": stage.create(salt=4, acceptSeconds=600),
        "cancelled": stage.create(salt=5),
        "final": optimistic(stage, salt=6, challengeSeconds=60),
        "claimed": optimistic(stage, salt=7, challengeSeconds=10_000),
        "its own": stage.terms(salt=8, creator=token.address),
        "its next": stage.terms(salt=9, creator=token.address),
    }
    stage.escrow.cancel(jobs["cancelled"].abi(), {"from": stage.creator})
    creator = accounts.at(token.address, force=True)
    stage.payment.mint(token, 200 * DOLLAR, {"from": stage.stranger})
    stage.payment.approve(stage.escrow, 200 * DOLLAR, {"from": creator})
    stage.escrow.createJob(jobs["its own"].abi(), {"from": creator})
    other_order = orders.signed(orders.funded(nonce=1, salt=10))
    stage.at(order.starts_at)
    return Trap(stage, token, order, orders.signed(order), other_order, jobs)


def optimistic(stage: Stage, **changed: Any) -> Terms:
    """A job whose first milestone is claimed."""
    terms = stage.assigned(proofKind=OPTIMISTIC, modelId=stage.traced, **changed)
    stage.settle(terms, 0, proof=bytes.fromhex(word("trace")[2:]))
    return terms


def call_of(trap: Trap, name: str) -> tuple[str, str]:
    """Whom the token calls, and with what."""
    stage, escrow, settlement = trap.stage, trap.stage.escrow, trap.stage.settlement
    terms, jobs = trap.order.terms, {name: job.abi() for name, job in trap.jobs.items()}
    functions = {
        "createJob": (escrow.createJob, jobs["its next"]),
        "createJobWithPermit": (escrow.createJobWithPermit, jobs["its next"], NO_PERMIT),
        "postOrder": (escrow.postOrder, trap.other_order),
        "acceptOrder": (escrow.acceptOrder, trap.other_order, stage.operator, NO_ASSIGNMENT, b""),
        "cancel": (escrow.cancel, jobs["its own"]),
        "refund": (escrow.refund, jobs["nobody's"]),
        "accept": (escrow.accept, jobs["open"], stage.operator, NO_ASSIGNMENT, b""),
        "releaseEarly": (escrow.releaseEarly, terms.abi()),
        "claim": (settlement.claim, terms.abi(), stage.claim(terms, 0)),
        "finalize": (settlement.finalize, jobs["final"]),
        "fault": (stage.judge.proveFault, settlement, jobs["claimed"], 0),
        "expire": (escrow.expire, jobs["late"]),
        "expireMany": (escrow.expireMany, [jobs["late"]]),
        "withdraw": (escrow.withdraw, stage.payment, stage.creator),
    }
    function, *arguments = functions[name]
    return function._address, function.encode_input(*arguments)


CALLS = (
    *("createJob", "createJobWithPermit", "postOrder", "acceptOrder", "cancel", "refund", "accept"),
    *("releaseEarly", "claim", "finalize", "fault", "expire", "expireMany", "withdraw"),
)


def spring(trap: Trap, name: str) -> None:
    """The operator takes the order, and the token calls in the middle of the transfer."""
    stage = trap.stage
    trap.token.arm(*call_of(trap, name), {"from": stage.stranger})
    stage.escrow.acceptOrder(trap.signed, stage.operator, NO_ASSIGNMENT, b"", {"from": stage.operator})


def was_refused_only_then(trap: Trap, target: str, data: str) -> bool:
    """Whether the guard refused the token's call, and nothing else was in the way: it goes through now."""
    rpc("eth_call", {"from": trap.token.address, "to": target, "data": data}, "latest")
    return bool((trap.token.reentered(), decoded(trap.token.answer())) == (False, GUARDED))


@pytest.mark.parametrize("name", CALLS)
def test_accept_order_when_the_token_calls_back_refuses_the_call_until_it_is_done(trap: Trap, name: str) -> None:
    spring(trap, name)
    assert was_refused_only_then(trap, *call_of(trap, name))


@pytest.mark.parametrize("name", CALLS)
def test_accept_order_when_the_token_calls_back_keeps_the_books_right(stage: Stage, trap: Trap, name: str) -> None:
    locked, held = stage.stakes.lockedStakeOf(stage.operator), stage.payment.balanceOf(stage.escrow)
    spring(trap, name)
    state = stage.state(trap.order.terms)
    after = (
        trap.token.balanceOf(stage.escrow),
        stage.payment.balanceOf(stage.escrow) - held,
        stage.stakes.lockedStakeOf(stage.operator) - locked,
    )
    assert plain(after) == (100 * DOLLAR, 0, 50 * TALLY)
    assert (state["status"], state["remaining"]) == (ASSIGNED, 100 * DOLLAR)


# ---- the other functions that call a token ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["createJob", "createJobWithPermit", "postOrder"])
def test_creation_when_the_token_calls_back_refuses_the_call_until_it_is_done(trap: Trap, name: str) -> None:
    escrow = trap.stage.escrow
    arguments = {
        "createJob": (trap.order.terms.abi(),),
        "createJobWithPermit": (trap.order.terms.abi(), NO_PERMIT),
        "postOrder": (trap.signed,),
    }[name]
    trap.token.arm(*call_of(trap, "withdraw"), {"from": trap.stage.stranger})
    creator = accounts.at(trap.order.terms["creator"], force=True)
    getattr(escrow, name)(*arguments, {"from": creator})
    assert was_refused_only_then(trap, *call_of(trap, "withdraw"))


def test_withdraw_when_the_token_calls_back_refuses_the_call_until_it_is_done(stage: Stage, trap: Trap) -> None:
    creator = accounts.at(trap.order.terms["creator"], force=True)
    stage.escrow.postOrder(trap.signed, {"from": stage.stranger})
    stage.escrow.cancel(trap.order.terms.abi(), {"from": creator})
    trap.token.arm(*call_of(trap, "withdraw"), {"from": stage.stranger})
    stage.escrow.withdraw(trap.token, creator, {"from": stage.stranger})
    assert was_refused_only_then(trap, *call_of(trap, "withdraw"))
