"""A random walk: people who do what they may and what they may not, in any order, while time passes.

A walk is a list of steps, each with what was done, what the chain said to it, and the books before and after. It follows
from its seed alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from books import Books, Reader
from brownie.exceptions import VirtualMachineError
from refusals import plain
from stage import ASSIGNED, CHAINED, NO_ASSIGNMENT, OPEN, TALLY, ZK, Stage, Terms, word

CHOICES = {
    "create": 6,
    "accept": 9,
    "claim": 14,
    "forge": 3,
    "expire": 4,
    "cancel": 1,
    "refund": 2,
    "withdraw": 3,
    "withdraw_reward": 2,
    "deposit": 5,
    "request_unbond": 3,
    "complete_unbond": 4,
    "change_adapter": 1,
    "wait": 10,
}
"""Weights that go far, and are wrong often enough."""


@dataclass(frozen=True)
class Step:
    action: str
    refused: bool
    timestamp: int
    events: tuple[tuple[str, dict[str, Any]], ...]
    before: Books
    after: Books

    def of(self, name: str) -> list[dict[str, Any]]:
        return [values for event, values in self.events if event == name]


class Walk:
    """`run` takes the steps; `drain` then ends everything by calls that anyone may make."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.random = random.Random(seed)
        self.operators = [stage.operator, stage.rival, stage.agent]
        people = [stage.creator, stage.finder, stage.stranger, stage.dispatcher, *self.operators]
        self.reader = Reader(stage, people, self.operators)
        self.steps: list[Step] = []
        self.jobs: list[Terms] = []
        self.books = self.reader.read()

    def run(self, steps: int) -> None:
        names = list(CHOICES)
        weights = list(CHOICES.values())
        while len(self.steps) < steps:
            name = self.random.choices(names, weights)[0]
            call = getattr(self, f"_{name}")()
            if call is not None:
                self._take(name, *call)

    def _take(self, action: str, function: Any, arguments: tuple[Any, ...], sender: Any) -> None:
        try:
            sent = function(*arguments, {"from": sender, "gas_limit": 10_000_000})
            refused, told = False, tuple((log.name, _plain_event(log)) for log in sent.events)
        except VirtualMachineError:
            refused, told = True, ()
        after = self.reader.read()
        self.steps.append(Step(action, refused, self.stage.now(), told, self.books, after))
        self.books = after

    # ---- creators -----------------------------------------------------------------------------------------------

    def _create(self) -> Any:
        stage, pick = self.stage, self.random
        count = pick.choice([1, 2, 3, 5])
        cuts = sorted(pick.sample(range(1, 10_000), count - 1))
        price = pick.randrange(1, 10**9)
        changed: dict[str, Any] = {
            "salt": len(self.jobs),
            "mode": pick.choice([0, CHAINED]),
            "minPrice": pick.randrange(price + 1),
            "maxPrice": price,
            "rampSeconds": pick.choice([0, 50, 1_000]),
            "stakeLock": TALLY + pick.randrange(20 * TALLY),
            "acceptSeconds": pick.choice([300, 3_000]),
            "shareBps": [b - a for a, b in zip([0, *cuts], [*cuts, 10_000], strict=True)],
            "durationSeconds": [pick.choice([60, 600]) for _ in range(count)],
            "paymentToken": pick.choice([stage.payment, stage.payment, stage.stake]).address,
        }
        terms = pick.choice([stage.terms, stage.dispatched_terms])(**changed)
        stage.fund(terms)
        self.jobs.append(terms)
        self.reader.jobs[stage.job_id(terms)] = terms
        self.books = self.reader.read()
        return stage.escrow.createJob, (terms.abi(),), stage.creator

    def _cancel(self) -> Any:
        terms = self._some(OPEN)
        return terms and (self.stage.escrow.cancel, (terms.abi(),), self._mostly(self.stage.creator))

    def _refund(self) -> Any:
        terms = self._some(OPEN)
        return terms and (self.stage.escrow.refund, (terms.abi(),), self.stage.stranger)

    # ---- operators ----------------------------------------------------------------------------------------------

    def _deposit(self) -> Any:
        stage, operator = self.stage, self.random.choice(self.operators)
        amount = self.random.randrange(1, 60 * TALLY)
        stage.stake.mint(operator, amount, {"from": operator})
        stage.stake.approve(stage.stakes, amount, {"from": operator})
        return stage.stakes.deposit, (operator, amount), operator

    def _request_unbond(self) -> Any:
        amount = self.random.randrange(1, 30 * TALLY)
        return self.stage.stakes.requestUnbond, (amount,), self.random.choice(self.operators)

    def _complete_unbond(self) -> Any:
        return self.stage.stakes.completeUnbond, (), self.random.choice(self.operators)

    def _accept(self) -> Any:
        stage, terms = self.stage, self._some(OPEN)
        if terms is None:
            return None
        operator = self.random.choice(self.operators)
        signed: tuple[Any, bytes] = (NO_ASSIGNMENT, b"")
        if terms["exclusiveSeconds"] and self.random.random() < 0.8:
            assignment = stage.assignment(terms, operator)
            signed = (assignment, stage.sign(assignment))
        return stage.escrow.accept, (terms.abi(), operator, *signed), self._mostly(operator)

    def _claim(self) -> Any:
        stage, terms = self.stage, self._some(ASSIGNED)
        if terms is None:
            return None
        state = self.books.jobs[stage.job_id(terms)].state
        claim = stage.claim(terms, state["nextMilestone"], outputRoot=word(f"output {len(self.steps)}"))
        return stage.settlement.claim, (terms.abi(), claim), self._mostly(state["operator"])

    def _forge(self) -> Any:
        """A claim with something wrong about it."""
        stage, terms = self.stage, self._some(ASSIGNED)
        if terms is None:
            return None
        state = self.books.jobs[stage.job_id(terms)].state
        milestone = state["nextMilestone"]
        right = list(stage.claim(terms, milestone))
        wrong = self.random.choice(["milestone", "input", "output", "proof", "no proof"])
        if wrong == "milestone":
            right[0] = milestone + 1
        elif wrong == "input":
            right[1] = word("another input")
        elif wrong == "output":
            right[3] = word("another output")
        else:
            right[5] = b"" if wrong == "no proof" else right[5][:-1] + bytes([right[5][-1] ^ 1])
        return stage.settlement.claim, (terms.abi(), tuple(right)), state["operator"]

    # ---- everyone -----------------------------------------------------------------------------------------------

    def _expire(self) -> Any:
        terms = self._some(ASSIGNED)
        return terms and (self.stage.escrow.expire, (terms.abi(),), self.stage.finder)

    def _withdraw(self) -> Any:
        owed = [key for key, amount in self.books.credits.items() if amount] or list(self.books.credits)
        return self.stage.escrow.withdraw, self.random.choice(owed), self.stage.stranger

    def _withdraw_reward(self) -> Any:
        owed = [key for key, amount in self.books.rewards.items() if amount] or list(self.books.rewards)
        return self.stage.stakes.withdrawReward, (self.random.choice(owed),), self.stage.stranger

    def _change_adapter(self) -> Any:
        """The governor tries to take back what it said."""
        return self.stage.router.addAdapter, (ZK, self.stage.adapter, 1), self.stage.governor

    def _wait(self) -> None:
        self.stage.at(self.stage.now() + self.random.choice([1, 30, 100, 400, 1_200]))

    # ---- the end ------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Everything that is left, by calls that anyone may make once time has passed; no creator or operator helps."""
        stage = self.stage
        for status, call in ((ASSIGNED, stage.escrow.expire), (OPEN, stage.escrow.refund)):
            stage.at(stage.now() + 100_000)
            for terms in self.jobs:
                job = self.books.jobs[stage.job_id(terms)]
                if job.status == status:
                    self._take("drain", call, (terms.abi(),), stage.stranger)
        for (token, account), amount in self.books.credits.items():
            if amount:
                self._take("drain", stage.escrow.withdraw, (token, account), stage.stranger)
        for account, amount in self.books.rewards.items():
            if amount:
                self._take("drain", stage.stakes.withdrawReward, (account,), stage.stranger)

    # ---- choosing -----------------------------------------------------------------------------------------------

    def _some(self, status: int) -> Terms | None:
        """A job that is in this status; one time in ten any job at all."""
        if not self.jobs:
            return None
        fitting = [terms for terms in self.jobs if self.books.jobs[self.stage.job_id(terms)].status == status]
        if not fitting or self.random.random() < 0.1:
            return self.random.choice(self.jobs)
        return self.random.choice(fitting)

    def _mostly(self, account: Any) -> Any:
        """One time in ten a stranger."""
        known = {plain(operator): operator for operator in self.operators}
        usual = known.get(plain(account), account)
        return self.stage.stranger if self.random.random() < 0.1 or usual == _NOBODY else usual


_NOBODY = "0x" + "00" * 20


def _plain_event(log: Any) -> dict[str, Any]:
    return {key: plain(value) for key, value in log.items()}
