"""One element at a time gives what whole tensors give, and reads no more than it says."""

import numpy as np
import pytest
from engine_programs import OPERATORS, random_program
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.element import element, quotient, readings_of, rounded_quotient
from tallystick.engine.executor import run
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.places import broadcast_index, index_at, place_of
from tallystick.engine.program import NUMPY_DTYPES
from tallystick.engine.readings import Reading
from tallystick.engine.validate import validate
from tallystick.errors import ModelError


def elements(trace, index):
    step = trace.program.steps[index]
    operands = [trace.tensor(ref) for ref in step.operands]
    return [element(step, operands, at) for at in range(step.header.size)]


def assert_all_elements_agree(seed, operators=None):
    program, x = random_program(seed, operators)
    validate(program)
    trace = run(program, [x])
    for index, step in enumerate(program.steps):
        assert elements(trace, index) == trace.tensors[index].reshape(-1).tolist(), (index, step)


@settings(max_examples=15)
@pytest.mark.parametrize("operator", ["arith", *OPERATORS])
@given(seed=st.integers(0, 2**32))
def test_element_given_one_operator_is_the_executors_everywhere(operator, seed):
    assert_all_elements_agree(seed, [operator])


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32))
def test_element_given_a_random_program_is_the_executors_everywhere(seed):
    assert_all_elements_agree(seed)


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32))
def test_readings_of_an_element_are_all_that_it_depends_on(seed):
    """Everything else can be overwritten."""
    program, x = random_program(seed)
    trace, rng = run(program, [x]), np.random.default_rng(seed)
    step = program.steps[-1]
    operands = [trace.tensor(ref) for ref in step.operands]
    index = int(rng.integers(step.header.size))
    others = [rng.integers(0, 100, operand.size).astype(operand.dtype) for operand in operands]
    for reading in readings_of(step, operands, index):
        span = slice(reading.first, reading.first + reading.count)
        others[reading.operand][span] = operands[reading.operand].reshape(-1)[span]
    kept = [other.reshape(operand.shape) for other, operand in zip(others, operands, strict=True)]
    assert element(step, kept, index) == element(step, operands, index)


# ---- what is read -----------------------------------------------------------------------------------------------------


def conv_program(groups, *, kernel=3, channels=8, size=6, dilation=1):
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.U8, (1, size, size, channels)), "x")
    w = b.constant(np.ones((channels, kernel, kernel, channels // groups), np.int8))
    params = b.constant(np.ones((channels, 2), np.int32))
    window = Window(kernel, kernel, 1, 1, 1, 1, dilation, dilation)
    return b.build(b.conv(x, w, params, window, (size, size), groups=groups))


def readings(program, index):
    step = program.steps[0]
    headers = program.operand_headers(step)
    return readings_of(step, [np.ones(header.dims, NUMPY_DTYPES[header.dtype]) for header in headers], index)


def test_readings_of_a_dense_convolution_are_one_range_a_tap_row():
    at = index_at((0, 2, 3, 5), (1, 6, 6, 8))
    rows = [Reading(0, index_at((0, y, 2, 0), (1, 6, 6, 8)), 3 * 8) for y in (1, 2, 3)]
    assert readings(conv_program(1), at) == [*rows, Reading(1, 5 * 72, 72), Reading(2, 10, 2)]


def test_readings_of_a_convolution_at_the_edge_leave_out_the_taps_outside():
    at = index_at((0, 0, 0, 0), (1, 6, 6, 8))
    assert readings(conv_program(1), at)[:-2] == [Reading(0, 0, 16), Reading(0, 48, 16)]


def test_readings_of_a_depthwise_convolution_are_one_element_a_tap():
    at = index_at((0, 2, 3, 5), (1, 6, 6, 8))
    taps = [Reading(0, index_at((0, y, x, 5), (1, 6, 6, 8))) for y in (1, 2, 3) for x in (2, 3, 4)]
    assert readings(conv_program(8), at) == [*taps, Reading(1, 5 * 9, 9), Reading(2, 10, 2)]


def test_readings_of_a_dilated_convolution_are_one_range_a_tap():
    at = index_at((0, 1, 1, 0), (1, 6, 6, 8))
    assert {reading.count for reading in readings(conv_program(1, dilation=2), at)[:-2]} == {8}


def test_readings_of_a_sum_over_the_last_axis_are_one_range():
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.I8, (5, 40)), "x")
    program = b.build(b.sum_last(x))
    step = program.steps[1]
    assert readings_of(step, [np.ones((5, 40, 1, 1), np.int8)], 3) == [Reading(0, 120, 40)]


def test_readings_of_a_lookup_follow_the_element():
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.I8, (2, 3)), "x")
    program = b.build(b.lookup(x, np.zeros((3, 256), np.uint8)))
    operands = [np.array([[0, 0, 0], [0, 0, -1]], np.int8), program.constants[0]]
    assert readings_of(program.steps[0], operands, 5) == [Reading(0, 5), Reading(1, 2 * 256 + 255)]


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (2, 2), (-1, 2), (-3, 0)])
def test_readings_of_a_gather_follow_the_index(value, expected):
    b = ProgramBuilder()
    indices = b.input(TensorHeader(DType.I32, ()), "i")
    program = b.build(b.gather(b.constant(np.arange(12, dtype=np.int32).reshape(2, 3, 2)), indices, 1))
    operands = [program.constants[0], np.array(value, np.int32)]
    assert readings_of(program.steps[0], operands, 3) == [Reading(1, 0), Reading(0, 6 + 2 * expected + 1)]


@pytest.mark.parametrize("value", [3, -4, 2**31 - 1, -(2**31)])
def test_element_of_a_gather_given_an_index_outside_is_0(value):
    b = ProgramBuilder()
    indices = b.input(TensorHeader(DType.I32, ()), "i")
    program = b.build(b.gather(b.constant(np.array([5, 6, 7], np.int8)), indices))
    operands = [program.constants[0], np.array(value, np.int32)]
    assert element(program.steps[0], operands, 0) == 0
    assert readings_of(program.steps[0], operands, 0) == [Reading(1, 0)]


# ---- arithmetic -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "operands", "shift", "expected"),
    [
        (ArithKind.ADD, (2**31 - 1, 1), 0, 2**31 - 1),
        (ArithKind.SUB, (-(2**31), 1), 0, -(2**31)),
        (ArithKind.MUL_SHIFT, (-3, 1), 1, -1),
        (ArithKind.MUL_SHIFT, (3, 1), 1, 2),
        (ArithKind.MUL_SHIFT, (-(2**31), -(2**31)), 31, 2**31 - 1),
        (ArithKind.DIV, (-7, 2), 0, -3),
        (ArithKind.DIV, (7, 0), 3, 0),
        (ArithKind.DIV_ROUND, (-7, 2), 0, -4),
        (ArithKind.DIV_ROUND, (7, 2), 0, 4),
        (ArithKind.DIV_ROUND, (-(2**31), -1), 31, 2**31 - 1),
        (ArithKind.LESS, (-1, 0), 0, 1),
        (ArithKind.EQUAL, (5, 5), 0, 1),
        (ArithKind.SELECT, (-1, 10, 20), 0, 10),
        (ArithKind.SELECT, (0, 10, 20), 0, 20),
        (ArithKind.SQRT, (-4,), 4, 0),
        (ArithKind.SQRT, (2,), 31, 65536),
    ],
)
def test_element_of_an_expression_given_an_edge_is_what_the_contract_says(kind, operands, shift, expected):
    b = ProgramBuilder()
    refs = [b.input(TensorHeader(DType.I32, ()), str(place)) for place in range(len(operands))]
    program = b.build(b.arith(kind, *refs, shift=shift))
    assert element(program.steps[0], [np.array(value, np.int32) for value in operands], 0) == expected


@given(st.integers(-(2**62), 2**62), st.integers(-(2**31), 2**31))
def test_quotients_are_the_nearest_toward_zero_and_away_from_it(a, b):
    if b == 0:
        assert (quotient(a, b), rounded_quotient(a, b)) == (0, 0)
        return
    low, near = quotient(a, b), rounded_quotient(a, b)
    assert abs(low * b) <= abs(a) < abs(low * b) + abs(b)
    assert 2 * abs(near * b - a) <= abs(b)
    assert 2 * abs(near * b - a) < abs(b) or abs(near * b) > abs(a)


# ---- places -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 5), max_size=5), st.data())
def test_place_of_is_the_inverse_of_index_at(dims, data):
    index = data.draw(st.integers(0, int(np.prod(dims, dtype=int)) - 1))
    assert index_at(place_of(index, dims), dims) == index
    assert tuple(place_of(index, dims)) == tuple(map(int, np.unravel_index(index, dims))) if dims else index == 0


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=4), st.integers(0, 4), st.data())
def test_broadcast_index_is_numpys(pairs, dropped, data):
    dims = [dim for dim, _ in pairs]
    operand = [1 if one else dim for dim, one in pairs][dropped:]
    index = data.draw(st.integers(0, int(np.prod(dims, dtype=int)) - 1))
    grid = np.broadcast_to(np.arange(int(np.prod(operand, dtype=int))).reshape(operand), dims)
    assert broadcast_index(index, dims, operand) == grid.reshape(-1)[index]


def test_element_given_an_index_outside_refuses():
    program = conv_program(1)
    operands = [
        np.ones(header.dims, NUMPY_DTYPES[header.dtype]) for header in program.operand_headers(program.steps[0])
    ]
    for index in (-1, program.steps[0].header.size):
        with pytest.raises(ModelError, match="no element"):
            element(program.steps[0], operands, index)
