"""What a job pays for its least paid open milestone, after the dispatcher's fee. Pure.

The least, not the mean: an executor that is paid too little for one milestone would stop there.
"""

from __future__ import annotations

from tallystick.market.book import Job
from tallystick.units import share_of


def net_pay(job: Job, price: int) -> int:
    """The least that any milestone still to be done pays at a job price, in the payment token's smallest unit."""
    terms = job.terms
    return min(
        gross - share_of(gross, terms.dispatcher_fee_bps)
        for gross in (
            terms.price_of(milestone, price) for milestone in range(job.next_milestone, terms.milestone_count)
        )
    )


def pay_now(job: Job, now: int) -> int:
    """What accepting at chain time `now` would fix."""
    return net_pay(job, job.terms.price_at(job.opened_at, now))


def best_pay(job: Job) -> int:
    """What the end of the ramp would fix, as far as it lies within the accept window."""
    return pay_now(job, job.accept_closes_at)


def time_of_pay(job: Job, wanted: int) -> int | None:
    """The first chain time at which the job pays `wanted`; None where it never does."""
    if best_pay(job) < wanted:
        return None
    # The ramp never falls, so halving finds the first time without inverting two roundings.
    low, high = job.opened_at, job.accept_closes_at
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if pay_now(job, middle) >= wanted else (middle + 1, high)
    return low
