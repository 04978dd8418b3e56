"""What pays for a job: an allowance, or an EIP-2612 signature that makes one. Permit2 stands in test_escrow_permit2.py.

createJobWithPermit
├── by a stranger, with the creator's signature and its allowance → JobEscrow_NotCreator
├── the signature
│   ├── is right → created, and nothing of the allowance is left
│   ├── was used by somebody else before → created
│   ├── is over less → ERC20InsufficientAllowance
│   ├── has expired → ERC20InsufficientAllowance; with an allowance → created
│   ├── is for another spender → ERC20InsufficientAllowance
│   ├── is by another key → ERC20InsufficientAllowance
│   └── is right, and the balance is short → ERC20InsufficientBalance
└── the token
    ├── has no permit → its refusal; with an allowance → created
    ├── lets every call pass → ERC20InsufficientAllowance; with an allowance → created
    ├── keeps a fee → JobEscrow_UnexpectedAmount
    └── is none → JobEscrow_BadTerms

postOrder by Allowance
├── with none → ERC20InsufficientAllowance
├── of too little → ERC20InsufficientAllowance
├── with no balance → ERC20InsufficientBalance
└── what stands where a permit would → is not looked at

postOrder by Permit
├── the signature
│   ├── is right → created
│   ├── was used by somebody else before → created
│   ├── is over less, has expired, is for another spender, is by another key → ERC20InsufficientAllowance
│   └── has expired, with an allowance → created
├── no signature at all, or not one to be read → refused without a word
└── the token
    ├── has no permit → its refusal; with an allowance → created
    ├── lets every call pass → ERC20InsufficientAllowance
    ├── keeps a fee → JobEscrow_UnexpectedAmount
    └── answers false → SafeERC20FailedOperation
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from brownie import accounts
from order_stage import BY_ALLOWANCE, BY_PERMIT, OTHER_KEY, Order, OrderStage, encoded
from refusals import Refused, plain, refusal, refused
from stage import DOLLAR, OPEN, ZERO, Stage

DEPOSIT = 100 * DOLLAR
UNDERFLOW = 0x11
Permit = tuple[Any, ...]


@pytest.fixture
def orders(stage: Stage) -> OrderStage:
    return OrderStage(stage)


def right(orders: OrderStage) -> Permit:
    return orders.permit(orders.stage.payment, DEPOSIT)


def expired(orders: OrderStage) -> Permit:
    return orders.permit(orders.stage.payment, DEPOSIT, deadline=orders.stage.now() - 1)


def over_less(orders: OrderStage) -> Permit:
    return orders.permit(orders.stage.payment, DEPOSIT - 1)


def for_another_spender(orders: OrderStage) -> Permit:
    return orders.permit(orders.stage.payment, DEPOSIT, spender=orders.stage.stakes)


def by_another_key(orders: OrderStage) -> Permit:
    return orders.permit(orders.stage.payment, DEPOSIT, key=OTHER_KEY)


WRONG = pytest.mark.parametrize("wrong", [expired, over_less, for_another_spender, by_another_key])


def use(orders: OrderStage, permit: Permit) -> None:
    """Somebody brings the signature to the token before the escrow does."""
    stage = orders.stage
    stage.payment.permit(orders.creator, stage.escrow, DEPOSIT, *permit, {"from": stage.rival})


def no_allowance(stage: Stage) -> Refused:
    return refused("ERC20InsufficientAllowance", spender=stage.escrow, allowance=0, needed=DEPOSIT)


def in_token(orders: OrderStage, name: str) -> tuple[Any, Order]:
    """A token and an order in it, whose deposit is there."""
    token = orders.stage.deploy(name)
    order = orders.order(paymentToken=token.address)
    orders.mint(order, token)
    return token, order


# ---- createJobWithPermit ----------------------------------------------------------------------------------------------


def create(orders: OrderStage, order: Order, permit: Permit) -> Any:
    creator = accounts.at(orders.creator, force=True)
    return orders.stage.escrow.createJobWithPermit(order.terms.abi(), permit, {"from": creator})


def refused_create(orders: OrderStage, order: Order, permit: Permit) -> Refused:
    function = orders.stage.escrow.createJobWithPermit
    return refusal(function, order.terms.abi(), permit, sender=orders.creator)


def test_create_job_with_permit_of_another_creator_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    call = (order.terms.abi(), right(orders))
    assert refusal(stage.escrow.createJobWithPermit, *call, sender=stage.stranger) == refused(
        "JobEscrow_NotCreator", caller=stage.stranger, creator=orders.creator
    )


def test_create_job_with_permit_that_is_right_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.order()
    orders.mint(order)
    create(orders, order, right(orders))
    held = (stage.payment.balanceOf(stage.escrow), stage.payment.allowance(orders.creator, stage.escrow))
    assert plain(held) == (DEPOSIT, 0)
    assert stage.state(order.terms)["status"] == OPEN


def test_create_job_with_permit_that_was_used_before_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order, permit = orders.order(), right(orders)
    orders.mint(order)
    use(orders, permit)
    create(orders, order, permit)
    assert stage.state(order.terms)["status"] == OPEN


@WRONG
def test_create_job_with_permit_that_is_wrong_reverts(
    stage: Stage, orders: OrderStage, wrong: Callable[[OrderStage], Permit]
) -> None:
    order = orders.order()
    orders.mint(order)
    assert refused_create(orders, order, wrong(orders)) == no_allowance(stage)


def test_create_job_with_permit_that_expired_and_an_allowance_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    create(orders, order, expired(orders))
    assert stage.state(order.terms)["status"] == OPEN


def test_create_job_with_permit_without_balance_reverts(orders: OrderStage) -> None:
    assert refused_create(orders, orders.order(), right(orders)) == refused(
        "ERC20InsufficientBalance", sender=orders.creator, balance=0, needed=DEPOSIT
    )


def test_create_job_with_permit_in_a_token_without_permit_reverts(orders: OrderStage) -> None:
    _, order = in_token(orders, "MockVoidToken")
    # The old kind of token has no better word for it.
    assert refused_create(orders, order, right(orders)) == refused("Panic", code=UNDERFLOW)


@pytest.mark.parametrize("name", ["MockVoidToken", "MockWrappedToken"])
def test_create_job_with_permit_in_a_token_without_permit_and_an_allowance_opens_the_job(
    stage: Stage, orders: OrderStage, name: str
) -> None:
    token, order = in_token(orders, name)
    token.approve(stage.escrow, DEPOSIT, {"from": accounts.at(orders.creator, force=True)})
    create(orders, order, right(orders))
    assert stage.state(order.terms)["status"] == OPEN


def test_create_job_with_permit_in_a_token_that_lets_it_pass_reverts(stage: Stage, orders: OrderStage) -> None:
    _, order = in_token(orders, "MockWrappedToken")
    assert refused_create(orders, order, right(orders)) == no_allowance(stage)


def test_create_job_with_permit_in_a_token_with_fee_reverts(orders: OrderStage) -> None:
    token, order = in_token(orders, "MockFeeToken")
    assert refused_create(orders, order, orders.permit(token, DEPOSIT)) == refused(
        "JobEscrow_UnexpectedAmount", token=token, expected=DEPOSIT, received=99 * DOLLAR
    )


def test_create_job_with_permit_in_no_token_reverts(orders: OrderStage) -> None:
    order = orders.order(paymentToken=ZERO)
    assert refused_create(orders, order, right(orders)) == refused(
        "JobEscrow_BadTerms", reason="paymentToken: no contract at this address"
    )


# ---- postOrder by Allowance -------------------------------------------------------------------------------------------


def refused_post(orders: OrderStage, order: Order, funding: int, permit: bytes = b"") -> Refused:
    signed = orders.signed(order, funding, permit=permit)
    return refusal(orders.stage.escrow.postOrder, signed, sender=orders.stage.stranger)


def test_post_order_without_allowance_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.order()
    orders.mint(order)
    assert refused_post(orders, order, BY_ALLOWANCE) == no_allowance(stage)


def test_post_order_with_too_little_allowance_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.order()
    orders.mint(order)
    stage.payment.approve(stage.escrow, DEPOSIT - 1, {"from": accounts.at(orders.creator, force=True)})
    assert refused_post(orders, order, BY_ALLOWANCE) == refused(
        "ERC20InsufficientAllowance", spender=stage.escrow, allowance=DEPOSIT - 1, needed=DEPOSIT
    )


def test_post_order_without_balance_reverts(stage: Stage, orders: OrderStage) -> None:
    stage.payment.approve(stage.escrow, DEPOSIT, {"from": accounts.at(orders.creator, force=True)})
    assert refused_post(orders, orders.order(), BY_ALLOWANCE) == refused(
        "ERC20InsufficientBalance", sender=orders.creator, balance=0, needed=DEPOSIT
    )


def test_post_order_by_allowance_does_not_look_for_a_permit(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    signed = orders.signed(order, BY_ALLOWANCE, permit=encoded(right(orders)))
    stage.escrow.postOrder(signed, {"from": stage.stranger})
    assert int(stage.payment.nonces(orders.creator)) == 0


# ---- postOrder by Permit ----------------------------------------------------------------------------------------------


def post(orders: OrderStage, order: Order, permit: Permit) -> None:
    signed = orders.signed(order, BY_PERMIT, permit=encoded(permit))
    orders.stage.escrow.postOrder(signed, {"from": orders.stage.stranger})


def test_post_order_by_permit_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.order()
    orders.mint(order)
    post(orders, order, right(orders))
    held = (stage.payment.balanceOf(stage.escrow), stage.payment.allowance(orders.creator, stage.escrow))
    assert plain(held) == (DEPOSIT, 0)
    assert stage.state(order.terms)["status"] == OPEN


def test_post_order_by_permit_that_was_used_before_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order, permit = orders.order(), right(orders)
    orders.mint(order)
    use(orders, permit)
    post(orders, order, permit)
    assert stage.state(order.terms)["status"] == OPEN


@WRONG
def test_post_order_by_permit_that_is_wrong_reverts(
    stage: Stage, orders: OrderStage, wrong: Callable[[OrderStage], Permit]
) -> None:
    order = orders.order()
    orders.mint(order)
    assert refused_post(orders, order, BY_PERMIT, encoded(wrong(orders))) == no_allowance(stage)


def test_post_order_by_permit_that_expired_and_an_allowance_opens_the_job(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    post(orders, order, expired(orders))
    assert stage.state(order.terms)["status"] == OPEN


@pytest.mark.parametrize("permit", [b"", b"\x01" * 127, b"\xff" * 128], ids=["none", "short", "not a v"])
def test_post_order_by_permit_that_cannot_be_read_reverts(orders: OrderStage, permit: bytes) -> None:
    assert refused_post(orders, orders.funded(), BY_PERMIT, permit) == refused("")


def test_post_order_by_permit_in_a_token_without_permit_reverts(orders: OrderStage) -> None:
    _, order = in_token(orders, "MockVoidToken")
    assert refused_post(orders, order, BY_PERMIT, encoded(right(orders))) == refused("Panic", code=UNDERFLOW)


@pytest.mark.parametrize("name", ["MockVoidToken", "MockWrappedToken"])
def test_post_order_by_permit_in_a_token_without_permit_and_an_allowance_opens_the_job(
    stage: Stage, orders: OrderStage, name: str
) -> None:
    token, order = in_token(orders, name)
    token.approve(stage.escrow, DEPOSIT, {"from": accounts.at(orders.creator, force=True)})
    post(orders, order, right(orders))
    assert stage.state(order.terms)["status"] == OPEN


def test_post_order_by_permit_in_a_token_that_lets_it_pass_reverts(stage: Stage, orders: OrderStage) -> None:
    _, order = in_token(orders, "MockWrappedToken")
    assert refused_post(orders, order, BY_PERMIT, encoded(right(orders))) == no_allowance(stage)


def test_post_order_by_permit_in_a_token_with_fee_reverts(orders: OrderStage) -> None:
    token, order = in_token(orders, "MockFeeToken")
    assert refused_post(orders, order, BY_PERMIT, encoded(orders.permit(token, DEPOSIT))) == refused(
        "JobEscrow_UnexpectedAmount", token=token, expected=DEPOSIT, received=99 * DOLLAR
    )


def test_post_order_in_a_token_that_answers_false_reverts(stage: Stage, orders: OrderStage) -> None:
    token, order = in_token(orders, "MockFalseToken")
    token.approve(stage.escrow, DEPOSIT, {"from": accounts.at(orders.creator, force=True)})
    token.refuse(True, {"from": stage.stranger})
    assert refused_post(orders, order, BY_PERMIT, encoded(right(orders))) == refused(
        "SafeERC20FailedOperation", token=token
    )
