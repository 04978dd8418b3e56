"""A random walk: people who do what they may and what they may not, in any order, while time passes.

A walk is a list of steps, each with what was done, what the chain said to it, and the books before and after. It follows
from its seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from acts import Creators, Everyone, Governors, Operators
from books import Books
from brownie.exceptions import VirtualMachineError
from refusals import NotRefusedError, plain, refusal
from stage import ASSIGNED, OPEN

CHOICES = {
    "create": 6,
    "post_order": 3,
    "accept_order": 4,
    "forge_order": 3,
    "cancel_orders": 1,
    "accept": 14,
    "release_early": 3,
    "claim": 14,
    "claim_many": 8,
    "forge": 4,
    "finalize": 8,
    "finalize_many": 3,
    "fault": 4,
    "accuse": 1,
    "expire": 6,
    "expire_many": 3,
    "cancel": 1,
    "refund": 2,
    "withdraw": 3,
    "withdraw_reward": 2,
    "deposit": 9,
    "request_unbond": 4,
    "cancel_unbond": 1,
    "complete_unbond": 5,
    "change_adapter": 1,
    "set_economy": 2,
    "set_entry_rules": 1,
    "pause": 2,
    "resume": 15,
    "wait": 14,
}
"""Weights that go far, and are wrong often enough."""
GAS = 10_000_000
Events = tuple[tuple[str, dict[str, Any]], ...]
ALWAYS_REFUSED = ("forge", "forge_order", "accuse", "change_adapter")


@dataclass(frozen=True)
class Step:
    action: str
    sender: str
    refused: bool
    timestamp: int
    events: Events
    before: Books
    after: Books

    def of(self, name: str) -> list[dict[str, Any]]:
        return [values for event, values in self.events if event == name]


class Walk(Creators, Operators, Everyone, Governors):
    """`run` takes the steps; `drain` then ends everything by calls that anyone may make."""

    def __init__(self, stage: Any, seed: int) -> None:
        super().__init__(stage, seed)
        self.steps: list[Step] = []
        self.done = {"wait", *ALWAYS_REFUSED}

    def run(self, steps: int) -> None:
        names = list(CHOICES)
        while len(self.steps) < steps:
            # What has not been done yet is tried more often, so that a short walk gets around too.
            weights = [weight * (1 if name in self.done else 3) for name, weight in CHOICES.items()]
            name = self.random.choices(names, weights)[0]
            act = getattr(self, name)()
            if act is not None:
                self._take(name, *act)

    def wait(self) -> None:
        self.stage.at(self.stage.now() + self.random.choice([1, 10, 30, 60, 100, 400, 1_200]))

    def _take(self, action: str, function: Any, arguments: tuple[Any, ...], sender: Any) -> None:
        told = self._tell(function, arguments, sender)
        refused = told is None
        if not refused:
            self.done.add(action)
        for name, values in told or ():
            self.witness(name, values)
        after = self.reader.read()
        self.steps.append(Step(action, plain(sender), refused, self.stage.now(), told or (), self.books, after))
        self.books = after

    def _tell(self, function: Any, arguments: tuple[Any, ...], sender: Any) -> Events | None:
        """Does it, and returns its events; None if the chain refuses."""
        try:
            # Brownie traces every transaction that reverts, which takes longer than all the rest of the step. So what is
            # refused now is not sent; what is refused only a second later is.
            refusal(function, *arguments, sender=sender, gas=GAS)
        except NotRefusedError:
            pass
        else:
            return None
        try:
            sent = function(*arguments, {"from": sender, "gas_limit": GAS})
        except VirtualMachineError:
            return None
        return tuple((log.name, _plain_event(log)) for log in sent.events)

    # ---- the end ------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Everything that is left, by calls that anyone may make once time has passed; no creator or operator helps."""
        stage = self.stage
        self._pass_time()
        for job_id in self.reader.jobs:
            if self.pending(job_id):
                self._drain(stage.settlement.finalize, self.terms(job_id).abi())
        for status, call in ((ASSIGNED, stage.escrow.expire), (OPEN, stage.escrow.refund)):
            self._pass_time()
            for job_id in self.reader.jobs:
                if self.books.jobs[job_id].status == status:
                    self._drain(call, self.terms(job_id).abi())
        for (token, account), amount in self.books.credits.items():
            if amount:
                self._drain(stage.escrow.withdraw, token, account)
        for account, amount in self.books.rewards.items():
            if amount:
                self._drain(stage.stakes.withdrawReward, account)

    def _drain(self, function: Any, *arguments: Any) -> None:
        self._take("drain", function, arguments, self.stage.stranger)

    def _pass_time(self) -> None:
        self.stage.at(self.stage.now() + 100_000)


def _plain_event(log: Any) -> dict[str, Any]:
    return {key: plain(value) for key, value in log.items()}
