"""What the escrow stores for a job, read."""

import pytest
from chain_samples import OPERATOR
from market_samples import make_terms

from tallystick.chain.views import read_job_state
from tallystick.ids import ZERO_ADDRESS
from tallystick.market.terms import JobStatus


def state(status, **changed):
    usual = {
        "operator": OPERATOR if status == 2 else ZERO_ADDRESS,
        "timer": 1_000,
        "round": 1,
        "next_milestone": 1,
        "status": status,
        "remaining": 60,
        "bounty": 5,
        "accepted_after": 25,
        "paid_milestones": 1,
        "economy_version": 1,
    }
    return read_job_state({**usual, **changed})


@pytest.mark.parametrize(
    ("held", "opened_at", "deadline"),
    [
        (state(1), 1_000, None),
        (state(2), None, 1_000),
        (state(2, timer=0), None, None),
        (state(3, timer=0), None, None),
    ],
    ids=["open", "assigned", "all claimed", "completed"],
)
def test_job_state_timer_is_named_after_what_it_tells(held, opened_at, deadline):
    assert (held.opened_at, held.deadline) == (opened_at, deadline)


@pytest.mark.parametrize(
    ("held", "is_pending"),
    [(state(2), False), (state(2, next_milestone=2), True), (state(3, next_milestone=2, paid_milestones=0), False)],
    ids=["paid", "claimed", "completed"],
)
def test_job_state_is_pending_while_a_claim_awaits_finality(held, is_pending):
    assert held.is_pending is is_pending


def test_job_state_price_of_an_assigned_job_is_its_place_on_the_ramp():
    """100 to 200 in 50 seconds; accepted after 25."""
    assert state(2).price(make_terms()) == 150


def test_job_state_price_of_an_open_job_is_none():
    assert state(1).price(make_terms()) is None


def test_read_job_state_reads_the_status():
    assert state(4).status is JobStatus.REFUNDED
