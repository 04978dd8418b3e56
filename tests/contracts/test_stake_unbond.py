"""StakeManager: how stake goes home.

requestUnbond
├── nothing → StakeManager_ZeroAmount
├── more than there is, more than is not unbonding already, more than 96 bits hold → StakeManager_StakeTooLow
├── of free stake → no longer free, ready after the delay, told
├── of locked stake → may overlap; nothing is free, and nothing is below zero
├── again → joins the first, the delay starts anew for all of it
└── the delay
    ├── was changed after the request → the request keeps its own
    └── was changed before it → the new one

cancelUnbond
├── nothing is unbonding → StakeManager_NothingToWithdraw
└── → free again, told; nothing is left to complete

completeUnbond
├── nothing is unbonding → StakeManager_NothingToWithdraw
├── a second too early → StakeManager_StillUnbonding
├── when it is time
│   ├── nothing is locked → all of it comes home, once
│   ├── all of it is locked → StakeManager_StillLocked
│   ├── some of it is locked → the rest comes home
│   │   ├── again at once → StakeManager_StillLocked
│   │   └── after the release → what was left, without a new delay
│   └── the token refuses → nothing is lost
└── the token calls back
    ├── itself → the second call is refused
    └── as the escrow that locks → StakeManager_StakeTooLow: what is on its way home is gone

stake that was slashed while unbonding
├── → the request shrinks to what is left, its time stays
├── there is enough beside the request → the request stays
├── a fee for an early release → as a slash
├── all of it is gone → nothing is unbonding
├── a deposit afterwards → stays, when the request is completed
└── by the escrow, for a job that the leaving operator was late with → what is left goes home
"""

from __future__ import annotations

import pytest
from refusals import decoded, plain, refusal, refused
from stage import ENTRY_RULES, TALLY, UNBOND_SECONDS, Stage, event
from stake_stage import LOCKED, STAKED, StakeStage

GUARDED = refused("ReentrancyGuardReentrantCall")


@pytest.fixture
def stakes(stage: Stage) -> StakeStage:
    """The operator has deposited 100."""
    stakes = StakeStage(stage)
    stakes.deposit()
    return stakes


def set_delay(stage: Stage, seconds: int) -> None:
    stage.parameters.setEntryRules((*ENTRY_RULES[:3], seconds), {"from": stage.governor})


# ---- requestUnbond ----------------------------------------------------------------------------------------------------


def test_request_unbond_of_nothing_reverts(stage: Stage, stakes: StakeStage) -> None:
    assert refusal(stakes.manager.requestUnbond, 0, sender=stage.operator) == refused("StakeManager_ZeroAmount")


@pytest.mark.parametrize("amount", [STAKED + 1, 2**96, 2**96 + 1, 2**256 - 1])
def test_request_unbond_of_more_than_there_is_reverts(stage: Stage, stakes: StakeStage, amount: int) -> None:
    assert refusal(stakes.manager.requestUnbond, amount, sender=stage.operator) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, available=STAKED, wanted=amount
    )


def test_request_unbond_of_what_is_unbonding_already_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.request(70 * TALLY)
    assert refusal(stakes.manager.requestUnbond, 30 * TALLY + 1, sender=stage.operator) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, available=30 * TALLY, wanted=30 * TALLY + 1
    )


def test_request_unbond_takes_the_stake_out_of_what_is_free(stakes: StakeStage) -> None:
    stakes.request(30 * TALLY)
    assert stakes.books() == {
        "stake": STAKED,
        "free": 70 * TALLY,
        "locked": 0,
        "unbonding": 30 * TALLY,
        "held": STAKED,
    }


def test_request_unbond_is_told_with_its_time(stage: Stage, stakes: StakeStage) -> None:
    requested = stakes.manager.requestUnbond(30 * TALLY, {"from": stage.operator})
    ready_at = requested.timestamp + UNBOND_SECONDS
    assert stakes.ready_at() == ready_at
    assert event(requested, "UnbondRequested") == {
        "operator": plain(stage.operator),
        "amount": 30 * TALLY,
        "readyAt": ready_at,
    }


@pytest.mark.parametrize(("amount", "free"), [(50 * TALLY, 10 * TALLY), (60 * TALLY, 0), (61 * TALLY, 0), (STAKED, 0)])
def test_request_unbond_of_locked_stake_leaves_nothing_below_zero(stakes: StakeStage, amount: int, free: int) -> None:
    stakes.lock()
    stakes.request(amount)
    assert stakes.books() == {"stake": STAKED, "free": free, "locked": LOCKED, "unbonding": amount, "held": STAKED}


def test_request_unbond_again_joins_the_first_and_starts_the_delay_anew(stage: Stage, stakes: StakeStage) -> None:
    stakes.request(30 * TALLY)
    stage.at(stage.now() + 600)
    second = stakes.manager.requestUnbond(20 * TALLY, {"from": stage.operator})
    assert plain(stakes.manager.unbondingOf(stage.operator)) == (50 * TALLY, second.timestamp + UNBOND_SECONDS)


@pytest.mark.parametrize("seconds", [60, 10 * UNBOND_SECONDS])
def test_request_unbond_keeps_its_delay_whatever_it_is_changed_to(
    stage: Stage, stakes: StakeStage, seconds: int
) -> None:
    ready_at = stakes.request(30 * TALLY)
    set_delay(stage, seconds)
    stage.at(ready_at - 1)
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator).name == "StakeManager_StillUnbonding"
    stage.at(ready_at)
    stakes.complete()
    assert stakes.books()["stake"] == 70 * TALLY


def test_request_unbond_after_the_delay_was_changed_has_the_new_one(stage: Stage, stakes: StakeStage) -> None:
    set_delay(stage, 60)
    requested = stakes.manager.requestUnbond(30 * TALLY, {"from": stage.operator})
    assert stakes.ready_at() == requested.timestamp + 60


# ---- cancelUnbond -----------------------------------------------------------------------------------------------------


def test_cancel_unbond_of_nothing_reverts(stage: Stage, stakes: StakeStage) -> None:
    assert refusal(stakes.manager.cancelUnbond, sender=stage.operator) == refused(
        "StakeManager_NothingToWithdraw", account=stage.operator
    )


def test_cancel_unbond_makes_the_stake_free_again(stage: Stage, stakes: StakeStage) -> None:
    stakes.request(30 * TALLY)
    cancelled = stakes.manager.cancelUnbond({"from": stage.operator})
    assert stakes.books()["free"] == STAKED
    assert event(cancelled, "UnbondCancelled") == {"operator": plain(stage.operator), "amount": 30 * TALLY}


def test_complete_unbond_after_it_was_cancelled_reverts(stage: Stage, stakes: StakeStage) -> None:
    ready_at = stakes.request(30 * TALLY)
    stakes.manager.cancelUnbond({"from": stage.operator})
    stage.at(ready_at)
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_NothingToWithdraw", account=stage.operator
    )


# ---- completeUnbond ---------------------------------------------------------------------------------------------------


def test_complete_unbond_of_nothing_reverts(stage: Stage, stakes: StakeStage) -> None:
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_NothingToWithdraw", account=stage.operator
    )


def test_complete_unbond_a_second_early_reverts(stage: Stage, stakes: StakeStage) -> None:
    ready_at = stakes.request(30 * TALLY)
    stage.at(ready_at - 1)
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_StillUnbonding", operator=stage.operator, readyAt=ready_at, nowAt=ready_at - 1
    )


def test_complete_unbond_in_time_sends_the_stake_home(stage: Stage, stakes: StakeStage) -> None:
    stage.at(stakes.request(30 * TALLY))
    completed = stakes.complete()
    assert int(stage.stake.balanceOf(stage.operator)) == 30 * TALLY
    assert event(completed, "UnbondCompleted") == {"operator": plain(stage.operator), "amount": 30 * TALLY}


def test_complete_unbond_in_time_leaves_the_rest_of_the_stake(stage: Stage, stakes: StakeStage) -> None:
    stage.at(stakes.request(30 * TALLY))
    stakes.complete()
    left = 70 * TALLY
    assert stakes.books() == {"stake": left, "free": left, "locked": 0, "unbonding": 0, "held": left}


def test_complete_unbond_twice_reverts(stage: Stage, stakes: StakeStage) -> None:
    stage.at(stakes.request(30 * TALLY))
    stakes.complete()
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_NothingToWithdraw", account=stage.operator
    )


def test_complete_unbond_of_stake_that_is_all_locked_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock(STAKED)
    stage.at(stakes.request(30 * TALLY))
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_StillLocked", operator=stage.operator, locked=STAKED, unbonding=30 * TALLY
    )


def test_complete_unbond_of_stake_that_is_partly_locked_sends_the_rest_home(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    stage.at(stakes.request(90 * TALLY))
    completed = stakes.complete()
    assert event(completed, "UnbondCompleted")["amount"] == 60 * TALLY
    assert stakes.books() == {"stake": LOCKED, "free": 0, "locked": LOCKED, "unbonding": 30 * TALLY, "held": LOCKED}


def test_complete_unbond_again_while_the_rest_is_locked_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    stage.at(stakes.request(90 * TALLY))
    stakes.complete()
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_StillLocked", operator=stage.operator, locked=LOCKED, unbonding=30 * TALLY
    )


def test_complete_unbond_after_the_release_sends_what_was_left(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    stage.at(stakes.request(90 * TALLY))
    stakes.complete()
    stakes.release()
    stakes.complete()
    assert int(stage.stake.balanceOf(stage.operator)) == 90 * TALLY
    assert stakes.books()["free"] == 10 * TALLY


def test_complete_unbond_of_a_blocked_operator_loses_nothing(stage: Stage) -> None:
    stakes = StakeStage(stage, stage.deploy("MockVoidToken"))
    stakes.deposit()
    ready_at = stakes.request(30 * TALLY)
    stakes.token.block_(stage.operator, {"from": stage.stranger})
    stage.at(ready_at + 1)
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator) == refused(
        "MockVoidToken_Blocked", account=stage.operator
    )
    assert stakes.books()["unbonding"] == 30 * TALLY


# ---- the token calls back ---------------------------------------------------------------------------------------------


def test_complete_unbond_when_the_token_calls_back_refuses_the_call(stage: Stage) -> None:
    stakes = StakeStage(stage, stage.deploy("MockReentrantToken"))
    stakes.deposit()
    ready_at = stakes.request(30 * TALLY)
    stakes.token.arm(stakes.manager, stakes.manager.completeUnbond.encode_input(), {"from": stage.stranger})
    stage.at(ready_at + 1)
    stakes.complete()
    assert (stakes.token.reentered(), decoded(stakes.token.answer())) == (False, GUARDED)


def test_complete_unbond_when_the_escrow_locks_in_the_middle_has_the_stake_gone(stage: Stage) -> None:
    token = stage.deploy("MockReentrantToken")
    stakes = StakeStage(stage, token, escrow=token)
    stakes.deposit()
    ready_at = stakes.request(STAKED)
    lock = stakes.manager.lock.encode_input(stage.operator, stage.operator, 1)
    token.arm(stakes.manager, lock, {"from": stage.stranger})
    stage.at(ready_at + 1)
    stakes.complete()
    assert (token.reentered(), stakes.books()["locked"]) == (False, 0)
    assert decoded(token.answer()) == refused(
        "StakeManager_StakeTooLow", operator=stage.operator, available=0, wanted=1
    )


# ---- slashed while unbonding ------------------------------------------------------------------------------------------


def test_slash_of_unbonding_stake_shrinks_the_request(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    ready_at = stakes.request(90 * TALLY)
    stakes.slash(burned=LOCKED)
    assert plain(stakes.manager.unbondingOf(stage.operator)) == (60 * TALLY, ready_at)


def test_slash_beside_the_unbonding_stake_leaves_the_request(stakes: StakeStage) -> None:
    stakes.lock()
    stakes.request(60 * TALLY)
    stakes.slash(burned=LOCKED)
    assert stakes.books()["unbonding"] == 60 * TALLY


def test_release_fee_of_unbonding_stake_shrinks_the_request(stakes: StakeStage) -> None:
    stakes.lock()
    stakes.request(STAKED)
    stakes.release(fee=1)
    assert stakes.books()["unbonding"] == STAKED - 1


def test_slash_of_all_that_is_unbonding_leaves_nothing_to_complete(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock(STAKED)
    ready_at = stakes.request(STAKED)
    stakes.slash(STAKED, burned=STAKED)
    stage.at(ready_at)
    assert refusal(stakes.manager.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_NothingToWithdraw", account=stage.operator
    )


def test_complete_unbond_after_a_slash_and_a_deposit_leaves_the_deposit(stage: Stage, stakes: StakeStage) -> None:
    stakes.lock()
    ready_at = stakes.request(STAKED)
    stakes.slash(burned=LOCKED)
    stakes.deposit(50 * TALLY)
    stage.at(ready_at)
    stakes.complete()
    # What was burnt is held until it is withdrawn.
    assert stakes.books() == {
        "stake": 50 * TALLY,
        "free": 50 * TALLY,
        "locked": 0,
        "unbonding": 0,
        "held": 50 * TALLY + LOCKED,
    }


def test_complete_unbond_after_the_job_expired_sends_home_what_was_not_slashed(stage: Stage) -> None:
    terms = stage.assigned()
    stage.stakes.requestUnbond(50 * TALLY, {"from": stage.operator})
    stage.at(int(stage.stakes.unbondingOf(stage.operator)[1]))
    assert refusal(stage.stakes.completeUnbond, sender=stage.operator) == refused(
        "StakeManager_StillLocked", operator=stage.operator, locked=50 * TALLY, unbonding=50 * TALLY
    )
    stage.escrow.expire(terms.abi(), {"from": stage.finder})
    stage.stakes.completeUnbond({"from": stage.operator})
    assert int(stage.stake.balanceOf(stage.operator)) == 25 * TALLY
