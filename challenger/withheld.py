"""A trace that is withheld: what is known of it from all answers that were given, and what to ask next. No input or output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from challenger.library import Prepared
from tallystick.dispute.claims import Claim
from tallystick.dispute.demand_packing import demand_words, pack_evidence, read_answer, read_demand
from tallystick.dispute.findings import Fault
from tallystick.dispute.held import HeldTrace, first_difference
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import Demand, levels
from tallystick.dispute.revealed import revealed_fault
from tallystick.dispute.showing import Showing
from tallystick.engine.program import RefKind
from tallystick.engine.trace import list_root
from tallystick.errors import InputError, WitnessError
from tallystick.ids import bytes32, raw
from tallystick.market.disputes import DemandPoint


@dataclass(frozen=True)
class Question:
    """What to ask next.

    Attributes:
        point, evidence: As the contract takes them.
        level: Its clock runs by.
        levels_left: From this one to the fault, at most.
    """

    point: DemandPoint
    evidence: bytes
    level: int
    levels_left: int


class WithheldTrace:
    """One claim that is known to be wrong.

    Args:
        own: What the program really gives.
        roots: Of all steps, where they were published; believed if they are the claim's.
    """

    def __init__(self, prepared: Prepared, claim: Claim, own: HeldTrace, roots: Sequence[bytes] | None = None) -> None:
        self.prepared = prepared
        self._own = own
        self._showing = Showing(prepared.program, prepared.commitment, claim)
        self._start = Known.of(prepared.program, prepared.commitment, claim)
        if roots is not None and list_root(roots) == claim.trace_root:
            steps = self._start.lists[RefKind.STEP].joined(0, 0, roots)
            self._start = replace(self._start, lists={**self._start.lists, RefKind.STEP: steps})

    def after(self, answers: Sequence[tuple[DemandPoint, bytes]]) -> Fault | Question:
        """What all answers so far come to.

        Raises:
            WitnessError: nothing that is known differs.
        """
        known = self._start
        for point, packed in answers:
            known = self._with(known, point, packed)
        target = first_difference(known, self._own)
        if target is None:
            raise WitnessError("Agrees", "Nothing that was shown of the trace differs.")
        if target.ref in known.tensors:
            fault = revealed_fault(self._showing, known, self._own, target.ref.index)
            if fault is not None:
                return fault
        demand = next_demand(known, target)
        if demand is None:
            raise WitnessError("Agrees", f"All that differs of {target.ref} was shown, and nothing of it is wrong.")
        return self._question(known, demand)

    def _with(self, known: Known, point: DemandPoint, packed: bytes) -> Known:
        """Answers to what nobody on this way asked, such as about inputs, are left out."""
        kind = RefKind(point.list)
        try:
            demand = read_demand(words_of(point), known.lists[kind].count)
            return known.with_answer(demand, read_answer(demand, packed))
        except (KeyError, InputError):
            return known

    def _question(self, known: Known, demand: Demand) -> Question:
        program = self.prepared.program
        size = program.header(demand.ref).byte_size
        if demand.of_list:  # of which tensor is not known yet
            size = max(step.header.byte_size for step in program.steps)
        return Question(
            point=point_of(demand),
            evidence=pack_evidence(known, self.prepared.commitment, demand),
            level=demand.level,
            levels_left=max(1, levels(known.lists[demand.ref.kind].count, size) - demand.level),
        )


def point_of(demand: Demand) -> DemandPoint:
    """A demand as the chain spells it."""
    kind, of_list, tensor, count, height, index, node = demand_words(demand)
    return DemandPoint(
        list=kind, of_list=of_list, tensor=tensor, count=count, height=height, index=index, node=bytes32(node)
    )


def words_of(point: DemandPoint) -> tuple[int, bool, int, int, int, int, bytes]:
    """A demand of the chain's in ABI order."""
    return (point.list, point.of_list, point.tensor, point.count, point.height, point.index, raw(point.node))
