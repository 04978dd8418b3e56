import itertools

import numpy as np
import pytest
from engine_steps import array_of, assert_step
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.opcodes import ArithAttributes, ArithKind, DType

ANY = st.sampled_from(list(DType))
SEEDS = st.integers(0, 2**32 - 1)
EDGES = [0, 1, -1, 2, -2, 3, -7, 255, -128, 65535, 2**24 + 1, -(2**24) - 1, 2**30, 2**31 - 1, -(2**31), 46340, 46341]
EXPRESSIONS = [kind for kind in ArithKind if kind is not ArithKind.REQUANTIZE]


@pytest.mark.parametrize("kind", EXPRESSIONS)
def test_arith_given_every_pair_of_edges_equals_the_oracle(kind):
    pairs = np.array(list(itertools.product(EDGES, EDGES)), np.int32)
    operands = [pairs[:, 0].copy(), pairs[:, 1].copy(), pairs[::-1, 0].copy()][: kind.operands]
    for shift, dtype in itertools.product((0, 1, 16, 31), DType):
        assert_step(ArithAttributes(kind, shift, 0), operands, set(range(kind.operands)), dtype, (len(pairs),))


@pytest.mark.parametrize("y_type", list(DType))
def test_arith_given_edges_and_multipliers_to_requantize_equals_the_oracle(y_type):
    multipliers = np.array([0.5, 1.0, 1.5, 2.0**-31, 3e-5, 1.2e-38, 3.4e38, 2.0**20], np.float32).view(np.int32)
    cases = np.array(list(itertools.product(EDGES, multipliers)), np.int32)
    for zero in (y_type.low, 0, y_type.high):
        attributes = ArithAttributes(ArithKind.REQUANTIZE, 0, zero)
        assert_step(attributes, [cases[:, 0].copy(), cases[:, 1].copy()], {0}, y_type, (len(cases),))


@st.composite
def spread_dims(draw, count):
    """Dims of `count` operands that broadcast to one another's."""
    dims = draw(st.lists(st.integers(1, 4), max_size=4))
    operands = []
    for _ in range(count):
        own = [dim if draw(st.booleans()) else 1 for dim in dims]
        operands.append(tuple(own[draw(st.integers(0, len(dims))) :]))
    return operands


@settings(max_examples=120, deadline=None)
@given(st.data(), st.sampled_from(list(ArithKind)), ANY, SEEDS)
def test_arith_given_operands_that_broadcast_equals_the_oracle(data, kind, y_type, seed):
    rng, draw = np.random.default_rng(seed), data.draw
    shapes = draw(spread_dims(kind.operands))
    operands = [array_of(rng, draw(ANY), shape) for shape in shapes]
    live = draw(st.sets(st.integers(0, kind.operands - 1), min_size=1))
    if kind is ArithKind.REQUANTIZE:
        operands[1] = np.exp2(rng.uniform(-20, 3, shapes[1])).astype(np.float32).view(np.int32)
        live = {0}
    shift = draw(st.integers(0, 31))
    zero = draw(st.sampled_from([0, y_type.low, y_type.high])) if kind is ArithKind.REQUANTIZE else 0
    out = np.broadcast_shapes(*shapes)
    assert_step(ArithAttributes(kind, shift, zero), operands, live, y_type, out)


@pytest.mark.parametrize("shift", range(32))
def test_arith_given_neighbours_of_squares_to_sqrt_equals_the_oracle(shift):
    roots = np.unique(np.sqrt((2.0**31 - 1) * 2.0**shift) * np.linspace(0, 1, 40) ** 2).astype(np.int64)
    near = [int(root) ** 2 // 2**shift + step for root in roots for step in (-1, 0, 1)]
    cases = np.array([value for value in near if 0 <= value < 2**31], np.int32)
    assert_step(ArithAttributes(ArithKind.SQRT, shift, 0), [cases], {0}, DType.I32, (len(cases),))
