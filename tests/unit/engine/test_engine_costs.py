"""The bounds on what a fault proof carries hold for the proofs of real elements, and are not far above the worst."""

import dataclasses

import numpy as np
import pytest
from broken_programs import every_opcode, params
from engine_programs import random_array, random_program
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine import costs
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.costs import check_cost, program_costs, step_cost
from tallystick.engine.executor import run
from tallystick.engine.fold import LEAF_BYTES
from tallystick.engine.footprint import footprints, leaves_touched, window_footprint
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType, Window
from tallystick.engine.opener import Opener
from tallystick.engine.openings import leaf_runs
from tallystick.engine.readings import first_readings
from tallystick.errors import ModelError

U8, I8, I32 = DType


def product(k):
    b = ProgramBuilder()
    x = b.input(TensorHeader(U8, (7, k)), "x")
    return b.build(b.matmul(x, b.constant(np.ones((5, k), np.int8)), b.constant(params(5)), zeros=(1, 0, 0), dtype=U8))


@given(st.integers(1, 2000), st.integers(0, 10))
def test_leaves_touched_given_a_size_and_an_alignment_is_the_worst_of_all_places(size, power):
    align = 2**power
    worst = max((start + size - 1) // LEAF_BYTES - start // LEAF_BYTES + 1 for start in range(0, 4096, align))
    assert leaves_touched(size, align) == worst


@settings(max_examples=150)
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 40), st.sampled_from([1, 3, 8, 64, 130, 256])),
    st.tuples(*[st.integers(1, 5)] * 2, *[st.integers(1, 3)] * 2, *[st.integers(0, 3)] * 2, *[st.integers(1, 4)] * 2),
    st.sampled_from([U8, I32]),
    st.data(),
)
def test_window_footprint_given_any_window_covers_what_its_elements_read(shape, window, dtype, data):
    b = ProgramBuilder()
    x = TensorHeader(dtype, (1, *shape))
    out_hw = tuple(data.draw(st.integers(1, 8)) for _ in range(2))
    step = b.build(b.max_pool(b.input(x, "x"), Window(*window), out_hw)).steps[0]
    bound = window_footprint(Window(*window), x, 1)
    for _ in range(5):
        index = data.draw(st.integers(0, step.header.size - 1))
        runs = leaf_runs(first_readings(step, [x], index), x)
        assert len(runs) <= bound.runs
        assert sum(last - first + 1 for first, last in runs) <= bound.leaves


@pytest.mark.parametrize("seed", range(10))
def test_step_cost_given_random_programs_covers_their_witnesses(seed):
    program, x = random_program(100 + seed)
    opener, rng = Opener(run(program, [x])), np.random.default_rng(seed)
    for index, step in enumerate(program.steps):
        cost = step_cost(program, index)
        shown = opener.witness(index, int(rng.integers(step.header.size)))
        tensors = [tensor for tensor in (shown.output, *shown.operands) if tensor]
        data = [opening.data for tensor in tensors for opening in tensor.openings]
        hashes = [hash_ for tensor in tensors for o in tensor.openings for hash_ in o.proof]
        hashes += [*shown.step_path, *(hash_ for tensor in tensors for hash_ in tensor.path)]
        carried = len(shown.program) + len(shown.step) + sum(map(len, data)) + 32 * len(hashes)
        carried += sum(len(tensor.header) + 32 for tensor in tensors)
        assert carried <= cost.calldata_bytes


def test_step_cost_given_a_large_convolution_is_near_what_was_measured():
    # 471,820 gas were measured for one element of 3x3 over 512 channels, without program, step and headers.
    b = ProgramBuilder()
    x = b.input(TensorHeader(U8, (1, 14, 14, 512)), "x")
    w = random_array(np.random.default_rng(0), TensorHeader(I8, (512, 3, 3, 512)))
    conv = b.conv(x, b.constant(w), b.constant(params(512)), Window(3, 3, 1, 1, 1, 1), (14, 14), dtype=U8)
    cost = step_cost(b.build(conv), 0)
    assert cost.macs == 14 * 14 * 512 * 4608
    assert cost.terms == 4608
    # three rows of three pixels, 1,536 bytes each from a leaf's beginning; the filter, 18 leaves; params; the claimed leaf
    assert (cost.openings, cost.leaves) == (3 + 1 + 1 + 1, 3 * 6 + 18 + 1 + 1)
    assert 471_820 < cost.gas < 1.5 * 471_820


def test_step_cost_given_a_longer_reduction_costs_more():
    gas = [step_cost(product(k), 0).gas for k in (16, 256, 4096, 65536)]
    assert gas == sorted(set(gas))


def test_step_cost_given_data_that_outweighs_execution_pays_the_floor():
    cost = step_cost(product(65536), 0)
    assert cost.gas == costs.TRANSACTION_GAS + costs.FLOOR_GAS * cost.calldata_bytes


def test_step_cost_given_terms_that_outweigh_the_data_pays_for_execution():
    b = ProgramBuilder()
    x = b.input(TensorHeader(U8, (1, 1, 1, 1)), "x")
    program = b.build(b.max_pool(x, Window(200, 200, 1, 1, 100, 100), (1, 1)))
    cost = step_cost(program, 0)
    assert cost.leaves == 2
    assert cost.gas > 200 * 200 * costs.TERM_GAS > costs.FLOOR_GAS * cost.calldata_bytes


def test_footprints_given_a_concatenation_open_one_operand():
    program = every_opcode()
    step = next(step for step in program.steps if step.opcode.name == "CONCAT")
    assert len(step.operands) == 2
    assert [each.leaves for each in footprints(step, program.operand_headers(step))] == [1]


def test_program_costs_given_a_program_has_one_for_each_step():
    program = every_opcode()
    found = program_costs(program)
    assert found == [step_cost(program, index) for index in range(len(program.steps))]
    assert [cost.macs > 0 for cost in found] == [s.opcode.name in ("CONV", "MATMUL") for s in program.steps]


def test_check_cost_given_gas_at_the_bound_accepts_and_one_more_refuses():
    cost = dataclasses.replace(step_cost(product(16), 0), gas=costs.MAX_STEP_GAS)
    check_cost(cost)
    with pytest.raises(ModelError, match="12,000,001 gas"):
        check_cost(dataclasses.replace(cost, gas=costs.MAX_STEP_GAS + 1))
