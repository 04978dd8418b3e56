"""Executors that are wrong on purpose, for tests and demonstrations on development chains, and nowhere else."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable

from executor.acceptance import LOCAL_CHAINS
from executor.methods import Put
from executor.optimistic.inspection import ProgramInspector
from executor.optimistic.method import OptimisticMethod
from executor.optimistic.publishing import build_trace_claim, publish
from executor.optimistic.runner import Keep, TraceRunner
from executor.optimistic.traces import MadeTrace, false, honest
from tallystick.dispute.faults import AnyFault, ElementFault, OutputFault, WeightsFault, corrupt
from tallystick.engine.opcodes import ConvAttributes, MatMulAttributes
from tallystick.engine.program import Program, RefKind
from tallystick.engine.trace import Commitment, Trace
from tallystick.errors import InputError
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.claims import Claim
from tallystick.storage.file_tree import cid_of

log = get_logger(__name__)

_ELEMENT = re.compile(r"op=([0-9]{1,9}),element=([0-9]{1,12})")
_SPECS = "op=7,element=120 | weights | output | withhold | late"


@dataclasses.dataclass(frozen=True)
class Misbehaviour:
    """How an executor is wrong.

    Attributes:
        spec: As it was given.
        element: A step and a flat index in its output, where that is what is wrong.
    """

    spec: str
    element: tuple[int, int] | None = None

    @property
    def withholds(self) -> bool:
        """Claims what is wrong, publishes nothing, and answers nothing: whoever looks has to ask."""
        return self.spec == "withhold"

    @property
    def is_late(self) -> bool:
        """Computes, and never claims."""
        return self.spec == "late"

    @property
    def keep(self) -> Keep:
        """What is kept and claimed of a run."""
        if self.element is not None:
            step, element = self.element
            return _corrupted(ElementFault(step, element))
        if self.spec == "weights":
            return _with_other_weights
        if self.withholds:
            return _corrupted(ElementFault(0))
        return _corrupted(OutputFault()) if self.spec == "output" else honest


def parse_fault(spec: str, chain_id: int) -> Misbehaviour:
    """What `--fault` says.

    Raises:
        InputError: it says nothing that is known, or the chain is not a development chain.
    """
    if chain_id not in LOCAL_CHAINS:
        raise InputError(
            f"--fault {spec} makes wrong claims, for which stake is slashed; chain {chain_id} is not a development chain.",
            remedy="Leave --fault out.",
        )
    element = _ELEMENT.fullmatch(spec)
    if element is not None:
        return Misbehaviour(spec, (int(element[1]), int(element[2])))
    if spec not in ("weights", "output", "withhold", "late"):
        raise InputError(f"{spec!r} is no fault.", remedy=f"Give one of: {_SPECS}")
    return Misbehaviour(spec)


def _corrupted(fault: AnyFault) -> Keep:
    def keep(trace: Trace, _: Commitment) -> MadeTrace:
        return false(trace.program, corrupt(trace, fault))

    return keep


def _with_other_weights(trace: Trace, commitment: Commitment) -> MadeTrace:
    """The first constant whose change shows."""
    for constant in _weights(trace.program):
        made = false(trace.program, corrupt(trace, WeightsFault(constant)))
        if made.claim.trace_root != commitment.trace_root:
            return made
    raise InputError("Whatever its weights are, this program gives the same trace.", remedy="Give another --fault.")


def _weights(program: Program) -> list[int]:
    """Constants, those of dot products first."""
    dots = [step for step in program.steps if isinstance(step.attributes, ConvAttributes | MatMulAttributes)]
    first = [step.operands[1].index for step in dots if step.operands[1].kind is RefKind.CONSTANT]
    return list(dict.fromkeys([*first, *range(len(program.constants))]))


class FaultyMethod(OptimisticMethod):
    """See `OptimisticMethod`; its runner keeps what `misbehaviour.keep` makes of runs."""

    def __init__(
        self, inspector: ProgramInspector, runner: TraceRunner, free_disk: Callable[[], int], misbehaviour: Misbehaviour
    ) -> None:
        super().__init__(inspector, runner, free_disk)
        self.misbehaviour = misbehaviour

    async def claim(self, job: Job, milestone: int, deadline: int, put: Put) -> Claim:
        log.error("fault_on_purpose", fault=self.misbehaviour.spec, job_id=job.job_id, milestone=milestone)
        if self.misbehaviour.is_late:
            # Until the machine hears that the deadline is over, and lets this instruction go.
            await asyncio.Event().wait()
        if not self.misbehaviour.withholds:
            return await super().claim(job, milestone, deadline, put)
        dossier = self._known(job)
        made = await self._runner.make(dossier, job_id=job.job_id, milestone=milestone, deadline=deadline)
        result = await publish(job.job_id, milestone, dossier, made, _named_only)
        return build_trace_claim(dossier, milestone, made, result)


async def _named_only(data: bytes) -> str:
    """The CID that content would have."""
    return str(cid_of(data))
