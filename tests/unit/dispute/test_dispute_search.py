"""Every wrong claim is found and shown; of an honest one nothing ever is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from dispute_claims import found, proves, random_trace, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dispute.cheapest import opened
from tallystick.dispute.claims import Claim, honest_claim
from tallystick.dispute.faults import ElementFault, HeaderFault, OutputFault, PaddingFault, WeightsFault, corrupt
from tallystick.dispute.findings import Agrees, Fault, OutputWitness, Withheld, kind_shown
from tallystick.dispute.packing import FaultKind
from tallystick.dispute.published import read_published
from tallystick.dispute.recomputation import Recomputation
from tallystick.dispute.search import examine
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.commitments import program_commitment
from tallystick.engine.costs import step_cost
from tallystick.engine.element import element_of
from tallystick.engine.fold import LEAF_BYTES, leaf_count
from tallystick.engine.opcodes import Opcode
from tallystick.engine.program import to_bytes
from tallystick.errors import InputError, WitnessError

TRACE = small_network()
HONEST = honest_claim(TRACE)
STEPS = range(len(TRACE.program.steps))
SEEDS = st.integers(0, 2**32)


def raw(items):
    return [to_bytes(item).tobytes() if isinstance(item, np.ndarray) else item for item in items]


def published_claim(items, trace=TRACE):
    """The claim that commits to what is published of a trace."""
    shown = read_published(trace.program, items)
    return Claim(shown.root, shown.roots[trace.program.output], honest_claim(trace).input_root)


# ---- honest -----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_examine_given_an_honest_claim_agrees(seed):
    trace = random_trace(seed)
    claim = honest_claim(trace)
    assert found(trace, claim, trace.tensors) == Agrees()
    assert found(trace, claim, raw(trace.tensors)) == Agrees()
    assert found(trace, claim, None) == Agrees()


def junk(draw_seed, trace):
    """What a stranger may put beside an honest claim."""
    rng = np.random.default_rng(draw_seed)
    items = list(trace.tensors)
    for at in rng.integers(len(items), size=int(rng.integers(1, 4))).tolist():
        tensor = trace.tensors[at]
        choices = (
            tensor + np.ones((), tensor.dtype),
            rng.bytes(int(rng.integers(0, 2000))),
            b"",
            tensor.reshape(-1),
            tensor.astype(np.float32),
            to_bytes(tensor).tobytes() + b"\1",
            None,
            "text",
            np.zeros((0, 3), np.int8),
            np.array(["a"]),
        )
        items[at] = choices[int(rng.integers(len(choices)))]
    extra = [items[:-1], [*items, items[-1]], [], items]
    return extra[int(rng.integers(len(extra)))]


@settings(max_examples=150, deadline=None)
@given(SEEDS, SEEDS)
def test_examine_given_an_honest_claim_and_any_junk_agrees(seed, draw_seed):
    trace = random_trace(seed)
    assert found(trace, honest_claim(trace), junk(draw_seed, trace)) == Agrees()


@settings(max_examples=60, deadline=None)
@given(SEEDS, SEEDS)
def test_examine_given_junk_beside_a_wrong_claim_withholds_or_shows_what_holds(seed, draw_seed):
    trace = random_trace(seed)
    step = int(np.random.default_rng(seed).integers(len(trace.program.steps)))
    false = corrupt(trace, ElementFault(step))
    finding = found(trace, false.claim, junk(draw_seed, dataclasses.replace(trace, tensors=false.published)))
    assert isinstance(finding, Withheld) or proves(finding, trace, false.claim)


# ---- one wrong element ------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.integers(1, 255), st.booleans(), st.booleans())
def test_examine_given_any_wrong_element_finds_it_and_proves_it(seed, by, carried, as_bytes):
    trace, rng = random_trace(seed), np.random.default_rng(seed)
    step = int(rng.integers(len(trace.program.steps)))
    element = int(rng.integers(trace.program.steps[step].header.size))
    false = corrupt(trace, ElementFault(step, element, by, carried))
    fault = found(trace, false.claim, raw(false.published) if as_bytes else false.published)
    assert (fault.kind, fault.step, fault.element) == (FaultKind.ELEMENT, step, element)
    assert (fault.computed, fault.claimed) == (
        trace.tensors[step].reshape(-1)[element],
        false.published[step].reshape(-1)[element],
    )
    assert proves(fault, trace, false.claim)
    assert fault.gas <= step_cost(trace.program, step).gas


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_examine_given_several_wrong_elements_shows_the_first_wrong_step(seed):
    trace, rng = random_trace(seed), np.random.default_rng(seed)
    items = [(tensor + rng.integers(0, 2, tensor.shape)).astype(tensor.dtype) for tensor in trace.tensors]
    wrong = [step for step, item in enumerate(items) if not np.array_equal(item, trace.tensors[step])]
    claim = published_claim(items, trace)
    finding = found(trace, claim, items)
    if not wrong:
        assert finding == Agrees()
    else:
        assert (finding.kind, finding.step) == (FaultKind.ELEMENT, wrong[0])
        assert proves(finding, trace, claim)


def test_fault_given_the_honest_roots_shows_nothing():
    false = corrupt(TRACE, ElementFault(0, 7))
    fault = found(TRACE, false.claim, false.published)
    with pytest.raises(WitnessError):
        kind_shown(fault.witness, HONEST, program_commitment(TRACE.program).program_hash)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("Program", {"program": b"junk"}),
        ("Output", {"tensor_root": bytes(32)}),
        ("Output", {"path": ()}),
    ],
)
def test_kind_shown_given_a_changed_output_witness_refuses(reason, change):
    false = corrupt(TRACE, OutputFault())
    fault = found(TRACE, false.claim, None)
    with pytest.raises(WitnessError) as caught:
        kind_shown(
            dataclasses.replace(fault.witness, **change), false.claim, program_commitment(TRACE.program).program_hash
        )
    assert caught.value.reason == reason


def test_kind_shown_given_the_honest_output_root_agrees():
    fault = found(TRACE, corrupt(TRACE, OutputFault()).claim, None)
    with pytest.raises(WitnessError) as caught:
        kind_shown(fault.witness, HONEST, program_commitment(TRACE.program).program_hash)
    assert caught.value.reason == "Agrees"


# ---- the cheapest -----------------------------------------------------------------------------------------------------


def test_examine_given_a_wrong_convolution_shows_an_element_at_a_corner():
    """Four taps of nine lie inside there."""
    conv = TRACE.program.steps[0]
    false = corrupt(TRACE, WeightsFault(0))
    fault = found(TRACE, false.claim, false.published)
    assert (fault.step, conv.opcode) == (0, Opcode.CONV)
    _, height, width, channels = conv.header.dims
    rows, columns = divmod(fault.element // channels, width)
    assert rows in {0, height - 1}
    assert columns in {0, width - 1}


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_examine_given_few_wrong_elements_shows_none_that_opens_more_than_another(seed):
    trace, rng = random_trace(seed), np.random.default_rng(seed)
    step = int(rng.integers(len(trace.program.steps)))
    operands = [trace.tensor(ref) for ref in trace.program.steps[step].operands]
    wrong = np.unique(rng.integers(trace.program.steps[step].header.size, size=8))
    tensor = trace.tensors[step].copy()
    tensor.reshape(-1)[wrong] ^= 1
    items = [*trace.tensors[:step], tensor, *trace.tensors[step + 1 :]]
    claim = published_claim(items, trace)
    fault = found(trace, claim, items)
    least = min(opened(trace.program.steps[step], operands, int(index)) for index in wrong)
    assert opened(trace.program.steps[step], operands, fault.element) == least


@pytest.mark.parametrize("step", STEPS)
def test_opened_is_what_the_witness_opens(step):
    element = TRACE.program.steps[step].header.size // 2
    false = corrupt(TRACE, ElementFault(step, element))
    fault = found(TRACE, false.claim, false.published)
    refs = TRACE.program.steps[step].operands
    tensors = {ref: shown for ref, shown in zip(refs, fault.witness.operands, strict=True) if shown}
    operands = [TRACE.tensor(ref) for ref in TRACE.program.steps[step].operands]
    leaves = sum(len(opening.data) for shown in tensors.values() for opening in shown.openings) // LEAF_BYTES
    assert opened(TRACE.program.steps[step], operands, element).leaves == leaves


# ---- other kinds ------------------------------------------------------------------------------------------------------


def test_examine_given_a_wrong_output_root_shows_it_with_and_without_a_trace():
    false = corrupt(TRACE, OutputFault())
    for published in (false.published, None, ["junk"]):
        fault = found(TRACE, false.claim, published)
        assert (fault.kind, fault.step, fault.element) == (FaultKind.OUTPUT, TRACE.program.output, None)
        assert isinstance(fault.witness, OutputWitness)
        assert proves(fault, TRACE, false.claim)


def test_examine_given_a_wrong_output_root_and_a_wrong_trace_shows_the_output():
    false = corrupt(TRACE, ElementFault(0))
    claim = dataclasses.replace(false.claim, output_root=bytes(32))
    fault = found(TRACE, claim, false.published)
    assert fault.kind is FaultKind.OUTPUT
    assert proves(fault, TRACE, claim)


@pytest.mark.parametrize("step", STEPS)
def test_examine_given_another_header_shows_it(step):
    false = corrupt(TRACE, HeaderFault(step))
    fault = found(TRACE, false.claim, false.published)
    assert (fault.kind, fault.step) == (FaultKind.HEADER, step)
    assert proves(fault, TRACE, false.claim)


def test_examine_given_another_dtype_shows_the_header():
    items = [TRACE.tensors[0].view(np.int8), *TRACE.tensors[1:]]
    claim = published_claim(items)
    fault = found(TRACE, claim, items)
    assert (fault.kind, fault.step) == (FaultKind.HEADER, 0)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("in_slot", [False, True])
def test_examine_given_something_behind_a_tensor_shows_padding(step, in_slot):
    size = TRACE.program.steps[step].header.byte_size
    leaves = leaf_count(size)
    if (in_slot and leaves & (leaves - 1) == 0) or (not in_slot and size % LEAF_BYTES == 0):
        with pytest.raises(InputError):
            corrupt(TRACE, PaddingFault(step, in_slot))
        return
    false = corrupt(TRACE, PaddingFault(step, in_slot))
    fault = found(TRACE, false.claim, false.published)
    assert (fault.kind, fault.step) == (FaultKind.PADDING, step)
    assert proves(fault, TRACE, false.claim)


def test_examine_given_zeros_behind_a_tensor_within_its_last_leaf_agrees():
    """The same leaves, so the same root."""
    items = [to_bytes(tensor).tobytes() for tensor in TRACE.tensors]
    items[2] += bytes(-len(items[2]) % LEAF_BYTES)
    assert found(TRACE, HONEST, items) == Agrees()


# ---- what cannot be opened --------------------------------------------------------------------------------------------


def test_examine_given_a_tree_of_another_depth_says_that_nothing_of_it_can_be_opened():
    items = [to_bytes(tensor).tobytes() for tensor in TRACE.tensors]
    items[1] = items[1] * 3
    finding = found(TRACE, published_claim(items), items)
    assert isinstance(finding, Withheld)
    assert finding.step == 1


def test_examine_given_leaves_missing_at_the_end_shows_what_is_there():
    whole = to_bytes(TRACE.tensors[0]).tobytes()
    held = whole[: (leaf_count(len(whole)) - 1) * LEAF_BYTES]
    items = [held, *TRACE.tensors[1:]]
    reason = "The tensor of step 0 has no leaves where a tensor has them."
    assert found(TRACE, published_claim(items), items) == Withheld(reason, 0)
    wrong = bytearray(held)
    wrong[3] ^= 1
    items[0] = bytes(wrong)
    fault = found(TRACE, published_claim(items), items)
    assert (fault.kind, fault.step, fault.element) == (FaultKind.ELEMENT, 0, 3)


def test_examine_given_a_step_that_cannot_be_opened_goes_on_to_one_that_does_not_read_it():
    """The last step reads 4 and 5; a wrong element of 3 stays to be shown."""
    items = [to_bytes(tensor).tobytes() for tensor in TRACE.tensors]
    unopenable, reader = next(
        (early, late)
        for early in STEPS
        for late in STEPS[early + 1 :]
        if all(ref.index not in range(early, late) for ref in TRACE.program.steps[late].operands if ref.kind == 2)
    )
    items[unopenable] = items[unopenable] * 5
    items[reader] = bytes([items[reader][0] ^ 1]) + items[reader][1:]
    fault = found(TRACE, published_claim(items), items)
    assert (fault.kind, fault.step, fault.element) == (FaultKind.ELEMENT, reader, 0)


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        (None, "Nothing was published"),
        ([], "0 tensors were published"),
        ([None] * len(STEPS), "no tensor was published"),
        (["text"] * len(STEPS), "no tensor was published"),
        ([np.zeros(3)] * len(STEPS), "no tensor was published"),
        ([b""] * len(STEPS), "hashes to"),
        (TRACE.tensors, "not what the claim commits to"),
    ],
)
def test_examine_given_no_trace_of_the_claim_withholds_and_says_why(published, reason):
    claim = dataclasses.replace(HONEST, trace_root=bytes(32))
    finding = found(TRACE, claim, published)
    assert isinstance(finding, Withheld)
    assert reason in finding.reason


# ---- how --------------------------------------------------------------------------------------------------------------


def test_examine_given_inputs_of_another_claim_refuses():
    with pytest.raises(InputError, match="claim is about"):
        examine(TRACE.program, TRACE.inputs, dataclasses.replace(HONEST, input_root=bytes(32)), TRACE.tensors)


class Counting:
    """A plan that says what was asked of it, and may be wrong in one element."""

    def __init__(self, wrong_step=None):
        self._plan, self._wrong, self.runs = NumpyBackend().prepare(TRACE.program), wrong_step, 0

    def run(self, inputs, *, keep):
        self.runs += 1
        outputs = self._plan.run(inputs, keep=keep)
        if self._wrong is not None:
            outputs[self._wrong].reshape(-1)[0] ^= 1
        return outputs


def test_examine_given_a_plan_runs_it_once():
    plan = Counting()
    assert examine(TRACE.program, TRACE.inputs, HONEST, TRACE.tensors, plan=plan) == Agrees()
    assert plan.runs == 1


def test_examine_given_a_plan_that_computes_wrongly_accuses_nobody():
    with pytest.raises(WitnessError) as caught:
        examine(TRACE.program, TRACE.inputs, HONEST, TRACE.tensors, plan=Counting(wrong_step=1))
    assert caught.value.reason == "Agrees"


def test_recomputation_computes_no_further_than_asked():
    own = Recomputation(TRACE.program, TRACE.inputs)
    assert np.array_equal(own.output(1), TRACE.tensors[1])
    assert len(own._tensors) == 2
    assert all(np.array_equal(mine, other) for mine, other in zip(own.trace().tensors, TRACE.tensors, strict=True))


def test_element_of_the_claimers_trace_is_what_the_fault_says():
    false = corrupt(TRACE, ElementFault(2, 5, 3))
    fault = found(TRACE, false.claim, false.published)
    assert isinstance(fault, Fault)
    assert element_of(dataclasses.replace(TRACE, tensors=false.published), 2, 5) == fault.computed
