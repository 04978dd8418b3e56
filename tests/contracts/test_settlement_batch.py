"""MilestoneSettlement.claimMany, which is all or nothing, and finalizeMany, which skips what does not apply.

claimMany
├── of nothing, or a batch without claims → nothing happens
├── milestones of one job → paid in order
├── chained milestones of one job → each starts from the one before it
├── jobs and milestones, Zk and Optimistic → each as if claimed alone
├── jobs of two models → each is checked with its own model's program
├── jobs of several operators by an agent of them all → each operator is paid
├── the same as one by one → same books, same events
└── all or nothing: nothing moves when the last one
    ├── has a wrong proof → the adapter's error
    ├── has the input of another milestone → MilestoneSettlement_InputNotInJob
    ├── is there twice → JobEscrow_WrongMilestone
    ├── is out of order → JobEscrow_WrongMilestone
    ├── is somebody else's → StakeManager_NotAgent
    ├── is late → JobEscrow_DeadlinePassed
    └── is of a job that is not there → JobEscrow_WrongStatus
finalizeMany
├── of nothing → zero
├── of jobs that are final → all are paid
├── of a job that is there twice → paid once
├── skips: not there, open, without a claim, not final yet, Zk, completed, faulted
└── of a mixed list → pays what is final, returns how many
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brownie
import pytest
from refusals import Refused, plain, refusal, refused
from stage import ASSIGNED, CHAINED, COMPLETED, DOLLAR, RIGHT, TALLY, Stage, Terms, event, events, word

FIVE = {"shareBps": [2_000] * 5, "durationSeconds": [1_000] * 5}


def job(stage: Stage, salt: int, **changed: Any) -> Terms:
    """A Zk job at full price that the operator holds."""
    return stage.assigned(**{"salt": salt, "rampSeconds": 0, **changed})


def traced(stage: Stage, salt: int, *milestones: int, **changed: Any) -> Terms:
    """An Optimistic job at full price with claims that stand."""
    terms = stage.assigned(stage.traced_terms(**{"salt": salt, "rampSeconds": 0, **changed}))
    for milestone in milestones:
        stage.settle(terms, milestone)
    return terms


def claims(stage: Stage, terms: Terms, *milestones: int) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """One job's batch."""
    return terms.abi(), [stage.claim(terms, milestone) for milestone in milestones]


def claim_many(stage: Stage, *batches: Any, sender: Any = None) -> Any:
    return stage.settlement.claimMany(list(batches), {"from": sender or stage.operator})


# ---- claimMany: all ---------------------------------------------------------------------------------------------------


def test_claim_many_of_nothing_does_nothing(stage: Stage) -> None:
    assert list(claim_many(stage).events) == []


def test_claim_many_of_a_job_without_claims_does_nothing(stage: Stage) -> None:
    assert list(claim_many(stage, (stage.terms().abi(), [])).events) == []


def test_claim_many_of_one_jobs_milestones_pays_them_in_order(stage: Stage) -> None:
    terms = job(stage, 1, **FIVE)
    done = claim_many(stage, claims(stage, terms, 0, 1, 2, 3, 4))
    paid = [(paid["milestone"], paid["toOperator"]) for paid in events(done, "MilestonePaid")]
    assert paid == [(milestone, 20 * DOLLAR) for milestone in range(5)]
    assert stage.state(terms)["status"] == COMPLETED


def test_claim_many_of_chained_milestones_starts_each_from_the_one_before(stage: Stage) -> None:
    terms = job(stage, 1, mode=CHAINED)
    first = stage.claim(terms, 0, outputRoot=word("first"))
    second = stage.claim(terms, 1, inputRoot=word("first"))
    claim_many(stage, (terms.abi(), [first, second]))
    assert stage.state(terms)["status"] == COMPLETED


def test_claim_many_of_jobs_of_both_kinds_treats_each_as_if_alone(stage: Stage) -> None:
    zk, other, optimistic = job(stage, 1), job(stage, 2), traced(stage, 3)
    claim_many(stage, claims(stage, zk, 0, 1), claims(stage, optimistic, 0, 1), claims(stage, other, 0))
    progress = [(state["nextMilestone"], state["remaining"]) for state in map(stage.state, (zk, optimistic, other))]
    assert progress == [(2, 0), (2, 100 * DOLLAR), (1, 40 * DOLLAR)]
    assert stage.credit(stage.operator) == 160 * DOLLAR


def test_claim_many_of_two_models_checks_each_with_its_own_program(stage: Stage) -> None:
    """The adapter's proofs name the program, so one that is checked with the neighbour's is refused."""
    one, two = job(stage, 1), job(stage, 2, modelId=stage.register_model("another"))
    claim_many(stage, claims(stage, one, 0), claims(stage, two, 0, 1), claims(stage, one, 1))
    assert [stage.state(terms)["status"] for terms in (one, two)] == [COMPLETED, COMPLETED]


def test_claim_many_of_one_job_in_two_batches_is_paid(stage: Stage) -> None:
    terms = job(stage, 1)
    claim_many(stage, claims(stage, terms, 0), claims(stage, terms, 1))
    assert stage.state(terms)["status"] == COMPLETED


def test_claim_many_by_an_agent_of_several_operators_pays_each(stage: Stage) -> None:
    mine = job(stage, 1)
    theirs = stage.create(salt=2, rampSeconds=0)
    stage.accept(theirs, stage.rival)
    for operator in (stage.operator, stage.rival):
        stage.stakes.appointAgent(stage.agent, {"from": operator})
    claim_many(stage, claims(stage, mine, 0), claims(stage, theirs, 0, 1), sender=stage.agent)
    credits = [stage.credit(person) for person in (stage.operator, stage.rival, stage.agent)]
    assert credits == [60 * DOLLAR, 100 * DOLLAR, 0]


def test_claim_many_says_and_leaves_what_single_claims_do(stage: Stage) -> None:
    alone, together = job(stage, 1, **FIVE), job(stage, 2, **FIVE)
    due = [stage.state(terms)["deadline"] for terms in (alone, together)]
    single = [log for milestone in range(3) for log in stage.settle(alone, milestone).events]
    batch = claim_many(stage, claims(stage, together, 0, 1, 2)).events
    assert [told(log, due[1]) for log in batch] == [told(log, due[0]) for log in single]
    assert progress(stage, together, due[1]) == progress(stage, alone, due[0])


def told(log: Any, due: int) -> tuple[str, dict[str, Any]]:
    """What an event says of any job, its times counted from the first deadline."""
    values = {key: plain(value) for key, value in log.items() if key != "jobId"}
    return log.name, {key: value - due if key == "nextDeadline" else value for key, value in values.items()}


def progress(stage: Stage, terms: Terms, due: int) -> dict[str, Any]:
    state = stage.state(terms)
    return {**state, "timer": state["timer"] - due, "deadline": state["deadline"] - due}


# ---- claimMany: nothing -----------------------------------------------------------------------------------------------

Batch = tuple[Any, Refused]


def wrong_proof(stage: Stage) -> Batch:
    terms = job(stage, 2)
    right = stage.claim(terms, 0)
    expected = refused("MockAdapter_Refused", expected=right[5][1:], actual=bytes(32))
    return (terms.abi(), [(*right[:5], RIGHT + bytes(32))]), expected


def wrong_input(stage: Stage) -> Batch:
    terms = job(stage, 2)
    wrong = stage.claim(terms, 0, inputRoot=word("nobody's"))
    return (terms.abi(), [wrong]), refused(
        "MilestoneSettlement_InputNotInJob",
        inputRoot=word("nobody's"),
        milestone=0,
        jobInputRoot=terms["inputRoot"],
    )


def there_twice(stage: Stage) -> Batch:
    terms = job(stage, 2)
    return claims(stage, terms, 0, 0), refused("JobEscrow_WrongMilestone", milestone=0, next=1)


def out_of_order(stage: Stage) -> Batch:
    terms = job(stage, 2)
    return claims(stage, terms, 1, 0), refused("JobEscrow_WrongMilestone", milestone=1, next=0)


def somebody_elses(stage: Stage) -> Batch:
    terms = stage.create(salt=2)
    stage.accept(terms, stage.rival)
    expected = refused("StakeManager_NotAgent", caller=stage.operator, operator=stage.rival)
    return claims(stage, terms, 0), expected


def late(stage: Stage) -> Batch:
    terms = job(stage, 2, durationSeconds=[30, 30])
    deadline = stage.state(terms)["deadline"]
    batch = claims(stage, terms, 0)
    stage.at(deadline + 1)
    return batch, refused("JobEscrow_DeadlinePassed", deadline=deadline, nowAt=deadline + 1)


def not_there(stage: Stage) -> Batch:
    terms = stage.terms(salt=2)
    expected = refused("JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=0, wanted=ASSIGNED)
    return claims(stage, terms, 0), expected


SPOILT: dict[str, Callable[[Stage], Batch]] = {
    "wrong proof": wrong_proof,
    "wrong input": wrong_input,
    "there twice": there_twice,
    "out of order": out_of_order,
    "somebody else's": somebody_elses,
    "late": late,
    "not there": not_there,
}


@pytest.mark.parametrize("case", SPOILT)
def test_claim_many_with_one_that_is_wrong_reverts_as_that_one_would(stage: Stage, case: str) -> None:
    good = job(stage, 1)
    first = claims(stage, good, 0)
    spoilt, expected = SPOILT[case](stage)
    assert refusal(stage.settlement.claimMany, [first, spoilt], sender=stage.operator) == expected


@pytest.mark.parametrize("case", SPOILT)
def test_claim_many_with_one_that_is_wrong_moves_nothing(stage: Stage, case: str) -> None:
    good = job(stage, 1)
    first = claims(stage, good, 0)
    spoilt, _ = SPOILT[case](stage)
    before = stage.state(good)
    with brownie.reverts():
        claim_many(stage, first, spoilt)
    assert (stage.state(good), stage.credit(stage.operator)) == (before, 0)


# ---- finalizeMany -----------------------------------------------------------------------------------------------------


def finalize_many(stage: Stage, *jobs: Terms) -> Any:
    return stage.settlement.finalizeMany([terms.abi() for terms in jobs], {"from": stage.stranger})


def after_all(stage: Stage, *jobs: Terms) -> None:
    """Makes it a second after every window of these jobs."""
    last = [(stage.job_id(terms), stage.state(terms)["nextMilestone"] - 1) for terms in jobs]
    stage.at(max(int(stage.settlement.claimOf(*claim)[1]) for claim in last) + 1)


def test_finalize_many_of_nothing_pays_nothing(stage: Stage) -> None:
    done = finalize_many(stage)
    assert (plain(done.return_value), list(done.events)) == (0, [])


def test_finalize_many_pays_every_job_that_is_final(stage: Stage) -> None:
    jobs = [traced(stage, 1, 0, 1), traced(stage, 2, 0)]
    after_all(stage, *jobs)
    assert plain(finalize_many(stage, *jobs).return_value) == 3
    assert [stage.state(terms)["status"] for terms in jobs] == [COMPLETED, ASSIGNED]
    assert stage.credit(stage.operator) == 160 * DOLLAR


def test_finalize_many_of_a_job_that_is_there_twice_pays_once(stage: Stage) -> None:
    terms = traced(stage, 1, 0)
    after_all(stage, terms)
    assert plain(finalize_many(stage, terms, terms).return_value) == 1
    assert stage.credit(stage.operator) == 60 * DOLLAR


def faulted(stage: Stage) -> Terms:
    terms = traced(stage, 3, 0)
    stage.fault(terms, 0)
    return terms


def finished(stage: Stage) -> Terms:
    terms = traced(stage, 3, 0, 1)
    stage.finalize(terms)
    return terms


SKIPPED: dict[str, Callable[[Stage], Terms]] = {
    "not there": lambda stage: stage.traced_terms(salt=3),
    "open": lambda stage: stage.create(stage.traced_terms(salt=3)),
    "without a claim": lambda stage: traced(stage, 3),
    "not final yet": lambda stage: traced(stage, 3, 0, challengeSeconds=10_000),
    "Zk": lambda stage: job(stage, 3),
    "completed": finished,
    "faulted": faulted,
}


@pytest.mark.parametrize("case", SKIPPED)
def test_finalize_many_skips_what_it_cannot_pay(stage: Stage, case: str) -> None:
    other, good = SKIPPED[case](stage), traced(stage, 1, 0)
    before = stage.state(other)
    after_all(stage, good)
    done = finalize_many(stage, other, good)
    assert (plain(done.return_value), event(done, "MilestonePaid")["jobId"]) == (1, stage.job_id(good))
    assert stage.state(other) == before


def test_finalize_many_of_a_mixed_list_pays_what_is_final(stage: Stage) -> None:
    first, second = traced(stage, 1, 0, **FIVE), traced(stage, 2, 0, 1)
    stage.at(stage.now() + 100)
    stage.settle(first, 1)
    stage.at(stage.now() + 60)
    listed = [stage.terms(salt=9), first, job(stage, 4), second, first, second, stage.create(salt=5)]
    done = finalize_many(stage, *listed)
    paid = [(paid["jobId"], paid["milestone"]) for paid in events(done, "MilestonePaid")]
    assert paid == [(stage.job_id(first), 0), (stage.job_id(second), 0), (stage.job_id(second), 1)]
    assert (plain(done.return_value), stage.credit(stage.operator)) == (3, 120 * DOLLAR)
    assert int(stage.stakes.lockedStakeOf(stage.operator)) == 100 * TALLY
