"""TraceDemands by the clock: until when what may be asked, shown and called a fault, and how every demand ends.

demand of level l
├── in its last second → taken; a second later → TraceDemands_TooLate
├── of a level above 0 where nothing was asked, after the window → TraceDemands_TooLate
└── at the last second, answered at the last second, at every level → final within three windows, and the fault is still shown
answer
├── exactly in time → shown; a second late → TraceDemands_TooLate
└── late, and nobody said so in time → the claim is final, and who asked has its coin back
faultUnanswered
├── in the last second for the answer → TraceDemands_NotDue; a second later → DemandUnanswered, JobFaulted
├── in the first S / 2 seconds → who paid is the challenger; later → who calls
├── in the claim's last second → slashed; a second later → MilestoneSettlement_AlreadyFinal
├── of what nobody asked → TraceDemands_NotAsked; of what was shown → TraceDemands_Over
├── a second time → TraceDemands_NotStanding
└── of one of two claims → both are void
giveBack
├── while the claim stands → TraceDemands_Standing
├── by naming another job, another milestone, another claim → TraceDemands_NotAsked
├── what was shown, or given back already → TraceDemands_Over
└── once the claim is void or paid → DemandReturned, whoever calls
many challengers
├── ask at once, all are answered → the claim is final no later for it
└── ask at once, one is not answered → it is slashed once, and the others have their coin back
TraceDispute.extend, TraceDispute.faultWithheld by anyone → TraceDispute_NotDemands
TraceDispute.commit → an extension moves nobody's turn
"""

from __future__ import annotations

from typing import Any

import pytest
from demand_stage import DEEP, STEP, Asked, coin, of_model, step_leaf
from dispute_stage import DisputeStage, Run, hexed, with_element
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from refusals import plain, refusal, refused
from stage import CHALLENGE_SECONDS, COMPLETED, OPEN, Stage, event, events, word

from tallystick.dispute.claims import Claim
from tallystick.dispute.held import HeldTrace, first_difference
from tallystick.dispute.known import next_demand
from tallystick.dispute.levels import Demand
from tallystick.dispute.revealed import revealed_fault
from tallystick.dispute.showing import Showing

TWO = {"shareBps": [6_000, 4_000], "durationSeconds": [5_000, 5_000]}


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


@pytest.fixture
def asked(dispute: DisputeStage) -> Asked:
    return Asked.claimed(dispute)


@pytest.fixture
def demand(asked: Asked) -> Demand:
    """One that was made, for the roots of the trace."""
    demand = asked.next(step_leaf(0))
    asked.ask(demand)
    return demand


def too_late(last: int) -> Any:
    return refused("TraceDemands_TooLate", lastAt=last, nowAt=last + 1)


# ---- demand -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 1])
def test_demand_in_the_last_second_is_taken(asked: Asked, level: int) -> None:
    if level:
        asked.asked_and_shown(asked.next(step_leaf(0)))
    demand, last = asked.next(step_leaf(0)), asked.schedule.latest_demand(level)
    asked.stage.at(last)
    transaction = asked.ask(demand)
    assert event(transaction, "TraceDemanded")["level"] == level
    assert event(transaction, "TraceDemanded")["answerBy"] == last + STEP
    assert asked.final_at == last + 2 * STEP


@pytest.mark.parametrize("level", [0, 1])
def test_demand_a_second_after_the_last_reverts(asked: Asked, level: int) -> None:
    if level:
        asked.asked_and_shown(asked.next(step_leaf(0)))
    demand, last = asked.next(step_leaf(0)), asked.schedule.latest_demand(level)
    asked.stage.at(last + 1)
    assert asked.refusal_to_ask(demand) == too_late(last)


def test_demand_of_a_higher_level_where_nothing_was_asked_ends_with_the_window(asked: Asked) -> None:
    """Whoever knows the roots anyway starts there, but has the same window to start in."""
    asked.learn(asked.next(step_leaf(0)))
    demand, last = asked.next(step_leaf(0)), asked.final_at
    asked.stage.at(last + 1)
    assert asked.refusal_to_ask(demand) == too_late(last)
    assert (demand.level, last) == (1, asked.schedule.claimed_at + CHALLENGE_SECONDS)


def test_challenger_censored_for_most_of_its_time_still_shows_the_fault(dispute: DisputeStage) -> None:
    """Everything in its last second, on both sides, at every level that there is: the fault is shown within three windows."""
    wrong = Run(with_element(DEEP.trace, 1, 2**20))
    asked, own = of_model(dispute, wrong), HeldTrace(DEEP.trace)
    stage, schedule = asked.stage, asked.schedule
    while (target := first_difference(asked.known, own)) and (demand := next_demand(asked.known, target)):
        stage.at(schedule.latest_demand(demand.level))
        asked.ask(demand)
        stage.at(stage.now() + STEP)
        asked.show(demand)
        asked.learn(demand)
    stage.at(asked.final_at)
    assert (target.ref.index, asked.final_at) == (1, schedule.bound)
    assert asked.final_at <= schedule.claimed_at + 3 * CHALLENGE_SECONDS
    claim = Claim(wrong.opener.trace_root, wrong.output_root, wrong.opener.input_root)
    fault = revealed_fault(Showing(DEEP.trace.program, own.commitment, claim), asked.known, own, 1)
    assert fault
    faulted = event(dispute.prove(asked.terms, wrong.ref(), fault.packed), "JobFaulted")
    assert faulted["challenger"] == plain(stage.finder)


# ---- answer -----------------------------------------------------------------------------------------------------------


def test_answer_exactly_in_time_is_shown(asked: Asked, demand: Demand) -> None:
    asked.stage.at(asked.stage.now() + STEP)
    asked.show(demand)
    assert asked.state(demand)["isOver"]


def test_answer_one_block_late_reverts(asked: Asked, demand: Demand) -> None:
    last = asked.stage.now() + STEP
    asked.stage.at(last + 1)
    assert asked.refusal_to_show(demand) == too_late(last)


def test_answer_that_nobody_missed_in_time_is_returned_once_the_claim_is_paid(asked: Asked, demand: Demand) -> None:
    key, price, stage = asked.key, asked.state(demand)["base"], asked.stage
    before = int(asked.contract.creditOf(stage.finder))
    stage.finalize(asked.terms)
    transaction = asked.give_back(demand, key)
    assert event(transaction, "DemandReturned")["amount"] == price
    assert int(asked.contract.creditOf(stage.finder)) - before == price
    assert stage.state(asked.terms)["status"] == COMPLETED


# ---- faultUnanswered --------------------------------------------------------------------------------------------------


def test_fault_resolved_early_reverts(asked: Asked, demand: Demand) -> None:
    last = asked.stage.now() + STEP
    asked.stage.at(last)
    assert asked.refusal_to_fault(demand) == refused("TraceDemands_NotDue", answerBy=last, nowAt=last)


def test_fault_a_second_after_the_answer_was_due_slashes_for_who_paid(asked: Asked, demand: Demand) -> None:
    stage, demand_id, paid = asked.stage, asked.id(demand), asked.state(demand)["base"]
    key, before = asked.key, int(asked.contract.creditOf(stage.finder))
    stage.at(stage.now() + STEP + 1)
    transaction = asked.fault(demand, by=stage.rival)
    said = {"jobId": asked.job_id, "demandId": demand_id, "payer": plain(stage.finder), "milestone": 0}
    assert event(transaction, "DemandUnanswered") == said
    assert event(transaction, "JobFaulted")["challenger"] == plain(stage.finder)
    assert stage.state(asked.terms)["status"] == OPEN
    assert int(asked.contract.creditOf(stage.finder)) - before == paid
    assert (asked.state(demand, key)["isOver"], int(asked.contract.openOf(key))) == (True, 0)


@pytest.mark.parametrize("late", [False, True])
def test_fault_when_who_paid_does_nothing_goes_to_who_calls(asked: Asked, demand: Demand, late: bool) -> None:
    """A claimer that asks itself, and then says nothing, keeps the slash from nobody."""
    stage, paid = asked.stage, asked.state(demand)["base"]
    before = int(asked.contract.creditOf(stage.finder))
    stage.at(stage.now() + STEP + STEP // 2 + late)
    transaction = asked.fault(demand, by=stage.rival)
    assert event(transaction, "JobFaulted")["challenger"] == plain(stage.rival if late else stage.finder)
    assert int(asked.contract.creditOf(stage.finder)) - before == paid


@pytest.mark.parametrize("late", [False, True])
def test_fault_at_the_end_of_the_claims_window(asked: Asked, demand: Demand, late: bool) -> None:
    final = asked.final_at
    asked.stage.at(final + late)
    if late:
        found = asked.refusal_to_fault(demand)
        assert found == refused("MilestoneSettlement_AlreadyFinal", finalAt=final, nowAt=final + 1)
    else:
        assert events(asked.fault(demand), "JobFaulted")


def test_fault_of_what_nobody_asked_reverts(asked: Asked) -> None:
    demand = asked.next(step_leaf(0))
    assert asked.refusal_to_fault(demand) == refused("TraceDemands_NotAsked", demandId=asked.id(demand))


def test_fault_of_what_was_shown_reverts(asked: Asked, demand: Demand) -> None:
    asked.show(demand)
    asked.stage.at(asked.stage.now() + STEP + 1)
    assert asked.refusal_to_fault(demand) == refused("TraceDemands_Over", demandId=asked.id(demand))


def test_fault_resolved_twice_reverts(asked: Asked, demand: Demand) -> None:
    asked.stage.at(asked.stage.now() + STEP + 1)
    asked.fault(demand)
    assert asked.refusal_to_fault(demand) == refused("TraceDemands_NotStanding", jobId=asked.job_id, milestone=0)


def test_fault_resolved_after_the_claim_was_made_anew_reverts(asked: Asked, demand: Demand) -> None:
    """The same words by another operator are another claim: it was asked for nothing."""
    stage, key = asked.stage, asked.key
    stage.at(stage.now() + STEP + 1)
    other = asked.next(step_leaf(0))
    asked.fault(demand)
    stage.accept(asked.terms, stage.rival)
    run = asked.run
    stage.settle(asked.terms, 0, stage.rival, outputRoot=hexed(run.output_root), proof=run.opener.trace_root)
    assert asked.key != key
    assert asked.refusal_to_fault(other).name == "TraceDemands_NotAsked"
    assert asked.refusal_to_give_back(demand, key).name == "TraceDemands_Over"
    asked.ask(demand)
    asked.show(demand, by=stage.rival)
    assert int(asked.contract.creditOf(stage.rival)) > 0


def test_fault_of_one_of_two_claims_voids_both(dispute: DisputeStage) -> None:
    run, stage = dispute.honest, dispute.stage
    terms = dispute.assigned(run, **TWO)
    for milestone in range(2):
        dispute.claim(terms, run, milestone)
    first, second = (Asked(dispute, terms, run, HeldTrace(run.trace), milestone) for milestone in range(2))
    demand, key = first.next(step_leaf(0)), first.key
    first.ask(demand)
    second.ask(demand)
    assert first.id(demand) != second.id(demand)
    stage.at(stage.now() + STEP + 1)
    second.fault(demand)
    assert event(first.give_back(demand, key), "DemandReturned")["payer"] == plain(stage.finder)


# ---- giveBack ---------------------------------------------------------------------------------------------------------


def test_give_back_while_the_claim_stands_reverts(asked: Asked, demand: Demand) -> None:
    found = asked.refusal_to_give_back(demand, asked.key)
    assert found == refused("TraceDemands_Standing", jobId=asked.job_id, milestone=0)


def test_give_back_by_naming_another_claim_reverts(dispute: DisputeStage, asked: Asked, demand: Demand) -> None:
    """Nobody can say that a claim is over by pointing at a job that has none."""
    other = dispute.assigned(dispute.honest, salt=2)
    key, demand_id = asked.key, asked.id(demand)
    names = {"job_id": dispute.stage.job_id(other)}, {"milestone": 1}, {"job_id": word("no job")}
    for name in names:
        found = asked.refusal_to_give_back(demand, key, **name)  # type: ignore[arg-type]  # one of two
        assert found == refused("TraceDemands_NotAsked", demandId=demand_id)
    assert asked.refusal_to_give_back(demand, word("no claim")).name == "TraceDemands_NotAsked"


@pytest.mark.parametrize("how", ["shown", "returned"])
def test_give_back_of_what_is_over_reverts(asked: Asked, demand: Demand, how: str) -> None:
    key, demand_id = asked.key, asked.id(demand)
    if how == "shown":
        asked.show(demand)
    asked.stage.finalize(asked.terms)
    if how == "returned":
        asked.give_back(demand, key)
    assert asked.refusal_to_give_back(demand, key) == refused("TraceDemands_Over", demandId=demand_id)


def test_give_back_after_another_showed_the_fault_returns_everything(dispute: DisputeStage) -> None:
    stage, wrong = dispute.stage, dispute.wrong(0, 3)
    asked = Asked.claimed(dispute, wrong)
    demand, key = asked.next(step_leaf(0)), asked.key
    before = coin(stage.finder)
    asked.ask(demand)
    demand_id = asked.id(demand)
    dispute.prove(asked.terms, wrong.ref(), wrong.packed(0, 3), by=stage.rival)
    returned = event(asked.give_back(demand, key), "DemandReturned")
    assert (returned["demandId"], returned["payer"]) == (demand_id, plain(stage.finder))
    asked.contract.withdraw(stage.finder, {"from": stage.stranger})
    assert (coin(stage.finder), coin(asked.contract)) == (before, 0)


# ---- many at once -----------------------------------------------------------------------------------------------------


def many(asked: Asked, people: list[Any]) -> list[Demand]:
    """Each asks for another tensor of the trace."""
    asked.asked_and_shown(asked.next(step_leaf(0)))
    demands = [asked.next(step_leaf(step)) for step in range(len(people))]
    for person, demand in zip(people, demands, strict=True):
        asked.ask(demand, by=person)
    return demands


def test_many_challengers_at_once_make_no_claim_final_later(asked: Asked) -> None:
    stage = asked.stage
    demands = many(asked, [stage.finder, stage.rival, stage.stranger, stage.agent, stage.creator])
    assert (asked.final_at, int(asked.contract.openOf(asked.key))) == (asked.schedule.final_after(1), 5)
    for demand in demands:
        asked.show(demand)
    stage.finalize(asked.terms)
    assert stage.state(asked.terms)["status"] == COMPLETED


def test_many_challengers_at_once_of_whom_one_is_not_answered_slash_once(asked: Asked) -> None:
    stage, people = asked.stage, [asked.stage.finder, asked.stage.rival, asked.stage.stranger]
    demands, key = many(asked, people), asked.key
    asked.show(demands[0])
    stage.at(stage.now() + STEP + 1)
    assert event(asked.fault(demands[2]), "JobFaulted")["challenger"] == plain(stage.stranger)
    assert asked.refusal_to_fault(demands[1]).name == "TraceDemands_NotStanding"
    asked.give_back(demands[1], key)
    assert int(asked.contract.openOf(key)) == 0
    credits = sum(int(asked.contract.creditOf(person)) for person in [*people, stage.operator])
    assert coin(asked.contract) == credits + int(asked.contract.burnt())


# ---- the judge --------------------------------------------------------------------------------------------------------


def test_extend_by_anyone_reverts(dispute: DisputeStage, asked: Asked) -> None:
    who = dispute.stage.operator
    found = refusal(dispute.judge.extend, asked.terms.abi(), 0, asked.final_at + 1, sender=who)
    assert found == refused("TraceDispute_NotDemands", caller=who)


def test_fault_withheld_by_anyone_reverts(dispute: DisputeStage, asked: Asked) -> None:
    who = dispute.stage.finder
    found = refusal(dispute.judge.faultWithheld, asked.terms.abi(), 0, who.address, sender=who)
    assert found == refused("TraceDispute_NotDemands", caller=who)


def test_commitment_stays_one_when_the_claim_is_extended(dispute: DisputeStage) -> None:
    stage, wrong, salt = dispute.stage, dispute.wrong(3, 9), b"\x5a" * 32
    asked, packed = Asked.claimed(dispute, wrong), wrong.packed(3, 9)
    digest = keccak(encode(["bytes32", "address", "bytes32"], [keccak(packed), stage.rival.address, salt]))
    dispute.judge.commit(asked.terms.abi(), 0, digest, {"from": stage.rival})
    asked.ask(asked.next(step_leaf(0)))
    assert dispute.refusal(asked.terms, wrong.ref(), packed) == refused("TraceDispute_CommitFirst")
    opened = dispute.judge.proveFaultCommitted(asked.terms.abi(), wrong.ref(), packed, salt, {"from": stage.rival})
    assert event(opened, "JobFaulted")["challenger"] == plain(stage.rival)
