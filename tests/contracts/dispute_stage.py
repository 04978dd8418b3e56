"""The judge with its checkers on the stage, a real program with a real run, and claims of it that are right or wrong in one place."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from refusals import Refused, plain, refusal
from stage import CHAINED, GAS_CAP, OPTIMISTIC, Stage, Terms

from scripts.engine_vectors import sample_trace
from tallystick.dispute.packing import pack_output_fault, pack_witness
from tallystick.engine.commitments import array_root
from tallystick.engine.opener import Opener
from tallystick.engine.program import Ref, RefKind
from tallystick.engine.trace import Trace
from tallystick.engine.witness import Witness

CHECKERS = ("DotChecker", "LookupChecker", "WindowChecker", "MapChecker", "ArithChecker")
ELEMENT, OUTPUT, HEADER, PADDING = 1, 2, 3, 4
ONE = {"shareBps": [10_000], "durationSeconds": [5_000]}


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def with_tensor(trace: Trace, step: int, tensor: Any) -> Trace:
    """The same run, but for one step's output."""
    return dataclasses.replace(trace, tensors=(*trace.tensors[:step], tensor, *trace.tensors[step + 1 :]))


def with_element(trace: Trace, step: int, index: int) -> Trace:
    """The same run, but for the lowest bit of one element."""
    tensor = np.array(trace.tensors[step])
    tensor.reshape(-1)[index] ^= 1
    return with_tensor(trace, step, tensor)


@dataclass
class Run:
    """A run as somebody claims it."""

    trace: Trace

    def __post_init__(self) -> None:
        self.opener = Opener(self.trace)
        self.output_root = array_root(self.trace.output)

    @property
    def input_root(self) -> str:
        return hexed(self.opener.input_root)

    def ref(self, milestone: int = 0, **changed: Any) -> tuple[Any, ...]:
        """ClaimRef."""
        usual = {
            "milestone": milestone,
            "inputRoot": self.input_root,
            "outputRoot": hexed(self.output_root),
            "traceRoot": hexed(self.opener.trace_root),
        }
        return tuple({**usual, **changed}.values())

    def witness(self, step: int, index: int) -> Witness:
        return self.opener.witness(step, index)

    def packed(self, step: int, index: int) -> bytes:
        return pack_witness(self.witness(step, index))

    def packed_output(self) -> bytes:
        shown = self.witness(self.trace.program.output, 0)
        return pack_output_fault(shown.program, self.output_root, shown.output.path)


@dataclass
class DisputeStage:
    stage: Stage
    judge: Any
    demands: Any
    honest: Run
    model: str

    @classmethod
    def of(cls, stage: Stage, trace: Trace | None = None) -> DisputeStage:
        """Its judge is an adapter, and `trace`'s program a model that names it."""
        checkers = [stage.deploy(name) for name in CHECKERS]
        judge = stage.deploy("TraceDispute", stage.settlement, checkers, stage.coming(1))
        demands = stage.deploy("TraceDemands", judge)
        stage.router.addAdapter(OPTIMISTIC, judge, GAS_CAP, {"from": stage.governor})
        honest = Run(trace or sample_trace())
        dispute = cls(stage, judge, demands, honest, "")
        dispute.model = dispute.register("program")
        return dispute

    def register(self, name: str, program_hash: bytes | None = None, judge: Any = None) -> str:
        return self.stage.register_model(
            name,
            proofKind=OPTIMISTIC,
            adapter=(judge or self.judge).address,
            programId=hexed(program_hash or self.honest.opener.program_hash),
        )

    def wrong(self, step: int, index: int) -> Run:
        return Run(with_element(self.honest.trace, step, index))

    def tensor(self, step: int) -> Any:
        return self.honest.trace.tensor(Ref(RefKind.STEP, step))

    # ---- jobs and claims ------------------------------------------------------------------------------------------

    def assigned(self, run: Run, **changed: Any) -> Terms:
        """A job over the run's input, of one milestone, that the operator has accepted."""
        milestones = len(changed.get("shareBps", [1]))
        # Chained, milestones after the first start from outputs: here nobody gets so far.
        inputs = [run.input_root] * (1 if changed.get("mode") == CHAINED else milestones)
        usual = {"modelId": self.model, "inputs": inputs, "rampSeconds": 0, **ONE}
        return self.stage.assigned(self.stage.traced_terms(**{**usual, **changed}))

    def claim(self, terms: Terms, run: Run, milestone: int = 0, **changed: Any) -> None:
        usual = {"outputRoot": hexed(run.output_root), "proof": run.opener.trace_root}
        self.stage.settle(terms, milestone, **{**usual, **changed})

    def claimed(self, run: Run, **changed: Any) -> Terms:
        """A job whose one milestone is claimed with this run."""
        terms = self.assigned(run, **changed)
        self.claim(terms, run)
        return terms

    # ---- proofs ---------------------------------------------------------------------------------------------------

    def prove(self, terms: Terms, ref: tuple[Any, ...], packed: bytes, by: Any = None) -> Any:
        return self.judge.proveFault(terms.abi(), ref, packed, {"from": by or self.stage.finder})

    def refusal(self, terms: Terms, ref: tuple[Any, ...], packed: bytes) -> Refused:
        return refusal(self.judge.proveFault, terms.abi(), ref, packed, sender=self.stage.finder)

    def shows(self, run: Run, packed: bytes, **changed: Any) -> tuple[Any, ...]:
        """(kind, step, element, computed, claimed) that a witness shows of a claim of this run."""
        program = hexed(self.honest.opener.program_hash)
        return tuple(plain(self.judge.faultOf(program, run.ref(**changed), packed)))

    def shows_not(self, run: Run, packed: bytes, **changed: Any) -> Refused:
        program = hexed(self.honest.opener.program_hash)
        return refusal(self.judge.faultOf, program, run.ref(**changed), packed, sender=self.stage.finder)
