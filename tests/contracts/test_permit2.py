"""The real Permit2 as the other tests use it: that it is the real one, and that our messages are those that it checks.

DOMAIN_SEPARATOR
└── it is the one for this chain
permitWitnessTransferFrom
├── when the owner signed this witness
│   └── it moves the tokens
├── when the owner signed another witness
│   └── it reverts
└── when the owner signed for another chain
    └── it reverts
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts, chain, web3
from eth_account import Account
from eth_utils import keccak
from permit2_stage import PERMIT2, Witness, install_permit2, permit2_message
from stage import DOLLAR, Stage, word

AMOUNT = 5 * DOLLAR
ONE = "tuple,tuple,address,bytes32,string,bytes"
"""Which of two functions of this name: the other moves many transfers at once."""

INVALID_SIGNER = "0x" + keccak(text="InvalidSigner()")[:4].hex()
KEY = "0x" + "a1" * 32
ORDER = {
    "Order": (("item", "Item"), ("note", "string"), ("steps", "uint32[]")),
    "Item": (("id", "bytes32"), ("price", "uint128")),
}


def order(price: int) -> Witness:
    item = {"id": bytes.fromhex(word("item")[2:]), "price": price}
    return Witness("Order", ORDER, {"item": item, "note": "by hand", "steps": [1, 2, 3]})


@pytest.fixture
def permit2(stage: Stage) -> Any:
    """Permit2, with an owner's tokens approved to it."""
    owner = accounts.add(KEY)
    stage.deployer.transfer(owner, "1 ether", silent=True)
    stage.payment.mint(owner, AMOUNT, {"from": owner})
    stage.payment.approve(PERMIT2, AMOUNT, {"from": owner})
    return install_permit2(stage.deployer)


def request(stage: Stage, signed: Witness, sent: Witness, chain_id: int | None = None) -> tuple[Any, ...]:
    """Arguments with which the stranger moves the owner's tokens to the rival."""
    owner, deadline = Account.from_key(KEY), stage.now() + 60
    token = stage.payment.address
    message = permit2_message(
        chain_id or chain.id,
        token=token,
        amount=AMOUNT,
        spender=stage.stranger.address,
        nonce=0,
        deadline=deadline,
        witness=signed,
    )
    signature = bytes(owner.sign_message(message).signature)
    permit, transfer = ((token, AMOUNT), 0, deadline), (stage.rival.address, AMOUNT)
    return permit, transfer, owner.address, sent.hash(), sent.type_string(), signature


def refused_with(stage: Stage, permit2: Any, arguments: tuple[Any, ...]) -> str | None:
    """The data of the revert; None where the call goes through."""
    data = permit2.permitWitnessTransferFrom[ONE].encode_input(*arguments)
    call = {"from": stage.stranger.address, "to": PERMIT2, "data": data}
    answer = web3.provider.make_request("eth_call", [call, "latest"])
    return str(answer["error"]["data"]) if "error" in answer else None


def test_domain_separator_when_installed_is_the_one_for_this_chain(stage: Stage, permit2: Any) -> None:
    nothing = {"token": PERMIT2, "amount": 0, "spender": PERMIT2, "nonce": 0, "deadline": 0}
    assert bytes(permit2.DOMAIN_SEPARATOR()) == permit2_message(chain.id, **nothing, witness=order(7)).header


@pytest.mark.parametrize("witness", [order(7), Witness("bytes32", {}, bytes(range(32)))], ids=["struct", "bytes32"])
def test_transfer_when_the_owner_signed_this_witness_moves_the_tokens(
    stage: Stage, permit2: Any, witness: Witness
) -> None:
    before = stage.payment.balanceOf(stage.rival)
    permit2.permitWitnessTransferFrom[ONE](*request(stage, witness, witness), {"from": stage.stranger})
    assert stage.payment.balanceOf(stage.rival) - before == AMOUNT


def test_transfer_when_the_owner_signed_another_witness_reverts(stage: Stage, permit2: Any) -> None:
    assert refused_with(stage, permit2, request(stage, order(7), order(7))) is None
    assert refused_with(stage, permit2, request(stage, order(7), order(8))) == INVALID_SIGNER


def test_transfer_when_the_owner_signed_for_another_chain_reverts(stage: Stage, permit2: Any) -> None:
    assert refused_with(stage, permit2, request(stage, order(7), order(7), chain_id=1)) == INVALID_SIGNER
