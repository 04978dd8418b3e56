"""StakeManager, with an account of its own in the escrow's place.

constructor
├── no token, or no escrow → StakeManager_ZeroAddress
├── a minimum lock of nothing → StakeManager_ZeroAmount
└── a split that is not whole, or burns too little → StakeManager_BadSplit

deposit
├── nothing → StakeManager_ZeroAmount
├── for nobody → StakeManager_ZeroAddress
├── the token keeps a fee → StakeManager_UnexpectedAmount
├── the token calls back → the second call is refused
└── for somebody else → is free stake of that operator

requestUnbond
├── nothing → StakeManager_ZeroAmount
├── more than is free → StakeManager_StakeTooLow
├── → no longer free, ready after the delay
└── again → joins the first, the delay starts anew

completeUnbond
├── nothing is unbonding → StakeManager_NothingToWithdraw
├── a second too early → StakeManager_StillUnbonding
├── when it is time → the tokens come home
└── again → StakeManager_NothingToWithdraw

appointAgent, revokeAgent, requireAgent
├── nobody → StakeManager_ZeroAddress
├── the operator itself → passes
├── an agent → passes for its operator, not for another
├── a stranger, a revoked agent → StakeManager_NotAgent
└── an agent → cannot move stake

lock, release, slash, payBounty
├── by anyone but the escrow → StakeManager_NotEscrow
├── lock: a second one for a job → StakeManager_AlreadyLocked
├── lock: below the minimum → StakeManager_LockTooSmall
├── lock: more than is free → StakeManager_StakeTooLow
├── lock: stake that is unbonding → StakeManager_StakeTooLow
├── release, slash: no lock, or an ended one → StakeManager_NotLocked
├── slash: more than the lock → StakeManager_SlashTooLarge
├── slash: nothing, or all of it → divided, the rest is free
└── payBounty: none → nothing happens; one → a reward, once

withdrawReward
├── nothing → StakeManager_NothingToWithdraw
├── by anyone → the account receives
└── what is burnt → anyone sends it to the burn address
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import web3
from refusals import plain, refusal, refusal_of_creation, refused
from stage import BURN, MIN_LOCK, SPLIT, TALLY, UNBOND_SECONDS, ZERO, Stage, event, events, word

JOB, OTHER_JOB = word("job"), word("other job")


@pytest.fixture
def stakes(stage: Stage) -> Any:
    """A manager whose escrow is `stage.deployer`; the operator has deposited 100."""
    manager = new_manager(stage, stage.stake)
    stage.stake.mint(stage.operator, 100 * TALLY, {"from": stage.operator})
    stage.stake.approve(manager, 2**256 - 1, {"from": stage.operator})
    manager.deposit(stage.operator, 100 * TALLY, {"from": stage.operator})
    return manager


def new_manager(stage: Stage, token: Any) -> Any:
    return stage.deploy("StakeManager", token, stage.deployer, MIN_LOCK, UNBOND_SECONDS, SPLIT)


def lock(stage: Stage, stakes: Any, amount: int = 40 * TALLY, job: str = JOB) -> None:
    stakes.lock(job, stage.operator, amount, {"from": stage.deployer})


def slash(stage: Stage, stakes: Any, amount: int) -> Any:
    return stakes.slash(JOB, amount, stage.finder, stage.creator, {"from": stage.deployer})


# ---- constructor ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["token", "escrow"])
def test_constructor_without_token_or_escrow_reverts(stage: Stage, missing: str) -> None:
    token = ZERO if missing == "token" else stage.stake
    escrow = ZERO if missing == "escrow" else stage.escrow
    arguments = (token, escrow, MIN_LOCK, UNBOND_SECONDS, SPLIT)
    container = stage.project.StakeManager
    assert refusal_of_creation(container, *arguments, sender=stage.deployer) == refused("StakeManager_ZeroAddress")


def test_constructor_without_minimum_lock_reverts(stage: Stage) -> None:
    arguments = (stage.stake, stage.escrow, 0, UNBOND_SECONDS, SPLIT)
    container = stage.project.StakeManager
    assert refusal_of_creation(container, *arguments, sender=stage.deployer) == refused("StakeManager_ZeroAmount")


@pytest.mark.parametrize("split", [(1_000, 4_000, 3_000, 2_001), (3_000, 4_000, 2_001, 999), (0, 0, 0, 9_999)])
def test_constructor_with_bad_split_reverts(stage: Stage, split: tuple[int, ...]) -> None:
    arguments = (stage.stake, stage.escrow, MIN_LOCK, UNBOND_SECONDS, split)
    assert refusal_of_creation(stage.project.StakeManager, *arguments, sender=stage.deployer) == refused(
        "StakeManager_BadSplit", sumBps=sum(split), burnBps=split[3], minBurnBps=1_000
    )


def test_constructor_keeps_its_parameters(stage: Stage, stakes: Any) -> None:
    kept = (stakes.stakeToken(), stakes.escrow(), stakes.minLock(), stakes.unbondSeconds(), stakes.slashSplit())
    assert plain(kept) == (plain(stage.stake), plain(stage.deployer), MIN_LOCK, UNBOND_SECONDS, SPLIT)


# ---- deposit ----------------------------------------------------------------------------------------------------------


def test_deposit_of_nothing_reverts(stage: Stage, stakes: Any) -> None:
    assert refusal(stakes.deposit, stage.operator, 0, sender=stage.operator) == refused("StakeManager_ZeroAmount")


def test_deposit_for_nobody_reverts(stage: Stage, stakes: Any) -> None:
    assert refusal(stakes.deposit, ZERO, 1, sender=stage.operator) == refused("StakeManager_ZeroAddress")


def test_deposit_of_token_with_fee_reverts(stage: Stage) -> None:
    token = stage.deploy("MockFeeToken")
    manager = new_manager(stage, token)
    token.mint(stage.operator, 100, {"from": stage.operator})
    token.approve(manager, 100, {"from": stage.operator})
    assert refusal(manager.deposit, stage.operator, 100, sender=stage.operator) == refused(
        "StakeManager_UnexpectedAmount", expected=100, received=99
    )


def test_deposit_when_the_token_calls_back_refuses_the_second_call(stage: Stage) -> None:
    token = stage.deploy("MockReentrantToken")
    manager = new_manager(stage, token)
    token.mint(stage.operator, 100, {"from": stage.operator})
    token.approve(manager, 100, {"from": stage.operator})
    token.arm(manager, manager.deposit.encode_input(token, 1), {"from": stage.stranger})
    manager.deposit(stage.operator, 100, {"from": stage.operator})
    assert token.answer() == web3.keccak(text="ReentrancyGuardReentrantCall()")[:4].to_0x_hex()


def test_deposit_for_somebody_else_is_that_operators_stake(stage: Stage, stakes: Any) -> None:
    stage.stake.mint(stage.operator, 5, {"from": stage.operator})
    deposited = stakes.deposit(stage.rival, 5, {"from": stage.operator})
    assert int(stakes.freeStakeOf(stage.rival)) == 5
    assert event(deposited, "StakeDeposited") == {
        "operator": plain(stage.rival),
        "from": plain(stage.operator),
        "amount": 5,
    }


# ---- unbonding --------------------------------------------------------------------------------------------------------


def test_request_unbond_of_nothing_reverts(stage: Stage, stakes: Any) -> None:
    assert refusal(stakes.requestUnbond, 0, sender=stage.operator) == refused("StakeManager_ZeroAmount")


def test_request_unbond_of_locked_stake_reverts(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    assert refusal(stakes.requestUnbond, 60 * TALLY + 1, sender=stage.operator) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, free=60 * TALLY, wanted=60 * TALLY + 1
    )


def test_request_unbond_takes_the_stake_out_of_what_is_free(stage: Stage, stakes: Any) -> None:
    requested = stakes.requestUnbond(30 * TALLY, {"from": stage.operator})
    ready_at = requested.timestamp + UNBOND_SECONDS
    assert int(stakes.freeStakeOf(stage.operator)) == 70 * TALLY
    assert plain(stakes.unbondingOf(stage.operator)) == (30 * TALLY, ready_at)
    assert event(requested, "UnbondRequested") == {
        "operator": plain(stage.operator),
        "amount": 30 * TALLY,
        "readyAt": ready_at,
    }


def test_request_unbond_again_joins_the_first_and_starts_the_delay_anew(stage: Stage, stakes: Any) -> None:
    stakes.requestUnbond(30 * TALLY, {"from": stage.operator})
    stage.at(stage.now() + 600)
    second = stakes.requestUnbond(20 * TALLY, {"from": stage.operator})
    assert plain(stakes.unbondingOf(stage.operator)) == (50 * TALLY, second.timestamp + UNBOND_SECONDS)


def test_complete_unbond_of_nothing_reverts(stage: Stage, stakes: Any) -> None:
    assert refusal(stakes.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_NothingToWithdraw", account=stage.operator
    )


def test_complete_unbond_a_second_early_reverts(stage: Stage, stakes: Any) -> None:
    requested = stakes.requestUnbond(30 * TALLY, {"from": stage.operator})
    ready_at = requested.timestamp + UNBOND_SECONDS
    stage.at(ready_at - 1)
    assert refusal(stakes.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_StillUnbonding", operator=stage.operator, readyAt=ready_at, nowAt=ready_at - 1
    )


def test_complete_unbond_in_time_sends_the_stake_home(stage: Stage, stakes: Any) -> None:
    requested = stakes.requestUnbond(30 * TALLY, {"from": stage.operator})
    stage.at(requested.timestamp + UNBOND_SECONDS)
    completed = stakes.completeUnbond({"from": stage.operator})
    assert int(stage.stake.balanceOf(stage.operator)) == 30 * TALLY
    assert event(completed, "UnbondCompleted") == {"operator": plain(stage.operator), "amount": 30 * TALLY}


def test_complete_unbond_twice_reverts(stage: Stage, stakes: Any) -> None:
    requested = stakes.requestUnbond(30 * TALLY, {"from": stage.operator})
    stage.at(requested.timestamp + UNBOND_SECONDS)
    stakes.completeUnbond({"from": stage.operator})
    assert refusal(stakes.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_NothingToWithdraw", account=stage.operator
    )


# ---- agents -----------------------------------------------------------------------------------------------------------


def test_appoint_agent_nobody_reverts(stage: Stage, stakes: Any) -> None:
    assert refusal(stakes.appointAgent, ZERO, sender=stage.operator) == refused("StakeManager_ZeroAddress")


def test_require_agent_of_the_operator_itself_passes(stage: Stage, stakes: Any) -> None:
    assert stakes.isAgent(stage.operator, stage.operator)
    stakes.requireAgent(stage.operator, stage.operator)


def test_require_agent_of_an_agent_passes_for_its_operator_only(stage: Stage, stakes: Any) -> None:
    appointed = stakes.appointAgent(stage.agent, {"from": stage.operator})
    assert event(appointed, "AgentAppointed") == {"operator": plain(stage.operator), "agent": plain(stage.agent)}
    stakes.requireAgent(stage.agent, stage.operator)
    assert refusal(stakes.requireAgent, stage.agent, stage.rival, sender=stage.agent) == refused(
        "StakeManager_NotAgent", caller=stage.agent, operator=stage.rival
    )


def test_require_agent_of_a_revoked_agent_reverts(stage: Stage, stakes: Any) -> None:
    stakes.appointAgent(stage.agent, {"from": stage.operator})
    revoked = stakes.revokeAgent(stage.agent, {"from": stage.operator})
    assert event(revoked, "AgentRevoked") == {"operator": plain(stage.operator), "agent": plain(stage.agent)}
    assert refusal(stakes.requireAgent, stage.agent, stage.operator, sender=stage.agent) == refused(
        "StakeManager_NotAgent", caller=stage.agent, operator=stage.operator
    )


def test_request_unbond_by_an_agent_finds_no_stake_of_its_own(stage: Stage, stakes: Any) -> None:
    stakes.appointAgent(stage.agent, {"from": stage.operator})
    assert refusal(stakes.requestUnbond, 1, sender=stage.agent) == refused(
        "StakeManager_StakeTooLow", operator=stage.agent, free=0, wanted=1
    )


# ---- the escrow's calls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lock", "release", "slash", "payBounty"])
def test_escrow_calls_by_the_operator_revert(stage: Stage, stakes: Any, name: str) -> None:
    arguments = {
        "lock": (JOB, stage.operator, TALLY),
        "release": (JOB,),
        "slash": (JOB, 1, stage.finder, stage.creator),
        "payBounty": (JOB, stage.operator),
    }[name]
    assert refusal(getattr(stakes, name), *arguments, sender=stage.operator) == refused(
        "StakeManager_NotEscrow", caller=stage.operator
    )


def test_lock_twice_for_a_job_reverts(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    assert refusal(stakes.lock, JOB, stage.rival, TALLY, sender=stage.deployer) == refused(
        "StakeManager_AlreadyLocked", jobId=JOB, operator=stage.operator
    )


def test_lock_below_the_minimum_reverts(stage: Stage, stakes: Any) -> None:
    assert refusal(stakes.lock, JOB, stage.operator, MIN_LOCK - 1, sender=stage.deployer) == refused(
        "StakeManager_LockTooSmall", lock=MIN_LOCK - 1, minimum=MIN_LOCK
    )


def test_lock_beyond_the_free_stake_reverts(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    assert refusal(stakes.lock, OTHER_JOB, stage.operator, 60 * TALLY + 1, sender=stage.deployer) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, free=60 * TALLY, wanted=60 * TALLY + 1
    )


def test_lock_of_unbonding_stake_reverts(stage: Stage, stakes: Any) -> None:
    stakes.requestUnbond(61 * TALLY, {"from": stage.operator})
    assert refusal(stakes.lock, JOB, stage.operator, 40 * TALLY, sender=stage.deployer) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, free=39 * TALLY, wanted=40 * TALLY
    )


def test_release_without_lock_reverts(stage: Stage, stakes: Any) -> None:
    assert refusal(stakes.release, JOB, sender=stage.deployer) == refused("StakeManager_NotLocked", jobId=JOB)


@pytest.mark.parametrize("first", ["release", "slash"])
@pytest.mark.parametrize("second", ["release", "slash"])
def test_ending_a_lock_twice_reverts(stage: Stage, stakes: Any, first: str, second: str) -> None:
    ends = {"release": (JOB,), "slash": (JOB, TALLY, stage.finder, stage.creator)}
    lock(stage, stakes)
    getattr(stakes, first)(*ends[first], {"from": stage.deployer})
    assert refusal(getattr(stakes, second), *ends[second], sender=stage.deployer) == refused(
        "StakeManager_NotLocked", jobId=JOB
    )


def test_release_frees_all_of_it(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    stakes.release(JOB, {"from": stage.deployer})
    held = (stakes.freeStakeOf(stage.operator), stakes.lockedStakeOf(stage.operator), stakes.lockOf(JOB))
    assert plain(held) == (100 * TALLY, 0, (ZERO, 0))


def test_slash_beyond_the_lock_reverts(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    arguments = (JOB, 40 * TALLY + 1, stage.finder, stage.creator)
    assert refusal(stakes.slash, *arguments, sender=stage.deployer) == refused(
        "StakeManager_SlashTooLarge", jobId=JOB, slash=40 * TALLY + 1, lock=40 * TALLY
    )


@pytest.mark.parametrize("amount", [0, 1, 9_999, 10_001, 40 * TALLY])
def test_slash_divides_to_the_unit_and_frees_the_rest(stage: Stage, stakes: Any, amount: int) -> None:
    lock(stage, stakes)
    slashed = event(slash(stage, stakes, amount), "StakeSlashed")
    accounts = (stage.finder, stage.creator, BURN)
    held = [int(stakes.rewardOf(account)) for account in accounts] + [int(stakes.bountyOf(JOB))]
    told = [slashed[key] for key in ("toFinder", "toCreator", "burned", "toBounty")]
    assert held == told
    assert sum(told) == amount
    assert int(stakes.freeStakeOf(stage.operator)) == 100 * TALLY - amount


def test_slash_to_one_who_is_finder_and_creator_adds_up(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    stakes.slash(JOB, 10_000, stage.creator, stage.creator, {"from": stage.deployer})
    assert int(stakes.rewardOf(stage.creator)) == 5_000


def test_pay_bounty_of_none_does_nothing(stage: Stage, stakes: Any) -> None:
    paid = stakes.payBounty(JOB, stage.rival, {"from": stage.deployer})
    assert (events(paid, "BountyPaid"), int(stakes.rewardOf(stage.rival))) == ([], 0)


def test_pay_bounty_is_a_reward_once(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    slash(stage, stakes, 10_000)
    stakes.payBounty(JOB, stage.rival, {"from": stage.deployer})
    stakes.payBounty(JOB, stage.rival, {"from": stage.deployer})
    assert (int(stakes.rewardOf(stage.rival)), int(stakes.bountyOf(JOB))) == (3_000, 0)


# ---- rewards ----------------------------------------------------------------------------------------------------------


def test_withdraw_reward_of_nothing_reverts(stage: Stage, stakes: Any) -> None:
    assert refusal(stakes.withdrawReward, stage.finder, sender=stage.finder) == refused(
        "StakeManager_NothingToWithdraw", account=stage.finder
    )


def test_withdraw_reward_by_anyone_sends_it_to_the_account(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    slash(stage, stakes, 10_000)
    withdrawn = stakes.withdrawReward(stage.finder, {"from": stage.stranger})
    assert (int(stage.stake.balanceOf(stage.finder)), int(stakes.rewardOf(stage.finder))) == (1_000, 0)
    assert event(withdrawn, "RewardWithdrawn") == {"account": plain(stage.finder), "amount": 1_000}


def test_withdraw_reward_of_the_burn_address_takes_it_out_of_circulation(stage: Stage, stakes: Any) -> None:
    lock(stage, stakes)
    slash(stage, stakes, 10_000)
    stakes.withdrawReward(BURN, {"from": stage.stranger})
    assert int(stage.stake.balanceOf(BURN)) == 2_000
