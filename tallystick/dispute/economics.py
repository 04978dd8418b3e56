"""What a challenger earns, which claims it looks at, and in what order. Integers throughout; no rate of exchange comes from here."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterable

from tallystick.errors import InputError
from tallystick.hashing import sha256
from tallystick.units import BPS, share_of

WHOLE = 10**18
"""Smallest units that a `Worth` is of."""
_DRAW_BYTES = 8


@dataclasses.dataclass(frozen=True)
class Worth:
    """What the two currencies are worth to whoever asks, in a unit of its own, which is the same for both.

    Attributes:
        stake: Of 10^18 smallest units of the stake token.
        native: Of 10^18 wei.
    """

    stake: int
    native: int


@dataclasses.dataclass(frozen=True)
class Profit:
    """What showing a fault brings.

    Attributes:
        share: The challenger's share of the slash, in the stake token's smallest unit, rounded down as the contract does.
        cost_wei: Gas at its price.
        net: Share less cost in the asker's unit, rounded against the challenger; None without a `Worth`.
    """

    share: int
    cost_wei: int
    net: int | None

    @property
    def covers_gas(self) -> bool | None:
        """None where nobody said what the currencies are worth: two amounts of different things cannot be compared."""
        return None if self.net is None else self.net >= 0


def profit(lock: int, challenger_bps: int, gas: int, gas_price_wei: int, worth: Worth | None = None) -> Profit:
    """Of showing one fault.

    Args:
        lock: The job's, in the stake token's smallest unit; a fault takes all of it.
        challenger_bps: `fault_challenger_bps` of the economy that the job keeps.
        gas: Of the transaction, or of all transactions on the way.
        gas_price_wei: In full, with what goes to the block's producer.
        worth: Of the currencies.

    Raises:
        InputError: something is negative, or the share more than the whole.
    """
    if min(lock, challenger_bps, gas, gas_price_wei) < 0 or challenger_bps > BPS:
        raise InputError(
            f"There is no such fault: lock {lock}, {challenger_bps} bps, {gas} gas at {gas_price_wei} wei."
        )
    share, cost = share_of(lock, challenger_bps), gas * gas_price_wei
    if worth is None:
        return Profit(share, cost, None)
    return Profit(share, cost, share * worth.stake // WHOLE - -(-cost * worth.native // WHOLE))


# ---- order ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Pending:
    """A claim that waits to be looked at.

    Attributes:
        key: What it is known by; of two that are alike otherwise the smaller key goes first.
        value: At stake, in any unit that is the same for all.
        deadline: The last second at which a fault of it can be shown.
        seconds: That looking at it and showing a fault take, at most; at least 1.
    """

    key: bytes
    value: int
    deadline: int
    seconds: int

    def __post_init__(self) -> None:
        if self.seconds < 1 or self.value < 0:
            raise InputError(f"A claim takes at least a second and is worth at least nothing: {self}.")


def order(claims: Iterable[Pending], now: int) -> list[Pending]:
    """All claims, in the order in which they should be looked at, one after the other.

    By deadline, as long as all come in time. Where they cannot, those with the least value for their seconds give way, and are
    looked at when the others are done: some may turn out to take less. What is too late at any rate comes last.
    """
    waiting = sorted(claims, key=_by_deadline)
    lost = [claim for claim in waiting if now + claim.seconds > claim.deadline]
    taken: list[tuple[_Density, int, Pending]] = []
    given_way: list[Pending] = []
    end = now
    for place, claim in enumerate(waiting):
        if now + claim.seconds > claim.deadline:
            continue
        heapq.heappush(taken, (_Density(claim), place, claim))
        end += claim.seconds
        while end > claim.deadline:
            *_, dropped = heapq.heappop(taken)
            given_way.append(dropped)
            end -= dropped.seconds
    first = sorted((claim for *_, claim in taken), key=_by_deadline)
    return [*first, *_by_value(given_way), *_by_value(lost)]


def _by_deadline(claim: Pending) -> tuple[int, int, bytes]:
    return claim.deadline, -claim.value, claim.key


def _by_value(claims: Iterable[Pending]) -> list[Pending]:
    return sorted(claims, key=lambda each: (-each.value, each.deadline, each.key))


@dataclasses.dataclass(frozen=True)
class _Density:
    """Orders claims by value for a second, without dividing."""

    claim: Pending

    def __lt__(self, other: _Density) -> bool:
        mine, theirs = self.claim, other.claim
        left, right = mine.value * theirs.seconds, theirs.value * mine.seconds
        return (left, theirs.key) < (right, mine.key)


# ---- sampling ---------------------------------------------------------------------------------------------------------


def is_sampled(claim: bytes, seed: bytes, rate_bps: int) -> bool:
    """Whether a challenger that looks at `rate_bps` of all claims looks at this one: the same answer whenever it is asked.

    Args:
        claim: What tells it from all others: its commitment.
        seed: Known to nobody who makes claims, or they are honest when it matters.
        rate_bps: 0 looks at none, 10,000 at all.

    Raises:
        InputError: the rate is none.
    """
    if not 0 <= rate_bps <= BPS:
        raise InputError(f"A sample of {rate_bps} bps is not between 0 and {BPS}.")
    drawn = int.from_bytes(sha256(len(seed).to_bytes(8, "big"), seed, claim)[:_DRAW_BYTES], "big")
    return drawn * BPS < rate_bps << 8 * _DRAW_BYTES
