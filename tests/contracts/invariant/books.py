"""Everything that the contracts hold, read in one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from brownie import web3
from refusals import plain
from stage import ASSIGNED, BURN, ZK, Stage, Terms


@dataclass(frozen=True)
class Job:
    """What the escrow stores for one job, by the names of JobState."""

    state: dict[str, Any]

    @property
    def status(self) -> int:
        return int(self.state["status"])

    @property
    def bounty(self) -> int:
        return int(self.state["bounty"])

    @property
    def is_pending(self) -> bool:
        """Whether a claim awaits finality."""
        return self.status == ASSIGNED and self.state["paidMilestones"] != self.state["nextMilestone"]


@dataclass(frozen=True)
class Books:
    """One moment. Money by token or account, all addresses in lower case."""

    jobs: dict[str, Job]
    balances: dict[str, int]
    """Of the escrow, by token."""
    credits: dict[tuple[str, str], int]
    """By token and account."""
    stake_balance: int
    stake: dict[str, int]
    free: dict[str, int]
    locked: dict[str, int]
    unbonding: dict[str, int]
    ready_at: dict[str, int]
    """When what is unbonding can go home."""
    rewards: dict[str, int]
    gas_cap: int
    entry_rules: tuple[int, ...]
    economies: tuple[tuple[int, ...], ...]
    """By version, from the first."""
    paused: bool


class Reader:
    """Asks for the same things again and again; `jobs` and `versions` grow with the walk."""

    def __init__(self, stage: Stage, people: Sequence[Any], operators: Sequence[Any]) -> None:
        self.stage = stage
        self.people = [plain(person) for person in [*people, BURN]]
        self.operators = [plain(operator) for operator in operators]
        self.tokens = [plain(stage.payment), plain(stage.stake)]
        self.jobs: dict[str, Terms] = {}
        self.versions = 1

    def read(self) -> Books:
        stage, ask = self.stage, _Batch()
        stakes, parameters = stage.stakes, stage.parameters
        states = {job: ask(stage.escrow.stateOf, job) for job in self.jobs}
        balances = {plain(token): ask(token.balanceOf, stage.escrow) for token in (stage.payment, stage.stake)}
        credits = {(t, p): ask(stage.escrow.creditOf, t, p) for t in self.tokens for p in self.people}
        held = ask(stage.stake.balanceOf, stakes)
        stake = {o: ask(stakes.stakeOf, o) for o in self.operators}
        free = {o: ask(stakes.freeStakeOf, o) for o in self.operators}
        locked = {o: ask(stakes.lockedStakeOf, o) for o in self.operators}
        unbonding = {o: ask(stakes.unbondingOf, o) for o in self.operators}
        rewards = {p: ask(stakes.rewardOf, p) for p in self.people}
        gas_cap = ask(stage.router.gasCapOf, ZK, stage.adapter)
        entry_rules, paused = ask(parameters.entryRules), ask(parameters.newJobsPaused)
        economies = [ask(parameters.economyOf, version) for version in range(1, self.versions + 1)]
        told = ask.send()
        return Books(
            jobs={job: Job(dict(zip(STATE, told[place], strict=True))) for job, place in states.items()},
            balances={key: told[place] for key, place in balances.items()},
            credits={key: told[place] for key, place in credits.items()},
            stake_balance=told[held],
            stake={key: told[place] for key, place in stake.items()},
            free={key: told[place] for key, place in free.items()},
            locked={key: told[place] for key, place in locked.items()},
            unbonding={key: told[place][0] for key, place in unbonding.items()},
            ready_at={key: told[place][1] for key, place in unbonding.items()},
            rewards={key: told[place] for key, place in rewards.items()},
            gas_cap=told[gas_cap],
            entry_rules=told[entry_rules],
            economies=tuple(told[place] for place in economies),
            paused=told[paused],
        )


STATE = (
    "operator",
    "timer",
    "round",
    "nextMilestone",
    "status",
    "remaining",
    "bounty",
    "acceptedAfter",
    "paidMilestones",
    "economyVersion",
)


class _Batch:
    """Collects calls, each standing for its place among the answers, and sends them as one JSON-RPC batch."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, dict[str, str]]] = []

    def __call__(self, function: Any, *arguments: Any) -> int:
        self.calls.append((function, {"to": function._address, "data": function.encode_input(*arguments)}))
        return len(self.calls) - 1

    def send(self) -> list[Any]:
        answers = web3.provider.make_batch_request([("eth_call", [request, "latest"]) for _, request in self.calls])
        return [
            plain(function.decode_output(answer["result"]))
            for (function, _), answer in zip(self.calls, answers, strict=True)
        ]
