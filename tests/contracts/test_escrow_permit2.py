"""Orders that Permit2 pays for: the real one, at the address that it has everywhere.

postOrder by Permit2
├── there is no Permit2 on this chain → JobEscrow_NoPermit2
├── the signature
│   ├── is right → created; the nonce is used up here and there
│   ├── is over the order alone → InvalidSigner
│   ├── is by another key → InvalidSigner
│   ├── is empty → InvalidSignatureLength
│   ├── is over other terms, another nonce, other times → InvalidSigner
│   ├── is over another token, another amount, another deadline → InvalidSigner
│   ├── is for another spender: a stranger, another escrow → InvalidSigner
│   └── is Permit2's, and another funding is named → JobEscrow_BadOrderSignature
├── taken from a submitted order, and brought to Permit2 by somebody else → InvalidSigner
├── the nonce
│   ├── is used at Permit2 → InvalidNonce
│   ├── is used here → JobEscrow_OrderNonceUsed
│   └── is cancelled here → JobEscrow_OrderNonceUsed
├── the order has expired → JobEscrow_OrderExpired
├── the money
│   ├── is not approved to Permit2, or not there → TRANSFER_FROM_FAILED
│   ├── comes short → JobEscrow_UnexpectedAmount
│   └── comes beside that of other jobs → created
└── the creator is a contract
    ├── that knows the signature → created
    └── that does not → InvalidContractSignature

acceptOrder by Permit2
├── → assigned, and the creator has sent nothing but its approval to Permit2
└── the signature is wrong → InvalidSigner, although everything else was done before
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from brownie import accounts, web3
from order_stage import BY_ALLOWANCE, BY_PERMIT, BY_PERMIT2, ORDER_TYPES, OTHER_KEY, Order, OrderStage, elsewhere
from permit2_stage import PERMIT2, Witness, install_permit2
from refusals import Refused, plain, refusal, refused
from stage import ASSIGNED, DOLLAR, NO_ASSIGNMENT, OPEN, Stage, word

DEPOSIT = 100 * DOLLAR
WRONG_SIGNER = refused("InvalidSigner")


@pytest.fixture
def permit2(stage: Stage) -> Any:
    return install_permit2(stage.deployer)


@pytest.fixture
def orders(stage: Stage, permit2: Any) -> OrderStage:
    return OrderStage(stage)


@pytest.fixture
def order(orders: OrderStage) -> Order:
    """Its deposit is there, and approved to Permit2."""
    order = orders.order(nonce=256 + 7)
    orders.fund(order, spender=PERMIT2)
    return order


def post(orders: OrderStage, order: Order, signature: bytes | None = None) -> None:
    signed = orders.signed(order, BY_PERMIT2, orders.permit2(order) if signature is None else signature)
    orders.stage.escrow.postOrder(signed, {"from": orders.stage.stranger})


def refused_post(orders: OrderStage, order: Order, signature: bytes, funding: int = BY_PERMIT2) -> Refused:
    signed = orders.signed(order, funding, signature)
    return refusal(orders.stage.escrow.postOrder, signed, sender=orders.stage.stranger)


def test_post_order_by_permit2_where_there_is_none_reverts(stage: Stage) -> None:
    orders = OrderStage(stage)
    order = orders.funded()
    assert refused_post(orders, order, orders.permit2(order)) == refused("JobEscrow_NoPermit2", permit2=PERMIT2)


# ---- the signature ----------------------------------------------------------------------------------------------------


def test_post_order_by_permit2_opens_the_job(stage: Stage, orders: OrderStage, order: Order) -> None:
    post(orders, order)
    held = (stage.payment.balanceOf(orders.creator), stage.payment.balanceOf(stage.escrow))
    assert plain(held) == (0, DEPOSIT)
    assert stage.state(order.terms)["status"] == OPEN


def test_post_order_by_permit2_beside_other_money_opens_the_job(stage: Stage, orders: OrderStage, order: Order) -> None:
    stage.create()
    post(orders, order)
    assert int(stage.payment.balanceOf(stage.escrow)) == 2 * DEPOSIT


def test_post_order_by_permit2_uses_up_the_nonce_here_and_there(
    stage: Stage, orders: OrderStage, order: Order, permit2: Any
) -> None:
    post(orders, order)
    used = (stage.escrow.orderNoncesOf(orders.creator, 1), permit2.nonceBitmap(orders.creator, 1))
    assert plain(used) == (1 << 7, 1 << 7)


def test_post_order_by_permit2_with_a_signature_of_the_order_alone_reverts(orders: OrderStage, order: Order) -> None:
    assert refused_post(orders, order, orders.sign(order)) == WRONG_SIGNER


def test_post_order_by_permit2_that_another_key_signed_reverts(orders: OrderStage, order: Order) -> None:
    assert refused_post(orders, order, orders.permit2(order, key=OTHER_KEY)) == WRONG_SIGNER


def test_post_order_by_permit2_without_a_signature_reverts(orders: OrderStage, order: Order) -> None:
    assert refused_post(orders, order, b"") == refused("InvalidSignatureLength")


@pytest.mark.parametrize(
    "changed",
    [{"salt": 2}, {"minPrice": 1}, {"maxPrice": DEPOSIT - 1}, {"stakeLock": 10**18}, {"shareBps": [4_000, 6_000]}],
    ids=str,
)
def test_post_order_by_permit2_with_other_terms_than_signed_reverts(
    orders: OrderStage, order: Order, changed: dict[str, Any]
) -> None:
    assert refused_post(orders, order.with_terms(**changed), orders.permit2(order)) == WRONG_SIGNER


@pytest.mark.parametrize("changed", [{"nonce": 8}, {"starts_at": 1}, {"expires_at": 2**40}], ids=str)
def test_post_order_by_permit2_with_other_nonce_or_times_than_signed_reverts(
    orders: OrderStage, changed: dict[str, Any]
) -> None:
    order = orders.order(acceptSeconds=2**32 - 1)
    orders.fund(order, spender=PERMIT2)
    assert refused_post(orders, replace(order, **changed), orders.permit2(order)) == WRONG_SIGNER


def test_post_order_by_permit2_with_another_start_in_the_witness_alone_reverts(
    orders: OrderStage, order: Order
) -> None:
    # Permit2's own words know nothing of `startsAt`: only the witness holds it.
    signature = orders.permit2(replace(order, starts_at=order.starts_at - 1))
    assert refused_post(orders, order, signature) == WRONG_SIGNER


@pytest.mark.parametrize(
    "changed",
    [{"token": word("another token")[:42]}, {"amount": DEPOSIT - 1}, {"nonce": 8}, {"deadline": 2**40}],
    ids=str,
)
def test_post_order_by_permit2_that_permits_something_else_reverts(
    orders: OrderStage, order: Order, changed: dict[str, Any]
) -> None:
    assert refused_post(orders, order, orders.permit2(order, **changed)) == WRONG_SIGNER


def test_post_order_by_permit2_that_permits_somebody_else_reverts(
    stage: Stage, orders: OrderStage, order: Order
) -> None:
    signature = orders.permit2(order, spender=stage.stranger.address)
    assert refused_post(orders, order, signature) == WRONG_SIGNER


def test_post_order_by_permit2_at_another_escrow_reverts(stage: Stage, orders: OrderStage, order: Order) -> None:
    signed = orders.signed(order, BY_PERMIT2, orders.permit2(order))
    assert refusal(elsewhere(stage).escrow.postOrder, signed, sender=stage.stranger) == WRONG_SIGNER


@pytest.mark.parametrize("funding", [BY_ALLOWANCE, BY_PERMIT])
def test_post_order_with_a_permit2_signature_by_another_funding_reverts(
    orders: OrderStage, funding: int, order: Order
) -> None:
    orders.fund(order)
    assert refused_post(orders, order, orders.permit2(order), funding) == refused(
        "JobEscrow_BadOrderSignature", creator=orders.creator
    )


def test_permit2_with_an_orders_signature_from_somebody_else_reverts(
    stage: Stage, orders: OrderStage, order: Order, permit2: Any
) -> None:
    witness = Witness("JobOrder", ORDER_TYPES, order.value())
    request = (
        ((stage.payment.address, DEPOSIT), order.nonce, order.expires_at),
        (stage.rival.address, DEPOSIT),
        *(orders.creator, witness.hash(), witness.type_string(), orders.permit2(order)),
    )
    function = permit2.permitWitnessTransferFrom["tuple,tuple,address,bytes32,string,bytes"]
    assert refusal(function, *request, sender=stage.rival) == WRONG_SIGNER


# ---- the nonce and the time -------------------------------------------------------------------------------------------


def test_post_order_by_permit2_with_a_nonce_that_permit2_knows_reverts(
    orders: OrderStage, order: Order, permit2: Any
) -> None:
    permit2.invalidateUnorderedNonces(1, 1 << 7, {"from": accounts.at(orders.creator, force=True)})
    assert refused_post(orders, order, orders.permit2(order)) == refused("InvalidNonce")


def test_post_order_by_permit2_with_a_nonce_that_is_used_here_reverts(orders: OrderStage, order: Order) -> None:
    # By an allowance, so that Permit2 has not seen it.
    orders.post(orders.funded(nonce=order.nonce, salt=2))
    assert refused_post(orders, order, orders.permit2(order)) == refused(
        "JobEscrow_OrderNonceUsed", creator=orders.creator, nonce=order.nonce
    )


def test_post_order_by_permit2_that_was_cancelled_here_reverts(stage: Stage, orders: OrderStage, order: Order) -> None:
    stage.escrow.cancelOrders(1, 1 << 7, {"from": accounts.at(orders.creator, force=True)})
    assert refused_post(orders, order, orders.permit2(order)) == refused(
        "JobEscrow_OrderNonceUsed", creator=orders.creator, nonce=order.nonce
    )


def test_post_order_by_permit2_after_it_expired_reverts(stage: Stage, orders: OrderStage, order: Order) -> None:
    stage.at(order.expires_at + 1)
    assert refused_post(orders, order, orders.permit2(order)) == refused(
        "JobEscrow_OrderExpired", expiresAt=order.expires_at, nowAt=order.expires_at + 1
    )


def test_post_order_by_permit2_in_its_last_second_opens_the_job(stage: Stage, orders: OrderStage, order: Order) -> None:
    stage.at(order.expires_at)
    post(orders, order)
    assert stage.state(order.terms)["status"] == OPEN


# ---- the money --------------------------------------------------------------------------------------------------------


def test_post_order_by_permit2_without_an_approval_to_permit2_reverts(orders: OrderStage) -> None:
    order = orders.funded()
    assert refused_post(orders, order, orders.permit2(order)) == refused("Error", reason="TRANSFER_FROM_FAILED")


def test_post_order_by_permit2_without_balance_reverts(stage: Stage, orders: OrderStage, order: Order) -> None:
    stage.payment.transfer(stage.stranger, 1, {"from": accounts.at(orders.creator, force=True)})
    assert refused_post(orders, order, orders.permit2(order)) == refused("Error", reason="TRANSFER_FROM_FAILED")


def test_post_order_by_permit2_in_a_token_with_fee_reverts(stage: Stage, orders: OrderStage) -> None:
    token = stage.deploy("MockFeeToken")
    order = orders.order(paymentToken=token.address)
    orders.fund(order, token, spender=PERMIT2)
    assert refused_post(orders, order, orders.permit2(order)) == refused(
        "JobEscrow_UnexpectedAmount", token=token, expected=DEPOSIT, received=99 * DOLLAR
    )


# ---- contracts as creators --------------------------------------------------------------------------------------------


@pytest.fixture
def contract_order(stage: Stage, orders: OrderStage) -> Order:
    """An order of a wallet that the usual key owns."""
    wallet = stage.deploy("MockContractWallet", orders.creator)
    order = orders.order(creator=wallet.address)
    orders.fund(order, spender=PERMIT2)
    return order


def test_post_order_by_permit2_of_a_contract_opens_the_job(
    stage: Stage, orders: OrderStage, contract_order: Order
) -> None:
    post(orders, contract_order)
    assert stage.state(contract_order.terms)["remaining"] == DEPOSIT


def test_post_order_by_permit2_of_a_contract_that_does_not_know_the_signature_reverts(
    stage: Stage, orders: OrderStage, contract_order: Order
) -> None:
    signature = orders.permit2(contract_order, key=OTHER_KEY)
    assert refused_post(orders, contract_order, signature) == refused("InvalidContractSignature")


# ---- acceptOrder ------------------------------------------------------------------------------------------------------


def test_accept_order_by_permit2_assigns_the_job(stage: Stage, orders: OrderStage, order: Order) -> None:
    stage.bond(stage.operator)
    sent = web3.eth.get_transaction_count(orders.creator)
    signed = orders.signed(order, BY_PERMIT2, orders.permit2(order))
    stage.escrow.acceptOrder(signed, stage.operator, NO_ASSIGNMENT, b"", {"from": stage.operator})
    assert stage.state(order.terms)["status"] == ASSIGNED
    assert web3.eth.get_transaction_count(orders.creator) == sent


def test_accept_order_by_permit2_that_another_key_signed_reverts(
    stage: Stage, orders: OrderStage, order: Order
) -> None:
    stage.bond(stage.operator)
    signed = orders.signed(order, BY_PERMIT2, orders.permit2(order, key=OTHER_KEY))
    call = (signed, stage.operator, NO_ASSIGNMENT, b"")
    assert refusal(stage.escrow.acceptOrder, *call, sender=stage.operator) == WRONG_SIGNER
