"""JobEscrow.accept. The dispatcher's first choice: test_escrow_assignment.py.

accept
├── the job is not open
│   ├── it was never created → JobEscrow_WrongStatus
│   └── somebody has it → JobEscrow_WrongStatus
├── the accept window
│   ├── is over by a second → JobEscrow_AcceptWindowOver
│   ├── is in its last second → accepted
│   └── after a reopening, runs anew → accepted long after the first one
├── the caller
│   ├── is a stranger → StakeManager_NotAgent
│   ├── is no longer the operator's agent → StakeManager_NotAgent
│   └── names nobody as operator → StakeManager_NotAgent
├── the operator's free stake
│   ├── is a unit short → StakeManager_StakeTooLow
│   ├── is just enough → accepted
│   ├── is locked for another job → StakeManager_StakeTooLow
│   └── is unbonding → StakeManager_StakeTooLow
└── accepted
    ├── → state, event, lock
    ├── anywhere on the ramp → the price of that place
    └── behind the ramp → at its end
"""

from __future__ import annotations

import pytest
from refusals import plain, refusal, refused
from stage import ASSIGNED, DOLLAR, NO_ASSIGNMENT, OPEN, TALLY, ZERO, Stage, Terms, event

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


def test_accept_after_a_reopening_has_a_window_of_its_own(stage: Stage) -> None:
    terms = stage.assigned(durationSeconds=[5_000, 300])
    stage.bond(stage.rival)
    stage.expire(terms)
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"])
    stage.accept(terms, stage.rival)
    assert stage.state(terms)["operator"] == plain(stage.rival)


def test_accept_by_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.stranger) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=stage.operator
    )


def test_accept_by_an_agent_that_was_revoked_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    stage.stakes.revokeAgent(stage.agent, {"from": stage.operator})
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.agent) == refused(
        "StakeManager_NotAgent", caller=stage.agent, operator=stage.operator
    )


def test_accept_for_nobody_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert refusal(stage.escrow.accept, terms.abi(), ZERO, *UNSIGNED, sender=stage.stranger) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=ZERO
    )


def test_accept_with_a_unit_less_than_the_lock_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator, 50 * TALLY - 1)
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, available=50 * TALLY - 1, wanted=50 * TALLY
    )


def test_accept_with_just_the_lock_assigns_the_job(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator, 50 * TALLY)
    stage.escrow.accept(terms.abi(), stage.operator, *UNSIGNED, {"from": stage.operator})
    assert stage.state(terms)["status"] == ASSIGNED


def test_accept_of_a_second_job_beyond_the_free_stake_reverts(stage: Stage) -> None:
    stage.bond(stage.operator, 99 * TALLY)
    stage.assigned(salt=1)
    second = stage.create(salt=2)
    assert refusal(stage.escrow.accept, second.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, available=49 * TALLY, wanted=50 * TALLY
    )


def test_accept_with_stake_that_is_unbonding_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator, 60 * TALLY)
    stage.stakes.requestUnbond(11 * TALLY, {"from": stage.operator})
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, available=49 * TALLY, wanted=50 * TALLY
    )


# ---- what accepting does ----------------------------------------------------------------------------------------------


def accept_after(stage: Stage, terms: Terms, seconds: int) -> None:
    """The operator takes a job so long after its opening. Stake first: a deposit takes a second."""
    stage.bond(stage.operator)
    stage.create(terms)
    stage.at(stage.state(terms)["openedAt"] + seconds)
    stage.accept(terms)


def test_accept_fixes_operator_deadline_and_place_on_the_ramp(stage: Stage) -> None:
    terms = stage.terms()
    accept_after(stage, terms, 250)
    assert stage.state(terms) == {
        "operator": plain(stage.operator),
        "timer": stage.now() + 500,
        "round": 1,
        "nextMilestone": 0,
        "status": ASSIGNED,
        "remaining": 100 * DOLLAR,
        "bounty": 0,
        "acceptedAfter": 250,
        "paidMilestones": 0,
        "economyVersion": 1,
        "openedAt": 0,
        "deadline": stage.now() + 500,
    }


def test_accept_behind_the_ramp_stands_at_its_end(stage: Stage) -> None:
    terms = stage.terms()
    accept_after(stage, terms, 1_999)
    assert stage.state(terms)["acceptedAfter"] == 1_000


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
    held = stage.stakes.lockedStakeOf(stage.operator), stage.stakes.freeStakeOf(stage.operator)
    assert plain(held) == (50 * TALLY, 30 * TALLY)


RAMP = [
    (0, 60_000_000),
    (1, 60_040_000),
    (333, 73_320_000),
    (999, 99_960_000),
    (1_000, 100_000_000),
    (1_999, 100_000_000),
]


@pytest.mark.parametrize(("elapsed", "price"), RAMP)
def test_accept_on_the_ramp_fixes_the_price_of_that_place(stage: Stage, elapsed: int, price: int) -> None:
    terms = stage.terms()
    accept_after(stage, terms, elapsed)
    stage.at(stage.now() + 77)
    assert stage.price(terms) == price
