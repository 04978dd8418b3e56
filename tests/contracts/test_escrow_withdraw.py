"""JobEscrow.withdraw

withdraw
├── nothing is credited → JobEscrow_NothingToWithdraw
├── by anyone → the account receives, the caller does not
├── a second time → JobEscrow_NothingToWithdraw
├── credits from several jobs → sent together
└── credits in two tokens → each by itself

Tokens that are not like others: test_escrow_tokens.py.
"""

from __future__ import annotations

from refusals import plain, refusal, refused
from stage import DOLLAR, TALLY, Stage, Terms, event


def completed(stage: Stage, salt: int = 1) -> Terms:
    """A job of one milestone, accepted at 60 of 100 or a little more: operator and creator are owed their parts."""
    job = {"shareBps": [10_000], "durationSeconds": [500], "rampSeconds": 2**32 - 1}
    terms = stage.assigned(stage.terms(**job, salt=salt))
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


def test_withdraw_of_one_token_leaves_the_credit_in_another(stage: Stage) -> None:
    completed(stage)
    job = {"shareBps": [10_000], "durationSeconds": [500], "minPrice": TALLY, "maxPrice": TALLY}
    other = stage.assigned(stage.terms(paymentToken=stage.stake.address, **job))
    stage.settle(other, 0)
    stage.escrow.withdraw(stage.payment, stage.operator, {"from": stage.operator})
    left = (stage.credit(stage.operator), int(stage.escrow.creditOf(stage.stake, stage.operator)))
    assert left == (0, TALLY)
