"""One test for each number of INVARIANTS.md, over the same random walks."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from local_chain import turned_back
from refusals import plain
from stage import ASSIGNED, COMPLETED, MIN_LOCK, OPEN, OPTIMISTIC, REFUNDED, ZK, Stage, share
from walk import ALWAYS_REFUSED, Step, Walk

LONG = bool(os.environ.get("TALLYSTICK_TEST_LONG"))
SEEDS = range(1, 13) if LONG else (1, 2)
STEPS = 1_000 if LONG else 300
COLD = (COMPLETED, REFUNDED)
CLAIMS = ("claim", "claim_many")
FINALITY = ("finalize", "finalize_many", "drain")
ENDS_OF_A_LOCK = ("JobCompleted", "JobReleased", "JobExpired", "JobFaulted")


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def walk(request: pytest.FixtureRequest, stage: Stage) -> Iterator[Walk]:
    """The module's chain goes back to its start for every seed."""
    with turned_back():
        walk = Walk(stage, request.param)
        walk.run(STEPS)
        walk.drain()
        yield walk


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Not needed: the walk is over before the first test looks at it."""


def told(walk: Walk, *names: str) -> list[tuple[Step, str, dict[str, Any]]]:
    """Events of these names in the order of their happening."""
    return [(step, name, values) for step in walk.steps for name, values in step.events if name in names]


REACHED = (
    "JobCreated",
    "OrderNoncesUsed",
    "JobAssigned",
    "JobReleased",
    "MilestoneClaimed",
    "MilestonePaid",
    "JobCompleted",
    "JobExpired",
    "JobFaulted",
    "JobReopened",
    "JobRefunded",
    "CreditWithdrawn",
    "StakeDeposited",
    "UnbondRequested",
    "UnbondCancelled",
    "UnbondCompleted",
    "StakeSlashed",
    "BountyPaid",
    "RewardWithdrawn",
    "EconomySet",
    "EntryRulesSet",
    "NewJobsPaused",
    "NewJobsResumed",
)


@pytest.mark.parametrize("name", REACHED)
def test_walk_reaches(walk: Walk, name: str) -> None:
    """A walk that stays at home would prove nothing."""
    assert told(walk, name)


@pytest.mark.parametrize("actions", [("accept",), CLAIMS, FINALITY[:2], ("post_order", "accept_order")], ids="+".join)
def test_walk_is_obeyed_often_enough(walk: Walk, actions: tuple[str, ...]) -> None:
    assert sum(step.action in actions and not step.refused for step in walk.steps) > 5


def test_walk_is_refused_where_it_must_be(walk: Walk) -> None:
    steps = [step for step in walk.steps if step.action in ALWAYS_REFUSED]
    assert all(step.refused for step in steps)
    assert {step.action for step in steps} >= {"forge", "forge_order"}


def test_invariant_1_stake_is_covered(walk: Walk) -> None:
    for step in walk.steps:
        books = step.after
        bounties = sum(job.bounty for job in books.jobs.values())
        assert books.stake_balance == sum(books.stake.values()) + sum(books.rewards.values()) + bounties


def test_invariant_2_no_more_is_slashed_than_was_locked(walk: Walk) -> None:
    for step, _, slashed in told(walk, "StakeSlashed"):
        assert slashed["operator"] == step.before.jobs[slashed["jobId"]].state["operator"]
        assert slashed["amount"] <= walk.terms(slashed["jobId"])["stakeLock"]
    for _, _, released in told(walk, "JobReleased"):
        assert released["fee"] <= walk.terms(released["jobId"])["stakeLock"]


def test_invariant_3_a_lock_ends_once(walk: Walk) -> None:
    held: dict[str, bool] = defaultdict(bool)
    for _, name, values in told(walk, "JobAssigned", *ENDS_OF_A_LOCK):
        assert held[values["jobId"]] == (name in ENDS_OF_A_LOCK)
        held[values["jobId"]] = name == "JobAssigned"
    assert not any(held.values())


def test_invariant_4_an_adapter_keeps_its_gas_cap(walk: Walk) -> None:
    assert {step.after.gas_cap for step in walk.steps} == {walk.steps[0].before.gas_cap}


def test_invariant_5_money_is_covered(walk: Walk) -> None:
    for step in walk.steps:
        owed: Counter[str] = Counter()
        for (token, _), amount in step.after.credits.items():
            owed[token] += amount
        for job_id, job in step.after.jobs.items():
            owed[plain(walk.terms(job_id)["paymentToken"])] += job.state["remaining"]
        assert step.after.balances == {token: owed[token] for token in walk.reader.tokens}


def test_invariant_6_a_job_has_its_lock_while_it_is_assigned(walk: Walk) -> None:
    for step in walk.steps:
        locked: Counter[str] = Counter()
        for job_id, job in step.after.jobs.items():
            assert (int(job.state["operator"], 16) != 0) == (job.status == ASSIGNED)
            if job.status == ASSIGNED:
                locked[job.state["operator"]] += walk.terms(job_id)["stakeLock"]
        assert step.after.locked == {operator: locked[operator] for operator in walk.reader.operators}


def test_invariant_7_a_milestone_is_paid_once_in_order_to_the_holder(walk: Walk) -> None:
    paid: Counter[str] = Counter()
    for step, _, payment in told(walk, "MilestonePaid"):
        job_id = payment["jobId"]
        assert payment["milestone"] == paid[job_id]
        assert payment["operator"] == step.before.jobs[job_id].state["operator"]
        paid[job_id] += 1
    for job_id, job in walk.books.jobs.items():
        assert job.state["nextMilestone"] == paid[job_id]
        assert (paid[job_id] == len(walk.terms(job_id)["shareBps"])) == (job.status == COMPLETED)


def test_invariant_8_no_operator_is_slashed_for_a_deadline_that_it_can_still_keep(walk: Walk) -> None:
    for step, _, expired in told(walk, "JobExpired"):
        job = step.before.jobs[expired["jobId"]]
        assert step.timestamp > job.state["timer"] > 0
        assert not job.is_pending


def test_invariant_8_no_operator_is_slashed_for_anything_but_lateness_and_faults(walk: Walk) -> None:
    for step in walk.steps:
        reasons = Counter(values["jobId"] for values in step.of("JobExpired") + step.of("JobFaulted"))
        assert Counter(values["jobId"] for values in step.of("StakeSlashed")) == reasons


def test_invariant_9_what_leaves_a_job_and_what_is_left_make_its_deposit(walk: Walk) -> None:
    left: Counter[str] = Counter()
    for step in walk.steps:
        for payment in step.of("MilestonePaid"):
            left[payment["jobId"]] += payment["toOperator"] + payment["toDispatcher"]
        for completed in step.of("JobCompleted"):
            left[completed["jobId"]] += completed["surplus"]
        for refund in step.of("JobRefunded"):
            left[refund["jobId"]] += refund["amount"]
        for job_id, job in step.after.jobs.items():
            if job.status:
                assert left[job_id] + job.state["remaining"] == walk.terms(job_id)["maxPrice"]


def test_invariant_9_an_operator_gets_its_share_of_the_price_it_accepted(walk: Walk) -> None:
    prices: dict[str, int] = {}
    for _, name, values in told(walk, "JobAssigned", "MilestonePaid"):
        terms = walk.terms(values["jobId"])
        if name == "JobAssigned":
            prices[values["jobId"]] = values["price"]
            continue
        whole = values["toOperator"] + values["toDispatcher"]
        assert whole == share(prices[values["jobId"]], terms["shareBps"][values["milestone"]])
        assert values["toDispatcher"] == share(whole, terms["dispatcherFeeBps"])


def test_invariant_10_nothing_is_paid_without_a_proof_or_a_window_unrefuted(walk: Walk) -> None:
    for step, _, payment in told(walk, "MilestonePaid"):
        kind = walk.terms(payment["jobId"])["proofKind"]
        assert step.action in (CLAIMS if kind == ZK else FINALITY)


def test_invariant_11_everything_comes_to_an_end(walk: Walk) -> None:
    books = walk.books
    assert all(job.status in COLD for job in books.jobs.values() if job.status)
    assert not any(books.balances.values())
    assert books.stake_balance == sum(books.stake.values())
    assert not any(books.locked.values())
    assert not any(step.refused for step in walk.steps if step.action == "drain")


def test_invariant_12_a_finished_job_never_changes(walk: Walk) -> None:
    for step in walk.steps:
        for job_id, job in step.before.jobs.items():
            if job.status in COLD:
                assert step.after.jobs[job_id] == job


def test_invariant_13_no_token_leaves_that_did_not_come_in(walk: Walk) -> None:
    escrow: Counter[str] = Counter()
    stakes = 0
    for step in walk.steps:
        for created in step.of("JobCreated"):
            terms = walk.terms(created["jobId"])
            escrow[plain(terms["paymentToken"])] += terms["maxPrice"]
        for withdrawn in step.of("CreditWithdrawn"):
            escrow[withdrawn["token"]] -= withdrawn["amount"]
        stakes += sum(values["amount"] for values in step.of("StakeDeposited"))
        stakes -= sum(values["amount"] for values in step.of("UnbondCompleted") + step.of("RewardWithdrawn"))
        assert step.after.balances == {token: escrow[token] for token in walk.reader.tokens}
        assert step.after.stake_balance == stakes


def test_invariant_14_stake_shrinks_by_withdrawals_slashes_and_fees_only(walk: Walk) -> None:
    own: Counter[str] = Counter()
    for step in walk.steps:
        for deposited in step.of("StakeDeposited"):
            own[deposited["operator"]] += deposited["amount"]
        for taken in step.of("UnbondCompleted") + step.of("StakeSlashed"):
            own[taken["operator"]] -= taken["amount"]
        for released in step.of("JobReleased"):
            own[released["operator"]] -= released["fee"]
        assert step.after.stake == {operator: own[operator] for operator in walk.reader.operators}


def test_invariant_15_a_tenth_of_every_slash_goes_to_nobody(walk: Walk) -> None:
    for _, _, slashed in told(walk, "StakeSlashed"):
        assert slashed["burned"] * 10 >= slashed["amount"]
        parts = ("toFinder", "toCreator", "toBounty", "burned")
        assert sum(slashed[part] for part in parts) == slashed["amount"]


def test_invariant_16_an_economy_never_changes_and_keeps_its_bounds(walk: Walk) -> None:
    for step in walk.steps:
        before, after = step.before.economies, step.after.economies
        assert after[: len(before)] == before
        for late, finder, creator, bounty, challenger, *fault, release in after:
            assert 1_000 <= late <= 8_000
            assert 10 <= release <= late
            assert min(finder, challenger // 10) >= 100
            assert max(finder + creator + bounty, challenger + sum(fault)) <= 9_000


def test_invariant_16_entry_rules_keep_their_bounds(walk: Walk) -> None:
    month = 30 * 24 * 60 * 60
    for lock, ratio, window, unbond in {step.after.entry_rules for step in walk.steps}:
        assert MIN_LOCK // 100 <= lock <= 100 * MIN_LOCK
        assert (ratio <= 10_000, 10 <= window <= month, 60 <= unbond <= month) == (True, True, True)


def test_invariant_16_a_job_keeps_its_economy(walk: Walk) -> None:
    for step in walk.steps:
        for job_id, job in step.before.jobs.items():
            if job.status in (OPEN, ASSIGNED) and step.after.jobs[job_id].status in (OPEN, ASSIGNED):
                assert step.after.jobs[job_id].state["economyVersion"] == job.state["economyVersion"]


def test_invariants_17_and_18_what_is_locked_is_there(walk: Walk) -> None:
    for step in walk.steps:
        books = step.after
        for operator in walk.reader.operators:
            stake, locked, unbonding = (part[operator] for part in (books.stake, books.locked, books.unbonding))
            assert max(locked, unbonding) <= stake
            assert books.free[operator] == max(0, stake - locked - unbonding)


def test_invariant_19_a_claim_is_never_paid_and_slashed(walk: Walk) -> None:
    """Of one assignment, each claim is paid, or made void by a fault in its window; and no Optimistic one is paid in it."""
    final_at: dict[str, dict[int, int]] = defaultdict(dict)
    for step, name, values in told(walk, "MilestoneClaimed", "MilestonePaid", "JobFaulted", "JobReopened"):
        standing = final_at[values["jobId"]]
        terms = walk.terms(values["jobId"])
        if name == "MilestoneClaimed":
            standing[values["milestone"]] = step.timestamp + terms["challengeSeconds"]
        if name == "MilestonePaid":
            is_final = step.timestamp > standing.pop(values["milestone"])
            assert is_final or terms["proofKind"] != OPTIMISTIC
        if name == "JobFaulted":
            assert step.timestamp <= standing[values["milestone"]]
            standing.clear()
        if name == "JobReopened":
            assert not standing
    assert not any(final_at.values())


def test_invariant_20_a_job_is_its_creators_own_doing(walk: Walk) -> None:
    """By its own transaction, or by an order of its own. Forged orders are refused, see above."""
    for step, _, created in told(walk, "JobCreated"):
        assert step.action in ("create", "post_order", "accept_order")
        assert step.sender == created["creator"] or step.action != "create"


def test_invariant_20_an_order_is_used_once(walk: Walk) -> None:
    used = [(values["creator"], values["word"], values["bits"]) for _, _, values in told(walk, "OrderNoncesUsed")]
    assert len(set(used)) == len(used)


def test_pause_keeps_new_jobs_out_and_nothing_else(walk: Walk) -> None:
    paused = [step for step in walk.steps if step.before.paused]
    assert not [step for step in paused if step.of("JobCreated")]
    assert any(not step.refused for step in paused if step.action != "resume")


def test_walk_is_a_chain_of_books(walk: Walk) -> None:
    """Between two steps nothing moved that no step accounts for."""
    for one, next_ in pairwise(walk.steps):
        assert one.after.stake_balance == next_.before.stake_balance
        assert one.after.balances == next_.before.balances
        assert one.after.stake == next_.before.stake
