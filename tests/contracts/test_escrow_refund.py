"""JobEscrow.cancel and JobEscrow.refund: how a deposit goes home.

cancel
├── by somebody else → JobEscrow_NotCreator
├── the job is assigned → JobEscrow_WrongStatus
├── the job is cancelled already → JobEscrow_WrongStatus
├── the job is open → the deposit is credited, JobRefunded
└── the job was reopened → what is left of the deposit; the bounty is burnt

refund
├── in the last second of the accept window → JobEscrow_AcceptWindowOpen
├── the job is assigned → JobEscrow_WrongStatus
├── a second later, by anyone → the deposit is credited to the creator
└── after a reopening the window starts anew
    ├── within it → JobEscrow_AcceptWindowOpen
    └── after it → what is left of the deposit; the bounty is burnt
"""

from __future__ import annotations

from refusals import plain, refusal, refused
from stage import ASSIGNED, BURN, DOLLAR, OPEN, REFUNDED, TALLY, Stage, Terms, event, share


def reopened(stage: Stage) -> Terms:
    """The first milestone paid at full price, the second one missed: bounty 3 of the 10 slashed."""
    terms = stage.assigned(rampSeconds=0)
    stage.settle(terms, 0)
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.escrow.expire(terms.abi(), {"from": stage.finder})
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
    assert event(cancelled, "JobRefunded") == {
        "jobId": stage.job_id(terms),
        "creator": plain(stage.creator),
        "amount": 100 * DOLLAR,
    }
    assert (stage.credit(stage.creator), stage.state(terms)["remaining"]) == (100 * DOLLAR, 0)


def test_cancel_of_reopened_job_credits_what_is_left_and_burns_the_bounty(stage: Stage) -> None:
    terms = reopened(stage)
    compensation = int(stage.stakes.rewardOf(stage.creator))
    cancelled = stage.escrow.cancel(terms.abi(), {"from": stage.creator})
    assert event(cancelled, "BountyPaid") == {
        "jobId": stage.job_id(terms),
        "account": plain(BURN),
        "amount": 3 * TALLY,
    }
    assert stage.credit(stage.creator) == 40 * DOLLAR
    assert int(stage.stakes.rewardOf(stage.creator)) == compensation == share(10 * TALLY, 4_000)


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
    assert (stage.credit(stage.creator), int(stage.stakes.bountyOf(stage.job_id(terms)))) == (40 * DOLLAR, 0)
