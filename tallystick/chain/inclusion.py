"""How long to wait for a transaction, and what to make of what is seen meanwhile. Decides; asks nobody."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from tallystick.chain.receipts import Receipt
from tallystick.errors import ChainUnavailableError, RevertError

T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """What one look at the chain shows of a transaction."""

    receipt: Receipt | None
    is_confirmed: bool
    nonce_is_used: bool


@dataclass(frozen=True)
class Timing:
    """How a sender waits.

    Attributes:
        poll_seconds: Between two looks at the chain.
        bump_seconds: Without inclusion, until fees are raised.
        lost_polls: Looks in a row that must find the nonce used and no receipt, before a transaction is given up:
            nodes behind one endpoint do not all hear of a block at once.
        down_polls: Looks in a row that may go unanswered before the sender gives up waiting for now.
    """

    poll_seconds: float = 0.5
    bump_seconds: int = 30
    lost_polls: int = 6
    down_polls: int = 10


class Verdict(Enum):
    """What to do about a transaction after a look at the chain."""

    WAIT = "nothing yet"
    DONE = "mined, and as deep as asked for"
    STALE = "nobody has included it for too long"
    UNDONE = "the block that held it is gone"
    LOST = "its nonce was used by another"


class Watch:
    """What was seen of one transaction so far."""

    def __init__(self, timing: Timing, *, now: int) -> None:
        self._timing = timing
        self._last_offer = now
        self._was_mined = False
        self._used_polls = 0
        self._down_polls = 0

    def judge(self, look: Look, now: int) -> Verdict:
        """What to do after one more look. Time counts from the last verdict that led to an offer."""
        if look.receipt is not None and look.is_confirmed:
            return Verdict.DONE
        if look.receipt is not None:
            self._was_mined, self._used_polls, self._last_offer = True, 0, now
            return Verdict.WAIT
        if self._was_mined:
            self._was_mined, self._last_offer = False, now
            return Verdict.UNDONE
        self._used_polls = self._used_polls + 1 if look.nonce_is_used else 0
        if self._used_polls >= self._timing.lost_polls:
            return Verdict.LOST
        if not look.nonce_is_used and now - self._last_offer >= self._timing.bump_seconds:
            self._last_offer = now
            return Verdict.STALE
        return Verdict.WAIT

    async def shielded(self, look: Awaitable[T]) -> T | None:
        """A look's answer; None where the endpoint is down. Raises ChainUnavailableError once it is down too long."""
        try:
            answer = await look
        except ChainUnavailableError:
            self._down_polls += 1
            if self._down_polls >= self._timing.down_polls:
                raise
            return None
        self._down_polls = 0
        return answer


def out_of_gas(gas_used: int) -> RevertError:
    """The verdict on a failed transaction that used all it was given."""
    return RevertError(
        f"The contract ran out of gas after {gas_used}.",
        name="",
        arguments={"gas_used": gas_used},
        remedy="Send it again under another key: the estimate is made anew.",
    )
