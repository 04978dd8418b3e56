"""When a job is better given back than missed. Pure.

A missed deadline costs a share of the lock's unfinished part. An early release costs less, the less the sooner, and the
creator gets somebody else at once. But what is given back is work for nothing, so it takes more than a doubt.
"""

from __future__ import annotations

MARGIN = 1.5
"""An estimate goes by circuit size and this machine's past; half of it again covers what was seen to go wrong with it."""


def is_hopeless(needed_seconds: float, left_seconds: float) -> bool:
    """Whether a milestone would be late even if its raw estimate were too long by the margin."""
    return needed_seconds > left_seconds * MARGIN


def is_worth_its_fee(fee: int, late_slash: int) -> bool:
    """Whether letting go costs less than being late; both in the stake token's smallest unit."""
    return fee < late_slash
