"""JobEscrow with tokens that are not like others.

createJob
├── the token keeps a fee → JobEscrow_UnexpectedAmount
├── the token answers false → SafeERC20FailedOperation
├── the token answers nothing → created all the same
├── there is no code at its address → JobEscrow_BadTerms
└── the token calls back
    ├── a function that moves money or jobs, whichever → the second call is refused
    └── cancelOrders, which concerns its caller only → goes through

withdraw
├── the token answers false → SafeERC20FailedOperation
├── the token answers nothing → sent all the same
├── the token refuses the account → its error; the credit stays
└── the token refuses one account → the others get theirs

Tokens that call back from every other function that calls them: test_escrow_reentrancy.py.
"""

from __future__ import annotations

from typing import Any

from brownie import web3
from refusals import refusal, refused
from stage import DOLLAR, NO_ASSIGNMENT, NO_HASH, Stage, Terms

GUARD = web3.keccak(text="ReentrancyGuardReentrantCall()")[:4].to_0x_hex()


def funded(stage: Stage, name: str) -> tuple[Any, Terms]:
    """An odd token and a job that is to be paid in it."""
    token = stage.odd_token(name)
    terms = stage.terms(paymentToken=token.address)
    stage.fund(terms)
    return token, terms


def completed(stage: Stage, token: Any) -> Terms:
    """A job of one milestone, accepted at 60 of 100 or a little more: operator and creator are owed their parts."""
    job = {"shareBps": [10_000], "durationSeconds": [500], "rampSeconds": 2**32 - 1, "paymentToken": token.address}
    terms = stage.assigned(stage.terms(**job))
    stage.settle(terms, 0)
    return terms


def owed(stage: Stage, token: Any, account: Any) -> int:
    return int(stage.escrow.creditOf(token, account))


# ---- creation ---------------------------------------------------------------------------------------------------------


def test_create_job_in_token_with_fee_reverts(stage: Stage) -> None:
    token, terms = funded(stage, "MockFeeToken")
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_UnexpectedAmount", token=token, expected=100 * DOLLAR, received=99 * DOLLAR
    )


def test_create_job_in_token_that_answers_false_reverts(stage: Stage) -> None:
    token, terms = funded(stage, "MockFalseToken")
    token.refuse(True, {"from": stage.stranger})
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "SafeERC20FailedOperation", token=token
    )


def test_create_job_in_token_that_answers_nothing_opens_the_job(stage: Stage) -> None:
    token, terms = funded(stage, "MockVoidToken")
    stage.escrow.createJob(terms.abi(), {"from": stage.creator})
    assert int(token.balanceOf(stage.escrow)) == terms["maxPrice"]


def test_create_job_in_token_without_code_reverts(stage: Stage) -> None:
    terms = stage.terms(paymentToken=stage.stranger.address)
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="paymentToken: no contract at this address"
    )


# ---- tokens that call back --------------------------------------------------------------------------------------------


def changing_functions(stage: Stage) -> set[str]:
    return {
        entry["name"]
        for entry in stage.escrow.abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }


def calls_back(stage: Stage, terms: Terms) -> dict[str, tuple[Any, ...]]:
    """Arguments for every function that changes something, as a token might bring them."""
    job = terms.abi()
    order = ((job, 0, 0, 2**40), 0, b"", b"")
    return {
        "createJob": (job,),
        "createJobWithPermit": (job, (0, 0, NO_HASH, NO_HASH)),
        "postOrder": (order,),
        "acceptOrder": (order, stage.operator, NO_ASSIGNMENT, b""),
        "accept": (job, stage.operator, NO_ASSIGNMENT, b""),
        "releaseEarly": (job,),
        "cancel": (job,),
        "refund": (job,),
        "expire": (job,),
        "expireMany": ([job],),
        "claimMilestone": (job, 0, stage.operator, NO_HASH, NO_HASH),
        "payMilestone": (job,),
        "faultMilestone": (job, 0, stage.finder),
        "withdraw": (terms["paymentToken"], stage.creator),
    }


def called_back(stage: Stage, name: str, arguments: tuple[Any, ...], token: Any, terms: Terms) -> tuple[bool, str]:
    """Whether the token's call from inside `createJob` went through, and what it was answered."""
    token.arm(stage.escrow, getattr(stage.escrow, name).encode_input(*arguments), {"from": stage.stranger})
    stage.escrow.createJob(terms.abi(), {"from": stage.creator})
    return token.reentered(), str(token.answer())


def test_calls_back_cover_every_function_that_changes_something(stage: Stage) -> None:
    assert {*calls_back(stage, stage.terms()), "cancelOrders"} == changing_functions(stage)


def test_create_job_when_the_token_calls_back_refuses_the_second_call(stage: Stage) -> None:
    """Whichever function it calls. One job for each, since a token calls back once."""
    token = stage.odd_token("MockReentrantToken")
    answers = {}
    for salt, name in enumerate(calls_back(stage, stage.terms())):
        terms = stage.terms(paymentToken=token.address, salt=salt)
        stage.fund(terms)
        answers[name] = called_back(stage, name, calls_back(stage, terms)[name], token, terms)
    assert answers == dict.fromkeys(answers, (False, GUARD))


def test_create_job_when_the_token_cancels_its_own_orders_lets_it(stage: Stage) -> None:
    token, terms = funded(stage, "MockReentrantToken")
    assert called_back(stage, "cancelOrders", (7, 5), token, terms) == (True, "0x")
    assert int(stage.escrow.orderNoncesOf(token, 7)) == 5


# ---- withdrawal -------------------------------------------------------------------------------------------------------


def test_withdraw_when_the_token_answers_false_reverts(stage: Stage) -> None:
    token = stage.odd_token("MockFalseToken")
    completed(stage, token)
    token.refuse(True, {"from": stage.stranger})
    assert refusal(stage.escrow.withdraw, token, stage.operator, sender=stage.operator) == refused(
        "SafeERC20FailedOperation", token=token
    )


def test_withdraw_of_token_that_answers_nothing_sends_the_credit(stage: Stage) -> None:
    token = stage.odd_token("MockVoidToken")
    completed(stage, token)
    credit = owed(stage, token, stage.operator)
    stage.escrow.withdraw(token, stage.operator, {"from": stage.operator})
    assert int(token.balanceOf(stage.operator)) == credit >= 60 * DOLLAR


def test_withdraw_when_the_token_refuses_the_account_keeps_its_credit(stage: Stage) -> None:
    token = stage.odd_token("MockVoidToken")
    completed(stage, token)
    token.block_(stage.operator, {"from": stage.stranger})
    assert refusal(stage.escrow.withdraw, token, stage.operator, sender=stage.operator) == refused(
        "MockVoidToken_Blocked", account=stage.operator
    )
    assert owed(stage, token, stage.operator) >= 60 * DOLLAR


def test_withdraw_when_the_token_refuses_one_account_still_pays_the_others(stage: Stage) -> None:
    token = stage.odd_token("MockVoidToken")
    completed(stage, token)
    token.block_(stage.operator, {"from": stage.stranger})
    credit = owed(stage, token, stage.creator)
    stage.escrow.withdraw(token, stage.creator, {"from": stage.creator})
    assert int(token.balanceOf(stage.creator)) == credit > 39 * DOLLAR
