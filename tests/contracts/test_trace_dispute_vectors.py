"""TraceDispute.faultOf beside tallystick.engine.witness.verify: the witnesses of tests/vectors/engine.json, and a run of noise.

faultOf
├── a witness of an honest run, of each opcode → TraceDispute_NoFault with the element
├── a wrong element, header or padding → that fault
├── right beside a wrong element → TraceDispute_NoFault
├── operands of another claim → TraceDispute_Operand
└── elements of a run whose every tensor is noise → what verify makes of them
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dispute_stage import ELEMENT, HEADER, PADDING, DisputeStage, Run
from refusals import plain, refusal, refused
from stage import NO_HASH, Stage

from scripts.engine_vectors import sample_trace
from tallystick.dispute.packing import pack_witness
from tallystick.engine.program import NUMPY_DTYPES
from tallystick.engine.trace import Trace
from tallystick.engine.witness import verify
from tallystick.engine.witness_json import from_json

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "engine.json").read_text())["witnesses"]
KINDS = {"differs": ELEMENT, "header": HEADER, "padding": PADDING}
FAULTS = [case for case in VECTORS if case["outcome"] in KINDS]
AGREEING = [case for case in VECTORS if case["outcome"] == "agrees"]
UNPROVEN = [case for case in VECTORS if case["outcome"] == "unproven"]


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


def arguments(case: dict[str, Any]) -> tuple[Any, ...]:
    """Of faultOf. Nothing here is about the claimed output."""
    packed = pack_witness(from_json(case["witness"]))
    return case["programHash"], (0, case["inputRoot"], NO_HASH, case["traceRoot"]), packed


def test_vectors_when_read_have_every_outcome() -> None:
    assert {case["outcome"] for case in VECTORS} == {*KINDS, "agrees", "unproven"}


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["name"])
def test_fault_of_a_vector_with_a_fault_shows_it(dispute: DisputeStage, case: dict[str, Any]) -> None:
    kind = KINDS[case["outcome"]]
    element = case["witness"]["element"] if kind == ELEMENT else 0
    shown = plain(dispute.judge.faultOf(*arguments(case)))
    assert shown == (kind, case["witness"]["stepIndex"], element, case["computed"] or 0, case["claimed"] or 0)


@pytest.mark.parametrize("case", AGREEING, ids=lambda case: case["name"])
def test_fault_of_a_vector_that_agrees_reverts_with_the_element(dispute: DisputeStage, case: dict[str, Any]) -> None:
    found = refusal(dispute.judge.faultOf, *arguments(case), sender=dispute.stage.finder)
    assert found == refused("TraceDispute_NoFault", computed=case["computed"])


@pytest.mark.parametrize("case", UNPROVEN, ids=lambda case: case["name"])
def test_fault_of_a_vector_that_proves_nothing_reverts_with_its_reason(
    dispute: DisputeStage, case: dict[str, Any]
) -> None:
    found = refusal(dispute.judge.faultOf, *arguments(case), sender=dispute.stage.finder)
    assert found.name == f"TraceDispute_{case['reason']}"


# ---- a run of noise ---------------------------------------------------------------------------------------------------


def noise(trace: Trace) -> Trace:
    """Every step's operands are anything at all, so that every rule meets values that no honest run has."""
    rng = np.random.default_rng(8)
    headers = [step.header for step in trace.program.steps]
    tensors = [
        rng.integers(header.dtype.low, header.dtype.high, header.dims, NUMPY_DTYPES[header.dtype], endpoint=True)
        for header in headers
    ]
    return dataclasses.replace(trace, tensors=tuple(tensors))


@pytest.fixture(scope="module")
def run_of_noise() -> Run:
    return Run(noise(sample_trace()))


@pytest.mark.parametrize("step", range(len(sample_trace().program.steps)))
def test_fault_of_a_run_of_noise_computes_what_python_does(dispute: DisputeStage, run_of_noise: Run, step: int) -> None:
    opener, header = run_of_noise.opener, run_of_noise.trace.program.steps[step].header
    roots = {"trace_root": opener.trace_root, "input_root": opener.input_root}
    for index in np.random.default_rng(step).integers(0, header.size, 12).tolist():
        witness = opener.witness(step, index)
        verdict = verify(witness, program_hash=opener.program_hash, **roots)
        if verdict.agrees:
            found = dispute.shows_not(run_of_noise, pack_witness(witness))
            assert found == refused("TraceDispute_NoFault", computed=verdict.computed)
        else:
            shown = dispute.shows(run_of_noise, pack_witness(witness))
            assert shown == (ELEMENT, step, index, verdict.computed, verdict.claimed)
