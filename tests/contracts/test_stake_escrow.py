"""StakeManager: agents, and what only the escrow may do.

appointAgent, revokeAgent, requireAgent
├── nobody → StakeManager_ZeroAddress
├── the operator itself → passes
├── an agent → passes for its operator, not for another
├── a stranger, a revoked agent → StakeManager_NotAgent
└── an agent → cannot ask for stake, cancel a request or complete one

lock, release, slash, payBounty
└── by anyone else: the operator, an agent, a stranger → StakeManager_NotEscrow

lock
├── by a caller that is no agent → StakeManager_NotAgent
├── by an agent → locked
├── all that is free → locked; a unit more → StakeManager_StakeTooLow
├── of what another lock holds, or what is unbonding → StakeManager_StakeTooLow
└── of stake whose request was cancelled → locked

release
├── more than is locked, of another operator → StakeManager_LockTooLow
├── a fee above the lock → StakeManager_BadDivision
├── without a fee → all of it is free
└── with one → the fee leaves the stake and stays here

slash
├── more than is locked, of another operator → StakeManager_LockTooLow
├── more than the lock → StakeManager_BadDivision
├── parts that no 96 bits hold together → an overflow
├── nothing, some, all of it → each has its part, what is left of the lock is free
├── one job's lock → the other's stays
├── finder and creator are one → both parts
└── → told

payBounty
└── → a reward, told
"""

from __future__ import annotations

from typing import Any

import pytest
from refusals import plain, refusal, refused
from stage import BURN, TALLY, ZERO, Stage, event
from stake_stage import JOB, LOCKED, STAKED, StakeStage

OVERFLOW = 0x11


@pytest.fixture
def stakes(stage: Stage) -> StakeStage:
    """The operator has deposited 100."""
    stakes = StakeStage(stage)
    stakes.deposit()
    return stakes


# ---- agents -----------------------------------------------------------------------------------------------------------


def test_appoint_agent_nobody_reverts(stage: Stage, stakes: StakeStage) -> None:
    assert refusal(stakes.manager.appointAgent, ZERO, sender=stage.operator) == refused("StakeManager_ZeroAddress")


def test_require_agent_of_the_operator_itself_passes(stage: Stage, stakes: StakeStage) -> None:
    stakes.manager.requireAgent(stage.operator, stage.operator)
    assert stakes.manager.isAgent(stage.operator, stage.operator)


def test_require_agent_of_an_agent_passes(stage: Stage, stakes: StakeStage) -> None:
    appointed = stakes.manager.appointAgent(stage.agent, {"from": stage.operator})
    stakes.manager.requireAgent(stage.agent, stage.operator)
    assert stakes.manager.isAgent(stage.operator, stage.agent)
    assert event(appointed, "AgentAppointed") == {"operator": plain(stage.operator), "agent": plain(stage.agent)}


def not_agent(caller: Any, operator: Any) -> Any:
    return refused("StakeManager_NotAgent", caller=caller, operator=operator)


@pytest.mark.parametrize(("caller", "operator"), [("agent", "rival"), ("operator", "agent"), ("stranger", "operator")])
def test_require_agent_of_anybody_else_reverts(stage: Stage, stakes: StakeStage, caller: str, operator: str) -> None:
    stakes.manager.appointAgent(stage.agent, {"from": stage.operator})
    pair = (getattr(stage, caller), getattr(stage, operator))
    assert refusal(stakes.manager.requireAgent, *pair, sender=pair[0]) == not_agent(*pair)


def test_require_agent_of_a_revoked_agent_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.manager.appointAgent(stage.agent, {"from": stage.operator})
    revoked = stakes.manager.revokeAgent(stage.agent, {"from": stage.operator})
    pair = (stage.agent, stage.operator)
    assert refusal(stakes.manager.requireAgent, *pair, sender=stage.agent) == not_agent(*pair)
    assert event(revoked, "AgentRevoked") == {"operator": plain(stage.operator), "agent": plain(stage.agent)}


def test_request_unbond_by_an_agent_finds_no_stake_of_its_own(stage: Stage, stakes: StakeStage) -> None:
    stakes.manager.appointAgent(stage.agent, {"from": stage.operator})
    assert refusal(stakes.manager.requestUnbond, 1, sender=stage.agent) == refused(
        "StakeManager_StakeTooLow", operator=stage.agent, available=0, wanted=1
    )


@pytest.mark.parametrize("name", ["cancelUnbond", "completeUnbond"])
def test_unbonding_by_an_agent_finds_no_request_of_its_own(stage: Stage, stakes: StakeStage, name: str) -> None:
    stakes.manager.appointAgent(stage.agent, {"from": stage.operator})
    stage.at(stakes.request(STAKED))
    assert refusal(getattr(stakes.manager, name), sender=stage.agent) == refused(
        "StakeManager_NothingToWithdraw", account=stage.agent
    )


# ---- only the escrow --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", ["operator", "agent", "stranger"])
@pytest.mark.parametrize("name", ["lock", "release", "slash", "payBounty"])
def test_escrow_calls_by_anybody_else_revert(stage: Stage, stakes: StakeStage, name: str, caller: str) -> None:
    stakes.manager.appointAgent(stage.agent, {"from": stage.operator})
    stakes.lock()
    arguments = {
        "lock": (stage.operator, stage.operator, 1),
        "release": (stage.operator, 1, 0),
        "slash": (JOB, stage.operator, 1, stakes.division(toFinder=1)),
        "payBounty": (JOB, stage.operator, 1),
    }[name]
    sender = getattr(stage, caller)
    assert refusal(getattr(stakes.manager, name), *arguments, sender=sender) == refused(
        "StakeManager_NotEscrow", caller=sender
    )


# ---- lock -------------------------------------------------------------------------------------------------------------


def refused_lock(stakes: StakeStage, amount: int) -> Any:
    operator = stakes.stage.operator
    return refusal(stakes.manager.lock, operator, operator, amount, sender=stakes.escrow)


def too_low(stage: Stage, available: int, wanted: int) -> Any:
    return refused("StakeManager_StakeTooLow", operator=stage.operator, available=available, wanted=wanted)


def test_lock_for_a_stranger_reverts(stage: Stage, stakes: StakeStage) -> None:
    call = (stage.operator, stage.stranger, LOCKED)
    assert refusal(stakes.manager.lock, *call, sender=stakes.escrow) == not_agent(stage.stranger, stage.operator)


def test_lock_for_an_agent_locks_the_operators_stake(stage: Stage, stakes: StakeStage) -> None:
    stakes.manager.appointAgent(stage.agent, {"from": stage.operator})
    stakes.manager.lock(stage.operator, stage.agent, LOCKED, {"from": stakes.escrow})
    assert stakes.books() == {
        "stake": STAKED,
        "free": STAKED - LOCKED,
        "locked": LOCKED,
        "unbonding": 0,
        "held": STAKED,
    }


def test_lock_of_all_that_is_free_leaves_nothing(stakes: StakeStage) -> None:
    stakes.lock(STAKED)
    assert (stakes.books()["free"], stakes.books()["locked"]) == (0, STAKED)


@pytest.mark.parametrize("amount", [STAKED + 1, 2**96 - 1])
def test_lock_of_more_than_there_is_reverts(stage: Stage, stakes: StakeStage, amount: int) -> None:
    assert refused_lock(stakes, amount) == too_low(stage, STAKED, amount)


def test_lock_of_what_is_locked_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    assert refused_lock(stakes, 60 * TALLY + 1) == too_low(stage, 60 * TALLY, 60 * TALLY + 1)


def test_lock_of_what_is_unbonding_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.request(61 * TALLY)
    assert refused_lock(stakes, LOCKED) == too_low(stage, 39 * TALLY, LOCKED)


def test_lock_beside_locked_stake_that_is_unbonding_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    stakes.request(STAKED)
    assert refused_lock(stakes, 1) == too_low(stage, 0, 1)


def test_lock_of_what_went_home_reverts(stage: Stage, stakes: StakeStage) -> None:
    stage.at(stakes.request(30 * TALLY))
    stakes.complete()
    assert refused_lock(stakes, 70 * TALLY + 1) == too_low(stage, 70 * TALLY, 70 * TALLY + 1)


def test_lock_of_stake_whose_request_was_cancelled_locks_it(stage: Stage, stakes: StakeStage) -> None:
    stakes.request(STAKED)
    stakes.manager.cancelUnbond({"from": stage.operator})
    stakes.lock(STAKED)
    assert stakes.books()["locked"] == STAKED


# ---- release ----------------------------------------------------------------------------------------------------------


def lock_too_low(operator: Any, locked: int, wanted: int) -> Any:
    return refused("StakeManager_LockTooLow", operator=operator, locked=locked, wanted=wanted)


def test_release_of_more_than_is_locked_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    call = (stage.operator, LOCKED + 1, 0)
    assert refusal(stakes.manager.release, *call, sender=stakes.escrow) == lock_too_low(
        stage.operator, LOCKED, LOCKED + 1
    )


def test_release_of_another_operator_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    call = (stage.rival, LOCKED, 0)
    assert refusal(stakes.manager.release, *call, sender=stakes.escrow) == lock_too_low(stage.rival, 0, LOCKED)


def test_release_with_a_fee_above_the_lock_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    call = (stage.operator, TALLY, TALLY + 1)
    assert refusal(stakes.manager.release, *call, sender=stakes.escrow) == refused(
        "StakeManager_BadDivision", divided=TALLY + 1, lock=TALLY
    )


def test_release_without_a_fee_frees_all_of_it(stakes: StakeStage) -> None:
    stakes.lock()
    stakes.release()
    assert stakes.books() == {"stake": STAKED, "free": STAKED, "locked": 0, "unbonding": 0, "held": STAKED}


@pytest.mark.parametrize("fee", [1, LOCKED])
def test_release_with_a_fee_takes_it_out_of_the_stake(stakes: StakeStage, fee: int) -> None:
    stakes.lock()
    stakes.release(fee=fee)
    left = STAKED - fee
    assert stakes.books() == {"stake": left, "free": left, "locked": 0, "unbonding": 0, "held": STAKED}


# ---- slash ------------------------------------------------------------------------------------------------------------


def refused_slash(stakes: StakeStage, operator: Any, amount: int, **parts: int) -> Any:
    return refusal(stakes.manager.slash, JOB, operator, amount, stakes.division(**parts), sender=stakes.escrow)


def test_slash_of_more_than_is_locked_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    assert refused_slash(stakes, stage.operator, LOCKED + 1, burned=1) == lock_too_low(
        stage.operator, LOCKED, LOCKED + 1
    )


def test_slash_of_another_operator_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    assert refused_slash(stakes, stage.rival, LOCKED, burned=1) == lock_too_low(stage.rival, 0, LOCKED)


@pytest.mark.parametrize("part", ["toFinder", "toCreator", "toBounty", "burned"])
def test_slash_beyond_the_jobs_own_lock_reverts(stage: Stage, stakes: StakeStage, part: str) -> None:
    stakes.lock()
    parts = {"toFinder": 1, "toCreator": 1, "toBounty": 1, "burned": 1, part: TALLY - 2}
    assert refused_slash(stakes, stage.operator, TALLY, **parts) == refused(
        "StakeManager_BadDivision", divided=TALLY + 1, lock=TALLY
    )


def test_slash_of_parts_that_overflow_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    most = 2**96 - 1
    assert refused_slash(stakes, stage.operator, LOCKED, toFinder=most, toCreator=1) == refused("Panic", code=OVERFLOW)


PARTS = [
    {},
    {"toFinder": 1},
    {"toCreator": 2},
    {"burned": 3},
    {"toBounty": 4},
    {"toFinder": 4 * TALLY, "toCreator": 16 * TALLY, "toBounty": 12 * TALLY, "burned": 8 * TALLY},
]


@pytest.mark.parametrize("parts", PARTS, ids=str)
def test_slash_gives_each_its_part(stage: Stage, stakes: StakeStage, parts: dict[str, int]) -> None:
    stakes.lock()
    stakes.slash(**parts)
    rewards = [stakes.manager.rewardOf(account) for account in (stage.finder, stage.creator, BURN)]
    assert plain(tuple(rewards)) == tuple(parts.get(name, 0) for name in ("toFinder", "toCreator", "burned"))


@pytest.mark.parametrize("parts", PARTS, ids=str)
def test_slash_frees_what_is_left_of_the_lock(stakes: StakeStage, parts: dict[str, int]) -> None:
    stakes.lock()
    stakes.slash(**parts)
    left = STAKED - sum(parts.values())
    assert stakes.books() == {"stake": left, "free": left, "locked": 0, "unbonding": 0, "held": STAKED}


def test_slash_of_one_jobs_lock_leaves_the_others(stakes: StakeStage) -> None:
    stakes.lock()
    stakes.lock(60 * TALLY)
    stakes.slash(burned=LOCKED)
    assert (stakes.books()["locked"], stakes.books()["stake"]) == (60 * TALLY, 60 * TALLY)


def test_slash_to_one_who_is_finder_and_creator_adds_up(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    stakes.slash(finder=stage.creator.address, toFinder=1_000, toCreator=4_000)
    assert int(stakes.manager.rewardOf(stage.creator)) == 5_000


def test_slash_is_told_with_its_parts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    slashed = stakes.slash(toFinder=1, toCreator=2, toBounty=3, burned=4)
    assert event(slashed, "StakeSlashed") == {
        "jobId": JOB,
        "operator": plain(stage.operator),
        "finder": plain(stage.finder),
        "amount": 10,
        "toFinder": 1,
        "toCreator": 2,
        "toBounty": 3,
        "burned": 4,
    }


# ---- payBounty --------------------------------------------------------------------------------------------------------


def test_pay_bounty_is_a_reward(stage: Stage, stakes: StakeStage) -> None:
    paid = stakes.manager.payBounty(JOB, stage.rival, 3_000, {"from": stakes.escrow})
    assert int(stakes.manager.rewardOf(stage.rival)) == 3_000
    assert event(paid, "BountyPaid") == {"jobId": JOB, "account": plain(stage.rival), "amount": 3_000}
