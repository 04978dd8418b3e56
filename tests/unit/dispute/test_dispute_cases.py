"""What disputes are measured with: cases are wrong in one element, the dearest are dear, figures follow from the program."""

from __future__ import annotations

import json

import pytest
from dispute_claims import long_program, random_trace, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.small_traces import lenet
from scripts.toolchain import ROOT
from tallystick.dispute.cases import (
    FaultCase,
    dearest,
    dearest_cases,
    dearest_steps,
    described,
    fault_case,
    middle,
)
from tallystick.dispute.cheapest import opened
from tallystick.dispute.claims import honest_claim
from tallystick.dispute.demand_packing import pack_answer
from tallystick.dispute.figures import ANSWER_BYTE_GAS, ANSWER_GAS, PUBLISHED, figures_of, floor_gas, published_of
from tallystick.dispute.held import HeldTrace, answer
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import Target
from tallystick.dispute.packing import FaultKind
from tallystick.dispute.timings import random_inputs, time_search
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.commitments import program_commitment
from tallystick.engine.costs import program_costs
from tallystick.engine.executor import run
from tallystick.engine.fold import leaf_count
from tallystick.engine.program import Ref
from tallystick.engine.trace import Trace
from tallystick.errors import InputError

TRACE = small_network()


# ---- cases ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(len(TRACE.program.steps)))
def test_fault_case_is_wrong_where_it_says(step: int) -> None:
    case = fault_case(TRACE, step, middle(TRACE.program, step))
    assert (case.step, case.element) == (step, middle(TRACE.program, step))
    assert case.packed[0] == FaultKind.ELEMENT
    assert case.claim != honest_claim(TRACE)
    assert case.program_hash == program_commitment(TRACE.program).program_hash


def test_fault_case_given_an_element_that_is_not_there_refuses() -> None:
    with pytest.raises(InputError):
        fault_case(TRACE, 0, 10**9)


def test_fault_case_when_written_is_read_as_the_same() -> None:
    case = fault_case(TRACE, 2, 5, name="a pool")
    assert FaultCase.from_json(json.loads(json.dumps(case.to_json()))) == case


def test_described_given_a_convolution_names_what_it_reads() -> None:
    assert described(lenet().program, 2) == "CONV of 1x14x14x6 and 16x5x5x6"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_dearest_given_any_step_opens_as_much_as_its_middle(seed: int) -> None:
    trace = random_trace(seed)
    for step, operation in enumerate(trace.program.steps):
        operands = [trace.tensor(ref) for ref in operation.operands]
        found = opened(operation, operands, dearest(trace, step).element)
        assert found.leaves >= opened(operation, operands, middle(trace.program, step)).leaves


def test_dearest_steps_has_each_opcode_once_and_the_dearest_first() -> None:
    trace = lenet()
    found = dearest_steps(trace)
    assert [trace.program.steps[each.step].opcode.name for each in found] == ["CONV", "MATMUL", "MAX_POOL", "RESHAPE"]
    assert [each.gas for each in found] == sorted((each.gas for each in found), reverse=True)


def test_dearest_cases_are_of_the_dearest_steps() -> None:
    trace = lenet()
    cases = dearest_cases(trace, count=2, prefix="LeNet: ")
    assert [case.step for case in cases] == [each.step for each in dearest_steps(trace)[:2]]
    assert cases[0].name == "LeNet: CONV of 1x14x14x6 and 16x5x5x6"
    assert cases[0].products == 150


# ---- figures ----------------------------------------------------------------------------------------------------------


def test_figures_of_a_program_are_those_of_its_steps() -> None:
    figures, costs = figures_of(TRACE.program), program_costs(TRACE.program)
    assert figures.gas == max(cost.gas for cost in costs) == costs[figures.worst_step].gas
    assert figures.calldata_bytes == costs[figures.worst_step].calldata_bytes
    assert figures.floor == floor_gas(figures.calldata_bytes) <= figures.gas
    assert figures.elements == sum(tensor.size for tensor in TRACE.tensors if tensor is not None)


def test_floor_gas_is_what_eip_7623_says() -> None:
    assert floor_gas(1_000) == 21_000 + 40_000


@pytest.mark.parametrize("trace", [TRACE, long_program(300_000)], ids=["small", "deep"])
def test_figures_of_all_answers_are_those_of_every_demand(trace: Trace) -> None:
    """Walked: whatever can be asked for is asked for, until every leaf is known."""
    held = HeldTrace(trace)
    known, count, size = Known.of(trace.program, held.commitment, honest_claim(trace)), 0, 0
    for kind, items in known.lists.items():
        for index in range(items.count):
            ref = Ref(kind, index)
            for leaf in range(leaf_count(trace.program.header(ref).byte_size)):
                while demand := next_demand(known, Target(ref, leaf)):
                    shown = answer(held, demand)
                    count, size = count + 1, size + len(pack_answer(shown))
                    known = known.with_answer(demand, shown)
    figures = figures_of(trace.program)
    assert (figures.all_answers, figures.all_answer_bytes) == (count, size)
    assert figures.all_fees_gas == (150_000 * count) + 50 * size


def test_figures_reckon_answers_as_the_contract_prices_them() -> None:
    source = (ROOT / "contracts" / "libraries" / "DemandPriceLib.sol").read_text().replace("_", "")
    assert f"constant ANSWERGAS = {ANSWER_GAS};" in source
    assert f"constant GASPERBYTE = {ANSWER_BYTE_GAS};" in source
    assert "* gasPrice * 5 / 4;" in source


@pytest.mark.parametrize(("tensor_bytes", "levels"), [(1_000, 2), (64 * 256, 2), (65 * 256, 3), (300_000, 3)])
def test_figures_of_a_tensor_take_more_levels_the_larger_it_is(tensor_bytes: int, levels: int) -> None:
    figures = figures_of(long_program(tensor_bytes).program)
    assert (figures.path_b_levels, figures.path_b_moves) == (levels, 2 * levels + 1)
    assert figures.path_b_seconds == 120 + 60 * levels
    assert (figures.path_a_moves, figures.path_a_seconds) == (1, 120)


@pytest.mark.parametrize(
    ("name", "model"),
    [("lenet_5", "LeNet"), ("XGBoost-v1", "XGBoost"), ("2d conv", "2d conv"), ("MobileNet-V2", "MobileNetV2")],
)
def test_published_of_a_name_in_any_spelling_is_its_row(name: str, model: str) -> None:
    assert published_of(name) == (model, PUBLISHED[model])


@pytest.mark.parametrize("name", ["", "mobilenetv3", "resnet-50", "my model"])
def test_published_of_any_other_name_is_none(name: str) -> None:
    assert published_of(name) is None


# ---- timings ----------------------------------------------------------------------------------------------------------


def test_time_search_given_a_clock_measures_by_it() -> None:
    """A clock that moves on by a second whenever it is read: everything takes one."""
    seconds = iter(range(10_000))
    timings = time_search(TRACE, NumpyBackend(threads=1).prepare(TRACE.program), 3, lambda: float(next(seconds)))
    assert (timings.rounds, timings.inference_seconds, timings.fault_seconds, timings.honest_seconds) == (3, 1, 1, 1)
    assert (timings.ratio, timings.slowest_seconds) == (1, 1)
    assert timings.gas > 21_000
    assert next(seconds) == 6 * 4  # two readings for each of three things, in four rounds


def test_random_inputs_are_what_the_program_takes() -> None:
    assert run(TRACE.program, random_inputs(TRACE.program, 4)).output.shape == TRACE.output.shape
