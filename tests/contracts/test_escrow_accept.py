"""JobEscrow.accept and JobEscrow.priceNow

accept
├── the job is not open
│   ├── it was never created → JobEscrow_WrongStatus
│   └── somebody has it → JobEscrow_WrongStatus
├── the accept window
│   ├── is over by a second → JobEscrow_AcceptWindowOver
│   └── is in its last second → accepted
├── the caller is neither the operator nor its agent → StakeManager_NotAgent
├── the operator's free stake does not cover the lock → StakeManager_StakeTooLow
├── within the exclusive time
│   ├── no signature → JobEscrow_ExclusiveUntil
│   ├── an assignment of another job, operator or round → JobEscrow_AssignmentMismatch
│   ├── an assignment of the first round in the second → JobEscrow_AssignmentMismatch
│   ├── an assignment
│   │   ├── that expired a second ago → JobEscrow_AssignmentExpired
│   │   └── in its last second → accepted
│   ├── signed by somebody else → JobEscrow_BadAssignmentSignature
│   ├── signed by the dispatcher, brought by the operator's agent → accepted
│   └── the dispatcher is a contract
│       ├── that knows the signature → accepted
│       └── that does not → JobEscrow_BadAssignmentSignature
├── in the second in which the exclusive time ends → accepted without an assignment
└── accepted: state, event, lock

priceNow
├── the job is not open → JobEscrow_WrongStatus
├── on the ramp: minPrice at first, then in a line, rounded down, maxPrice from its end on
├── without a ramp → maxPrice at once
└── after a reopening → minPrice again
"""

from __future__ import annotations

import pytest
from eth_account import Account
from refusals import plain, refusal, refused
from stage import ASSIGNED, DOLLAR, NO_ASSIGNMENT, OPEN, TALLY, ZERO, Stage, Terms, event, word

UNSIGNED = (NO_ASSIGNMENT, b"")


def test_accept_of_unknown_job_reverts(stage: Stage) -> None:
    terms = stage.terms()
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=0, wanted=OPEN
    )


def test_accept_of_assigned_job_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.bond(stage.rival)
    assert refusal(stage.escrow.accept, terms.abi(), stage.rival, *UNSIGNED, sender=stage.rival) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=ASSIGNED, wanted=OPEN
    )


def test_accept_after_the_window_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    closed_at = stage.state(terms)["openedAt"] + terms["acceptSeconds"]
    stage.at(closed_at + 1)
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "JobEscrow_AcceptWindowOver", closedAt=closed_at, nowAt=closed_at + 1
    )


def test_accept_in_the_last_second_of_the_window_assigns_the_job(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"])
    stage.accept(terms)
    assert stage.state(terms)["status"] == ASSIGNED


def test_accept_by_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.stranger) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=stage.operator
    )


def test_accept_with_too_little_free_stake_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator, 50 * TALLY - 1)
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, free=50 * TALLY - 1, wanted=50 * TALLY
    )


def test_accept_of_a_second_job_beyond_the_free_stake_reverts(stage: Stage) -> None:
    stage.bond(stage.operator, 99 * TALLY)
    stage.assigned(salt=1)
    second = stage.create(salt=2)
    assert refusal(stage.escrow.accept, second.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, free=49 * TALLY, wanted=50 * TALLY
    )


# ---- the dispatcher's first choice ------------------------------------------------------------------------------------


def test_accept_without_assignment_in_the_exclusive_time_reverts(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    until = stage.state(terms)["openedAt"] + 200
    stage.at(until - 1)
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "JobEscrow_ExclusiveUntil", until=until, nowAt=until - 1
    )


@pytest.mark.parametrize("changed", [{"jobId": word("another")}, {"operator": ZERO}, {"round": 2}])
def test_accept_with_assignment_of_something_else_reverts(stage: Stage, changed: dict) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator, **changed)
    call = (terms.abi(), stage.operator, assignment, stage.sign(assignment))
    job_id, operator, round_, _ = assignment
    assert refusal(stage.escrow.accept, *call, sender=stage.operator) == refused(
        "JobEscrow_AssignmentMismatch", jobId=job_id, operator=operator, round=round_
    )


def test_accept_with_assignment_of_the_first_round_in_the_second_reverts(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    assignment = stage.assignment(terms, stage.operator, expiresAt=2**63)
    signature = stage.sign(assignment)
    stage.accept(terms, assignment=assignment, signature=signature)
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.escrow.expire(terms.abi(), {"from": stage.finder})
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, signature, sender=stage.operator
    ) == refused("JobEscrow_AssignmentMismatch", jobId=stage.job_id(terms), operator=stage.operator, round=1)


def test_accept_with_expired_assignment_reverts(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator, expiresAt=stage.now() + 60)
    signature = stage.sign(assignment)
    stage.at(assignment[3] + 1)
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, signature, sender=stage.operator
    ) == refused("JobEscrow_AssignmentExpired", expiresAt=assignment[3], nowAt=assignment[3] + 1)


def test_accept_in_the_last_second_of_an_assignment_assigns_the_job(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator, expiresAt=stage.now() + 60)
    stage.at(assignment[3])
    stage.accept(terms, assignment=assignment, signature=stage.sign(assignment))
    assert stage.state(terms)["status"] == ASSIGNED


def test_accept_with_assignment_that_another_signed_reverts(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator)
    forged = stage.sign(assignment, Account.from_key("0x" + "bad0" * 16))
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, forged, sender=stage.operator
    ) == refused("JobEscrow_BadAssignmentSignature", dispatcher=stage.dispatcher)


def test_accept_by_the_agent_with_assignment_of_the_operator_assigns_the_operator(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    assignment = stage.assignment(terms, stage.operator)
    call = (terms.abi(), stage.operator, assignment, stage.sign(assignment))
    stage.escrow.accept(*call, {"from": stage.agent})
    assert stage.state(terms)["operator"] == plain(stage.operator)


def contract_dispatcher_terms(stage: Stage) -> Terms:
    contract = stage.deploy("MockDispatcher", stage.dispatcher.address)
    return stage.create(stage.dispatched_terms(dispatcher=contract.address))


def test_accept_with_assignment_of_a_dispatching_contract_assigns_the_job(stage: Stage) -> None:
    terms = contract_dispatcher_terms(stage)
    assignment = stage.assignment(terms, stage.operator)
    stage.accept(terms, assignment=assignment, signature=stage.sign(assignment))
    assert stage.state(terms)["status"] == ASSIGNED


def test_accept_with_assignment_that_a_dispatching_contract_denies_reverts(stage: Stage) -> None:
    terms = contract_dispatcher_terms(stage)
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator)
    forged = stage.sign(assignment, Account.from_key("0x" + "bad0" * 16))
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, forged, sender=stage.operator
    ) == refused("JobEscrow_BadAssignmentSignature", dispatcher=terms["dispatcher"])


def test_accept_when_the_exclusive_time_ends_needs_no_assignment(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 200)
    stage.accept(terms)
    assert stage.state(terms)["operator"] == plain(stage.operator)


# ---- what accepting does ----------------------------------------------------------------------------------------------


def test_accept_fixes_price_operator_and_deadline(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    opened_at = stage.state(terms)["openedAt"]
    stage.at(opened_at + 250)
    stage.accept(terms)
    assert stage.state(terms) == {
        "status": ASSIGNED,
        "nextMilestone": 0,
        "round": 1,
        "openedAt": opened_at,
        "deadline": opened_at + 250 + 500,
        "operator": plain(stage.operator),
        "price": 70 * DOLLAR,
        "remaining": 100 * DOLLAR,
    }


def test_accept_emits_who_took_the_job(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    stage.at(stage.state(terms)["openedAt"] + 2_000)
    accepted = stage.escrow.accept(terms.abi(), stage.operator, *UNSIGNED, {"from": stage.agent})
    assert event(accepted, "JobAssigned") == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "agent": plain(stage.agent),
        "round": 1,
        "price": 100 * DOLLAR,
        "deadline": stage.now() + 500,
    }


def test_accept_locks_the_stake(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator, 80 * TALLY)
    stage.accept(terms)
    held = stage.stakes.lockOf(stage.job_id(terms)), stage.stakes.freeStakeOf(stage.operator)
    assert plain(held) == ((plain(stage.operator), 50 * TALLY), 30 * TALLY)


# ---- the price --------------------------------------------------------------------------------------------------------


def test_price_now_of_job_that_is_not_open_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert refusal(stage.escrow.priceNow, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=ASSIGNED, wanted=OPEN
    )


@pytest.mark.parametrize(
    ("elapsed", "price"),
    [
        (0, 60_000_000),
        (1, 60_040_000),
        (333, 73_320_000),
        (999, 99_960_000),
        (1_000, 100_000_000),
        (9_999, 100_000_000),
    ],
)
def test_price_now_on_the_ramp_grows_in_a_line(stage: Stage, elapsed: int, price: int) -> None:
    terms = stage.create()
    stage.at(stage.state(terms)["openedAt"] + elapsed)
    assert int(stage.escrow.priceNow(terms.abi())) == price


def test_price_now_on_the_ramp_rounds_down(stage: Stage) -> None:
    terms = stage.create(minPrice=10, maxPrice=12, rampSeconds=3)
    stage.at(stage.state(terms)["openedAt"] + 2)
    assert int(stage.escrow.priceNow(terms.abi())) == 11


def test_price_now_without_a_ramp_is_the_maximum_at_once(stage: Stage) -> None:
    terms = stage.create(rampSeconds=0)
    assert int(stage.escrow.priceNow(terms.abi())) == 100 * DOLLAR


def test_price_now_after_a_reopening_is_the_minimum_again(stage: Stage) -> None:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.escrow.expire(terms.abi(), {"from": stage.finder})
    assert int(stage.escrow.priceNow(terms.abi())) == 60 * DOLLAR
