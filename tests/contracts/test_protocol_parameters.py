"""ProtocolParameters: what may be changed, how far, and what a change reaches. Who may is in test_governance.py; the pause is
in test_pause.py.

constructor
├── a first least lock of nothing, or too large for its range → ProtocolParameters_OutOfBounds
├── rules or an economy outside the bounds → ProtocolParameters_OutOfBounds
└── → version 1, the first rules, nothing paused
setEconomy, each number
├── one below its least, one above its most → ProtocolParameters_OutOfBounds with name, value and both bounds
├── at its least, at its most → set
├── the fee of a release above the late slash → ProtocolParameters_OutOfBounds
└── shares that leave less than a tenth to burn, of either slash → ProtocolParameters_OutOfBounds
setEconomy, versions
├── → a new one, EconomySet; all earlier ones are as they were
├── the same numbers again → a version all the same
├── refused → no version
└── economyOf a version that never was → ProtocolParameters_UnknownEconomy
a job keeps the economy of its creation
├── for a missed deadline
├── for a fault
├── for an early release
└── the next job → the new one
setEntryRules, each number
├── outside its bounds → ProtocolParameters_OutOfBounds
├── at its bounds → set
├── the least lock counts from the first one, not from the last
└── a first least lock below a hundred → never nothing
setEntryRules, reach
├── a job that is there → nothing changes for it
├── a request to unbond that was made → keeps its time; the next one has the new one
└── terms that met the old ones → JobEscrow_BadTerms
admit, by the rules of today
├── a lock one below the least → JobEscrow_BadTerms; the least → admitted
├── paid in the stake token: a lock one below the ratio → JobEscrow_BadTerms; at it → admitted
├── paid in another token → the ratio does not matter
└── an Optimistic window one second below the least → JobEscrow_BadTerms; the least → admitted
"""

from __future__ import annotations

from typing import Any

import pytest
from refusals import Refused, plain, refusal, refusal_of_creation, refused
from stage import BURN, ECONOMY, ENTRY_RULES, MIN_LOCK, OPTIMISTIC, TALLY, UNBOND_SECONDS, Stage, Terms, event, share

DAY = 24 * 60 * 60
MOST_UINT96 = 2**96 - 1
ECONOMY_FIELDS = (
    "lateSlashBps",
    "lateFinderBps",
    "lateCreatorBps",
    "lateBountyBps",
    "faultChallengerBps",
    "faultCreatorBps",
    "faultBountyBps",
    "releaseBps",
)
RULE_FIELDS = ("minLock", "minLockRatioBps", "minChallengeSeconds", "unbondSeconds")
LATE, FAULT = "shares of a late slash", "shares of a fault's slash"


def economy(**changed: int) -> tuple[int, ...]:
    return tuple({**dict(zip(ECONOMY_FIELDS, ECONOMY, strict=True)), **changed}.values())


def rules(**changed: int) -> tuple[int, ...]:
    return tuple({**dict(zip(RULE_FIELDS, ENTRY_RULES, strict=True)), **changed}.values())


OTHER_ECONOMY = economy(
    lateSlashBps=8_000,
    lateFinderBps=100,
    lateCreatorBps=0,
    lateBountyBps=8_900,
    faultChallengerBps=1_000,
    faultCreatorBps=8_000,
    faultBountyBps=0,
    releaseBps=2_000,
)
"""Differs in every number."""


def out_of_bounds(name: str, value: int, least: int, most: int) -> Refused:
    return refused("ProtocolParameters_OutOfBounds", name=name, value=value, least=least, most=most)


def set_economy(stage: Stage, values: tuple[int, ...]) -> Any:
    return stage.parameters.setEconomy(values, {"from": stage.governor})


def set_rules(stage: Stage, values: tuple[int, ...]) -> Any:
    return stage.parameters.setEntryRules(values, {"from": stage.governor})


def economy_refusal(stage: Stage, values: tuple[int, ...]) -> Refused:
    return refusal(stage.parameters.setEconomy, values, sender=stage.governor)


def rules_refusal(stage: Stage, values: tuple[int, ...], parameters: Any = None) -> Refused:
    return refusal((parameters or stage.parameters).setEntryRules, values, sender=stage.governor)


def versions(stage: Stage, *numbers: int) -> list[tuple[int, ...]]:
    return [plain(stage.parameters.economyOf(number)) for number in numbers]


# ---- constructor ------------------------------------------------------------------------------------------------------


def creation_refusal(stage: Stage, entry: tuple[int, ...], numbers: tuple[int, ...]) -> Refused:
    container = stage.project.ProtocolParameters
    return refusal_of_creation(container, stage.authority, entry, numbers, sender=stage.deployer)


@pytest.mark.parametrize("lock", [0, MOST_UINT96 // 100 + 1])
def test_constructor_with_a_first_lock_that_leaves_no_range_reverts(stage: Stage, lock: int) -> None:
    assert creation_refusal(stage, rules(minLock=lock), ECONOMY) == out_of_bounds(
        "minLock", lock, 1, MOST_UINT96 // 100
    )


def test_constructor_with_rules_outside_the_bounds_reverts(stage: Stage) -> None:
    assert creation_refusal(stage, rules(unbondSeconds=59), ECONOMY) == out_of_bounds("unbondSeconds", 59, 60, 30 * DAY)


def test_constructor_with_an_economy_outside_the_bounds_reverts(stage: Stage) -> None:
    numbers = economy(lateSlashBps=8_001)
    assert creation_refusal(stage, ENTRY_RULES, numbers) == out_of_bounds("lateSlashBps", 8_001, 1_000, 8_000)


@pytest.mark.parametrize("lock", [1, MOST_UINT96 // 100])
def test_constructor_sets_the_first_rules_and_version(stage: Stage, lock: int) -> None:
    made = stage.deploy("ProtocolParameters", stage.authority, rules(minLock=lock), ECONOMY)
    found = (made.entryRules(), made.economyVersion(), made.economyOf(1), made.newJobsPaused(), made.FIRST_MIN_LOCK())
    assert plain(found) == (rules(minLock=lock), 1, ECONOMY, False, lock)
    assert plain(made.authority()) == plain(stage.authority)


# ---- setEconomy: bounds -----------------------------------------------------------------------------------------------

# Field, its least, its most, and what else must change so that only this number is at its edge.
ECONOMY_BOUNDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("lateSlashBps", 1_000, 8_000, {}),
    ("releaseBps", 10, 5_000, {}),
    ("lateFinderBps", 100, 10_000, {"lateCreatorBps": 0, "lateBountyBps": 0}),
    ("faultChallengerBps", 1_000, 10_000, {"faultCreatorBps": 0, "faultBountyBps": 0}),
)


@pytest.mark.parametrize(("name", "least", "most", "others"), ECONOMY_BOUNDS, ids=lambda value: str(value)[:20])
def test_set_economy_beyond_a_bound_reverts(
    stage: Stage, name: str, least: int, most: int, others: dict[str, int]
) -> None:
    for value in (least - 1, most + 1):
        assert economy_refusal(stage, economy(**{**others, name: value})) == out_of_bounds(name, value, least, most)


AT_BOUNDS: tuple[dict[str, int], ...] = (
    {"lateSlashBps": 1_000},
    {"lateSlashBps": 8_000},
    {"releaseBps": 10},
    {"releaseBps": 5_000},
    {"lateSlashBps": 1_000, "releaseBps": 1_000},
    {"lateFinderBps": 100},
    {"lateFinderBps": 9_000, "lateCreatorBps": 0, "lateBountyBps": 0},
    {"lateFinderBps": 1_000, "lateCreatorBps": 8_000, "lateBountyBps": 0},
    {"lateFinderBps": 1_000, "lateCreatorBps": 0, "lateBountyBps": 8_000},
    {"faultChallengerBps": 1_000},
    {"faultChallengerBps": 9_000, "faultCreatorBps": 0, "faultBountyBps": 0},
    {"faultChallengerBps": 1_000, "faultCreatorBps": 8_000, "faultBountyBps": 0},
    {"faultChallengerBps": 1_000, "faultCreatorBps": 0, "faultBountyBps": 8_000},
)


@pytest.mark.parametrize("changed", AT_BOUNDS, ids=str)
def test_set_economy_at_a_bound_is_set(stage: Stage, changed: dict[str, int]) -> None:
    set_economy(stage, economy(**changed))
    assert versions(stage, 2) == [economy(**changed)]


def test_set_economy_with_a_release_dearer_than_being_late_reverts(stage: Stage) -> None:
    numbers = economy(lateSlashBps=1_500, releaseBps=1_501)
    assert economy_refusal(stage, numbers) == out_of_bounds("releaseBps", 1_501, 10, 1_500)


TOO_MUCH_SHARED: tuple[tuple[str, dict[str, int], int], ...] = (
    (LATE, {"lateFinderBps": 1_001, "lateCreatorBps": 4_000, "lateBountyBps": 4_000}, 9_001),
    (LATE, {"lateFinderBps": 1_000, "lateCreatorBps": 4_001, "lateBountyBps": 4_000}, 9_001),
    (LATE, {"lateFinderBps": 1_000, "lateCreatorBps": 4_000, "lateBountyBps": 4_001}, 9_001),
    (LATE, {"lateFinderBps": 10_000, "lateCreatorBps": 65_535, "lateBountyBps": 65_535}, 141_070),
    (FAULT, {"faultChallengerBps": 1_001, "faultCreatorBps": 4_000, "faultBountyBps": 4_000}, 9_001),
    (FAULT, {"faultChallengerBps": 1_000, "faultCreatorBps": 4_001, "faultBountyBps": 4_000}, 9_001),
    (FAULT, {"faultChallengerBps": 1_000, "faultCreatorBps": 4_000, "faultBountyBps": 4_001}, 9_001),
    (FAULT, {"faultChallengerBps": 10_000, "faultCreatorBps": 65_535, "faultBountyBps": 65_535}, 141_070),
)


@pytest.mark.parametrize(("name", "changed", "total"), TOO_MUCH_SHARED, ids=lambda value: str(value)[:20])
def test_set_economy_that_leaves_less_than_a_tenth_to_burn_reverts(
    stage: Stage, name: str, changed: dict[str, int], total: int
) -> None:
    assert economy_refusal(stage, economy(**changed)) == out_of_bounds(name, total, 0, 9_000)


# ---- setEconomy: versions ---------------------------------------------------------------------------------------------


def test_set_economy_makes_a_new_version_and_leaves_the_old_ones(stage: Stage) -> None:
    done = set_economy(stage, OTHER_ECONOMY)
    set_economy(stage, economy(releaseBps=11))
    assert versions(stage, 1, 2, 3) == [ECONOMY, OTHER_ECONOMY, economy(releaseBps=11)]
    assert event(done, "EconomySet") == {"version": 2, "economy": OTHER_ECONOMY}
    assert plain(done.return_value) == 2


def test_set_economy_to_the_same_numbers_makes_a_version_all_the_same(stage: Stage) -> None:
    set_economy(stage, ECONOMY)
    assert (plain(stage.parameters.economyVersion()), versions(stage, 1, 2)) == (2, [ECONOMY, ECONOMY])


@pytest.mark.parametrize("version", [0, 3, 65_535])
def test_economy_of_a_version_that_never_was_reverts(stage: Stage, version: int) -> None:
    set_economy(stage, OTHER_ECONOMY)
    assert refusal(stage.parameters.economyOf, version, sender=stage.stranger) == refused(
        "ProtocolParameters_UnknownEconomy", version=version
    )


# ---- setEconomy: reach ------------------------------------------------------------------------------------------------


def old_and_new(stage: Stage, *, optimistic: bool = False) -> list[Terms]:
    """Two assigned jobs, one created before a change of the economy and one after it, with a lock that divides."""
    make = stage.traced_terms if optimistic else stage.terms
    stage.bond(stage.operator, 200 * TALLY)
    old = stage.assigned(make(salt=1))
    set_economy(stage, OTHER_ECONOMY)
    return [old, stage.assigned(make(salt=2))]


def test_created_job_keeps_the_version_of_its_day(stage: Stage) -> None:
    terms = stage.create(salt=1)
    set_economy(stage, OTHER_ECONOMY)
    later = stage.create(salt=2)
    assert [stage.state(each)["economyVersion"] for each in (terms, later)] == [1, 2]


def test_created_job_keeps_its_rules_for_a_missed_deadline(stage: Stage) -> None:
    slashed = [event(stage.expire(terms), "StakeSlashed") for terms in old_and_new(stage)]
    assert [found["amount"] for found in slashed] == [25 * TALLY, 40 * TALLY]
    assert [found["toBounty"] for found in slashed] == [share(25 * TALLY, 3_000), share(40 * TALLY, 8_900)]


def test_created_job_keeps_its_rules_for_a_fault(stage: Stage) -> None:
    jobs = old_and_new(stage, optimistic=True)
    for terms in jobs:
        stage.settle(terms, 0)
    slashed = [event(stage.fault(terms, 0), "StakeSlashed") for terms in jobs]
    parts = [(found["toFinder"], found["toCreator"], found["toBounty"]) for found in slashed]
    assert parts == [(20 * TALLY, 15 * TALLY, 5 * TALLY), (5 * TALLY, 40 * TALLY, 0)]


def test_created_job_keeps_its_rules_for_an_early_release(stage: Stage) -> None:
    fees = []
    for terms in old_and_new(stage):
        stage.at(stage.state(terms)["deadline"] - 250)
        fees.append(event(stage.escrow.releaseEarly(terms.abi(), {"from": stage.operator}), "JobReleased")["fee"])
    # Half-way from the fee at once to the slash for being late.
    assert fees == [share(50 * TALLY, (100 + 5_000) // 2), share(50 * TALLY, (2_000 + 8_000) // 2)]


def test_created_job_keeps_its_rules_through_a_reopening(stage: Stage) -> None:
    old, _ = old_and_new(stage)
    stage.expire(old)
    stage.accept(old, stage.rival)
    assert event(stage.expire(old), "StakeSlashed")["amount"] == 25 * TALLY
    assert stage.reward(BURN) == 2 * share(25 * TALLY, 2_000)


# ---- setEntryRules: bounds --------------------------------------------------------------------------------------------

RULE_BOUNDS = (
    ("minLock", MIN_LOCK // 100, MIN_LOCK * 100),
    ("minLockRatioBps", 0, 10_000),
    ("minChallengeSeconds", 10, 30 * DAY),
    ("unbondSeconds", 60, 30 * DAY),
)


@pytest.mark.parametrize(("name", "least", "most"), RULE_BOUNDS)
def test_set_entry_rules_beyond_a_bound_reverts(stage: Stage, name: str, least: int, most: int) -> None:
    for value in (least - 1, most + 1):
        if value >= 0:
            assert rules_refusal(stage, rules(**{name: value})) == out_of_bounds(name, value, least, most)


@pytest.mark.parametrize(("name", "least", "most"), RULE_BOUNDS)
def test_set_entry_rules_at_a_bound_is_set(stage: Stage, name: str, least: int, most: int) -> None:
    for value in (least, most):
        done = set_rules(stage, rules(**{name: value}))
        assert plain(stage.parameters.entryRules()) == rules(**{name: value})
        assert event(done, "EntryRulesSet") == {"rules": rules(**{name: value})}


def test_set_entry_rules_counts_the_locks_range_from_the_first_one(stage: Stage) -> None:
    """Were it counted from the last one, a hundred could be had any number of times."""
    set_rules(stage, rules(minLock=100 * MIN_LOCK))
    assert rules_refusal(stage, rules(minLock=100 * MIN_LOCK + 1)) == out_of_bounds(
        "minLock", 100 * MIN_LOCK + 1, MIN_LOCK // 100, 100 * MIN_LOCK
    )


def test_set_entry_rules_never_to_a_lock_of_nothing(stage: Stage) -> None:
    tiny = stage.deploy("ProtocolParameters", stage.authority, rules(minLock=50), ECONOMY)
    assert rules_refusal(stage, rules(minLock=0), tiny) == out_of_bounds("minLock", 0, 1, 5_000)
    tiny.setEntryRules(rules(minLock=1), {"from": stage.governor})
    assert plain(tiny.entryRules()) == rules(minLock=1)


def test_set_entry_rules_leaves_economy_and_pause_as_they_are(stage: Stage) -> None:
    set_economy(stage, OTHER_ECONOMY)
    stage.parameters.pauseNewJobs({"from": stage.guardian})
    set_rules(stage, rules(minLock=2 * MIN_LOCK))
    found = (stage.parameters.economyVersion(), stage.parameters.newJobsPaused())
    assert plain(found) == (2, True)


# ---- setEntryRules: reach ---------------------------------------------------------------------------------------------


def test_entry_rules_do_not_reach_a_job_that_is_there(stage: Stage) -> None:
    terms = stage.create()
    set_rules(stage, rules(minLock=100 * MIN_LOCK))
    stage.accept(terms)
    stage.settle(terms, 0)
    assert stage.state(terms)["paidMilestones"] == 1


def test_entry_rules_do_not_reach_a_request_that_was_made(stage: Stage) -> None:
    for operator in (stage.operator, stage.rival):
        stage.bond(operator)
    first = event(stage.stakes.requestUnbond(TALLY, {"from": stage.operator}), "UnbondRequested")["readyAt"]
    made_at = stage.now()
    set_rules(stage, rules(unbondSeconds=30 * DAY))
    second = event(stage.stakes.requestUnbond(TALLY, {"from": stage.rival}), "UnbondRequested")["readyAt"]
    assert (first, second) == (made_at + UNBOND_SECONDS, stage.now() + 30 * DAY)
    stage.at(first)
    stage.stakes.completeUnbond({"from": stage.operator})
    assert int(stage.stakes.stakeOf(stage.operator)) == 99 * TALLY


def test_entry_rules_reach_terms_that_met_the_old_ones(stage: Stage) -> None:
    terms = stage.terms()
    assert plain(stage.parameters.admit(terms.abi(), stage.stake)) == 1
    set_rules(stage, rules(minLock=51 * TALLY))
    assert admit_refusal(stage, terms) == bad_terms("stakeLock: below the minimum lock")


# ---- admit ------------------------------------------------------------------------------------------------------------


def admit_refusal(stage: Stage, terms: Terms) -> Refused:
    return refusal(stage.parameters.admit, terms.abi(), stage.stake, sender=stage.stranger)


def bad_terms(reason: str) -> Refused:
    return refused("JobEscrow_BadTerms", reason=reason)


def test_admit_of_a_lock_at_the_least_and_one_below(stage: Stage) -> None:
    set_rules(stage, rules(minLock=TALLY // 2))
    assert plain(stage.parameters.admit(stage.terms(stakeLock=TALLY // 2).abi(), stage.stake)) == 1
    found = admit_refusal(stage, stage.terms(stakeLock=TALLY // 2 - 1))
    assert found == bad_terms("stakeLock: below the minimum lock")


@pytest.mark.parametrize(("ratio", "least"), [(10_000, 4 * TALLY), (5_000, 2 * TALLY), (2_501, TALLY + TALLY // 2500)])
def test_admit_in_the_stake_token_of_a_lock_at_the_ratio_and_one_below(stage: Stage, ratio: int, least: int) -> None:
    set_rules(stage, rules(minLockRatioBps=ratio))
    terms = {"paymentToken": stage.stake.address, "minPrice": 0, "maxPrice": 4 * TALLY}
    assert plain(stage.parameters.admit(stage.terms(**terms, stakeLock=least).abi(), stage.stake)) == 1
    found = admit_refusal(stage, stage.terms(**terms, stakeLock=least - 1))
    assert found == bad_terms("stakeLock: below the minimum ratio to maxPrice")


def test_admit_in_another_token_does_not_look_at_the_ratio(stage: Stage) -> None:
    set_rules(stage, rules(minLockRatioBps=10_000))
    terms = stage.terms(maxPrice=10**27, stakeLock=MIN_LOCK)
    assert plain(stage.parameters.admit(terms.abi(), stage.stake)) == 1


def test_admit_of_a_window_at_the_least_and_one_below(stage: Stage) -> None:
    set_rules(stage, rules(minChallengeSeconds=77))
    assert plain(stage.parameters.admit(stage.traced_terms(challengeSeconds=77).abi(), stage.stake)) == 1
    found = admit_refusal(stage, stage.traced_terms(challengeSeconds=76))
    assert found == bad_terms("challengeSeconds: below the minimum window")


def test_admit_of_a_zk_job_asks_for_no_window(stage: Stage) -> None:
    assert stage.terms()["proofKind"] != OPTIMISTIC
    assert plain(stage.parameters.admit(stage.terms().abi(), stage.stake)) == 1
