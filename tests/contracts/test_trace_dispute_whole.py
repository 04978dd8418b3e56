"""A whole tensor shown to be wrong by its root alone: all of its operands are shown, and the judge computes all of it.

proveFault, Whole
├── of a wrong tensor of each step that is small enough, of whatever kind the wrong is → the fault; end to end → slashed, below its bound
├── of an honest tensor → TraceDispute_NoFault
├── with another root than the trace has → TraceDispute_Output, or TraceDispute_Operand
├── with an operand that is not shown → TraceDispute_Missing
├── with a leaf of an operand that is not shown → StepChecker_Missing
└── with a word more or less → refused
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from dispute_gas import prove, warmed
from dispute_stage import DisputeStage, Run
from refusals import refused
from stage import Stage, event

from scripts.engine_vectors import sample_trace
from tallystick.dispute.cases import FaultCase
from tallystick.dispute.claims import Claim
from tallystick.dispute.findings import Fault
from tallystick.dispute.packing import pack_whole
from tallystick.dispute.published import PublishedTensor, read_published
from tallystick.dispute.search import examine_by_roots
from tallystick.engine.openings import OpenedTensor
from tallystick.engine.trace import list_root
from tallystick.errors import ArtifactMissingError

WHOLE = 5
TRACE = sample_trace()
SMALL = (2, 5, 6)
"""Steps whose tensors fit one transaction: of POOL_SUM, ARG_MAX and RESHAPE."""


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    warmed(stage)
    return DisputeStage.of(stage, TRACE)


def root_at(run: Run, step: int) -> bytes:
    return read_published(run.trace.program, run.trace.tensors).roots[step]


def whole(run: Run, step: int, claimed: bytes | None = None) -> bytes:
    return pack_whole(run.opener.whole(step), claimed or root_at(run, step))


@pytest.mark.parametrize("step", SMALL)
def test_fault_of_a_whole_tensor_that_is_wrong_is_shown(dispute: DisputeStage, step: int) -> None:
    wrong = dispute.wrong(step, 7)
    assert dispute.shows(wrong, whole(wrong, step)) == (WHOLE, step, 0, 0, 0)


@pytest.mark.parametrize("step", SMALL)
def test_fault_of_a_whole_tensor_that_is_right_reverts(dispute: DisputeStage, step: int) -> None:
    found = dispute.shows_not(dispute.honest, whole(dispute.honest, step))
    assert found == refused("TraceDispute_NoFault", computed=0)


def test_fault_of_a_whole_tensor_whose_wrong_is_elsewhere_reverts(dispute: DisputeStage) -> None:
    """An operand's wrong is the operand's: what a step makes of it is right."""
    behind = dispute.wrong(5, 7)
    assert dispute.shows_not(behind, whole(behind, 2)).name == "TraceDispute_NoFault"


@pytest.mark.parametrize("step", SMALL)
def test_fault_of_a_root_that_the_trace_does_not_have_reverts(dispute: DisputeStage, step: int) -> None:
    found = dispute.shows_not(dispute.honest, whole(dispute.honest, step, b"\7" * 32))
    assert found.name in ("TraceDispute_Output", "TraceDispute_Operand")


def test_fault_of_a_whole_tensor_without_an_operand_reverts(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(2, 7)
    shown = wrong.opener.whole(2)
    bare = dataclasses.replace(shown, operands=(None,) * len(shown.operands))
    assert dispute.shows_not(wrong, pack_whole(bare, root_at(wrong, 2))) == refused("TraceDispute_Missing", operand=0)


def test_fault_of_a_whole_tensor_without_a_leaf_of_an_operand_reverts(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(2, 7)
    partly = wrong.witness(2, 7)
    shown = dataclasses.replace(partly, output=OpenedTensor(b"", b"", partly.output.path, ()))
    assert dispute.shows_not(wrong, pack_whole(shown, root_at(wrong, 2))).name == "StepChecker_Missing"


@pytest.mark.parametrize("change", [lambda data: data + bytes(32), lambda data: data[:-32]])
def test_fault_of_a_whole_tensor_with_a_word_more_or_less_reverts(
    dispute: DisputeStage, change: Callable[[bytes], bytes]
) -> None:
    wrong = dispute.wrong(2, 7)
    assert dispute.shows_not(wrong, change(whole(wrong, 2))).name.startswith("TraceDispute_")


@pytest.mark.parametrize("step", SMALL)
def test_prove_fault_of_a_tensor_that_nobody_was_shown_slashes(dispute: DisputeStage, step: int) -> None:
    """From the search to the slash: the roots are known, the tensor is not."""

    def gone(_: int) -> PublishedTensor:
        raise ArtifactMissingError("It is not in the store.")

    wrong = dispute.wrong(step, 7)
    roots = read_published(wrong.trace.program, wrong.trace.tensors).roots
    claim = Claim(list_root(roots), roots[wrong.trace.program.output], wrong.opener.input_root)
    fault = examine_by_roots(TRACE.program, TRACE.inputs, claim, roots, gone)
    assert isinstance(fault, Fault)
    case = FaultCase(
        name=f"whole {step}",
        step=step,
        element=0,
        products=1,
        gas=fault.gas,
        program_hash=dispute.honest.opener.program_hash,
        claim=claim,
        packed=fault.packed,
    )

    transaction = prove(dispute, case, salt=step)

    assert event(transaction, "FaultProven")["kind"] == WHOLE
    assert event(transaction, "JobFaulted")["challenger"] == dispute.stage.finder.address.lower()
    assert transaction.gas_used < fault.gas
