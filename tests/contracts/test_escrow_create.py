"""JobEscrow.createJob

createJob
├── the caller is not the creator → JobEscrow_NotCreator
├── the terms make no sense by themselves → JobEscrow_BadTerms, one leaf for each sentence
├── the terms do not fit their surroundings
│   ├── no contract at the token's address → JobEscrow_BadTerms
│   ├── the model is not registered → ModelRegistry_UnknownModel
│   ├── the lock is below the stake manager's minimum → JobEscrow_BadTerms
│   └── paid in the stake token
│       ├── the lock is below half of the price → JobEscrow_BadTerms
│       └── the lock is half of the price → created
├── the same terms were posted before
│   ├── the job is open → JobEscrow_JobExists
│   └── the job is over → JobEscrow_JobExists
├── the money does not arrive
│   ├── no allowance → ERC20InsufficientAllowance
│   ├── no balance → ERC20InsufficientBalance
│   ├── the token keeps a fee → JobEscrow_UnexpectedAmount
│   ├── the token answers false → SafeERC20FailedOperation
│   └── the token calls back → the second call is refused
└── all is well
    ├── the money moves, the job is open in round 1, JobCreated carries the terms
    ├── the token answers nothing → created all the same
    ├── 256 milestones → created
    └── another salt → another job
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import web3
from refusals import plain, refusal, refused
from stage import DOLLAR, OPEN, OPTIMISTIC, TALLY, ZERO, Stage, event, word


def test_create_job_by_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.terms()
    stage.fund(terms)
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_NotCreator", caller=stage.stranger, creator=stage.creator
    )


BAD_TERMS: dict[str, dict[str, Any]] = {
    "proofKind: only Zk is settled by this version": {"proofKind": OPTIMISTIC},
    "maxPrice: zero": {"minPrice": 0, "maxPrice": 0},
    "minPrice: above maxPrice": {"minPrice": 101, "maxPrice": 100},
    "acceptSeconds: zero": {"acceptSeconds": 0},
    "exclusiveSeconds: longer than acceptSeconds": {"dispatcher": word("d")[:42], "exclusiveSeconds": 2_001},
    "dispatcherFeeBps: above 1000": {"dispatcher": word("d")[:42], "dispatcherFeeBps": 1_001},
    "exclusiveSeconds: needs a dispatcher": {"exclusiveSeconds": 1},
    "dispatcherFeeBps: needs a dispatcher": {"dispatcherFeeBps": 1},
    "durationSeconds: not one for each share": {"durationSeconds": [1]},
    "shareBps: a zero share": {"shareBps": [10_000, 0]},
    "durationSeconds: a zero duration": {"durationSeconds": [1, 0]},
    "shareBps: not 10000 together": {"shareBps": [6_000, 4_001]},
    "stakeLock: below the minimum lock": {"stakeLock": TALLY - 1},
    "paymentToken: no contract at this address": {"paymentToken": ZERO},
}


@pytest.mark.parametrize("reason", BAD_TERMS)
def test_create_job_with_bad_terms_reverts(stage: Stage, reason: str) -> None:
    terms = stage.terms(**BAD_TERMS[reason])
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason=reason
    )


@pytest.mark.parametrize("count", [0, 257])
def test_create_job_with_too_few_or_many_milestones_reverts(stage: Stage, count: int) -> None:
    terms = stage.terms(shareBps=[39] * count, durationSeconds=[1] * count, inputs=[word("input")])
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="shareBps: not 1 to 256 milestones"
    )


def test_create_job_of_unknown_model_reverts(stage: Stage) -> None:
    terms = stage.terms(modelId=word("nothing"))
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "ModelRegistry_UnknownModel", modelId=word("nothing")
    )


def test_create_job_of_model_of_another_kind_reverts(stage: Stage) -> None:
    stage.router.addAdapter(OPTIMISTIC, stage.adapter, 1, {"from": stage.governor})
    terms = stage.terms(modelId=stage.register_model("traced", proofKind=OPTIMISTIC))
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="proofKind: not the model's"
    )


def in_stake_token(stage: Stage, lock: int) -> Any:
    price = 10 * TALLY
    stage.stake.mint(stage.creator, price, {"from": stage.creator})
    stage.stake.approve(stage.escrow, price, {"from": stage.creator})
    return stage.terms(paymentToken=stage.stake.address, minPrice=price, maxPrice=price, stakeLock=lock)


def test_create_job_in_stake_token_with_lock_below_half_the_price_reverts(stage: Stage) -> None:
    terms = in_stake_token(stage, 5 * TALLY - 1)
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="stakeLock: below half of maxPrice"
    )


def test_create_job_in_stake_token_with_lock_of_half_the_price_opens_the_job(stage: Stage) -> None:
    terms = in_stake_token(stage, 5 * TALLY)
    stage.escrow.createJob(terms.abi(), {"from": stage.creator})
    assert stage.state(terms)["status"] == OPEN


def test_create_job_twice_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.fund(terms)
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_JobExists", jobId=stage.job_id(terms)
    )


def test_create_job_again_after_its_end_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.escrow.cancel(terms.abi(), {"from": stage.creator})
    stage.fund(terms)
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_JobExists", jobId=stage.job_id(terms)
    )


def test_create_job_without_allowance_reverts(stage: Stage) -> None:
    terms = stage.terms()
    stage.payment.mint(stage.creator, terms["maxPrice"], {"from": stage.creator})
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "ERC20InsufficientAllowance", spender=stage.escrow, allowance=0, needed=terms["maxPrice"]
    )


def test_create_job_without_balance_reverts(stage: Stage) -> None:
    terms = stage.terms()
    stage.payment.approve(stage.escrow, terms["maxPrice"], {"from": stage.creator})
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "ERC20InsufficientBalance", sender=stage.creator, balance=0, needed=terms["maxPrice"]
    )


def with_token(stage: Stage, name: str) -> tuple[Any, Any]:
    """A funded job in a token that misbehaves."""
    token = stage.deploy(name)
    terms = stage.terms(paymentToken=token.address)
    token.mint(stage.creator, terms["maxPrice"], {"from": stage.creator})
    token.approve(stage.escrow, terms["maxPrice"], {"from": stage.creator})
    return token, terms


def test_create_job_in_token_with_fee_reverts(stage: Stage) -> None:
    token, terms = with_token(stage, "MockFeeToken")
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_UnexpectedAmount", token=token, expected=100 * DOLLAR, received=99 * DOLLAR
    )


def test_create_job_in_token_that_answers_false_reverts(stage: Stage) -> None:
    token, terms = with_token(stage, "MockFalseToken")
    token.refuse(True, {"from": stage.stranger})
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "SafeERC20FailedOperation", token=token
    )


def test_create_job_in_token_that_answers_nothing_opens_the_job(stage: Stage) -> None:
    token, terms = with_token(stage, "MockVoidToken")
    stage.escrow.createJob(terms.abi(), {"from": stage.creator})
    assert token.balanceOf(stage.escrow) == terms["maxPrice"]


def test_create_job_when_the_token_calls_back_refuses_the_second_call(stage: Stage) -> None:
    token, terms = with_token(stage, "MockReentrantToken")
    token.arm(stage.escrow, stage.escrow.withdraw.encode_input(token, token), {"from": stage.stranger})
    stage.escrow.createJob(terms.abi(), {"from": stage.creator})
    assert (token.reentered(), token.answer()) == (
        False,
        web3.keccak(text="ReentrancyGuardReentrantCall()")[:4].to_0x_hex(),
    )


def test_create_job_takes_the_maximum_price(stage: Stage) -> None:
    terms = stage.create()
    balances = (stage.payment.balanceOf(stage.creator), stage.payment.balanceOf(stage.escrow))
    assert balances == (0, terms["maxPrice"])


def test_create_job_opens_the_first_round(stage: Stage) -> None:
    terms = stage.create()
    assert stage.state(terms) == {
        "status": OPEN,
        "nextMilestone": 0,
        "round": 1,
        "openedAt": stage.now(),
        "deadline": 0,
        "operator": ZERO,
        "price": 0,
        "remaining": terms["maxPrice"],
    }


def test_create_job_emits_the_terms(stage: Stage) -> None:
    terms = stage.dispatched_terms()
    stage.fund(terms)
    created = event(stage.escrow.createJob(terms.abi(), {"from": stage.creator}), "JobCreated")
    assert created == {
        "jobId": stage.job_id(terms),
        "creator": plain(stage.creator),
        "terms": plain(terms.abi()),
    }


def test_create_job_with_256_milestones_opens_the_job(stage: Stage) -> None:
    terms = stage.create(shareBps=[39] * 255 + [55], durationSeconds=[1] * 256)
    assert stage.state(terms)["status"] == OPEN


def test_create_job_with_another_salt_opens_another_job(stage: Stage) -> None:
    first, second = stage.create(salt=1), stage.create(salt=2)
    assert stage.job_id(first) != stage.job_id(second)
