"""Every element of every run lies where the intervals say, and they are narrow where sums need them to be."""

import itertools

import numpy as np
import pytest
from engine_programs import random_array, random_program
from hypothesis import given
from hypothesis import strategies as st

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.constant_facts import ConstantFacts
from tallystick.engine.element import evaluate
from tallystick.engine.executor import run
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithAttributes, ArithKind, DType, Window
from tallystick.engine.program import Step
from tallystick.engine.ranges import Interval, Ranges, arith_interval, never_empty
from tallystick.engine.sums import sums_of

I32_ENDS = st.integers(DType.I32.low, DType.I32.high)


def intervals_of(program):
    facts = ConstantFacts(program)
    ranges = Ranges(program, facts)
    for step in program.steps:
        ranges.add(step, sums_of(program, step, facts, ranges))
    return ranges._steps


@pytest.mark.parametrize("seed", range(40))
def test_ranges_given_random_programs_hold_every_element(seed):
    program, x = random_program(seed)
    trace = run(program, [x])
    for step, interval, tensor in zip(program.steps, intervals_of(program), trace.tensors, strict=True):
        assert interval.low <= int(tensor.min()) <= int(tensor.max()) <= interval.high, step


@st.composite
def intervals(draw):
    ends = sorted([draw(I32_ENDS | st.integers(-9, 9)), draw(I32_ENDS | st.integers(-9, 9))])
    return Interval(*ends)


def result(attributes, values):
    """Of an Arith step on single integers, as i32."""
    scalar = TensorHeader(DType.I32, ())
    return evaluate(Step(attributes, (), scalar), [scalar] * len(values), 0, [[value] for value in values])


@given(st.sampled_from([kind for kind in ArithKind if kind is not ArithKind.REQUANTIZE]), st.data())
def test_arith_interval_given_values_from_its_operands_holds_their_result(kind, data):
    operands = [data.draw(intervals()) for _ in range(kind.operands)]
    attributes = ArithAttributes(kind, data.draw(st.integers(0, 31)), 0)
    same = kind.operands == 2 and data.draw(st.booleans())
    if same:
        operands = operands[:1] * 2
    found = arith_interval(attributes, operands, same=same).saturated(DType.I32)
    # The ends, what lies around 0 and any other.
    choices = [sorted({o.low, o.high, *(v for v in (-1, 0, 1) if o.low <= v <= o.high)}) for o in operands]
    choices = [[*few, data.draw(st.integers(few[0], few[-1]))] for few in choices]
    for values in zip(*choices[:1] * 2, strict=True) if same else itertools.product(*choices):
        assert found.low <= result(attributes, values) <= found.high


@given(intervals(), st.data(), st.integers(-(2**31), 2**31 - 1))
def test_arith_interval_given_requantisation_holds_its_result(acc, data, zero):
    attributes = ArithAttributes(ArithKind.REQUANTIZE, 0, zero)
    bits = sorted(data.draw(st.lists(st.integers(0x0080_0000, 0x7F7F_FFFF), min_size=2, max_size=2)))
    found = arith_interval(attributes, [acc, Interval(*bits)], same=False).saturated(DType.I32)
    for value, multiplier in itertools.product((acc.low, acc.high, data.draw(st.integers(acc.low, acc.high))), bits):
        assert found.low <= result(attributes, (value, multiplier)) <= found.high


def test_ranges_given_a_square_know_that_it_is_not_below_zero():
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.I8, (4,)), "x")
    y = b.input(TensorHeader(DType.I8, (4,)), "y")
    program = b.build(b.concat((b.arith(ArithKind.MUL, x, x), b.arith(ArithKind.MUL, x, y)), 0))
    assert intervals_of(program) == [Interval(0, 16384), Interval(-16256, 16384), Interval(-16256, 16384)]


def test_ranges_given_a_division_by_something_positive_keep_the_sign():
    operands = [Interval(0, 1000), Interval(10, 20)]
    assert arith_interval(ArithAttributes(ArithKind.DIV, 3, 0), operands, same=False) == Interval(0, 800)


@given(st.tuples(*[st.integers(1, 4)] * 4), st.tuples(*[st.integers(0, 9)] * 2), st.tuples(*[st.integers(1, 4)] * 6))
def test_never_empty_given_any_window_promises_no_tap_that_is_not_there(small, pads, rest):
    window = Window(*small, *pads, *rest[:2])
    x, out = TensorHeader(DType.U8, (1, *rest[2:4], 1)), TensorHeader(DType.U8, (1, *rest[4:6], 1))
    if not never_empty(window, x, out):
        return
    b = ProgramBuilder()
    ones = b.input(x, "x")
    counts = run(b.build(b.pool_sum(ones, window, rest[4:6])), [np.ones(x.dims, np.uint8)]).output
    assert counts.min() >= 1


@given(st.integers(0, 2**32 - 1), st.integers(-128, 127), st.integers(0, 255), st.integers(1, 40))
def test_sums_of_given_constant_weights_is_reached_and_never_passed(seed, zero_w, zero_x, count):
    rng = np.random.default_rng(seed)
    weights, bias = random_array(rng, TensorHeader(DType.I8, (3, count))), rng.integers(-999, 999, 3)
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.U8, (1, count)), "x")
    params = b.constant(np.stack([bias, bias], axis=1).astype(np.int32))
    program = b.build(b.matmul(x, b.constant(weights), params, zeros=(zero_x, zero_w, 0)))
    facts = ConstantFacts(program)
    bound = sums_of(program, program.steps[0], facts, Ranges(program, facts)).high
    sizes = np.abs(weights.astype(np.int64) - zero_w).sum(axis=1) * max(zero_x, 255 - zero_x) + np.abs(bias)
    assert bound == sizes.max()
    coarse = ConstantFacts(program, budget=0)
    assert sums_of(program, program.steps[0], coarse, Ranges(program, coarse)).high >= bound
