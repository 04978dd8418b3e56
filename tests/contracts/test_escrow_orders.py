"""JobEscrow.postOrder and JobEscrow.cancelOrders: when an order can be submitted, how often, and what it makes.

Who signed it stands in test_escrow_order_signatures.py, what pays for it in test_escrow_funding.py.

postOrder
├── the time
│   ├── a second before `startsAt` → JobEscrow_OrderNotStarted
│   ├── in the second of `startsAt` → created
│   ├── in the last second of `expiresAt` → created
│   ├── a second later → JobEscrow_OrderExpired
│   ├── in the last second of its accept window → created
│   ├── a second later → JobEscrow_AcceptWindowOver
│   └── a window that ends beyond 64 bits → created
├── the nonce
│   ├── of an order with other terms → JobEscrow_OrderNonceUsed
│   ├── of the very same order, while its job is open, completed or refunded → JobEscrow_OrderNonceUsed
│   ├── used before others of its word → JobEscrow_OrderNonceUsed
│   ├── cancelled → JobEscrow_OrderNonceUsed
│   ├── a neighbour's bit, the next word, the very last one → created
│   └── used by another creator → created
├── the job is there already
│   ├── by an order with another nonce, be it open, completed or refunded → JobEscrow_JobExists
│   └── by the creator's own transaction → JobEscrow_JobExists
├── the terms
│   ├── make no sense by themselves → JobEscrow_BadTerms
│   ├── pay with what is no token → JobEscrow_BadTerms
│   ├── name a model that is not registered → ModelRegistry_UnknownModel
│   └── name another kind of proof than their model → JobEscrow_BadTerms
├── new jobs are paused
│   ├── → ProtocolParameters_NewJobsPaused
│   └── and resumed → created
└── all is well
    ├── the job was opened at `startsAt`: state, JobCreated
    ├── the nonce is used up: bitmap, OrderNoncesUsed
    ├── the deposit moves
    ├── the price has run since `startsAt`
    ├── the creator cancels it, as a job of its own
    └── the refund counts from `startsAt`

cancelOrders
├── bits → are set, told, and those of before stay
├── of the caller, and of nobody else
└── of a job that was created already → the job stays
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts
from order_stage import OPEN_SECONDS, OTHER_KEY, Order, OrderStage
from refusals import Refused, plain, refusal, refused
from stage import COMPLETED, DOLLAR, OPEN, OPTIMISTIC, REFUNDED, ZERO, Stage, event, word

LAST_NONCE = 2**256 - 1


@pytest.fixture
def orders(stage: Stage) -> OrderStage:
    return OrderStage(stage)


def refused_post(orders: OrderStage, order: Order) -> Refused:
    """How the escrow refuses an order with its right signature."""
    stage = orders.stage
    return refusal(stage.escrow.postOrder, orders.signed(order), sender=stage.stranger)


# ---- the time ---------------------------------------------------------------------------------------------------------


def test_post_order_a_second_before_it_starts_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded(starts_at=stage.now() + 100)
    stage.at(order.starts_at - 1)
    assert refused_post(orders, order) == refused(
        "JobEscrow_OrderNotStarted", startsAt=order.starts_at, nowAt=order.starts_at - 1
    )


def test_post_order_in_the_second_in_which_it_starts_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded(starts_at=stage.now() + 100)
    stage.at(order.starts_at)
    orders.post(order)
    assert stage.state(order.terms)["status"] == OPEN


def test_post_order_in_its_last_second_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.expires_at)
    orders.post(order)
    assert stage.state(order.terms)["status"] == OPEN


def test_post_order_a_second_after_it_expired_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.expires_at + 1)
    assert refused_post(orders, order) == refused(
        "JobEscrow_OrderExpired", expiresAt=order.expires_at, nowAt=order.expires_at + 1
    )


def test_post_order_in_the_last_second_of_its_window_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded(acceptSeconds=OPEN_SECONDS - 1)
    stage.at(order.expires_at - 1)
    orders.post(order)
    assert stage.state(order.terms)["status"] == OPEN


def test_post_order_a_second_after_its_window_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded(acceptSeconds=OPEN_SECONDS - 1)
    stage.at(order.expires_at)
    assert refused_post(orders, order) == refused(
        "JobEscrow_AcceptWindowOver", closedAt=order.expires_at - 1, nowAt=order.expires_at
    )


def test_post_order_that_never_expires_with_the_longest_window_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded(expires_at=2**64 - 1, acceptSeconds=2**32 - 1)
    orders.post(order)
    assert stage.state(order.terms)["openedAt"] == order.starts_at


# ---- the nonce --------------------------------------------------------------------------------------------------------


def test_post_order_with_the_nonce_of_other_terms_reverts(stage: Stage, orders: OrderStage) -> None:
    orders.post(orders.funded(nonce=7, salt=1))
    second = orders.funded(nonce=7, salt=2)
    assert refused_post(orders, second) == refused("JobEscrow_OrderNonceUsed", creator=orders.creator, nonce=7)


def complete(stage: Stage, order: Order) -> None:
    stage.accept(order.terms)
    for milestone in (0, 1):
        stage.settle(order.terms, milestone)


def call_off(stage: Stage, order: Order) -> None:
    stage.escrow.cancel(order.terms.abi(), {"from": accounts.at(order.terms["creator"], force=True)})


ENDS = pytest.mark.parametrize(
    ("end", "status"),
    [(lambda *_: None, OPEN), (complete, COMPLETED), (call_off, REFUNDED)],
    ids=["open", "completed", "refunded"],
)


@ENDS
def test_post_order_a_second_time_reverts(stage: Stage, orders: OrderStage, end: Any, status: int) -> None:
    order = orders.funded()
    orders.post(order)
    end(stage, order)
    orders.fund(order)
    assert stage.state(order.terms)["status"] == status
    assert refused_post(orders, order) == refused("JobEscrow_OrderNonceUsed", creator=orders.creator, nonce=0)


def test_post_order_that_was_cancelled_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded(nonce=256 + 3)
    stage.escrow.cancelOrders(1, 1 << 3, {"from": accounts.at(orders.creator, force=True)})
    assert refused_post(orders, order) == refused("JobEscrow_OrderNonceUsed", creator=orders.creator, nonce=259)


@pytest.mark.parametrize("nonce", [1, 255, 256, LAST_NONCE])
def test_post_order_with_another_nonce_opens_the_job(stage: Stage, orders: OrderStage, nonce: int) -> None:
    orders.post(orders.funded(nonce=0, salt=1))
    second = orders.funded(nonce=nonce, salt=2)
    orders.post(second)
    assert stage.state(second.terms)["status"] == OPEN


def test_post_order_with_a_nonce_that_was_used_before_others_reverts(stage: Stage, orders: OrderStage) -> None:
    for nonce in (0, 1, 255):
        orders.post(orders.funded(nonce=nonce, salt=nonce))
    again = orders.funded(nonce=0, salt=256)
    assert refused_post(orders, again) == refused("JobEscrow_OrderNonceUsed", creator=orders.creator, nonce=0)


def test_post_order_with_the_nonce_of_another_creator_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    others = OrderStage(stage, OTHER_KEY)
    others.post(others.funded(nonce=5))
    order = orders.funded(nonce=5)
    orders.post(order)
    assert stage.state(order.terms)["status"] == OPEN


# ---- the job is there already -----------------------------------------------------------------------------------------


@ENDS
def test_post_order_of_the_same_job_with_another_nonce_reverts(
    stage: Stage, orders: OrderStage, end: Any, status: int
) -> None:
    first = orders.funded(nonce=0)
    orders.post(first)
    end(stage, first)
    again = orders.funded(nonce=1)
    assert stage.state(again.terms)["status"] == status
    assert refused_post(orders, again) == refused("JobEscrow_JobExists", jobId=stage.job_id(again.terms))


def test_post_order_of_a_job_that_its_creator_created_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.escrow.createJob(order.terms.abi(), {"from": accounts.at(orders.creator, force=True)})
    orders.fund(order)
    assert refused_post(orders, order) == refused("JobEscrow_JobExists", jobId=stage.job_id(order.terms))


# ---- the terms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        ("shareBps: not 10000 together", {"shareBps": [6_000, 3_999]}),
        ("paymentToken: no contract at this address", {"paymentToken": ZERO}),
        ("proofKind: not the model's", {"proofKind": OPTIMISTIC}),
    ],
)
def test_post_order_with_bad_terms_reverts(orders: OrderStage, reason: str, changed: dict[str, Any]) -> None:
    assert refused_post(orders, orders.order(**changed)) == refused("JobEscrow_BadTerms", reason=reason)


def test_post_order_of_an_unknown_model_reverts(orders: OrderStage) -> None:
    order = orders.funded(modelId=word("nothing"))
    assert refused_post(orders, order) == refused("ModelRegistry_UnknownModel", modelId=word("nothing"))


def test_post_order_while_new_jobs_are_paused_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.parameters.pauseNewJobs({"from": stage.guardian})
    assert refused_post(orders, order) == refused("ProtocolParameters_NewJobsPaused")


def test_post_order_once_new_jobs_are_let_in_again_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.parameters.pauseNewJobs({"from": stage.guardian})
    stage.parameters.resumeNewJobs({"from": stage.governor})
    orders.post(order)
    assert stage.state(order.terms)["status"] == OPEN


# ---- what an order makes ----------------------------------------------------------------------------------------------


def test_post_order_opens_the_job_as_of_its_start(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.starts_at + 300)
    orders.post(order)
    state = stage.state(order.terms)
    expected = {"status": OPEN, "openedAt": order.starts_at, "round": 1, "remaining": 100 * DOLLAR, "economyVersion": 1}
    assert {name: state[name] for name in expected} == expected


def test_post_order_emits_the_job_as_of_its_start(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.starts_at + 300)
    assert event(orders.post(order), "JobCreated") == {
        "jobId": stage.job_id(order.terms),
        "creator": plain(orders.creator),
        "openedAt": order.starts_at,
        "economyVersion": 1,
        "terms": plain(order.terms.abi()),
    }


def test_post_order_uses_up_its_nonce(stage: Stage, orders: OrderStage) -> None:
    posted = orders.post(orders.funded(nonce=256 + 9))
    assert int(stage.escrow.orderNoncesOf(orders.creator, 1)) == 1 << 9
    assert event(posted, "OrderNoncesUsed") == {"creator": plain(orders.creator), "word": 1, "bits": 1 << 9}


def test_post_order_takes_the_deposit_from_the_creator(stage: Stage, orders: OrderStage) -> None:
    orders.post(orders.funded())
    held = (stage.payment.balanceOf(orders.creator), stage.payment.balanceOf(stage.escrow))
    assert plain(held) == (0, 100 * DOLLAR)


def test_post_order_opens_a_job_whose_price_has_run_since_its_start(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.starts_at + 250)
    orders.post(order)
    assert int(stage.escrow.priceOf(order.terms.abi())) == 70 * DOLLAR


def test_post_order_makes_a_job_that_its_creator_can_cancel(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    orders.post(order)
    stage.escrow.cancel(order.terms.abi(), {"from": accounts.at(orders.creator, force=True)})
    assert stage.credit(orders.creator) == 100 * DOLLAR


def test_post_order_makes_a_job_whose_refund_counts_from_its_start(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.at(order.expires_at)
    orders.post(order)
    closes_at = order.starts_at + order.terms["acceptSeconds"]
    stage.at(closes_at)
    assert refusal(stage.escrow.refund, order.terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_AcceptWindowOpen", closesAt=closes_at, nowAt=closes_at
    )
    stage.at(closes_at + 1)
    stage.escrow.refund(order.terms.abi(), {"from": stage.stranger})
    assert stage.credit(orders.creator) == 100 * DOLLAR


# ---- taking orders back -----------------------------------------------------------------------------------------------


def test_cancel_orders_adds_to_those_that_are_used(stage: Stage, orders: OrderStage) -> None:
    creator = accounts.at(orders.creator, force=True)
    orders.post(orders.funded(nonce=512))
    cancelled = stage.escrow.cancelOrders(2, 0b110, {"from": creator})
    assert int(stage.escrow.orderNoncesOf(creator, 2)) == 0b111
    assert event(cancelled, "OrderNoncesUsed") == {"creator": plain(orders.creator), "word": 2, "bits": 0b110}


def test_cancel_orders_by_a_stranger_leaves_the_creators_alone(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    stage.escrow.cancelOrders(0, 2**256 - 1, {"from": stage.stranger})
    orders.post(order)
    assert stage.state(order.terms)["status"] == OPEN


def test_cancel_orders_of_a_job_that_is_there_leaves_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    orders.post(order)
    stage.escrow.cancelOrders(0, 1, {"from": accounts.at(orders.creator, force=True)})
    stage.accept(order.terms)
    assert stage.state(order.terms)["operator"] == plain(stage.operator)
