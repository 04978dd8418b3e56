"""What was done about a job's claims, from its facts."""

from __future__ import annotations

from typing import Any

import pytest
from market_samples import FINDER, JOB, OPERATOR, at, word

from tallystick.dispute.packing import FaultKind
from tallystick.market.disputes import DemandPoint
from tallystick.market.events import (
    DemandReturned,
    DemandUnanswered,
    FaultProven,
    JobFaulted,
    JobReopened,
    MilestonePaid,
    TraceDemanded,
    TraceShown,
)
from tallystick.wire.disputes import _KINDS, Disputes, disputes_of, fault_words

ID = word(9)


def demanded(block: int = 10, milestone: int = 0, demand_id: Any = ID, **point: Any) -> TraceDemanded:
    usual = {"list": 2, "of_list": True, "tensor": 0, "count": 30, "height": 5, "index": 0, "node": word(7)}
    return TraceDemanded(
        at=at(block),
        job_id=JOB,
        demand_id=demand_id,
        payer=FINDER,
        milestone=milestone,
        level=0,
        answer_by=500,
        final_at=900,
        demand=DemandPoint(**{**usual, **point}),
    )


def shown(block: int = 11) -> TraceShown:
    return TraceShown(at=at(block), job_id=JOB, demand_id=ID, milestone=0, answer=b"roots")


def unanswered(block: int = 12) -> DemandUnanswered:
    return DemandUnanswered(at=at(block), job_id=JOB, demand_id=ID, payer=FINDER, milestone=0)


def faulted(block: int = 12) -> JobFaulted:
    return JobFaulted(at=at(block), job_id=JOB, operator=OPERATOR, challenger=FINDER, milestone=0, slashed=1_000)


def reopened(block: int = 12) -> JobReopened:
    return JobReopened(at=at(block), job_id=JOB, round=2, next_milestone=0, bounty=5)


def paid(block: int, milestone: int) -> MilestonePaid:
    return MilestonePaid(
        at=at(block), job_id=JOB, milestone=milestone, operator=OPERATOR, to_operator=1, to_dispatcher=0
    )


def proven(kind: int, block: int = 12) -> FaultProven:
    return FaultProven(
        at=at(block),
        job_id=JOB,
        challenger=FINDER,
        milestone=0,
        kind=kind,
        step=7,
        element=120,
        computed=3,
        claimed=4,
    )


def states(*facts: Any) -> list[str]:
    return [demand.state for demand in disputes_of(facts).demands]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ((), "open"),
        ((shown(),), "shown"),
        ((unanswered(), faulted(), reopened()), "unanswered"),
        ((faulted(), reopened()), "void"),
        ((paid(13, 0),), "void"),
        ((paid(13, 1),), "open"),
        ((shown(), faulted(), reopened()), "shown"),
        (
            (faulted(), reopened(), DemandReturned(at=at(14), job_id=JOB, demand_id=ID, payer=FINDER, amount=1)),
            "returned",
        ),
    ],
)
def test_disputes_of_given_what_became_of_a_demand_says_so(facts: tuple[Any, ...], state: str) -> None:
    assert states(demanded(), *facts) == [state]


def test_disputes_of_given_an_answer_of_a_demand_before_the_scan_leaves_it_out() -> None:
    assert disputes_of([shown()]) == Disputes()


def test_disputes_of_counts_the_round_of_each_demand() -> None:
    rounds = [one.round for one in disputes_of([demanded(), faulted(), reopened(), demanded(20, 0, word(8))]).demands]

    assert rounds == [1, 2]


@pytest.mark.parametrize("first", ["judge", "escrow"])
@pytest.mark.parametrize("kind", list(FaultKind))
def test_disputes_of_given_a_proven_fault_joins_what_judge_and_escrow_say(kind: FaultKind, first: str) -> None:
    facts = [proven(kind), faulted(), reopened()]

    [fault] = disputes_of(facts if first == "judge" else [faulted(), reopened(), proven(kind)]).faults

    is_element = kind is FaultKind.ELEMENT
    assert (fault.kind, fault.round, fault.operator, fault.challenger) == (kind.name.lower(), 1, OPERATOR, FINDER)
    assert fault.step == 7
    assert (fault.element, fault.computed, fault.claimed) == ((120, 3, 4) if is_element else (None, None, None))


def test_disputes_of_given_a_demand_without_an_answer_calls_the_fault_withheld() -> None:
    [fault] = disputes_of([demanded(), unanswered(), faulted(), reopened()]).faults

    assert (fault.kind, fault.step) == ("withheld", None)


def test_disputes_of_given_a_judge_of_another_kind_says_that_it_does_not_know() -> None:
    [fault] = disputes_of([faulted(), reopened()]).faults

    assert fault.kind == "unknown"
    assert fault_words(fault) == "the judge found it wrong"


def test_kinds_are_those_that_witnesses_have() -> None:
    assert {int(kind): kind.name.lower() for kind in FaultKind} == _KINDS


@pytest.mark.parametrize("kind", list(FaultKind))
def test_fault_words_given_any_kind_name_its_place(kind: FaultKind) -> None:
    [fault] = disputes_of([proven(kind), faulted()]).faults

    words = fault_words(fault)
    assert ("step 7" in words) == (kind is not FaultKind.OUTPUT)
    assert ("is 4, and should be 3" in words) == (kind is FaultKind.ELEMENT)


@pytest.mark.parametrize(
    ("point", "asks"),
    [
        ({}, "the tensor roots of 30 steps"),
        ({"list": 1}, "the tensor roots of 30 constants"),
        ({"of_list": False, "tensor": 4, "count": 0, "height": 0}, "the tensor of step 4"),
        (
            {"of_list": False, "tensor": 4, "count": 900, "height": 3, "index": 2, "list": 0},
            "node 2 at height 3 of the tensor of input 4",
        ),
    ],
)
def test_disputes_of_says_in_words_what_was_asked_for(point: dict[str, Any], asks: str) -> None:
    [demand] = disputes_of([demanded(**point)]).demands

    assert demand.asks == asks


def test_open_demands_are_those_that_await_an_answer() -> None:
    disputes = disputes_of([demanded(), demanded(11, 0, word(8)), shown(12)])

    assert [demand.demand_id for demand in disputes.open_demands] == [word(8)]
