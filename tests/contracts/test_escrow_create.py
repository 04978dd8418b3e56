"""JobEscrow.createJob

createJob
├── the caller is not the creator → JobEscrow_NotCreator
├── the terms make no sense by themselves → JobEscrow_BadTerms, one leaf for each sentence
├── the terms are as far out as they may be → created
├── the terms do not fit their surroundings
│   ├── no contract at the token's address → JobEscrow_BadTerms
│   ├── the model is not registered → ModelRegistry_UnknownModel
│   ├── the model is of another proof kind → JobEscrow_BadTerms
│   ├── the lock is below the minimum of today → JobEscrow_BadTerms
│   ├── the challenge window is below the minimum of today → JobEscrow_BadTerms
│   └── paid in the stake token
│       ├── the lock is below its least ratio to the price → JobEscrow_BadTerms
│       ├── the lock is of that ratio → created
│       └── the ratio meets no whole unit → rounded down
├── the same terms were posted before
│   ├── the job is open → JobEscrow_JobExists
│   └── the job is over → JobEscrow_JobExists
├── the money is not there
│   ├── no allowance → ERC20InsufficientAllowance
│   └── no balance → ERC20InsufficientBalance
└── all is well
    ├── → the money moves, the job is open in round 1, JobCreated carries the terms
    ├── → the job has the economy of today
    ├── 256 milestones → created
    └── another salt → another job

While new jobs are paused: test_pause.py. Tokens that are not like others: test_escrow_tokens.py. Calldata that no encoder writes: test_escrow_words.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from refusals import plain, refusal, refused
from stage import (
    CHALLENGE_SECONDS,
    DOLLAR,
    ECONOMY,
    ENTRY_RULES,
    OPEN,
    OPTIMISTIC,
    TALLY,
    ZERO,
    Stage,
    Terms,
    event,
    word,
)

SOMEBODY = word("d")[:42]
YEAR = 365 * 86_400
DAY = 86_400


def test_create_job_by_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.terms()
    stage.fund(terms)
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_NotCreator", caller=stage.stranger, creator=stage.creator
    )


# ---- the terms --------------------------------------------------------------------------------------------------------

OPTIMISTIC_KIND = {"proofKind": OPTIMISTIC}
BAD_TERMS: dict[str, dict[str, Any]] = {
    "maxPrice: zero": {"minPrice": 0, "maxPrice": 0},
    "minPrice: above maxPrice": {"minPrice": 101, "maxPrice": 100},
    "acceptSeconds: zero": {"acceptSeconds": 0},
    "exclusiveSeconds: longer than acceptSeconds": {"dispatcher": SOMEBODY, "exclusiveSeconds": 2_001},
    "dispatcherFeeBps: above 1000": {"dispatcher": SOMEBODY, "dispatcherFeeBps": 1_001},
    "exclusiveSeconds: needs a dispatcher": {"exclusiveSeconds": 1},
    "dispatcherFeeBps: needs a dispatcher": {"dispatcherFeeBps": 1},
    "challengeSeconds: above 30 days": {**OPTIMISTIC_KIND, "challengeSeconds": 30 * DAY + 1},
    "challengeSeconds: only for Optimistic": {"challengeSeconds": 1},
    "challengeSeconds: below the minimum window": {**OPTIMISTIC_KIND, "challengeSeconds": 59},
    "durationSeconds: not one for each share": {"durationSeconds": [1]},
    "shareBps: a zero share": {"shareBps": [10_000, 0]},
    "durationSeconds: a zero duration": {"durationSeconds": [1, 0]},
    "durationSeconds: above a year": {"durationSeconds": [1, YEAR + 1]},
    "shareBps: not 10000 together": {"shareBps": [6_000, 4_001]},
    "stakeLock: below the minimum lock": {"stakeLock": TALLY - 1},
    "paymentToken: no contract at this address": {"paymentToken": ZERO},
    "proofKind: not the model's": {"proofKind": 0},
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


def test_create_job_with_shares_of_less_than_the_whole_reverts(stage: Stage) -> None:
    terms = stage.terms(shareBps=[6_000, 3_999])
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="shareBps: not 10000 together"
    )


def test_create_job_with_more_durations_than_shares_reverts(stage: Stage) -> None:
    terms = stage.terms(durationSeconds=[1, 1, 1])
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="durationSeconds: not one for each share"
    )


EXTREMES: dict[str, dict[str, Any]] = {
    "no ramp to speak of": {"minPrice": 1, "maxPrice": 1},
    "free at first": {"minPrice": 0},
    "exclusive all along": {"dispatcher": SOMEBODY, "exclusiveSeconds": 2_000, "dispatcherFeeBps": 1_000},
    "a year for each": {"durationSeconds": [YEAR, YEAR]},
    "the least lock": {"stakeLock": TALLY},
    "the most of everything": {"maxPrice": 2**96 - 1, "minPrice": 2**96 - 1, "stakeLock": 2**96 - 1},
    "the longest ramp": {"rampSeconds": 2**32 - 1, "acceptSeconds": 2**32 - 1},
}


@pytest.mark.parametrize("what", EXTREMES)
def test_create_job_with_terms_at_a_bound_opens_the_job(stage: Stage, what: str) -> None:
    assert stage.state(stage.create(**EXTREMES[what]))["status"] == OPEN


@pytest.mark.parametrize("seconds", [60, 30 * DAY])
def test_create_job_with_challenge_window_at_a_bound_opens_the_job(stage: Stage, seconds: int) -> None:
    terms = stage.create(stage.traced_terms(challengeSeconds=seconds))
    assert stage.state(terms)["status"] == OPEN


# ---- what surrounds them ----------------------------------------------------------------------------------------------


def test_create_job_of_unknown_model_reverts(stage: Stage) -> None:
    terms = stage.terms(modelId=word("nothing"))
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "ModelRegistry_UnknownModel", modelId=word("nothing")
    )


@pytest.mark.parametrize("kind", ["Zk", "Optimistic"])
def test_create_job_of_model_of_another_kind_reverts(stage: Stage, kind: str) -> None:
    terms = stage.terms(modelId=stage.traced) if kind == "Zk" else stage.traced_terms(modelId=stage.model)
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="proofKind: not the model's"
    )


def test_create_job_below_the_minimum_lock_of_today_reverts(stage: Stage) -> None:
    stage.parameters.setEntryRules((51 * TALLY, *ENTRY_RULES[1:]), {"from": stage.governor})
    assert refusal(stage.escrow.createJob, stage.terms().abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="stakeLock: below the minimum lock"
    )


def test_create_job_below_the_minimum_window_of_today_reverts(stage: Stage) -> None:
    rules = (*ENTRY_RULES[:2], CHALLENGE_SECONDS + 1, ENTRY_RULES[3])
    stage.parameters.setEntryRules(rules, {"from": stage.governor})
    assert refusal(stage.escrow.createJob, stage.traced_terms().abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="challengeSeconds: below the minimum window"
    )


def in_stake_token(stage: Stage, lock: int, price: int = 10 * TALLY) -> Terms:
    return stage.terms(paymentToken=stage.stake.address, minPrice=price, maxPrice=price, stakeLock=lock)


def test_create_job_in_stake_token_with_lock_below_the_ratio_reverts(stage: Stage) -> None:
    terms = in_stake_token(stage, 5 * TALLY - 1)
    assert refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_BadTerms", reason="stakeLock: below the minimum ratio to maxPrice"
    )


@pytest.mark.parametrize("price", [10 * TALLY, 10 * TALLY + 1])
def test_create_job_in_stake_token_with_lock_of_the_ratio_opens_the_job(stage: Stage, price: int) -> None:
    terms = stage.create(in_stake_token(stage, 5 * TALLY, price))
    assert stage.state(terms)["status"] == OPEN


# ---- the same terms again ---------------------------------------------------------------------------------------------


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


# ---- the money --------------------------------------------------------------------------------------------------------


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


# ---- what creating does -----------------------------------------------------------------------------------------------


def test_create_job_takes_the_maximum_price(stage: Stage) -> None:
    terms = stage.create()
    balances = (stage.payment.balanceOf(stage.creator), stage.payment.balanceOf(stage.escrow))
    assert plain(balances) == (0, terms["maxPrice"])


def test_create_job_opens_the_first_round(stage: Stage) -> None:
    terms = stage.create()
    assert stage.state(terms) == {
        "operator": ZERO,
        "timer": stage.now(),
        "round": 1,
        "nextMilestone": 0,
        "status": OPEN,
        "remaining": terms["maxPrice"],
        "bounty": 0,
        "acceptedAfter": 0,
        "paidMilestones": 0,
        "economyVersion": 1,
        "openedAt": stage.now(),
        "deadline": 0,
    }


def test_create_job_emits_the_terms(stage: Stage) -> None:
    terms = stage.dispatched_terms()
    stage.fund(terms)
    created = event(stage.escrow.createJob(terms.abi(), {"from": stage.creator}), "JobCreated")
    assert created == {
        "jobId": stage.job_id(terms),
        "creator": plain(stage.creator),
        "openedAt": stage.now(),
        "economyVersion": 1,
        "terms": plain(terms.abi()),
    }


def test_create_job_keeps_the_economy_of_today(stage: Stage) -> None:
    earlier = stage.create(salt=1)
    stage.parameters.setEconomy((6_000, *ECONOMY[1:]), {"from": stage.governor})
    later = stage.terms(salt=2)
    stage.fund(later)
    created = stage.escrow.createJob(later.abi(), {"from": stage.creator})
    assert event(created, "JobCreated")["economyVersion"] == 2
    assert [stage.state(terms)["economyVersion"] for terms in (earlier, later)] == [1, 2]


def test_create_job_with_256_milestones_opens_the_job(stage: Stage) -> None:
    terms = stage.create(shareBps=[39] * 255 + [55], durationSeconds=[1] * 256)
    assert stage.state(terms)["status"] == OPEN


def test_create_job_with_another_salt_opens_another_job(stage: Stage) -> None:
    first, second = stage.create(salt=1), stage.create(salt=2)
    assert stage.job_id(first) != stage.job_id(second)
    assert int(stage.payment.balanceOf(stage.escrow)) == 200 * DOLLAR
