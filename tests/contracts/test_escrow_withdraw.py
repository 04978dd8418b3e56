"""JobEscrow.withdraw

withdraw
├── nothing is credited → JobEscrow_NothingToWithdraw
├── by anyone → the account receives, the caller does not
├── a second time → JobEscrow_NothingToWithdraw
├── credits from several jobs → sent together
├── the token refuses the account → its error; the credit stays, and others get theirs
├── the token answers false → SafeERC20FailedOperation
└── the token calls back → the second call is refused
"""

from __future__ import annotations

from typing import Any

from brownie import web3
from refusals import plain, refusal, refused
from stage import DOLLAR, Stage, Terms, event


def completed(stage: Stage, token: Any = None, **changed: Any) -> Terms:
    """A job of one milestone, accepted for 60 of 100: the operator is owed 60, the creator 40."""
    token = token or stage.payment
    job = {"shareBps": [10_000], "durationSeconds": [500], "rampSeconds": 2**32 - 1, "paymentToken": token.address}
    terms = stage.terms(**job, **changed)
    token.mint(stage.creator, terms["maxPrice"], {"from": stage.creator})
    token.approve(stage.escrow, terms["maxPrice"], {"from": stage.creator})
    stage.escrow.createJob(terms.abi(), {"from": stage.creator})
    stage.accept(terms)
    stage.settle(terms, 0)
    return terms


def test_withdraw_of_nothing_reverts(stage: Stage) -> None:
    assert refusal(stage.escrow.withdraw, stage.payment, stage.stranger, sender=stage.stranger) == refused(
        "JobEscrow_NothingToWithdraw", token=stage.payment, account=stage.stranger
    )


def test_withdraw_by_anyone_sends_the_account_its_credit(stage: Stage) -> None:
    completed(stage)
    owed = stage.credit(stage.operator)
    withdrawn = stage.escrow.withdraw(stage.payment, stage.operator, {"from": stage.stranger})
    balances = (stage.payment.balanceOf(stage.operator), stage.payment.balanceOf(stage.stranger))
    assert plain(balances) == (owed, 0)
    assert event(withdrawn, "CreditWithdrawn") == {
        "token": plain(stage.payment),
        "account": plain(stage.operator),
        "amount": owed,
    }


def test_withdraw_twice_reverts(stage: Stage) -> None:
    completed(stage)
    stage.escrow.withdraw(stage.payment, stage.operator, {"from": stage.stranger})
    assert refusal(stage.escrow.withdraw, stage.payment, stage.operator, sender=stage.operator) == refused(
        "JobEscrow_NothingToWithdraw", token=stage.payment, account=stage.operator
    )


def test_withdraw_after_several_jobs_sends_all_at_once(stage: Stage) -> None:
    completed(stage, salt=1)
    completed(stage, salt=2)
    stage.escrow.withdraw(stage.payment, stage.operator, {"from": stage.operator})
    assert int(stage.payment.balanceOf(stage.operator)) >= 120 * DOLLAR


def test_withdraw_when_the_token_refuses_the_account_keeps_its_credit(stage: Stage) -> None:
    token = stage.deploy("MockVoidToken")
    completed(stage, token)
    token.block_(stage.operator, {"from": stage.stranger})
    assert refusal(stage.escrow.withdraw, token, stage.operator, sender=stage.operator) == refused(
        "MockVoidToken_Blocked", account=stage.operator
    )
    assert int(stage.escrow.creditOf(token, stage.operator)) > 0


def test_withdraw_when_the_token_refuses_one_account_still_pays_the_others(stage: Stage) -> None:
    token = stage.deploy("MockVoidToken")
    completed(stage, token)
    token.block_(stage.operator, {"from": stage.stranger})
    owed = int(stage.escrow.creditOf(token, stage.creator))
    stage.escrow.withdraw(token, stage.creator, {"from": stage.creator})
    assert int(token.balanceOf(stage.creator)) == owed > 0


def test_withdraw_when_the_token_answers_false_reverts(stage: Stage) -> None:
    token = stage.deploy("MockFalseToken")
    completed(stage, token)
    token.refuse(True, {"from": stage.stranger})
    assert refusal(stage.escrow.withdraw, token, stage.operator, sender=stage.operator) == refused(
        "SafeERC20FailedOperation", token=token
    )


def test_withdraw_when_the_token_calls_back_refuses_the_second_call(stage: Stage) -> None:
    token = stage.deploy("MockReentrantToken")
    completed(stage, token)
    token.arm(stage.escrow, stage.escrow.withdraw.encode_input(token, stage.creator), {"from": stage.stranger})
    stage.escrow.withdraw(token, stage.operator, {"from": stage.operator})
    guard = web3.keccak(text="ReentrancyGuardReentrantCall()")[:4].to_0x_hex()
    assert (token.reentered(), token.answer(), int(token.balanceOf(stage.creator))) == (False, guard, 0)
