"""What to do about a claim, and why. Pure: everything that it goes by is handed in.

Nobody loses by being honest here: nothing is sent that would not be accepted, none of it carries a bond, and where the share does
not cover what is paid on the way, nothing is sent at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from challenger.cases import Found, Review, ShownFault
from tallystick.dispute.economics import Profit, Worth, profit
from tallystick.dispute.schedule import Schedule
from tallystick.units import share_of

MAX_TRANSACTION_GAS = 1 << 24
"""EIP-7825: no transaction has more."""
COMMIT_GAS = 100_000
"""83,000 measured."""
DEMAND_GAS = 260_000
"""Of one demand, its evidence included; 150,000 to 182,000 measured, of programs with few steps."""
COLLECT_GAS = 80_000
"""Of a withdrawal; 56,000 measured of a reward, 30,000 of fees."""
UNANSWERED_GAS = 250_000
"""193,000 measured."""
PROVE_GAS = 600_000
"""Of a fault that is not found yet, where a trace is withheld."""
WINDOW_STEPS = 4
"""A window has so many times for an answer, and for what follows from it."""
AGAIN_SECONDS = 30
"""At most, before what was not to be had is looked for once more."""


class CommitWhen(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Do(StrEnum):
    """What can be done about a claim."""

    LEAVE = "leave"
    WAIT = "wait"
    COMMIT = "commit"
    PROVE = "prove"
    PROVE_COMMITTED = "prove_committed"
    ASK = "ask"
    SLASH = "slash"


@dataclass(frozen=True)
class Decision:
    """What to do, in a sentence why, and when to think again where it is to wait."""

    do: Do
    reason: str
    until: int | None = None


@dataclass(frozen=True)
class Policy:
    """What whoever runs a challenger wants.

    Attributes:
        worth: Of the currencies; None: wherever there is a share, a fault is shown.
        min_profit: In that unit.
        max_demand_fees: Of one claim, in wei.
        margin_seconds: From a decision to its transaction in a block.
    """

    worth: Worth | None
    min_profit: int
    max_demand_fees: int
    commit: CommitWhen
    sample_bps: int
    margin_seconds: int


@dataclass(frozen=True)
class Stakes:
    """What a claim is about.

    Attributes:
        claimed_at, final_at: Chain time; `final_at` is the last second in which a fault can be shown.
        window: The job's challenge window, seconds.
        lock: That a fault takes, in the stake token's smallest unit.
        challenger_bps: Of it, to whoever shows the fault.
        gas_price: In wei; the most that may be paid.
    """

    claimed_at: int
    final_at: int
    window: int
    lock: int
    challenger_bps: int
    gas_price: int

    @property
    def share(self) -> int:
        """In the stake token's smallest unit."""
        return share_of(self.lock, self.challenger_bps)

    @property
    def schedule(self) -> Schedule:
        step = max(1, self.window // WINDOW_STEPS)
        return Schedule(self.claimed_at, self.window, step, step)

    def is_protected(self, now: int) -> bool:
        """Whether a commitment gives whoever made it the first turn: not in the last quarter of the window."""
        return now + self.window // WINDOW_STEPS <= self.final_at


@dataclass(frozen=True)
class Commitments:
    """Who has said that a witness is coming.

    Attributes:
        ours_at: Block time of our own; None where there is none.
        others: Whether somebody else has.
    """

    ours_at: int | None = None
    others: bool = False


@dataclass(frozen=True)
class Asking:
    """Where the way through a withheld trace stands.

    Attributes:
        level: Of the demand that is next.
        price: Of it, in wei, where it was not asked yet.
        spent: Of our fees for this claim so far, in wei.
        answer_by: Of the demand, where it was asked already; the last second for its answer.
        is_ours: Whether we asked it.
        levels_left: From this demand to the fault.
    """

    level: int
    price: int
    spent: int
    answer_by: int | None
    is_ours: bool
    levels_left: int


# ---- money ------------------------------------------------------------------------------------------------------------


def outlook(stakes: Stakes, policy: Policy, gas: int, wei: int = 0) -> Profit:
    """What is left of the share after so much gas at the most that may be paid, and so much wei beside."""
    cost = gas * stakes.gas_price + wei
    return profit(stakes.lock, stakes.challenger_bps, 1, cost, policy.worth)


def refusal(stakes: Stakes, policy: Policy, gas: int, wei: int = 0) -> str | None:
    """Why it is not worth its cost; None where it is, or where nobody can tell and there is a share."""
    found = outlook(stakes, policy, gas, wei)
    if not found.share:
        return "there is no share for whoever shows it"
    if found.net is not None and found.net < policy.min_profit:
        return (
            f"the share of {found.share} leaves {found.net} after costs of up to {found.cost_wei} wei, "
            f"and {policy.min_profit} is wanted"
        )
    return None


# ---- looking ----------------------------------------------------------------------------------------------------------


def look_again_at(now: int, stakes: Stakes) -> int:
    """When to look once more for what was not to be had: soon, for it may be on its way."""
    return now + max(1, min(AGAIN_SECONDS, stakes.window // (2 * WINDOW_STEPS)))


# ---- showing a fault --------------------------------------------------------------------------------------------------


def show_fault(review: Review, stakes: Stakes, made: Commitments, policy: Policy, now: int) -> Decision:
    """About a claim of which a witness is in hand."""
    fault = review.fault
    barred = _barred(fault, stakes, now)
    if fault is None or barred:
        return Decision(Do.LEAVE, barred)
    commits = made.ours_at is None and _wants_commit(stakes, made, policy, now)
    why_not = refusal(stakes, policy, fault.gas + COLLECT_GAS + (COMMIT_GAS if commits else 0))
    if why_not:
        return Decision(Do.LEAVE, f"{fault.sentence} It is not shown: {why_not}.")
    if commits:
        return Decision(Do.COMMIT, f"{fault.sentence} Said first, so that nobody gains by copying the witness.")
    if made.ours_at is None and made.others and stakes.is_protected(now):
        until = stakes.final_at - stakes.window // WINDOW_STEPS + 1
        return Decision(Do.WAIT, "Somebody else has said first that a witness is coming.", until)
    return Decision(Do.PROVE if made.ours_at is None else Do.PROVE_COMMITTED, fault.sentence)


def _barred(fault: ShownFault | None, stakes: Stakes, now: int) -> str:
    """Why a fault cannot be shown at all; empty where it can."""
    if fault is None:
        return "There is no witness."
    if now > stakes.final_at:
        return f"It is final since {stakes.final_at}: too late by {now - stakes.final_at} s."
    if fault.gas > MAX_TRANSACTION_GAS:
        return f"Showing it takes up to {fault.gas:,} gas, more than any transaction has."
    return ""


def _wants_commit(stakes: Stakes, made: Commitments, policy: Policy, now: int) -> bool:
    """A commitment needs a block, and a block after it, before the last quarter of the window."""
    if policy.commit is CommitWhen.NEVER and not made.others:
        return False
    if not stakes.is_protected(now + policy.margin_seconds):
        return False
    if made.others or policy.commit is CommitWhen.ALWAYS:
        return True
    copied = outlook(stakes, policy, PROVE_GAS)
    return copied.share > 0 and (copied.net is None or copied.net > 0)


# ---- a withheld trace -------------------------------------------------------------------------------------------------


def ask_on(asking: Asking, stakes: Stakes, policy: Policy, now: int) -> Decision:
    """About a claim that is wrong, of which nobody was shown where."""
    if now > stakes.final_at:
        return Decision(Do.LEAVE, f"It is final since {stakes.final_at}.")
    if asking.answer_by is not None:
        return _asked(asking, stakes, policy, now)
    last = min(stakes.schedule.latest_demand(asking.level), stakes.final_at)
    if now > last:
        return Decision(Do.LEAVE, f"Demands of level {asking.level} were taken until {last}.")
    if asking.spent + asking.price > policy.max_demand_fees:
        return Decision(
            Do.LEAVE,
            f"Its trace is withheld. Asking costs {asking.price} wei more, after {asking.spent}, over the bound of "
            f"{policy.max_demand_fees} for one claim.",
        )
    left = asking.levels_left
    gas = left * DEMAND_GAS + max(PROVE_GAS, UNANSWERED_GAS) + 2 * COLLECT_GAS
    why_not = refusal(stakes, policy, gas, asking.price * left)
    if why_not:
        return Decision(Do.LEAVE, f"Its trace is withheld, and nothing is asked: {why_not}.")
    return Decision(Do.ASK, f"Its trace is withheld: level {asking.level} is asked for {asking.price} wei.")


def _asked(asking: Asking, stakes: Stakes, policy: Policy, now: int) -> Decision:
    due = asking.answer_by or 0
    if now <= due:
        return Decision(Do.WAIT, f"Level {asking.level} was asked; the answer may come until {due}.", due + 1)
    theirs = due + stakes.window // (2 * WINDOW_STEPS)
    if not asking.is_ours and now <= theirs:
        return Decision(Do.WAIT, f"Somebody else asked, and the slash is theirs to take until {theirs}.", theirs + 1)
    why_not = refusal(stakes, policy, UNANSWERED_GAS + 2 * COLLECT_GAS)
    if why_not:
        return Decision(Do.LEAVE, f"Level {asking.level} stayed unanswered, and is not shown: {why_not}.")
    return Decision(Do.SLASH, f"Level {asking.level} was asked and not answered until {due}.")


# ---- in words ---------------------------------------------------------------------------------------------------------

LEFT_ALONE = {
    Found.AGREES: "It is what the program gives.",
    Found.NOT_SAMPLED: "It is not in the sample.",
}


def leave_alone(review: Review) -> Decision:
    """About a claim that there is nothing to do about."""
    return Decision(Do.LEAVE, LEFT_ALONE.get(review.found, review.reason), review.again_at)
