"""JobEscrow.priceOf

priceOf
├── the job was never created, or is over → JobEscrow_WrongStatus
├── the job is open
│   ├── on the ramp → minPrice at first, then in a line, maxPrice from its end on
│   ├── where the line meets no whole unit → rounded down
│   ├── without a ramp → maxPrice at once
│   └── after a reopening → minPrice again
└── the job is assigned → what it was accepted for, however late it is
"""

from __future__ import annotations

from refusals import refusal, refused
from stage import COMPLETED, DOLLAR, OPEN, Stage


def test_price_of_unknown_job_reverts(stage: Stage) -> None:
    terms = stage.terms()
    assert refusal(stage.escrow.priceOf, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=0, wanted=OPEN
    )


def test_price_of_completed_job_reverts(stage: Stage) -> None:
    terms = stage.assigned(shareBps=[10_000], durationSeconds=[500])
    stage.settle(terms, 0)
    assert refusal(stage.escrow.priceOf, terms.abi(), sender=stage.stranger) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=COMPLETED, wanted=OPEN
    )


def test_price_of_open_job_grows_in_a_line(stage: Stage) -> None:
    terms = stage.create()
    opened_at = stage.state(terms)["openedAt"]
    prices = []
    for elapsed in (0, 1, 333, 999, 1_000, 9_999):
        stage.at(opened_at + elapsed)
        prices.append(stage.price(terms))
    assert prices == [60_000_000, 60_040_000, 73_320_000, 99_960_000, 100_000_000, 100_000_000]


def test_price_of_open_job_rounds_down(stage: Stage) -> None:
    terms = stage.create(minPrice=10, maxPrice=12, rampSeconds=3)
    stage.at(stage.state(terms)["openedAt"] + 2)
    assert stage.price(terms) == 11


def test_price_of_open_job_without_a_ramp_is_the_maximum_at_once(stage: Stage) -> None:
    assert stage.price(stage.create(rampSeconds=0)) == 100 * DOLLAR


def test_price_of_reopened_job_is_the_minimum_again(stage: Stage) -> None:
    terms = stage.assigned(rampSeconds=0)
    stage.expire(terms)
    other = stage.assigned(salt=2)
    stage.expire(other)
    assert (stage.price(terms), stage.price(other)) == (100 * DOLLAR, 60 * DOLLAR)


def test_price_of_assigned_job_does_not_change_with_time(stage: Stage) -> None:
    terms = stage.create()
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 500)
    stage.accept(terms)
    stage.at(stage.now() + 10_000)
    assert stage.price(terms) == 80 * DOLLAR
