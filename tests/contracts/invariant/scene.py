"""Where a walk is: the people, what the books say now, and how the next act is chosen."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from books import Reader
from brownie import accounts
from order_stage import OrderStage
from permit2_stage import PERMIT2, install_permit2
from refusals import plain
from stage import ASSIGNED, OPEN, Stage, Terms

Act = tuple[Any, tuple[Any, ...], Any]
"""A contract's function, its arguments, who sends it."""

PLENTY = 2**90
_NOBODY = "0x" + "00" * 20


class Scene:
    """Everything follows from the seed."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.random = random.Random(seed)
        self.orders = OrderStage(stage)
        self.operators = [stage.operator, stage.rival, stage.agent]
        people = [stage.creator, self.orders.creator, stage.finder, stage.stranger, stage.dispatcher, *self.operators]
        self.reader = Reader(stage, people, self.operators)
        self.claims = 0
        self.nonces = 0
        """The next order nonce that nobody has used."""
        self.void_nonces: list[int] = []
        self.final_at: dict[tuple[str, int], int] = {}
        """By job and milestone, the last second of the latest claim's window."""
        self._let_everybody_pay()
        self.books = self.reader.read()

    def _let_everybody_pay(self) -> None:
        """Tokens and allowances beforehand, so that a step is one transaction."""
        stage, signer = self.stage, accounts.at(self.orders.creator, force=True)
        install_permit2(stage.deployer)
        for token in (stage.payment, stage.stake):
            for creator in (stage.creator, signer):
                token.mint(creator, PLENTY, {"from": stage.stranger})
                token.approve(stage.escrow, PLENTY, {"from": creator})
            token.approve(PERMIT2, PLENTY, {"from": signer})
        for operator in self.operators:
            stage.stake.mint(operator, PLENTY, {"from": stage.stranger})
            stage.stake.approve(stage.stakes, PLENTY, {"from": operator})

    # ---- jobs ---------------------------------------------------------------------------------------------------

    def remember(self, terms: Terms) -> str:
        """From now on the books have this job too, whether it comes to be or not."""
        job_id = self.stage.job_id(terms)
        self.reader.jobs[job_id] = terms
        self.books = self.reader.read()
        return job_id

    def terms(self, job_id: str) -> Terms:
        return self.reader.jobs[job_id]

    def state(self, job_id: str) -> dict[str, Any]:
        return self.books.jobs[job_id].state

    def some(self, fits: Callable[[str], bool]) -> str | None:
        """A job that fits, or none; one time in ten any job at all."""
        jobs = list(self.reader.jobs)
        if self.random.random() >= 0.1:
            jobs = [job_id for job_id in jobs if fits(job_id)]
        return self.random.choice(jobs) if jobs else None

    def in_status(self, status: int) -> Callable[[str], bool]:
        return lambda job_id: self.books.jobs[job_id].status == status

    def acceptable(self, job_id: str) -> bool:
        """Open, and in its accept window."""
        state = self.state(job_id)
        return state["status"] == OPEN and state["timer"] + self.terms(job_id)["acceptSeconds"] >= self.stage.now()

    def claimable(self, job_id: str) -> bool:
        state = self.state(job_id)
        return state["status"] == ASSIGNED and state["timer"] >= self.stage.now()

    def late(self, job_id: str) -> bool:
        """Assigned with nothing that awaits finality, and past its deadline."""
        state = self.state(job_id)
        return state["status"] == ASSIGNED and not self.pending(job_id) and state["timer"] < self.stage.now()

    def pending(self, job_id: str) -> bool:
        return self.books.jobs[job_id].is_pending

    def final(self, job_id: str) -> bool:
        """Whether a claim can be paid."""
        return self.pending(job_id) and self.final_at[job_id, self.state(job_id)["paidMilestones"]] < self.stage.now()

    def refutable(self, job_id: str) -> bool:
        """Whether the latest claim is in its window."""
        last = self.state(job_id)["nextMilestone"] - 1
        return self.pending(job_id) and self.final_at[job_id, last] >= self.stage.now()

    def several(self) -> list[tuple[Any, ...]]:
        """Terms of a few jobs in any status, some of them twice."""
        jobs = list(self.reader.jobs)
        return [self.terms(self.random.choice(jobs)).abi() for _ in range(6)] if jobs else []

    def witness(self, name: str, values: dict[str, Any]) -> None:
        """Keeps what the books do not tell."""
        if name == "MilestoneClaimed":
            window = self.terms(values["jobId"])["challengeSeconds"]
            self.final_at[values["jobId"], values["milestone"]] = self.stage.now() + window
        if name == "EconomySet":
            self.reader.versions += 1

    # ---- people -------------------------------------------------------------------------------------------------

    def one_with(self, amounts: dict[str, int], least: int = 1) -> Any:
        """An operator that has this much of something, or none; one time in ten any operator at all."""
        able = self.operators
        if self.random.random() >= 0.1:
            able = [operator for operator in able if amounts[plain(operator)] >= least]
        return self.random.choice(able) if able else None

    def mostly(self, account: Any) -> Any:
        """One time in ten a stranger, and always for nobody."""
        known = {plain(operator): operator for operator in self.operators}
        usual = known.get(plain(account), account)
        return self.stage.stranger if self.random.random() < 0.1 or usual == _NOBODY else usual
