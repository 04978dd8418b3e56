"""TraceDispute.proveFault: a claim of a real run that is wrong in one place, shown in one transaction, down to the money.

constructor
├── a checker without code → TraceDispute_NotAContract
└── → settlement, checkers and demands can be read
proveFault of a claim with
├── one wrong element, of each step of the program → the operator is slashed, the caller is the challenger, FaultProven
├── a wrong element and the operands that follow from it → the first step that is wrong shows it
├── a wrong output root → Output
├── the output's element wrong, and claimed so → Element
├── other dims than the step's → Header
├── something behind the last element → Padding
├── something in an empty slot behind the last leaf → Padding
├── nothing wrong, by any kind of witness → TraceDispute_NoFault, and the claim is paid in the end
└── by the operator itself → it loses all but its part
proveFault where
├── the claim is of another milestone, input, output, trace or job → TraceDispute_OtherClaim
├── the claim was never made → TraceDispute_OtherClaim
├── the witness is of another claim → TraceDispute_Output
├── the witness is of another program → TraceDispute_Program
├── the claim was made to another settlement, or on another chain → TraceDispute_OtherClaim
├── the model names another judge → MilestoneSettlement_NotJudge
├── the claim was faulted already → JobEscrow_WrongStatus; made anew, by another operator → slashed
├── the window's last second → in time; a second later → MilestoneSettlement_AlreadyFinal
├── one of two claims stands behind a wrong one → both are void
└── the job is chained → the second milestone's claim starts from the first one's output
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from dispute_stage import ELEMENT, HEADER, OUTPUT, PADDING, DisputeStage, Run, hexed, with_tensor
from refusals import plain, refusal, refusal_of_creation, refused
from stage import (
    CHAINED,
    COMPLETED,
    DOLLAR,
    FAULT_SPLIT,
    NO_HASH,
    OPEN,
    TALLY,
    ZERO,
    Stage,
    Terms,
    event,
    share,
    word,
)

from scripts.engine_vectors import sample_trace
from tallystick.dispute.packing import pack_witness
from tallystick.engine.commitments import array_root
from tallystick.engine.fold import LEAF_BYTES
from tallystick.engine.openings import OpenedTensor
from tallystick.engine.program import Step, to_bytes
from tallystick.engine.tree import Tree, byte_tree, roots_root, roots_tree, tensor_root

STEPS: tuple[Step, ...] = sample_trace().program.steps
TWO = {"shareBps": [6_000, 4_000], "durationSeconds": [5_000, 5_000]}
LOCK = 50 * TALLY


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


def assert_slashed(dispute: DisputeStage, terms: Terms, transaction: Any) -> None:
    stage, lock = dispute.stage, terms["stakeLock"]
    assert event(transaction, "JobFaulted")["challenger"] == plain(stage.finder)
    assert stage.reward(stage.finder) == share(lock, FAULT_SPLIT[0])
    assert stage.state(terms)["status"] == OPEN
    assert stage.state(terms)["nextMilestone"] == 0


def proven(dispute: DisputeStage, terms: Terms, kind: int, step: int, **of_element: int) -> dict[str, Any]:
    return {
        "jobId": dispute.stage.job_id(terms),
        "challenger": plain(dispute.stage.finder),
        "milestone": 0,
        "kind": kind,
        "step": step,
        "element": 0,
        "computed": 0,
        "claimed": 0,
        **of_element,
    }


# ---- constructor ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", range(5))
def test_constructor_with_a_checker_without_code_reverts(dispute: DisputeStage, family: int) -> None:
    checkers = [dispute.judge.checkerOf(index) for index in range(5)]
    checkers[family] = dispute.stage.stranger.address
    container = dispute.stage.project.TraceDispute
    arguments = (dispute.stage.settlement, checkers, dispute.demands)
    assert refusal_of_creation(container, *arguments, sender=dispute.stage.deployer) == refused(
        "TraceDispute_NotAContract", checker=dispute.stage.stranger
    )


def test_constructor_keeps_settlement_checkers_and_demands(dispute: DisputeStage) -> None:
    checkers = [dispute.judge.checkerOf(family) for family in range(5)]
    again = dispute.stage.deploy("TraceDispute", dispute.stage.settlement, checkers, dispute.stage.stranger)
    assert (again.settlement(), again.demands()) == (dispute.stage.settlement, dispute.stage.stranger)
    assert [again.checkerOf(family) for family in range(5)] == checkers
    assert len(set(checkers)) == 5
    assert again.checkerOf(5) == ZERO


# ---- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(len(STEPS)), ids=lambda step: f"{step} {STEPS[step].opcode.name}")
def test_prove_fault_of_a_wrong_element_slashes(dispute: DisputeStage, step: int) -> None:
    index = STEPS[step].header.size * 2 // 3
    wrong = dispute.wrong(step, index)
    terms = dispute.claimed(wrong)
    transaction = dispute.prove(terms, wrong.ref(), wrong.packed(step, index))
    assert_slashed(dispute, terms, transaction)
    right = int(dispute.tensor(step).reshape(-1)[index])
    expected = proven(dispute, terms, ELEMENT, step, element=index, computed=right, claimed=right ^ 1)
    assert event(transaction, "FaultProven") == expected


def test_prove_fault_of_what_follows_from_a_wrong_element_shows_the_first_step_alone(dispute: DisputeStage) -> None:
    table = dispute.honest.trace.program.constants[STEPS[1].operands[1].index]
    conv = np.array(dispute.tensor(0))
    conv.reshape(-1)[7] ^= 1
    trace = with_tensor(dispute.honest.trace, 0, conv)
    wrong = Run(with_tensor(trace, 1, table[conv]))
    terms = dispute.claimed(wrong)
    following = dispute.refusal(terms, wrong.ref(), wrong.packed(1, 7))
    assert following == refused("TraceDispute_NoFault", computed=int(table[conv].reshape(-1)[7]))
    assert_slashed(dispute, terms, dispute.prove(terms, wrong.ref(), wrong.packed(0, 7)))


def test_prove_fault_of_another_output_than_the_traces_slashes(dispute: DisputeStage) -> None:
    run = dispute.honest
    terms = dispute.assigned(run)
    dispute.claim(terms, run, outputRoot=word("an output"))
    transaction = dispute.prove(terms, run.ref(outputRoot=word("an output")), run.packed_output())
    assert_slashed(dispute, terms, transaction)
    expected = proven(dispute, terms, OUTPUT, run.trace.program.output)
    assert event(transaction, "FaultProven") == expected


def test_prove_fault_of_other_dims_than_the_steps_slashes(dispute: DisputeStage) -> None:
    wrong = Run(with_tensor(dispute.honest.trace, 0, np.reshape(dispute.tensor(0), (1, 9, 7, 8))))
    terms = dispute.claimed(wrong)
    transaction = dispute.prove(terms, wrong.ref(), wrong.packed(0, 0))
    assert_slashed(dispute, terms, transaction)
    assert event(transaction, "FaultProven") == proven(dispute, terms, HEADER, 0)


@dataclasses.dataclass
class Padded:
    """The honest run, but for the bytes of one tensor's tree."""

    run: Run
    step: int
    data: bytes
    tree: Tree

    def __post_init__(self) -> None:
        self.root = tensor_root(STEPS[self.step].header.encode(), self.tree.root)
        self.roots = [array_root(tensor) for tensor in self.run.trace.tensors]
        self.roots[self.step] = self.root

    def claim(self, dispute: DisputeStage, terms: Terms) -> tuple[Any, ...]:
        is_output = self.step == self.run.trace.program.output
        output_root = hexed(self.root) if is_output else hexed(self.run.output_root)
        dispute.claim(terms, self.run, outputRoot=output_root, proof=roots_root(self.roots))
        return self.run.ref(outputRoot=output_root, traceRoot=hexed(roots_root(self.roots)))

    def packed(self) -> bytes:
        shown = self.run.witness(self.step, STEPS[self.step].header.size - 1)
        (opening,) = shown.output.openings
        data = self.data[opening.first * LEAF_BYTES :]
        opening = dataclasses.replace(opening, data=data, proof=tuple(self.tree.prove(opening.first)))
        path = tuple(roots_tree(self.roots).prove(self.step))
        output = OpenedTensor(shown.output.header, self.tree.root, path, (opening,))
        return pack_witness(dataclasses.replace(shown, output=output))


def with_padding(run: Run, step: int, place: int) -> Padded:
    """A one so many bytes behind the last element."""
    data = to_bytes(run.trace.tensors[step]).tobytes()
    size = len(data) + place + 1
    data = (data.ljust(size - 1, b"\0") + b"\1").ljust(-(-size // LEAF_BYTES) * LEAF_BYTES, b"\0")
    return Padded(run, step, data, byte_tree(data))


def with_slot(run: Run, step: int) -> Padded:
    """Something in the slot behind the last of three leaves."""
    data = to_bytes(run.trace.tensors[step]).tobytes()
    data = data.ljust(-(-len(data) // LEAF_BYTES) * LEAF_BYTES, b"\0")
    full = byte_tree(data + b"\1" * LEAF_BYTES)
    leaves = len(data) // LEAF_BYTES
    assert leaves == full.n_leaves - 1 == 3, "this step's tree has no empty slot"
    return Padded(run, step, data, full)


@pytest.mark.parametrize("place", [0, 7])
def test_prove_fault_of_something_behind_the_last_element_slashes(dispute: DisputeStage, place: int) -> None:
    padded = with_padding(dispute.honest, 0, place)
    terms = dispute.assigned(dispute.honest)
    ref = padded.claim(dispute, terms)
    transaction = dispute.prove(terms, ref, padded.packed())
    assert_slashed(dispute, terms, transaction)
    assert event(transaction, "FaultProven") == proven(dispute, terms, PADDING, 0)


def test_prove_fault_of_something_behind_the_last_leaf_slashes(dispute: DisputeStage) -> None:
    padded = with_slot(dispute.honest, 2)
    terms = dispute.assigned(dispute.honest)
    ref = padded.claim(dispute, terms)
    transaction = dispute.prove(terms, ref, padded.packed())
    assert_slashed(dispute, terms, transaction)
    assert event(transaction, "FaultProven") == proven(dispute, terms, PADDING, 2)


def test_prove_fault_by_the_operator_itself_costs_it_all_but_its_part(dispute: DisputeStage) -> None:
    stage, wrong = dispute.stage, dispute.wrong(3, 9)
    terms = dispute.claimed(wrong)
    dispute.prove(terms, wrong.ref(), wrong.packed(3, 9), by=stage.operator)
    assert stage.reward(stage.operator) == share(LOCK, FAULT_SPLIT[0])
    assert stage.stakes.freeStakeOf(stage.operator) == 0


# ---- nothing is wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(len(STEPS)), ids=lambda step: f"{step} {STEPS[step].opcode.name}")
def test_prove_fault_of_an_honest_element_reverts(dispute: DisputeStage, step: int) -> None:
    terms = dispute.claimed(dispute.honest)
    size = STEPS[step].header.size
    for index in sorted({0, size // 2, size - 1}):
        right = int(dispute.tensor(step).reshape(-1)[index])
        found = dispute.refusal(terms, dispute.honest.ref(), dispute.honest.packed(step, index))
        assert found == refused("TraceDispute_NoFault", computed=right)


def honest_header(dispute: DisputeStage) -> bytes:
    """That the first step's header is another: it is not."""
    witness = dispute.honest.witness(0, 0)
    other = dataclasses.replace(witness.output, header=b"\1" + witness.output.header)
    packed = pack_witness(dataclasses.replace(witness, output=other))
    at, length = packed.rindex(other.header), len(witness.output.header)
    return packed[: at - 1] + bytes([length]) + packed[at + 1 :]


@pytest.mark.parametrize("kind", ["output", "header", "padding", "slot"])
def test_prove_fault_of_an_honest_claim_in_another_kind_reverts(dispute: DisputeStage, kind: str) -> None:
    run = dispute.honest
    padding = with_padding(run, 0, 0).packed()
    data, last = to_bytes(run.trace.tensors[0]).tobytes(), STEPS[0].header.size - 1
    opening = run.witness(0, last).output
    path = b"".join((opening.openings[0].data, *opening.openings[0].proof, *opening.path))
    assert len(data) % LEAF_BYTES
    packed = {
        "output": run.packed_output(),
        "header": honest_header(dispute),
        "padding": padding[: -len(path)] + path,
        "slot": _honest_slot(run),
    }[kind]
    terms = dispute.claimed(run)
    assert dispute.refusal(terms, run.ref(), packed) == refused("TraceDispute_NoFault", computed=0)


def _honest_slot(run: Run) -> bytes:
    padded = with_slot(run, 2)
    honest = byte_tree(padded.data)
    (opening,) = run.witness(2, STEPS[2].header.size - 1).output.openings
    path = (*honest.prove(opening.first), *run.witness(2, 0).output.path)
    packed = padded.packed()
    return packed[: -32 * len(path)] + b"".join(path)


def test_prove_fault_of_an_honest_claim_reverts_and_it_is_paid(dispute: DisputeStage) -> None:
    stage = dispute.stage
    terms = dispute.claimed(dispute.honest)
    for step in range(len(STEPS)):
        found = dispute.refusal(terms, dispute.honest.ref(), dispute.honest.packed(step, 0))
        assert found.name == "TraceDispute_NoFault"
    stage.finalize(terms)
    assert stage.state(terms)["status"] == COMPLETED
    assert stage.credit(stage.operator) == 100 * DOLLAR
    assert stage.stakes.freeStakeOf(stage.operator) == LOCK


# ---- which claim ------------------------------------------------------------------------------------------------------


def commitment(dispute: DisputeStage, terms: Terms, milestone: int = 0) -> str:
    return plain(dispute.stage.settlement.claimOf(dispute.stage.job_id(terms), milestone)[0])


@pytest.mark.parametrize("field", ["milestone", "inputRoot", "outputRoot", "traceRoot"])
def test_prove_fault_of_another_claim_than_was_made_reverts(dispute: DisputeStage, field: str) -> None:
    wrong = dispute.wrong(0, 3)
    terms = dispute.claimed(wrong)
    other = {"milestone": 1} if field == "milestone" else {field: word("another")}
    found = dispute.refusal(terms, wrong.ref(**other), wrong.packed(0, 3))
    assert found.name == "TraceDispute_OtherClaim"
    assert found.arguments["expected"] == (NO_HASH if field == "milestone" else commitment(dispute, terms))


def test_prove_fault_of_a_claim_of_another_job_reverts(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(0, 3)
    dispute.claimed(wrong)
    other = dispute.claimed(dispute.honest, salt=2)
    assert dispute.refusal(other, wrong.ref(), wrong.packed(0, 3)).name == "TraceDispute_OtherClaim"


def test_prove_fault_of_a_claim_that_was_never_made_reverts(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(0, 3)
    terms = dispute.assigned(wrong)
    found = dispute.refusal(terms, wrong.ref(), wrong.packed(0, 3))
    assert (found.name, found.arguments["expected"]) == ("TraceDispute_OtherClaim", NO_HASH)


def test_prove_fault_with_the_witness_of_another_claim_reverts(dispute: DisputeStage) -> None:
    terms = dispute.claimed(dispute.honest)
    wrong = dispute.wrong(2, 3)  # its operand is in the trace as well
    assert dispute.refusal(terms, dispute.honest.ref(), wrong.packed(2, 3)).name == "TraceDispute_Operand"
    wrong = dispute.wrong(0, 3)
    found = dispute.refusal(terms, dispute.honest.ref(), wrong.packed(0, 3))
    assert found == refused("TraceDispute_Output", step=0)


def test_prove_fault_with_the_witness_of_another_program_reverts(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(0, 3)
    model = dispute.register("another", program_hash=bytes(31) + b"\1")
    terms = dispute.claimed(wrong, modelId=model)
    actual = hexed(dispute.honest.opener.program_hash)
    assert dispute.refusal(terms, wrong.ref(), wrong.packed(0, 3)) == refused(
        "TraceDispute_Program", expected="0x" + "00" * 31 + "01", actual=actual
    )


def test_prove_fault_of_a_claim_to_another_settlement_reverts(dispute: DisputeStage) -> None:
    """The same deployment once more: only the addresses differ, and with them the job's id and its statements."""
    stage = dispute.stage
    escrow, settlement = stage.coming(1), stage.coming(2)
    stakes = stage.deploy("StakeManager", stage.stake, stage.parameters, escrow)
    other_escrow = stage.deploy("JobEscrow", stakes, stage.registry, settlement)
    other_settlement = stage.deploy("MilestoneSettlement", other_escrow)
    checkers = [dispute.judge.checkerOf(family) for family in range(5)]
    foreign = stage.deploy("TraceDispute", other_settlement, checkers, dispute.demands)
    wrong = dispute.wrong(0, 3)
    terms = dispute.claimed(wrong)
    found = refusal(foreign.proveFault, terms.abi(), wrong.ref(), wrong.packed(0, 3), sender=stage.finder)
    assert (found.name, found.arguments["expected"]) == ("TraceDispute_OtherClaim", NO_HASH)


def test_prove_fault_of_a_model_that_names_another_judge_reverts(dispute: DisputeStage) -> None:
    stage, wrong = dispute.stage, dispute.wrong(0, 3)
    model = dispute.register("judged by another", judge=stage.judge)
    terms = dispute.claimed(wrong, modelId=model)
    assert dispute.refusal(terms, wrong.ref(), wrong.packed(0, 3)) == refused(
        "MilestoneSettlement_NotJudge", caller=dispute.judge, judge=stage.judge
    )


# ---- when -------------------------------------------------------------------------------------------------------------


def test_prove_fault_a_second_time_reverts(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(0, 3)
    terms = dispute.claimed(wrong)
    dispute.prove(terms, wrong.ref(), wrong.packed(0, 3))
    assert dispute.refusal(terms, wrong.ref(), wrong.packed(0, 3)).name == "JobEscrow_WrongStatus"


def test_prove_fault_of_the_same_claim_made_anew_slashes_its_operator(dispute: DisputeStage) -> None:
    stage, wrong = dispute.stage, dispute.wrong(0, 3)
    terms = dispute.claimed(wrong)
    dispute.prove(terms, wrong.ref(), wrong.packed(0, 3))
    stage.accept(terms, stage.rival)
    assert dispute.refusal(terms, wrong.ref(), wrong.packed(0, 3)).name == "JobEscrow_NoClaimPending"
    claim = {"outputRoot": hexed(wrong.output_root), "proof": wrong.opener.trace_root}
    stage.settle(terms, 0, operator=stage.rival, **claim)
    transaction = dispute.prove(terms, wrong.ref(), wrong.packed(0, 3))
    assert event(transaction, "JobFaulted")["operator"] == plain(stage.rival)


@pytest.mark.parametrize("late", [False, True])
def test_prove_fault_at_the_end_of_the_window(dispute: DisputeStage, late: bool) -> None:
    stage, wrong = dispute.stage, dispute.wrong(0, 3)
    terms = dispute.claimed(wrong)
    final = int(stage.settlement.claimOf(stage.job_id(terms), 0)[1])
    stage.at(final + late)
    if late:
        assert dispute.refusal(terms, wrong.ref(), wrong.packed(0, 3)) == refused(
            "MilestoneSettlement_AlreadyFinal", finalAt=final, nowAt=final + 1
        )
    else:
        assert_slashed(dispute, terms, dispute.prove(terms, wrong.ref(), wrong.packed(0, 3)))


@pytest.mark.parametrize("milestone", [0, 1])
def test_prove_fault_of_one_of_two_claims_voids_both(dispute: DisputeStage, milestone: int) -> None:
    wrong = dispute.wrong(0, 3)
    terms = dispute.assigned(wrong, **TWO)
    for each in range(2):
        dispute.claim(terms, wrong if each == milestone else dispute.honest, each)
    other = dispute.refusal(terms, dispute.honest.ref(1 - milestone), dispute.honest.packed(0, 3))
    assert other.name == "TraceDispute_NoFault"
    assert_slashed(dispute, terms, dispute.prove(terms, wrong.ref(milestone), wrong.packed(0, 3)))


def test_prove_fault_of_a_chained_claim_starts_from_its_input(dispute: DisputeStage) -> None:
    wrong = dispute.wrong(0, 3)
    terms = dispute.assigned(wrong, mode=CHAINED, **TWO)
    dispute.claim(terms, wrong)
    assert_slashed(dispute, terms, dispute.prove(terms, wrong.ref(), wrong.packed(0, 3)))


def test_prove_fault_of_a_chained_claim_from_another_input_shows_its_first_step(dispute: DisputeStage) -> None:
    """The second milestone starts from the first one's output; a trace from anything else contradicts it nowhere but there."""
    terms = dispute.assigned(dispute.honest, mode=CHAINED, **TWO)
    dispute.claim(terms, dispute.honest)
    dispute.claim(terms, dispute.honest, 1)
    ref = dispute.honest.ref(1, inputRoot=hexed(dispute.honest.output_root))
    found = dispute.refusal(terms, ref, dispute.honest.packed(0, 3))
    assert found == refused("TraceDispute_Operand", kind=0)
