"""One test for each number of INVARIANTS.md, over the same random walks."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from typing import Any

import pytest
from refusals import plain
from stage import ASSIGNED, COMPLETED, REFUNDED, Stage, share
from walk import Step, Walk

LONG = bool(os.environ.get("TALLYSTICK_TEST_LONG"))
SEEDS = range(1, 13) if LONG else (1, 2)
STEPS = 1_000 if LONG else 220
COLD = (COMPLETED, REFUNDED)


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def walk(request: pytest.FixtureRequest, stage: Stage, chain: Any) -> Walk:
    """The module's chain goes back to its start for every seed."""
    chain.snapshot()
    walk = Walk(stage, request.param)
    walk.run(STEPS)
    walk.drain()
    yield walk
    chain.revert()


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Not needed: the walk is over before the first test looks at it."""


def told(walk: Walk, name: str) -> list[tuple[Step, dict[str, Any]]]:
    return [(step, values) for step in walk.steps for values in step.of(name)]


REACHED = (
    "JobCreated",
    "JobAssigned",
    "MilestonePaid",
    "JobCompleted",
    "JobExpired",
    "JobReopened",
    "JobRefunded",
    "CreditWithdrawn",
    "StakeDeposited",
    "UnbondRequested",
    "UnbondCompleted",
    "StakeLocked",
    "StakeReleased",
    "StakeSlashed",
    "BountyPaid",
    "RewardWithdrawn",
)


@pytest.mark.parametrize("name", REACHED)
def test_walk_reaches(walk: Walk, name: str) -> None:
    """A walk that stays at home would prove nothing."""
    assert told(walk, name)


def test_walk_is_refused_and_obeyed_often_enough(walk: Walk) -> None:
    counts = Counter((step.action, step.refused) for step in walk.steps)
    for action in ("accept", "claim", "expire"):
        assert counts[action, False] > 3
    assert counts["forge", True] > 3


def test_invariant_1_stake_is_covered(walk: Walk) -> None:
    for step in walk.steps:
        books = step.after
        parts = (books.free, books.locked, books.unbonding, books.rewards)
        bounties = sum(job.bounty for job in books.jobs.values())
        assert books.stake_balance == sum(sum(part.values()) for part in parts) + bounties


def test_invariant_2_no_more_is_slashed_than_was_locked(walk: Walk) -> None:
    for step, slashed in told(walk, "StakeSlashed"):
        operator, amount = step.before.jobs[slashed["jobId"]].lock
        assert slashed["operator"] == operator
        assert slashed["amount"] <= amount


def test_invariant_3_a_lock_ends_once(walk: Walk) -> None:
    held: dict[str, bool] = defaultdict(bool)
    for step in walk.steps:
        for name, values in step.events:
            if name == "StakeLocked":
                assert not held[values["jobId"]]
                held[values["jobId"]] = True
            if name in ("StakeReleased", "StakeSlashed"):
                assert held[values["jobId"]]
                held[values["jobId"]] = False
    assert not any(held.values())


def test_invariant_4_an_adapter_keeps_its_gas_cap(walk: Walk) -> None:
    assert {step.after.gas_cap for step in walk.steps} == {walk.steps[0].before.gas_cap}
    assert all(step.refused for step in walk.steps if step.action == "change_adapter")


def test_invariant_5_money_is_covered(walk: Walk) -> None:
    for step in walk.steps:
        owed = Counter()
        for (token, _), amount in step.after.credits.items():
            owed[token] += amount
        for job_id, job in step.after.jobs.items():
            owed[plain(walk.reader.jobs[job_id]["paymentToken"])] += job.state["remaining"]
        assert step.after.balances == {token: owed[token] for token in walk.reader.tokens}


def test_invariant_6_a_job_has_its_lock_while_it_is_assigned(walk: Walk) -> None:
    for step in walk.steps:
        for job_id, job in step.after.jobs.items():
            expected = (job.state["operator"], walk.reader.jobs[job_id]["stakeLock"])
            assert job.lock == (expected if job.status == ASSIGNED else ("0x" + "00" * 20, 0))


def test_invariant_7_a_milestone_is_paid_once_in_order_to_the_holder(walk: Walk) -> None:
    paid: Counter[str] = Counter()
    for step, payment in told(walk, "MilestonePaid"):
        job_id = payment["jobId"]
        assert payment["milestone"] == paid[job_id]
        assert payment["operator"] == step.before.jobs[job_id].state["operator"]
        paid[job_id] += 1
    for job_id, job in walk.books.jobs.items():
        assert job.state["nextMilestone"] == paid[job_id]


def test_invariant_8_no_operator_is_slashed_before_its_deadline(walk: Walk) -> None:
    for step, slashed in told(walk, "StakeSlashed"):
        assert step.timestamp > step.before.jobs[slashed["jobId"]].state["deadline"]


def test_invariant_9_what_leaves_a_job_and_what_is_left_make_its_deposit(walk: Walk) -> None:
    left: Counter[str] = Counter()
    for step in walk.steps:
        for payment in step.of("MilestonePaid"):
            left[payment["jobId"]] += payment["toOperator"] + payment["toDispatcher"] + payment["toCreator"]
        for refund in step.of("JobRefunded"):
            left[refund["jobId"]] += refund["amount"]
        for job_id, job in step.after.jobs.items():
            if job.status:
                assert left[job_id] + job.state["remaining"] == walk.reader.jobs[job_id]["maxPrice"]


def test_invariant_9_an_operator_gets_its_share_of_the_price_it_accepted(walk: Walk) -> None:
    for step, payment in told(walk, "MilestonePaid"):
        terms = walk.reader.jobs[payment["jobId"]]
        price = step.before.jobs[payment["jobId"]].state["price"]
        whole = payment["toOperator"] + payment["toDispatcher"]
        assert whole == share(price, terms["shareBps"][payment["milestone"]])
        assert payment["toDispatcher"] == share(whole, terms["dispatcherFeeBps"])


def test_invariant_10_nothing_is_paid_without_a_right_proof(walk: Walk) -> None:
    assert {step.action for step, _ in told(walk, "MilestonePaid")} == {"claim"}
    assert all(step.refused for step in walk.steps if step.action == "forge")


def test_invariant_11_everything_comes_to_an_end(walk: Walk) -> None:
    assert all(job.status in COLD for job in walk.books.jobs.values() if job.status)
    assert not any(walk.books.balances.values())
    own = (walk.books.free, walk.books.locked, walk.books.unbonding)
    assert walk.books.stake_balance == sum(sum(part.values()) for part in own)
    assert not any(step.refused for step in walk.steps if step.action == "drain")


def test_invariant_12_a_finished_job_never_changes(walk: Walk) -> None:
    for step in walk.steps:
        for job_id, job in step.before.jobs.items():
            if job.status in COLD:
                assert step.after.jobs[job_id] == job


def test_invariant_13_no_token_leaves_that_did_not_come_in(walk: Walk) -> None:
    escrow, stakes = Counter(), 0
    for step in walk.steps:
        for created in step.of("JobCreated"):
            terms = walk.reader.jobs[created["jobId"]]
            escrow[plain(terms["paymentToken"])] += terms["maxPrice"]
        for withdrawn in step.of("CreditWithdrawn"):
            escrow[withdrawn["token"]] -= withdrawn["amount"]
        stakes += sum(values["amount"] for values in step.of("StakeDeposited"))
        stakes -= sum(values["amount"] for values in step.of("UnbondCompleted") + step.of("RewardWithdrawn"))
        assert step.after.balances == {token: escrow[token] for token in walk.reader.tokens}
        assert step.after.stake_balance == stakes


def test_invariant_14_stake_shrinks_by_withdrawals_and_slashes_only(walk: Walk) -> None:
    own: Counter[str] = Counter()
    for step in walk.steps:
        for deposited in step.of("StakeDeposited"):
            own[deposited["operator"]] += deposited["amount"]
        for taken in step.of("UnbondCompleted") + step.of("StakeSlashed"):
            own[taken["operator"]] -= taken["amount"]
        for operator in walk.reader.operators:
            books = step.after
            assert books.free[operator] + books.locked[operator] + books.unbonding[operator] == own[operator]


def test_invariant_15_a_tenth_of_every_slash_goes_to_nobody(walk: Walk) -> None:
    for _, slashed in told(walk, "StakeSlashed"):
        assert slashed["burned"] * 10 >= slashed["amount"]
