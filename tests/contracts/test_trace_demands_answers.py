"""TraceDemands: what is shown for a demand, and what disputes over withheld traces come to in the end.

answer
├── by anyone → TraceShown, and the fee is the operator's
├── wrong in a bit, hashes or leaves in another order, another header → TraceDemands_WrongAnswer
├── too short, too long → TraceDemands_Length
├── without a header → TraceDemands_BadHeader
├── to what nobody asked → TraceDemands_NotAsked; a second time → TraceDemands_Over
├── of a claim that is paid or void → TraceDemands_NotStanding
└── with the claimer's own header, which is not the program's → shown, and it is a Header fault
end to end
├── a withheld trace → the operator is slashed by silence
├── an unopenable root → there is no answer, and the operator is slashed
├── a wrong element of a withheld trace → demanded, shown, and proven
└── an honest claim that is asked for everything → answers everything, is slashed for nothing, and is paid
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from demand_stage import DEEP, ETHER, STEP, Asked, at_leaves, below, of_model, step_leaf
from dispute_stage import DisputeStage, Run, hexed, with_tensor
from refusals import plain, refused
from stage import COMPLETED, OPEN, Stage, event, word

from tallystick.dispute.claims import Claim
from tallystick.dispute.demand_packing import demand_words, pack_answer, read_answer
from tallystick.dispute.findings import Fault
from tallystick.dispute.held import HeldTrace, first_difference
from tallystick.dispute.known import next_demand
from tallystick.dispute.levels import Answer, Target
from tallystick.dispute.revealed import revealed_fault
from tallystick.dispute.showing import Showing
from tallystick.engine.fold import leaf_count
from tallystick.engine.program import Ref, to_bytes


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


@pytest.fixture
def asked(dispute: DisputeStage) -> Asked:
    return Asked.claimed(dispute)


# ---- answer -----------------------------------------------------------------------------------------------------------


def test_answer_by_anyone_pays_the_operator(asked: Asked) -> None:
    demand, stage = asked.next(step_leaf(0)), asked.stage
    asked.ask(demand)
    base = asked.state(demand)["base"]
    transaction = asked.show(demand, by=stage.stranger)
    shown = {"jobId": asked.job_id, "demandId": asked.id(demand), "milestone": 0, "answer": hexed(asked.answer(demand))}
    assert event(transaction, "TraceShown") == shown
    assert asked.state(demand)["isOver"]
    credit = asked.contract.creditOf
    assert (int(credit(stage.operator)), int(credit(stage.stranger))) == (base, 0)


def test_answer_in_the_log_is_what_the_next_demand_is_made_of(dispute: DisputeStage) -> None:
    """Whoever reads the chain alone knows as much as who asked."""
    asked = of_model(dispute, DEEP)
    reader = asked.known

    def follow(demand: Any) -> None:
        nonlocal reader
        _, shown = asked.asked_and_shown(demand)
        packed = bytes.fromhex(event(shown, "TraceShown")["answer"][2:])
        reader = reader.with_answer(demand, read_answer(demand, packed))

    asked.walk(step_leaf(0, 5), follow)
    assert next_demand(reader, step_leaf(0, 5)) is None
    assert reader.tensors == asked.known.tensors


FORMS = {
    "list": lambda asked: asked.next(step_leaf(0)),
    "tensor": at_leaves,
    "below": below,
    "leaves": lambda asked: (asked.asked_and_shown(below(asked)), asked.next(step_leaf(0)))[1],
}


@pytest.mark.parametrize("form", FORMS)
def test_answer_wrong_or_partial_reverts(dispute: DisputeStage, form: str) -> None:
    asked = of_model(dispute, DEEP)
    demand = FORMS[form](asked)
    asked.ask(demand)
    right = asked.answer(demand)
    for place in (14 if demand.is_root else 0, -1):
        shown = bytearray(right)
        shown[place] ^= 1
        found = asked.refusal_to_show(demand, bytes(shown))
        assert (found.name, found.arguments["expected"]) == ("TraceDemands_WrongAnswer", hexed(demand.node))
    for given in (right[:-256], right[:-32], right[:-1], right + b"\0", right + bytes(32), right + bytes(256)):
        found = asked.refusal_to_show(demand, given)
        assert found == refused("TraceDemands_Length", expected=len(right), actual=len(given))


def test_answer_of_the_right_parts_in_another_order_reverts(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    demand = asked.next(step_leaf(0))
    asked.ask(demand)
    right = asked.answer(demand)
    assert asked.refusal_to_show(demand, right[32:] + right[:32]).name == "TraceDemands_WrongAnswer"


def test_answer_without_anything_reverts(asked: Asked) -> None:
    demand = at_leaves(asked)
    asked.ask(demand)
    assert asked.refusal_to_show(demand, b"") == refused("TraceDemands_BadHeader")
    assert asked.refusal_to_show(demand, bytes(40)) == refused("TraceDemands_BadHeader")


def test_answer_with_another_header_reverts(asked: Asked) -> None:
    demand = at_leaves(asked)
    asked.ask(demand)
    shown = asked.answer(demand)
    other = b"\2" + shown[1:]  # I8 for U8
    assert asked.refusal_to_show(demand, other).name == "TraceDemands_WrongAnswer"


def test_answer_to_what_nobody_asked_reverts(asked: Asked) -> None:
    demand = asked.next(step_leaf(0))
    assert asked.refusal_to_show(demand) == refused("TraceDemands_NotAsked", demandId=asked.id(demand))


def test_answer_a_second_time_reverts(asked: Asked) -> None:
    demand = asked.next(step_leaf(0))
    asked.ask(demand)
    asked.show(demand)
    assert asked.refusal_to_show(demand) == refused("TraceDemands_Over", demandId=asked.id(demand))


def test_answer_after_the_claim_was_shown_to_be_wrong_reverts(dispute: DisputeStage) -> None:
    asked = Asked.claimed(dispute, dispute.wrong(0, 3))
    demand = asked.next(step_leaf(0))
    asked.ask(demand)
    dispute.prove(asked.terms, asked.run.ref(), asked.run.packed(0, 3))
    assert asked.refusal_to_show(demand).name == "TraceDemands_NotStanding"


# ---- end to end -------------------------------------------------------------------------------------------------------


def shown_fault(asked: Asked, own: HeldTrace, step: int) -> Fault:
    """What the answers so far show."""
    opener = asked.run.opener
    claim = Claim(opener.trace_root, asked.run.output_root, opener.input_root)
    fault = revealed_fault(Showing(own.trace.program, own.commitment, claim), asked.known, own, step)
    assert fault
    return fault


def assert_slashed(asked: Asked, transaction: Any, challenger: Any) -> None:
    faulted = event(transaction, "JobFaulted")
    assert (faulted["challenger"], faulted["operator"]) == (plain(challenger), plain(asked.stage.operator))
    assert asked.stage.state(asked.terms)["status"] == OPEN


def test_withheld_trace_is_slashed_by_silence(dispute: DisputeStage) -> None:
    asked = Asked.claimed(dispute, dispute.wrong(0, 3))
    demand = asked.next(step_leaf(0))
    asked.ask(demand)
    asked.stage.at(asked.stage.now() + STEP + 1)
    assert_slashed(asked, asked.fault(demand), asked.stage.finder)


def test_unopenable_root_is_slashed_by_silence(dispute: DisputeStage) -> None:
    """A trace root of nothing: there is no answer, whatever its claimer has."""
    stage, run = dispute.stage, dispute.honest
    terms = dispute.assigned(run)
    dispute.claim(terms, run, proof=word("no trace"))
    asked = Asked(dispute, terms, run, HeldTrace(run.trace))
    demand = dataclasses.replace(asked.next(step_leaf(0)), node=bytes.fromhex(word("no trace")[2:]))
    arguments = (terms.abi(), run.ref(traceRoot=word("no trace")), demand_words(demand), asked.evidence(demand))
    dispute.demands.demand(*arguments, {"from": stage.finder, "value": ETHER})
    assert asked.refusal_to_show(demand).name == "TraceDemands_WrongAnswer"
    stage.at(stage.now() + STEP + 1)
    assert_slashed(asked, asked.fault(demand), stage.finder)


def test_wrong_element_of_a_withheld_trace_is_demanded_shown_and_proven(dispute: DisputeStage) -> None:
    stage, wrong = dispute.stage, dispute.wrong(3, 9)
    asked, own = Asked.claimed(dispute, wrong), HeldTrace(dispute.honest.trace)
    while (target := first_difference(asked.known, own)) and (demand := next_demand(asked.known, target)):
        asked.asked_and_shown(demand)
    assert target
    fault = shown_fault(asked, own, target.ref.index)
    assert (fault.step, fault.element) == (3, 9)
    assert_slashed(asked, dispute.prove(asked.terms, wrong.ref(), fault.packed), stage.finder)


def test_answer_with_the_claimers_own_header_leads_to_a_header_fault(dispute: DisputeStage) -> None:
    honest = dispute.honest.trace
    other = Run(with_tensor(honest, 1, np.asarray(honest.tensors[1]).reshape(-1)))
    asked, own = Asked.claimed(dispute, other), HeldTrace(honest)
    asked.walk(step_leaf(1), asked.asked_and_shown)
    fault = shown_fault(asked, own, 1)
    transaction = dispute.prove(asked.terms, other.ref(), fault.packed)
    assert event(transaction, "FaultProven")["kind"] == 3
    assert_slashed(asked, transaction, dispute.stage.finder)


def test_honest_claim_that_is_asked_for_everything_answers_and_is_paid(asked: Asked) -> None:
    stage, refs = asked.stage, []
    for kind, items in asked.known.lists.items():
        refs += [Ref(kind, index) for index in range(items.count)]
    for ref in refs:
        for leaf in range(leaf_count(to_bytes(asked.run.trace.tensor(ref)).size)):
            asked.walk(Target(ref, leaf), asked.asked_and_shown)
    assert asked.final_at <= asked.schedule.bound
    assert int(asked.contract.openOf(asked.key)) == 0
    stage.finalize(asked.terms)
    assert stage.state(asked.terms)["status"] == COMPLETED


def test_answer_that_is_packed_is_what_is_read_back(dispute: DisputeStage) -> None:
    asked = of_model(dispute, DEEP)
    for demand in asked.walk(step_leaf(0, 9), lambda demand: (asked.learn(demand), demand)[1]):
        packed = asked.answer(demand)
        given = read_answer(demand, packed)
        assert pack_answer(given) == packed
        assert isinstance(given, Answer)
