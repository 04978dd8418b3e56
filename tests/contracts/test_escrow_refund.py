"""JobEscrow.cancel and JobEscrow.refund: how a deposit goes home.

cancel
├── by somebody else → JobEscrow_NotCreator
├── the job is assigned → JobEscrow_WrongStatus
├── the job is cancelled already → JobEscrow_WrongStatus
├── the job is open
│   └── → the deposit is credited, the job is over and emptied, JobRefunded and nothing else
└── the job was reopened
    ├── after it was missed → what is left of the deposit; the bounty is burnt
    └── after it was given back → the fee is burnt

refund
├── the job was never created → JobEscrow_WrongStatus
├── in the last second of the accept window → JobEscrow_AcceptWindowOpen
├── the job is assigned → JobEscrow_WrongStatus
├── the job is refunded already → JobEscrow_WrongStatus
├── a second later, by anyone → the deposit is credited to the creator
└── after a reopening the window starts anew
    ├── within it → JobEscrow_AcceptWindowOpen
    └── after it → what is left of the deposit; the bounty is burnt
"""

from __future__ import annotations

from refusals import plain, refusal, refused
from stage import ASSIGNED, BURN, DOLLAR, OPEN, REFUNDED, TALLY, ZERO, Stage, Terms, event, share


def reopened(stage: Stage) -> Terms:
    """The first milestone paid at full price, the second one missed: bounty 3 of the 10 slashed."""
    terms = stage.assigned(rampSeconds=0)
    stage.settle(terms, 0)
    stage.expire(terms)
    return terms


def test_cancel_by_a_stranger_reverts(stage: Stage) -> None:
    terms = stage.create()
    assert refusal(stage.escrow.cancel, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_NotCreator", caller=stage.stranger, creator=stage.creator
    )


def test_cancel_of_assigned_job_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    assert refusal(stage.escrow.cancel, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=ASSIGNED, wanted=OPEN
    )


def test_cancel_twice_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.escrow.cancel(terms.abi(), {"from": stage.creator})
    assert refusal(stage.escrow.cancel, terms.abi(), sender=stage.creator) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=REFUNDED, wanted=OPEN
    )


def test_cancel_of_open_job_credits_the_deposit(stage: Stage) -> None:
    terms = stage.create()
    cancelled = stage.escrow.cancel(terms.abi(), {"from": stage.creator})
    assert [found.name for found in cancelled.events] == ["JobRefunded"]
    assert event(cancelled, "JobRefunded") == {
        "jobId": stage.job_id(terms),
        "creator": plain(stage.creator),
        "amount": 100 * DOLLAR,
    }
    assert stage.credit(stage.creator) == 100 * DOLLAR


def test_cancel_of_reopened_job_empties_it(stage: Stage) -> None:
    """Which round it was and how far it came stay to be read."""
    terms = reopened(stage)
    stage.escrow.cancel(terms.abi(), {"from": stage.creator})
    assert stage.state(terms) == {
        "operator": ZERO,
        "timer": 0,
        "round": 2,
        "nextMilestone": 1,
        "status": REFUNDED,
        "remaining": 0,
        "bounty": 0,
        "acceptedAfter": 0,
        "paidMilestones": 0,
        "economyVersion": 0,
        "openedAt": 0,
        "deadline": 0,
    }


def test_cancel_of_reopened_job_credits_what_is_left_and_burns_the_bounty(stage: Stage) -> None:
    terms = reopened(stage)
    burnt = stage.reward(BURN)
    cancelled = stage.escrow.cancel(terms.abi(), {"from": stage.creator})
    assert event(cancelled, "BountyPaid") == {
        "jobId": stage.job_id(terms),
        "account": plain(BURN),
        "amount": 3 * TALLY,
    }
    assert (stage.credit(stage.creator), stage.reward(BURN) - burnt) == (40 * DOLLAR, 3 * TALLY)
    assert stage.reward(stage.creator) == share(10 * TALLY, 4_000)


def test_cancel_of_job_that_was_given_back_burns_the_fee(stage: Stage) -> None:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"] - 500)
    stage.escrow.releaseEarly(terms.abi(), {"from": stage.operator})
    stage.escrow.cancel(terms.abi(), {"from": stage.creator})
    assert (stage.reward(BURN), stage.reward(stage.creator)) == (50 * TALLY // 100, 0)


def test_refund_of_unknown_job_reverts(stage: Stage) -> None:
    terms = stage.terms()
    assert refusal(stage.escrow.refund, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=0, wanted=OPEN
    )


def test_refund_in_the_last_second_of_the_window_reverts(stage: Stage) -> None:
    terms = stage.create()
    closes_at = stage.state(terms)["openedAt"] + terms["acceptSeconds"]
    stage.at(closes_at)
    assert refusal(stage.escrow.refund, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_AcceptWindowOpen", closesAt=closes_at, nowAt=closes_at
    )


def test_refund_of_assigned_job_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    stage.at(stage.now() + 10_000)
    assert refusal(stage.escrow.refund, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=ASSIGNED, wanted=OPEN
    )


def test_refund_after_the_window_by_anyone_credits_the_creator(stage: Stage) -> None:
    terms = stage.create()
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"] + 1)
    stage.escrow.refund(terms.abi(), {"from": stage.stranger})
    assert (stage.credit(stage.creator), stage.credit(stage.stranger)) == (100 * DOLLAR, 0)
    assert stage.state(terms)["status"] == REFUNDED


def test_refund_twice_reverts(stage: Stage) -> None:
    terms = stage.create()
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"] + 1)
    stage.escrow.refund(terms.abi(), {"from": stage.stranger})
    assert refusal(stage.escrow.refund, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=REFUNDED, wanted=OPEN
    )


def test_refund_of_reopened_job_within_its_new_window_reverts(stage: Stage) -> None:
    terms = reopened(stage)
    closes_at = stage.state(terms)["openedAt"] + terms["acceptSeconds"]
    stage.at(closes_at)
    assert refusal(stage.escrow.refund, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_AcceptWindowOpen", closesAt=closes_at, nowAt=closes_at
    )


def test_refund_of_reopened_job_credits_what_is_left_and_burns_the_bounty(stage: Stage) -> None:
    terms = reopened(stage)
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"] + 1)
    refunded = stage.escrow.refund(terms.abi(), {"from": stage.stranger})
    assert event(refunded, "BountyPaid")["account"] == plain(BURN)
    assert (stage.credit(stage.creator), stage.state(terms)["bounty"]) == (40 * DOLLAR, 0)
