"""JobEscrow.postOrder: whose signature an order needs, and over what.

postOrder
├── the signature
│   ├── is by another key, whether an allowance or a permit pays → JobEscrow_BadOrderSignature
│   ├── is empty, short, or of the 64-byte kind → JobEscrow_BadOrderSignature
│   ├── is the same one with its s mirrored → JobEscrow_BadOrderSignature
│   ├── is missing, and the creator itself submits → JobEscrow_BadOrderSignature
│   └── is of nobody's, for a creator that is nobody → JobEscrow_BadOrderSignature
├── the order is not the one that was signed: one field, whichever → JobEscrow_BadOrderSignature
├── it was signed for somewhere else
│   ├── another escrow on this chain → JobEscrow_BadOrderSignature here, created there
│   ├── another chain → JobEscrow_BadOrderSignature
│   └── this chain, before it changed its id → JobEscrow_BadOrderSignature; for the new id → created
├── what was signed is something else
│   ├── the job's id alone → JobEscrow_BadOrderSignature
│   ├── an assignment → JobEscrow_BadOrderSignature
│   └── an order, brought as an assignment → JobEscrow_BadAssignmentSignature
└── the creator is a contract
    ├── that knows the signature → created
    ├── that does not, by ERC-1271 → JobEscrow_BadOrderSignature
    ├── that has changed its mind → JobEscrow_BadOrderSignature
    ├── that knows nothing of signatures → JobEscrow_BadOrderSignature
    └── that lets every call pass, and answers nothing → JobEscrow_BadOrderSignature
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from brownie import chain
from order_stage import BY_ALLOWANCE, BY_PERMIT, NO_PERMIT, OTHER_KEY, Order, OrderStage, elsewhere, encoded
from refusals import Refused, refusal, refused
from stage import OPEN, ZERO, Stage, rpc, word

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OTHER_CHAIN = 8_453


@pytest.fixture
def orders(stage: Stage) -> OrderStage:
    return OrderStage(stage)


def refused_post(orders: OrderStage, order: Order, signature: bytes) -> Refused:
    signed = orders.signed(order, signature=signature)
    return refusal(orders.stage.escrow.postOrder, signed, sender=orders.stage.stranger)


def bad_signature(order: Order) -> Refused:
    return refused("JobEscrow_BadOrderSignature", creator=order.terms["creator"])


# ---- the signature ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("funding", [BY_ALLOWANCE, BY_PERMIT])
def test_post_order_that_another_key_signed_reverts(stage: Stage, orders: OrderStage, funding: int) -> None:
    order = orders.funded()
    signed = orders.signed(order, funding, orders.sign(order, key=OTHER_KEY), encoded(NO_PERMIT))
    assert refusal(stage.escrow.postOrder, signed, sender=stage.stranger) == bad_signature(order)


def compact(signature: bytes) -> bytes:
    """The same signature as EIP-2098 spells it."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    return r + (s | (v - 27) << 255).to_bytes(32, "big")


def mirrored(signature: bytes) -> bytes:
    """The other signature that the curve knows for the same key and message."""
    s, v = int.from_bytes(signature[32:64], "big"), signature[64]
    return signature[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - v])


@pytest.mark.parametrize(
    "spoil",
    [lambda _: b"", lambda signature: signature[:64], compact, mirrored, lambda _: b"\x00" * 65],
    ids=["empty", "short", "compact", "mirrored", "zeros"],
)
def test_post_order_with_a_spoilt_signature_reverts(orders: OrderStage, spoil: Any) -> None:
    order = orders.funded()
    assert refused_post(orders, order, spoil(orders.sign(order))) == bad_signature(order)


def test_post_order_by_its_creator_without_a_signature_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.funded()
    signed = orders.signed(order, signature=b"")
    assert refusal(stage.escrow.postOrder, signed, sender=orders.creator) == bad_signature(order)


def test_post_order_of_nobody_reverts(orders: OrderStage) -> None:
    order = orders.order(creator=ZERO)
    # What ecrecover answers to this is the zero address.
    assert refused_post(orders, order, b"\x00" * 64 + b"\x1b") == bad_signature(order)


# ---- the order --------------------------------------------------------------------------------------------------------

CHANGED_TERMS: dict[str, Any] = {
    "salt": 2,
    "modelId": word("another model"),
    "mode": 1,
    "inputRoot": word("another input"),
    "manifest": word("another manifest"),
    "minPrice": 1,
    "maxPrice": 99_999_999,
    "rampSeconds": 1,
    "stakeLock": 10**18,
    "acceptSeconds": 1_999,
    "dispatcher": word("another dispatcher")[:42],
    "shareBps": [4_000, 6_000],
    "durationSeconds": [300, 500],
}


@pytest.mark.parametrize("field", CHANGED_TERMS)
def test_post_order_with_other_terms_than_signed_reverts(orders: OrderStage, field: str) -> None:
    order = orders.funded()
    changed = order.with_terms(**{field: CHANGED_TERMS[field]})
    assert refused_post(orders, changed, orders.sign(order)) == bad_signature(order)


@pytest.mark.parametrize("changed", [{"nonce": 1}, {"starts_at": 1}, {"expires_at": 2**40}])
def test_post_order_with_other_nonce_or_times_than_signed_reverts(
    stage: Stage, orders: OrderStage, changed: dict[str, Any]
) -> None:
    order = orders.funded(acceptSeconds=2**32 - 1)
    signature = orders.sign(order)
    assert refused_post(orders, replace(order, **changed), signature) == bad_signature(order)


def test_post_order_of_another_creator_than_signed_reverts(orders: OrderStage) -> None:
    order = orders.funded()
    changed = order.with_terms(creator=orders.stage.creator.address)
    assert refused_post(orders, changed, orders.sign(order)) == bad_signature(changed)


# ---- somewhere else ---------------------------------------------------------------------------------------------------


@pytest.fixture
def second(stage: Stage) -> Stage:
    return elsewhere(stage)


def test_post_order_that_was_signed_for_another_escrow_reverts(orders: OrderStage, second: Stage) -> None:
    order = orders.funded()
    signature = orders.sign(order, escrow=second.escrow)
    assert refused_post(orders, order, signature) == bad_signature(order)


def test_post_order_at_the_escrow_that_it_was_signed_for_opens_the_job(orders: OrderStage, second: Stage) -> None:
    order = orders.order()
    orders.fund(order, spender=second.escrow)
    signed = orders.signed(order, signature=orders.sign(order, escrow=second.escrow))
    second.escrow.postOrder(signed, {"from": second.stranger})
    assert second.state(order.terms)["status"] == OPEN


def test_post_order_at_a_second_escrow_after_the_first_reverts(orders: OrderStage, second: Stage) -> None:
    order = orders.funded()
    orders.post(order)
    orders.fund(order, spender=second.escrow)
    signed = orders.signed(order)
    assert refusal(second.escrow.postOrder, signed, sender=second.stranger) == bad_signature(order)


def test_post_order_that_was_signed_for_another_chain_reverts(orders: OrderStage) -> None:
    order = orders.funded()
    assert refused_post(orders, order, orders.sign(order, chain_id=OTHER_CHAIN)) == bad_signature(order)


@pytest.fixture
def forked() -> Iterator[None]:
    """The chain goes by another id, as one side of a split does."""
    before = chain.id
    rpc("anvil_setChainId", OTHER_CHAIN)
    yield
    # A snapshot does not hold the id.
    rpc("anvil_setChainId", before)


def test_post_order_that_was_signed_before_the_chain_changed_its_id_reverts(orders: OrderStage, forked: None) -> None:
    order = orders.order()
    assert refused_post(orders, order, orders.sign(order, chain_id=31_337)) == bad_signature(order)


def test_post_order_that_was_signed_for_the_new_id_needs_nothing_but_money(orders: OrderStage, forked: None) -> None:
    order = orders.order()
    signature = orders.sign(order, chain_id=OTHER_CHAIN)
    assert refused_post(orders, order, signature).name == "ERC20InsufficientAllowance"


# ---- something else ---------------------------------------------------------------------------------------------------


def sign_id(orders: OrderStage, order: Order) -> bytes:
    """The creator's signature over the job's id, which is a digest under the same domain."""
    return bytes(orders.signer.unsafe_sign_hash(orders.stage.job_id(order.terms)).signature)


def sign_assignment(orders: OrderStage, order: Order) -> bytes:
    assignment = orders.stage.assignment(order.terms, orders.stage.operator)
    return orders.stage.sign(assignment, orders.signer)


@pytest.mark.parametrize("sign", [sign_id, sign_assignment])
def test_post_order_with_a_signature_of_something_else_reverts(orders: OrderStage, sign: Any) -> None:
    order = orders.funded()
    assert refused_post(orders, order, sign(orders, order)) == bad_signature(order)


def test_accept_with_an_orders_signature_for_an_assignment_reverts(stage: Stage) -> None:
    # One person is creator and dispatcher, so that the key is the right one for both.
    orders = OrderStage(stage, stage.dispatcher.key.hex())
    order = orders.dispatched_order()
    orders.fund(order)
    orders.post(order)
    stage.bond(stage.operator)
    assignment = stage.assignment(order.terms, stage.operator)
    call = (order.terms.abi(), stage.operator, assignment, orders.sign(order))
    assert refusal(stage.escrow.accept, *call, sender=stage.operator) == refused(
        "JobEscrow_BadAssignmentSignature", dispatcher=stage.dispatcher
    )


# ---- contracts as creators --------------------------------------------------------------------------------------------


@pytest.fixture
def wallet(stage: Stage, orders: OrderStage) -> Any:
    return stage.deploy("MockContractWallet", orders.creator)


def test_post_order_of_a_contract_that_knows_the_signature_opens_the_job(
    stage: Stage, orders: OrderStage, wallet: Any
) -> None:
    order = orders.funded(creator=wallet.address)
    orders.post(order)
    assert stage.state(order.terms)["status"] == OPEN
    assert int(stage.payment.balanceOf(wallet)) == 0


def test_post_order_of_a_contract_that_does_not_know_the_signature_reverts(orders: OrderStage, wallet: Any) -> None:
    order = orders.funded(creator=wallet.address)
    assert refused_post(orders, order, orders.sign(order, key=OTHER_KEY)) == bad_signature(order)


def test_post_order_of_a_contract_that_changed_its_mind_reverts(stage: Stage, orders: OrderStage, wallet: Any) -> None:
    order = orders.funded(creator=wallet.address)
    signature = orders.sign(order)
    wallet.refuse(True, {"from": stage.stranger})
    assert refused_post(orders, order, signature) == bad_signature(order)


def test_post_order_of_a_contract_without_signatures_reverts(stage: Stage, orders: OrderStage) -> None:
    order = orders.order(creator=stage.registry.address)
    assert refused_post(orders, order, orders.sign(order)) == bad_signature(order)


def test_post_order_of_a_contract_that_answers_to_everything_reverts(stage: Stage, orders: OrderStage) -> None:
    # Its fallback lets every call pass, and says nothing, which is no yes.
    order = orders.order(creator=stage.deploy("MockWrappedToken").address)
    assert refused_post(orders, order, orders.sign(order)) == bad_signature(order)
