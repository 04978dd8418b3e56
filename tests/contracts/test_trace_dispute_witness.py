"""What TraceDispute makes of witnesses that somebody changed.

proveFault of an honest claim
└── 2,000 witnesses by chance: noise, right beginnings, parts of right ones and of ones that show other claims wrong
    → all revert, from every depth, and the claim is paid
faultOf a wrong claim
├── each byte of the witness changed, one at a time → reverts, or shows the same fault
├── shorter or longer by a few bytes → TraceDispute_Length, or an error on the way
├── a kind that there is not → TraceDispute_UnknownKind
├── a step behind the last, or another's path → TraceDispute_Step
├── an element behind the last → TraceDispute_Element
├── operands: missing, twice, in another order, at a place that the step does not have → refused
└── runs: overlapping, without a leaf, behind the last leaf → TraceDispute_Opening
"""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from dispute_stage import DisputeStage, Run
from refusals import NotRefusedError, Refused, refused
from stage import COMPLETED, Stage

from tallystick.dispute.packing import pack_witness
from tallystick.engine.preimages import ProgramPreimage

LONG = bool(os.environ.get("TALLYSTICK_TEST_LONG"))
RANDOM_WITNESSES = 10_000 if LONG else 1_000
STRIDE = 1 if LONG else 9
"""Of the bytes that are changed one by one; where it begins differs from family to family."""
FAMILIES = {"Dot": (0, 100), "Lookup": (1, 100), "Window": (5, 7), "Map": (9, 70), "Arith": (3, 9)}
"""A step of each family, with an element."""


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


# ---- by chance --------------------------------------------------------------------------------------------------------


def right_witnesses(dispute: DisputeStage) -> list[bytes]:
    """Of the honest claim and of wrong ones, of every kind."""
    honest, steps = dispute.honest, range(len(dispute.honest.trace.program.steps))
    packed = [honest.packed(step, 1) for step in steps] + [honest.packed_output()]
    return packed + [dispute.wrong(step, 2).packed(step, 2) for step in steps]


def noise(chance: random.Random, known: list[bytes]) -> bytes:
    return bytes([chance.randint(0, 6)]) + chance.randbytes(chance.randrange(600))


def beginning(chance: random.Random, known: list[bytes]) -> bytes:
    base = chance.choice(known)
    return base[: chance.randrange(len(base))] + chance.randbytes(chance.randrange(300))


def changed(chance: random.Random, known: list[bytes]) -> bytes:
    packed = bytearray(chance.choice(known))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(packed))
        other = chance.choice(known)
        start, length = chance.randrange(len(other)), chance.choice((1, 2, 4, 32, 256))
        change = chance.randrange(4)
        if change == 0:
            packed[at] ^= 1 << chance.randrange(8)
        elif change == 1:
            packed[at : at + length] = other[start : start + length]
        elif change == 2:
            del packed[at : at + length]
        else:
            packed[at:at] = other[start : start + length]
        packed = packed or bytearray(1)
    return bytes(packed)


def crossed(chance: random.Random, known: list[bytes]) -> bytes:
    """The front of one and the rest of another."""
    first, second = chance.choice(known), chance.choice(known)
    at = chance.randrange(min(len(first), len(second)))
    return first[:at] + second[at:]


def random_witnesses(known: list[bytes], count: int) -> Iterator[bytes]:
    chance = random.Random(20)
    for index in range(count):
        yield (noise, beginning, changed, changed, crossed)[index % 5](chance, known)


def test_prove_fault_of_an_honest_claim_with_witnesses_by_chance_reverts(dispute: DisputeStage) -> None:
    run = dispute.honest
    terms = dispute.claimed(run)
    known = right_witnesses(dispute)
    names = [
        dispute.refusal(terms, run.ref(), packed).name
        for packed in (*known, *random_witnesses(known, RANDOM_WITNESSES))
    ]
    assert len(names) == RANDOM_WITNESSES + len(known)
    reached = {name.removeprefix("TraceDispute_") for name in names if name.startswith("TraceDispute_")}
    assert reached >= {"Program", "Step", "Output", "Operand", "Opening", "NoFault", "UnknownKind"}
    dispute.stage.finalize(terms)
    assert dispute.stage.state(terms)["status"] == COMPLETED


# ---- one byte ---------------------------------------------------------------------------------------------------------


def outcome(dispute: DisputeStage, run: Run, packed: bytes) -> Refused | tuple[Any, ...]:
    try:
        return dispute.shows_not(run, packed)
    except NotRefusedError:
        return dispute.shows(run, packed)


def assert_no_other_fault(dispute: DisputeStage, run: Run, packed: bytes) -> None:
    """Each byte, or every ninth, changed once to another that chance gives."""
    shown, chance = dispute.shows(run, packed), random.Random(len(packed))
    for at in range(len(packed) % STRIDE, len(packed), STRIDE):
        other = bytearray(packed)
        other[at] ^= chance.randint(1, 255)
        found = outcome(dispute, run, bytes(other))
        assert isinstance(found, Refused) or found == shown, f"byte {at} makes another fault"


@pytest.mark.parametrize("family", FAMILIES)
def test_fault_of_a_wrong_element_with_one_byte_changed_shows_nothing_else(dispute: DisputeStage, family: str) -> None:
    step, index = FAMILIES[family]
    wrong = dispute.wrong(step, index)
    assert_no_other_fault(dispute, wrong, wrong.packed(step, index))


# ---- parts ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def wrong(dispute: DisputeStage) -> Run:
    """Of ARITH, whose operands are another step's output and an input."""
    return dispute.wrong(3, 9)


@pytest.mark.parametrize("more", [b"\0", bytes(32)])
def test_fault_with_bytes_behind_the_witness_reverts(dispute: DisputeStage, wrong: Run, more: bytes) -> None:
    packed = wrong.packed(3, 9)
    found = dispute.shows_not(wrong, packed + more)
    assert found == refused("TraceDispute_Length", expected=len(packed), actual=len(packed) + len(more))


def test_fault_with_nothing_reverts(dispute: DisputeStage, wrong: Run) -> None:
    assert dispute.shows_not(wrong, b"").name == "TraceDispute_UnknownKind"


def test_fault_with_a_witness_that_ends_early_reverts(dispute: DisputeStage, wrong: Run) -> None:
    packed = wrong.packed(3, 9)
    for length in range(0, len(packed), 41):
        assert dispute.shows_not(wrong, packed[:length]).name.startswith("TraceDispute_")


@pytest.mark.parametrize("kind", [0, 6, 255])
def test_fault_of_a_kind_that_there_is_not_reverts(dispute: DisputeStage, wrong: Run, kind: int) -> None:
    found = dispute.shows_not(wrong, bytes([kind]) + wrong.packed(3, 9)[1:])
    assert found == refused("TraceDispute_UnknownKind", kind=kind)


@pytest.mark.parametrize("index", [2, 10, 16 + 3, 2**32 - 1])
def test_fault_of_another_step_than_is_shown_reverts(dispute: DisputeStage, wrong: Run, index: int) -> None:
    witness = dataclasses.replace(wrong.witness(3, 9), step_index=index)
    packed = bytearray(wrong.packed(3, 9))
    at = 1 + len(witness.program)
    packed[at : at + 4] = index.to_bytes(4, "big")
    assert dispute.shows_not(wrong, bytes(packed)) == refused("TraceDispute_Step", step=index)


@pytest.mark.parametrize("element", [160, 2**32 - 1])
def test_fault_of_an_element_behind_the_last_reverts(dispute: DisputeStage, wrong: Run, element: int) -> None:
    assert wrong.trace.program.steps[3].header.size == 160
    witness, packed = wrong.witness(3, 9), bytearray(wrong.packed(3, 9))
    at = 1 + len(witness.program) + 4 + len(witness.step) + 32 * len(witness.step_path)
    packed[at : at + 4] = element.to_bytes(4, "big")
    found = dispute.shows_not(wrong, bytes(packed))
    assert found == refused("TraceDispute_Element", element=element, elements=160)


def shown_at(run: Run, step: int, index: int) -> int:
    """Where the number of shown tensors stands."""
    witness = run.witness(step, index)
    (opening,) = witness.output.openings
    before = 1 + len(witness.program) + 4 + len(witness.step) + 32 * len(witness.step_path)
    return before + 4 + len(opening.data) + 32 * len(opening.proof)


@pytest.mark.parametrize("operand", [0, 1])
def test_fault_without_an_operand_reverts(dispute: DisputeStage, wrong: Run, operand: int) -> None:
    witness = wrong.witness(3, 9)
    operands = tuple(None if place == operand else tensor for place, tensor in enumerate(witness.operands))
    packed = pack_witness(dataclasses.replace(witness, operands=operands))
    assert dispute.shows_not(wrong, packed) == refused("TraceDispute_Missing", operand=operand)


def test_fault_with_an_operand_that_the_step_does_not_have_reverts(dispute: DisputeStage, wrong: Run) -> None:
    packed = bytearray(wrong.packed(3, 9))
    packed[shown_at(wrong, 3, 9) + 1] = 2
    assert dispute.shows_not(wrong, bytes(packed)) == refused("TraceDispute_Missing", operand=2)


def test_fault_with_an_operand_twice_reverts(dispute: DisputeStage) -> None:
    """The same tensor could be shown with two contents, of which one would be proven and the other one read."""
    wrong = dispute.wrong(4, 9)  # RESHAPE, of one operand
    packed, at = bytearray(wrong.packed(4, 9)), shown_at(wrong, 4, 9)
    (operand,) = wrong.witness(4, 9).operands
    (opening,) = operand.openings
    length = 1 + len(operand.header) + 2 + 6 + len(opening.data) + 32 * len(opening.proof)
    tensor = bytes(packed[at + 1 : at + 1 + length])
    packed[at : at + 1] = bytes([2]) + tensor
    assert dispute.shows_not(wrong, bytes(packed)) == refused("TraceDispute_Operand", kind=2)


def test_fault_with_an_input_as_large_as_no_program_takes_reverts(dispute: DisputeStage, wrong: Run) -> None:
    """An operand is found under the program's own header alone."""
    program = ProgramPreimage.decode(wrong.witness(3, 9).program)
    packed = wrong.packed(3, 9).replace(program.inputs[1].encode(), program.inputs[1].encode()[:-1] + b"\x07")
    assert dispute.shows_not(wrong, packed).name == "TraceDispute_Program"


RUN_AT = 1 + 1 + 2
"""Behind the number of tensors: the first one's place and its number of runs; it is an input, whose header is not brought."""


@pytest.mark.parametrize(
    ("first", "leaves"),
    [(0, 0), (1, 1), (0, 2), (2**32 - 1, 1), (0, 2**16 - 1)],
    ids=["no leaf", "behind the last", "one too many", "far behind", "as many as there can be"],
)
def test_fault_with_leaves_that_are_not_the_tensors_reverts(
    dispute: DisputeStage, wrong: Run, first: int, leaves: int
) -> None:
    packed, at = bytearray(wrong.packed(3, 9)), shown_at(wrong, 3, 9) + RUN_AT
    packed[at : at + 6] = first.to_bytes(4, "big") + leaves.to_bytes(2, "big")
    assert dispute.shows_not(wrong, bytes(packed)) == refused("TraceDispute_Opening", operand=1)


def test_fault_with_the_same_leaf_in_two_runs_reverts(dispute: DisputeStage, wrong: Run) -> None:
    packed, at = bytearray(wrong.packed(3, 9)), shown_at(wrong, 3, 9) + RUN_AT
    packed[at - 2 : at] = (2).to_bytes(2, "big")
    packed[at:at] = packed[at : at + 6 + 256]
    assert dispute.shows_not(wrong, bytes(packed)) == refused("TraceDispute_Opening", operand=1)
