"""A fault as a real transaction, from the calldata to the slash."""

from __future__ import annotations

from typing import Any

from dispute_stage import ONE, DisputeStage, hexed
from stage import TALLY, Stage

from tallystick.dispute.cases import FaultCase


def warmed(stage: Stage) -> None:
    """Everybody who gets something has been rewarded before, as in daily use."""
    late = stage.assigned(salt=902)
    stage.at(stage.state(late)["deadline"] + 1)
    stage.escrow.expire(late.abi(), {"from": stage.finder})
    stage.bond(stage.operator, 100 * TALLY)


def prove(dispute: DisputeStage, case: FaultCase, salt: int) -> Any:
    """Claims what the case says, and shows that it is wrong."""
    stage, claim = dispute.stage, case.claim
    model = dispute.register(case.name, program_hash=case.program_hash)
    root, output, trace = hexed(claim.input_root), hexed(claim.output_root), hexed(claim.trace_root)
    terms = stage.assigned(stage.traced_terms(modelId=model, inputs=[root], salt=salt, rampSeconds=0, **ONE))
    stage.settle(terms, 0, outputRoot=output, proof=claim.trace_root)
    return dispute.prove(terms, (0, root, output, trace), case.packed)
