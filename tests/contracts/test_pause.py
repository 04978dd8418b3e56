"""What stops while new jobs are stopped, and what does not: everything that touches money that is there already.

pauseNewJobs
├── → createJob, createJobWithPermit, postOrder, acceptOrder revert with ProtocolParameters_NewJobsPaused
├── → everything else goes on: one test for each way on, and one for each way out
├── again → no change
└── by anyone but the guardian, the governor included → AccessManagedUnauthorized
resumeNewJobs
├── by anyone but the governor, the guardian included → AccessManagedUnauthorized
└── by the governor → new jobs again
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from order_stage import BY_PERMIT, OrderStage, encoded
from refusals import Refused, plain, refusal, refused
from stage import (
    ASSIGNED,
    COMPLETED,
    NO_ASSIGNMENT,
    NO_HASH,
    OPEN,
    REFUNDED,
    TALLY,
    UNBOND_SECONDS,
    Stage,
    event,
)

PAUSED = refused("ProtocolParameters_NewJobsPaused")
NO_PERMIT = (0, 0, NO_HASH, NO_HASH)


def pause(stage: Stage) -> Any:
    return stage.parameters.pauseNewJobs({"from": stage.guardian})


def resume(stage: Stage) -> Any:
    return stage.parameters.resumeNewJobs({"from": stage.governor})


# ---- what stops -------------------------------------------------------------------------------------------------------


def create(stage: Stage) -> Refused:
    terms = stage.terms()
    stage.fund(terms)
    return refusal(stage.escrow.createJob, terms.abi(), sender=stage.creator)


def create_with_permit(stage: Stage) -> Refused:
    terms = stage.terms()
    stage.fund(terms)
    return refusal(stage.escrow.createJobWithPermit, terms.abi(), NO_PERMIT, sender=stage.creator)


def post_order(stage: Stage) -> Refused:
    orders = OrderStage(stage)
    return refusal(stage.escrow.postOrder, orders.signed(orders.funded()), sender=stage.stranger)


def post_order_with_permit(stage: Stage) -> Refused:
    orders = OrderStage(stage)
    order = orders.order()
    permit = encoded(orders.permit(orders.mint(order), order.terms["maxPrice"]))
    signed = orders.signed(order, BY_PERMIT, permit=permit)
    return refusal(stage.escrow.postOrder, signed, sender=stage.stranger)


def accept_order(stage: Stage) -> Refused:
    orders = OrderStage(stage)
    stage.bond(stage.operator)
    call = (orders.signed(orders.funded()), stage.operator, NO_ASSIGNMENT, b"")
    return refusal(stage.escrow.acceptOrder, *call, sender=stage.operator)


ENTRANCES: dict[str, Callable[[Stage], Refused]] = {
    "createJob": create,
    "createJobWithPermit": create_with_permit,
    "postOrder": post_order,
    "postOrder with permit": post_order_with_permit,
    "acceptOrder": accept_order,
}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_pause_stops_new_jobs_by(stage: Stage, entrance: str) -> None:
    pause(stage)
    assert ENTRANCES[entrance](stage) == PAUSED


def test_pause_says_who_did_it(stage: Stage) -> None:
    assert event(pause(stage), "NewJobsPaused") == {"by": plain(stage.guardian)}
    assert bool(stage.parameters.newJobsPaused())


def test_pause_again_changes_nothing(stage: Stage) -> None:
    pause(stage)
    pause(stage)
    assert bool(stage.parameters.newJobsPaused())


# ---- what goes on: the work -------------------------------------------------------------------------------------------


def test_accept_while_paused_assigns_the_job(stage: Stage) -> None:
    terms = stage.create()
    pause(stage)
    stage.accept(terms)
    assert stage.state(terms)["status"] == ASSIGNED


def test_claim_while_paused_is_paid(stage: Stage) -> None:
    terms = stage.assigned()
    pause(stage)
    stage.settle(terms, 0)
    stage.settle(terms, 1)
    assert stage.state(terms)["status"] == COMPLETED


def test_claim_many_while_paused_is_paid(stage: Stage) -> None:
    terms = stage.assigned()
    pause(stage)
    claims = [stage.claim(terms, milestone) for milestone in (0, 1)]
    stage.settlement.claimMany([(terms.abi(), claims)], {"from": stage.operator})
    assert stage.state(terms)["status"] == COMPLETED


def test_finalize_while_paused_pays(stage: Stage) -> None:
    terms = stage.assigned(stage.traced_terms())
    pause(stage)
    stage.settle(terms, 0)
    stage.finalize(terms)
    assert stage.state(terms)["paidMilestones"] == 1


def test_finalize_many_while_paused_pays(stage: Stage) -> None:
    terms = stage.assigned(stage.traced_terms())
    stage.settle(terms, 0)
    pause(stage)
    stage.at(stage.now() + terms["challengeSeconds"] + 1)
    stage.settlement.finalizeMany([terms.abi()], {"from": stage.stranger})
    assert stage.state(terms)["paidMilestones"] == 1


def test_fault_while_paused_slashes(stage: Stage) -> None:
    terms = stage.assigned(stage.traced_terms())
    stage.settle(terms, 0)
    pause(stage)
    assert event(stage.fault(terms, 0), "StakeSlashed")["amount"] == terms["stakeLock"]


def test_release_early_while_paused_opens_the_job_again(stage: Stage) -> None:
    terms = stage.assigned()
    pause(stage)
    stage.escrow.releaseEarly(terms.abi(), {"from": stage.operator})
    assert stage.state(terms)["status"] == OPEN


def test_expire_while_paused_opens_the_job_again_for_others(stage: Stage) -> None:
    terms = stage.assigned()
    pause(stage)
    stage.expire(terms)
    stage.accept(terms, stage.rival)
    assert stage.state(terms)["operator"] == plain(stage.rival)


def test_expire_many_while_paused_opens_the_jobs_again(stage: Stage) -> None:
    terms = stage.assigned()
    pause(stage)
    stage.at(stage.state(terms)["deadline"] + 1)
    stage.escrow.expireMany([terms.abi()], {"from": stage.finder})
    assert stage.state(terms)["status"] == OPEN


def test_register_while_paused_takes_models(stage: Stage) -> None:
    pause(stage)
    assert stage.register_model("made in a pause") != stage.model


# ---- what goes on: ways out -------------------------------------------------------------------------------------------


def test_cancel_while_paused_returns_the_deposit(stage: Stage) -> None:
    terms = stage.create()
    pause(stage)
    stage.escrow.cancel(terms.abi(), {"from": stage.creator})
    assert stage.credit(stage.creator) == terms["maxPrice"]


def test_refund_while_paused_returns_the_deposit(stage: Stage) -> None:
    terms = stage.create()
    pause(stage)
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"] + 1)
    stage.escrow.refund(terms.abi(), {"from": stage.stranger})
    assert (stage.state(terms)["status"], stage.credit(stage.creator)) == (REFUNDED, terms["maxPrice"])


def test_withdraw_while_paused_pays_out(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    owed = stage.credit(stage.operator)
    pause(stage)
    stage.escrow.withdraw(stage.payment, stage.operator, {"from": stage.stranger})
    assert int(stage.payment.balanceOf(stage.operator)) == owed > 0


def test_withdraw_reward_while_paused_pays_out(stage: Stage) -> None:
    stage.expire(stage.assigned())
    owed = stage.reward(stage.finder)
    pause(stage)
    stage.stakes.withdrawReward(stage.finder, {"from": stage.stranger})
    assert int(stage.stake.balanceOf(stage.finder)) == owed > 0


def test_cancel_orders_while_paused_voids_them(stage: Stage) -> None:
    pause(stage)
    stage.escrow.cancelOrders(3, 0b101, {"from": stage.creator})
    assert int(stage.escrow.orderNoncesOf(stage.creator, 3)) == 0b101


def test_unbonding_while_paused_goes_its_way(stage: Stage) -> None:
    stage.bond(stage.operator)
    pause(stage)
    stage.stakes.requestUnbond(60 * TALLY, {"from": stage.operator})
    stage.at(stage.now() + UNBOND_SECONDS)
    stage.stakes.completeUnbond({"from": stage.operator})
    assert int(stage.stake.balanceOf(stage.operator)) == 60 * TALLY


def test_unbonding_while_paused_can_be_called_off(stage: Stage) -> None:
    stage.bond(stage.operator)
    stage.stakes.requestUnbond(60 * TALLY, {"from": stage.operator})
    pause(stage)
    stage.stakes.cancelUnbond({"from": stage.operator})
    assert int(stage.stakes.freeStakeOf(stage.operator)) == 100 * TALLY


def test_deposit_and_agents_while_paused_are_the_operators_own_affair(stage: Stage) -> None:
    pause(stage)
    stage.bond(stage.operator)
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    found = (int(stage.stakes.stakeOf(stage.operator)), bool(stage.stakes.isAgent(stage.operator, stage.agent)))
    assert found == (100 * TALLY, True)


# ---- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["governor", "deployer", "creator", "operator", "stranger"])
def test_pause_by_anyone_but_the_guardian_reverts(stage: Stage, person: str) -> None:
    caller = getattr(stage, person)
    assert refusal(stage.parameters.pauseNewJobs, sender=caller) == refused("AccessManagedUnauthorized", caller=caller)


@pytest.mark.parametrize("person", ["guardian", "deployer", "creator", "operator", "stranger"])
def test_resume_by_anyone_but_the_governor_reverts(stage: Stage, person: str) -> None:
    pause(stage)
    caller = getattr(stage, person)
    assert refusal(stage.parameters.resumeNewJobs, sender=caller) == refused("AccessManagedUnauthorized", caller=caller)


def test_resume_by_the_governor_lets_new_jobs_in(stage: Stage) -> None:
    pause(stage)
    assert event(resume(stage), "NewJobsResumed") == {"by": plain(stage.governor)}
    terms = stage.create()
    assert (stage.state(terms)["status"], bool(stage.parameters.newJobsPaused())) == (OPEN, False)
