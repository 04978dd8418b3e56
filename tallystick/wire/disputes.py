"""What was done about a job's claims, as it follows from the facts: demands, answers, faults. Pure; needs no engine.

The book of jobs holds what these came to for the job. This is what people look at: who asked for what, and who was wrong where.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tallystick.ids import AddressField, Bytes32, Bytes32Field
from tallystick.market.disputes import DemandPoint
from tallystick.market.events import (
    ChainFact,
    DemandReturned,
    DemandUnanswered,
    FaultProven,
    JobFaulted,
    JobReopened,
    MilestonePaid,
    TraceDemanded,
    TraceShown,
)

DemandStateName = Literal["open", "shown", "unanswered", "void", "returned"]
"""`void`: its claim no longer stands, and who paid can have it back; `returned`: has it back."""

FaultKindName = Literal["element", "output", "header", "padding", "whole", "withheld", "unknown"]
"""What was wrong. `withheld`: a demand was not answered in time."""

_KINDS: dict[int, FaultKindName] = {1: "element", 2: "output", 3: "header", 4: "padding", 5: "whole"}
"""By `tallystick.dispute.packing.FaultKind`, whose module needs numpy."""

_LISTS = ("input", "constant", "step")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class DemandView(_View):
    """One demand for a part of a claim's trace.

    Attributes:
        round: Of the job, when it was asked.
        asks: What for, in words.
        answer_by: The last second for its answer.
    """

    demand_id: Bytes32Field
    round: int
    milestone: int
    payer: AddressField
    level: int
    asks: str
    asked_at: int
    answer_by: int
    state: DemandStateName


class FaultView(_View):
    """One claim that was shown to be wrong.

    Attributes:
        round: Of the job; the next one began with it.
        step, element: Where; None where the kind has no such place.
        computed, claimed: What the step gives, and what the trace had; None for kinds other than `element`.
        at: Block time.
    """

    round: int
    milestone: int
    operator: AddressField
    challenger: AddressField
    kind: FaultKindName
    step: int | None
    element: int | None
    computed: int | None
    claimed: int | None
    at: int
    transaction_hash: Bytes32Field


@dataclass(frozen=True)
class Disputes:
    """What was done about one job's claims, in order."""

    demands: tuple[DemandView, ...] = ()
    faults: tuple[FaultView, ...] = ()

    @property
    def open_demands(self) -> tuple[DemandView, ...]:
        """Those that await an answer."""
        return tuple(demand for demand in self.demands if demand.state == "open")


@dataclass
class _Fold:
    round: int = 1
    demands: dict[Bytes32, DemandView] = field(default_factory=dict)
    faulted: list[tuple[int, JobFaulted]] = field(default_factory=list)
    proven: dict[Bytes32, FaultProven] = field(default_factory=dict)
    unanswered: set[Bytes32] = field(default_factory=set)

    def take(self, fact: ChainFact) -> None:
        match fact:
            case TraceDemanded():
                self.demands[fact.demand_id] = _asked(fact, self.round)
            case TraceShown():
                self._move(fact.demand_id, "shown")
            case DemandUnanswered():
                self.unanswered.add(fact.at.transaction_hash)
                self._move(fact.demand_id, "unanswered")
            case DemandReturned():
                self._move(fact.demand_id, "returned")
            case JobFaulted():
                self.faulted.append((self.round, fact))
            case FaultProven():
                self.proven[fact.at.transaction_hash] = fact
            case JobReopened():
                self.round = fact.round
                self._void(None)
            case MilestonePaid():
                self._void(fact.milestone)

    def _move(self, demand_id: Bytes32, state: DemandStateName) -> None:
        if demand_id in self.demands:
            self.demands[demand_id] = self.demands[demand_id].model_copy(update={"state": state})

    def _void(self, milestone: int | None) -> None:
        for demand_id, demand in self.demands.items():
            if demand.state == "open" and milestone in (None, demand.milestone):
                self._move(demand_id, "void")

    def fault(self, round_: int, fact: JobFaulted) -> FaultView:
        # The judge says what it saw in the transaction in which the escrow says what came of it.
        shown = self.proven.get(fact.at.transaction_hash)
        kind: FaultKindName = "withheld" if fact.at.transaction_hash in self.unanswered else "unknown"
        if shown is not None:
            kind = _KINDS.get(shown.kind, "unknown")
        is_element = shown is not None and kind == "element"
        return FaultView(
            round=round_,
            milestone=fact.milestone,
            operator=fact.operator,
            challenger=fact.challenger,
            kind=kind,
            step=shown.step if shown else None,
            element=shown.element if shown and is_element else None,
            computed=shown.computed if shown and is_element else None,
            claimed=shown.claimed if shown and is_element else None,
            at=fact.at.block_time,
            transaction_hash=fact.at.transaction_hash,
        )


def disputes_of(facts: Iterable[ChainFact]) -> Disputes:
    """From one job's facts, oldest first."""
    fold = _Fold()
    for fact in facts:
        fold.take(fact)
    return Disputes(tuple(fold.demands.values()), tuple(fold.fault(*one) for one in fold.faulted))


def _asked(fact: TraceDemanded, round_: int) -> DemandView:
    return DemandView(
        demand_id=fact.demand_id,
        round=round_,
        milestone=fact.milestone,
        payer=fact.payer,
        level=fact.level,
        asks=_words(fact.demand),
        asked_at=fact.at.block_time,
        answer_by=fact.answer_by,
        state="open",
    )


def _words(demand: DemandPoint) -> str:
    noun = _LISTS[demand.list] if demand.list < len(_LISTS) else f"list {demand.list}"
    if demand.of_list:
        return f"the tensor roots of {demand.count} {noun}s"
    if demand.is_tensor_root:
        return f"the tensor of {noun} {demand.tensor}"
    return f"node {demand.index} at height {demand.height} of the tensor of {noun} {demand.tensor}"


def fault_words(fault: FaultView) -> str:
    """One clause for people, for example `element 120 of step 7 is 4, and should be 3`."""
    if fault.kind == "element":
        return f"element {fault.element} of step {fault.step} is {fault.claimed}, and should be {fault.computed}"
    return {
        "output": "the claimed output is not its trace's",
        "header": f"the tensor of step {fault.step} has another header than the program's",
        "padding": f"there is something behind the last byte of step {fault.step}'s tensor",
        "whole": f"the tensor of step {fault.step} is not what the step makes of its operands",
        "withheld": "a part of its trace was asked for and not shown in time",
    }.get(fault.kind, "the judge found it wrong")
