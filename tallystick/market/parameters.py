"""What governance may change, as contracts/types/ParameterTypes.sol has it, and what follows from it."""

from __future__ import annotations

from tallystick.errors import TermsError
from tallystick.ids import Address
from tallystick.market.terms import JobTerms, ProofKind, Uint16, Uint32, Uint96
from tallystick.market.typed_data import Struct
from tallystick.units import BPS, share_of


class Economy(Struct):
    """The rules of slashing and early release. A job keeps the version that it was created under.

    Of a slash, what its three shares leave is burnt.

    Attributes:
        late_slash_bps: Of the lock's unfinished part, for a missed deadline.
        late_finder_bps: Of that slash, to whoever called `expire`.
        fault_challenger_bps: Of a slash for a fault, which takes the whole lock, to whoever proved it.
        release_bps: Of the lock's unfinished part, for an early release at once; grows to `late_slash_bps`.
    """

    late_slash_bps: Uint16
    late_finder_bps: Uint16
    late_creator_bps: Uint16
    late_bounty_bps: Uint16
    fault_challenger_bps: Uint16
    fault_creator_bps: Uint16
    fault_bounty_bps: Uint16
    release_bps: Uint16

    def late_slash(self, terms: JobTerms, next_milestone: int) -> int:
        """What a missed deadline of `next_milestone` costs, in the stake token's smallest unit."""
        unfinished = sum(terms.share_bps[next_milestone:])
        return terms.stake_lock * unfinished * self.late_slash_bps // (BPS * BPS)


class EntryRules(Struct):
    """What a new job, and a new unbonding, must meet. Changes touch nothing that is there already.

    Attributes:
        min_lock: Least stake lock of a job, in the stake token's smallest unit.
        min_lock_ratio_bps: Least ratio of lock to maximum price where both are in the stake token.
        min_challenge_seconds: Least challenge window of an Optimistic job.
        unbond_seconds: Time from a request to a withdrawal of stake.
    """

    min_lock: Uint96
    min_lock_ratio_bps: Uint16
    min_challenge_seconds: Uint32
    unbond_seconds: Uint32

    def least_lock(self, payment_token: Address, max_price: int, stake_token: Address) -> int:
        """The least stake lock of a job with this price, in the stake token's smallest unit."""
        if payment_token != stake_token:
            return self.min_lock
        return max(self.min_lock, share_of(max_price, self.min_lock_ratio_bps))

    def check(self, terms: JobTerms, stake_token: Address) -> None:
        """Refuses terms that no new job may have today. Raises TermsError. `JobTerms.check` refuses the others."""
        least = self.least_lock(terms.payment_token, terms.max_price, stake_token)
        if terms.stake_lock < least:
            raise TermsError(f"The stake lock of {terms.stake_lock} is below the least of {least}.")
        window = terms.challenge_seconds
        if terms.proof_kind is ProofKind.OPTIMISTIC and window < self.min_challenge_seconds:
            raise TermsError(
                f"The challenge window of {window} s is below the least of {self.min_challenge_seconds} s."
            )
