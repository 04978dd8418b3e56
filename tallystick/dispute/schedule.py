"""Until when what may be done: a fixed timetable, so that however many challengers demand, a claim is final in time.

Seconds of the chain's clock. Every deadline is the last second at which the thing may still be done.
"""

from __future__ import annotations

import dataclasses

from tallystick.dispute.levels import MOST_LEVELS
from tallystick.errors import InputError


@dataclasses.dataclass(frozen=True)
class Schedule:
    """The timetable of one claim.

    Attributes:
        claimed_at: When the claim was made.
        window: W: demands of level 0, and faults of a claim without demands.
        response: Dr: from a demand to its answer.
        challenge: Dc: from the last moment of an answer to what follows from it.
        levels: L: there are demands of the levels 0 to L - 1.
    """

    claimed_at: int
    window: int
    response: int
    challenge: int
    levels: int = MOST_LEVELS

    def __post_init__(self) -> None:
        if self.claimed_at < 0 or min(self.window, self.response, self.challenge) <= 0 or self.levels <= 0:
            raise InputError(
                f"Windows must be longer than 0 s: {self}.", remedy="Take them from the job and the judge."
            )

    def latest_demand(self, level: int) -> int:
        """The last second at which a demand of that level is accepted. Raises InputError for a level that there is not."""
        self._check(level)
        return self._end(level)

    def answer_deadline(self, demanded_at: int) -> int:
        """The last second at which a demand may be answered: the claimer has all of Dr, however late it was asked."""
        return demanded_at + self.response

    def follow_up_deadline(self, level: int) -> int:
        """The last second for what follows from an answer of that level: a demand of the next one, or after the last a fault."""
        self._check(level)
        return self._end(level + 1)

    def final_after(self, deepest: int | None) -> int:
        """The last second at which a claim can be shown to be wrong, `deepest` being the highest level demanded so far.

        None where nothing was demanded. It does not depend on how many demands there were, nor on when.
        """
        if deepest is None:
            return self._end(0)
        return self.follow_up_deadline(deepest)

    @property
    def bound(self) -> int:
        """W + L * (Dr + Dc) after the claim: no claim stands open behind it."""
        return self._end(self.levels)

    # ---- what may be done now -----------------------------------------------------------------------------------------

    def takes_demand(self, level: int, now: int) -> bool:
        """Whether a demand of that level comes in time."""
        return self.claimed_at <= now <= self.latest_demand(level)

    def is_unanswered(self, demanded_at: int, now: int) -> bool:
        """Whether a demand that has no answer is a fault by now. Exactly at the deadline it is not."""
        return now > self.answer_deadline(demanded_at)

    def is_final(self, deepest: int | None, now: int) -> bool:
        """Whether a claim all of whose demands were answered stands for good. Exactly at the last second it does not."""
        return now > self.final_after(deepest)

    def _check(self, level: int) -> None:
        if not 0 <= level < self.levels:
            raise InputError(f"There is no level {level} among {self.levels}.")

    def _end(self, level: int) -> int:
        return self.claimed_at + self.window + level * (self.response + self.challenge)
