"""StakeManager.withdrawReward

withdrawReward
├── nothing → StakeManager_NothingToWithdraw
├── by anyone → the account receives, once
├── of the burn address → out of circulation
├── the token refuses the account
│   ├── by a revert → the reward stays; the others get theirs
│   └── by an answer of false → SafeERC20FailedOperation; the reward stays
├── the token calls back → the second call is refused, and goes through afterwards
└── after everything → what is held is what is owed
"""

from __future__ import annotations

import pytest
from refusals import decoded, plain, refusal, refused
from stage import BURN, Stage, event, rpc
from stake_stage import JOB, STAKED, StakeStage

GUARDED = refused("ReentrancyGuardReentrantCall")
PARTS = {"toFinder": 1_000, "toCreator": 4_000, "toBounty": 3_000, "burned": 2_000}


def slashed(stakes: StakeStage) -> StakeStage:
    """With rewards from a slash of the operator's stake."""
    stakes.deposit()
    stakes.lock()
    stakes.slash(**PARTS)
    return stakes


@pytest.fixture
def stakes(stage: Stage) -> StakeStage:
    return slashed(StakeStage(stage))


def test_withdraw_reward_of_nothing_reverts(stage: Stage, stakes: StakeStage) -> None:
    assert refusal(stakes.manager.withdrawReward, stage.rival, sender=stage.rival) == refused(
        "StakeManager_NothingToWithdraw", account=stage.rival
    )


def test_withdraw_reward_by_anyone_sends_it_to_the_account(stage: Stage, stakes: StakeStage) -> None:
    withdrawn = stakes.manager.withdrawReward(stage.finder, {"from": stage.stranger})
    assert plain((stage.stake.balanceOf(stage.finder), stage.stake.balanceOf(stage.stranger))) == (1_000, 0)
    assert event(withdrawn, "RewardWithdrawn") == {"account": plain(stage.finder), "amount": 1_000}


def test_withdraw_reward_twice_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.manager.withdrawReward(stage.finder, {"from": stage.stranger})
    assert refusal(stakes.manager.withdrawReward, stage.finder, sender=stage.finder) == refused(
        "StakeManager_NothingToWithdraw", account=stage.finder
    )


def test_withdraw_reward_of_the_burn_address_takes_it_out_of_circulation(stage: Stage, stakes: StakeStage) -> None:
    stakes.manager.withdrawReward(stakes.manager.BURN_ADDRESS(), {"from": stage.stranger})
    assert int(stage.stake.balanceOf(BURN)) == 2_000


def test_withdraw_reward_of_a_blocked_account_keeps_it(stage: Stage) -> None:
    stakes = slashed(StakeStage(stage, stage.deploy("MockVoidToken")))
    stakes.token.block_(stage.finder, {"from": stage.stranger})
    assert refusal(stakes.manager.withdrawReward, stage.finder, sender=stage.finder) == refused(
        "MockVoidToken_Blocked", account=stage.finder
    )
    assert int(stakes.manager.rewardOf(stage.finder)) == 1_000


def test_withdraw_reward_of_the_others_beside_a_blocked_account_sends_theirs(stage: Stage) -> None:
    stakes = slashed(StakeStage(stage, stage.deploy("MockVoidToken")))
    stakes.token.block_(stage.finder, {"from": stage.stranger})
    stakes.manager.withdrawReward(stage.creator, {"from": stage.stranger})
    assert int(stakes.token.balanceOf(stage.creator)) == 4_000


def test_withdraw_reward_in_a_token_that_answers_false_reverts(stage: Stage) -> None:
    stakes = slashed(StakeStage(stage, stage.deploy("MockFalseToken")))
    stakes.token.refuse(True, {"from": stage.stranger})
    assert refusal(stakes.manager.withdrawReward, stage.finder, sender=stage.finder) == refused(
        "SafeERC20FailedOperation", token=stakes.token
    )
    assert int(stakes.manager.rewardOf(stage.finder)) == 1_000


@pytest.mark.parametrize("inner", ["withdrawReward", "deposit", "completeUnbond"])
def test_withdraw_reward_when_the_token_calls_back_refuses_the_call(stage: Stage, inner: str) -> None:
    stakes = slashed(StakeStage(stage, stage.deploy("MockReentrantToken")))
    arguments = {"withdrawReward": (stage.creator,), "deposit": (stage.operator, 1), "completeUnbond": ()}[inner]
    data = getattr(stakes.manager, inner).encode_input(*arguments)
    stakes.token.arm(stakes.manager, data, {"from": stage.stranger})
    stakes.manager.withdrawReward(stage.finder, {"from": stage.stranger})
    assert (stakes.token.reentered(), decoded(stakes.token.answer())) == (False, GUARDED)


def test_withdraw_reward_of_another_account_in_the_middle_goes_through_afterwards(stage: Stage) -> None:
    stakes = slashed(StakeStage(stage, stage.deploy("MockReentrantToken")))
    data = stakes.manager.withdrawReward.encode_input(stage.creator)
    stakes.token.arm(stakes.manager, data, {"from": stage.stranger})
    stakes.manager.withdrawReward(stage.finder, {"from": stage.stranger})
    assert int(stakes.manager.rewardOf(stage.creator)) == 4_000
    rpc("eth_call", {"from": stakes.token.address, "to": stakes.manager.address, "data": data}, "latest")


def test_withdraw_reward_of_everybody_leaves_what_is_owed(stage: Stage, stakes: StakeStage) -> None:
    stakes.manager.payBounty(JOB, stage.rival, PARTS["toBounty"], {"from": stakes.escrow})
    for account in (stage.finder, stage.creator, stage.rival, BURN):
        stakes.manager.withdrawReward(account, {"from": stage.stranger})
    stage.at(stakes.request(STAKED - sum(PARTS.values())))
    stakes.complete()
    assert stakes.books() == {"stake": 0, "free": 0, "locked": 0, "unbonding": 0, "held": 0}
