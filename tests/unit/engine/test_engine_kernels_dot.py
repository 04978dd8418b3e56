import numpy as np
import pytest
from engine_steps import BYTES, array_of, assert_step, params_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.kernels.products import multiply, plan_sums
from tallystick.engine.opcodes import ConvAttributes, DType, MatMulAttributes, PoolSumAttributes

MODES = ("auto", "float32", "float64")
SMALL = st.integers(1, 3)
MULTIPLIERS = st.sampled_from([0.5, 1.0, 0.125, 2.0**-9, 3e-5, 0.3, 7.25, 1.2e-38, 2.0**-31, 2.0**40, 3.4e38])
BYTE = st.sampled_from(BYTES)
SEEDS = st.integers(0, 2**32 - 1)


def zero_points(dtype):
    return st.sampled_from([dtype.low, dtype.high, 0, 3])


@st.composite
def windows(draw, *, pads=3):
    """The eight numbers of a window, and an output's height and width that may lie far beyond the input."""
    window = (
        [draw(SMALL) for _ in range(4)]
        + [draw(st.integers(0, pads)) for _ in range(2)]
        + [draw(SMALL) for _ in range(2)]
    )
    return window, (draw(st.integers(1, 4)), draw(st.integers(1, 4)))


@settings(max_examples=60, deadline=None)
@given(st.data(), SEEDS)
def test_conv_given_any_window_groups_and_zero_points_equals_the_oracle(data, seed):
    rng, draw = np.random.default_rng(seed), data.draw
    window, out_hw = draw(windows())
    groups, per_group, outputs = draw(SMALL), draw(SMALL), draw(SMALL)
    x_type, w_type, y_type = draw(BYTE), draw(BYTE), draw(st.sampled_from(list(DType)))
    n, height, width = draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    x = array_of(rng, x_type, (n, height, width, groups * per_group))
    w = array_of(rng, w_type, (groups * outputs, *window[:2], per_group))
    params = params_of(rng, len(w), [draw(MULTIPLIERS) for _ in range(len(w))])
    zeros = (draw(zero_points(x_type)), draw(zero_points(w_type)))
    zero_y = draw(zero_points(y_type)) if y_type is not DType.I32 else 0
    attributes = ConvAttributes(*window, groups, *zeros, zero_y, int(y_type is not DType.I32))
    live = draw(st.sampled_from([{0}, {0, 1}, {1}]))
    assert_step(attributes, [x, w, params], live, y_type, (n, *out_hw, len(w)), modes=MODES)


@settings(max_examples=15, deadline=None)
@given(st.tuples(BYTE, BYTE, BYTE), SMALL, SMALL, SEEDS)
def test_conv_given_a_depthwise_window_with_a_multiplier_equals_the_oracle(types, kernel, per_channel, seed):
    (x_type, w_type, y_type), rng = types, np.random.default_rng(seed)
    x = array_of(rng, x_type, (1, 5, 4, 4))
    w = array_of(rng, w_type, (4 * per_channel, kernel, kernel, 1))
    attributes = ConvAttributes(kernel, kernel, 1, 2, 1, 0, 1, 1, 4, x_type.high, w_type.low, 5, 1)
    assert_step(attributes, [x, w, params_of(rng, len(w), 0.001)], {0}, y_type, (1, 5, 2, len(w)))


@settings(max_examples=15, deadline=None)
@given(BYTE, st.integers(1, 3), st.integers(1, 3), SEEDS)
def test_conv_given_a_pointwise_window_beyond_the_image_equals_the_oracle(x_type, stride, height, seed):
    rng = np.random.default_rng(seed)
    x, w = array_of(rng, x_type, (2, 3, 3, 5)), array_of(rng, DType.I8, (4, 1, 1, 5))
    attributes = ConvAttributes(1, 1, stride, 1, 0, 0, 1, 1, 1, 3, 0, 0, 1)
    assert_step(attributes, [x, w, params_of(rng, 4, 0.01)], {0}, DType.U8, (2, height, 3, 4), modes=MODES)


@settings(max_examples=40, deadline=None)
@given(st.data(), SEEDS)
def test_matmul_given_any_leading_dims_equals_the_oracle(data, seed):
    rng, draw = np.random.default_rng(seed), data.draw
    lead = tuple(draw(st.lists(SMALL, max_size=2)))
    rows, terms, columns = draw(SMALL), draw(st.integers(1, 9)), draw(SMALL)
    a_type, b_type, y_type = draw(BYTE), draw(BYTE), draw(st.sampled_from(list(DType)))
    a = array_of(rng, a_type, (*lead, rows, terms))
    b = array_of(rng, b_type, (*(lead if draw(st.booleans()) else ()), columns, terms))
    params = params_of(rng, draw(st.sampled_from([1, columns])), draw(MULTIPLIERS))
    zero_y = draw(zero_points(y_type)) if y_type is not DType.I32 else 0
    zeros = (draw(zero_points(a_type)), draw(zero_points(b_type)), zero_y)
    attributes = MatMulAttributes(*zeros, int(y_type is not DType.I32))
    live = draw(st.sampled_from([{0}, {1}, {0, 1}]))
    assert_step(attributes, [a, b, params], live, y_type, (*lead, rows, columns), modes=MODES)


@pytest.mark.parametrize("live", [{0}, {0, 1}])
def test_matmul_given_the_largest_sums_equals_the_oracle(live):
    # 33,025 terms of 255 * 255 are the last below 2^31; 259 are the first at 2^24, where single precision ends.
    for terms in (258, 259, 33025):
        a, b = np.full((1, 2, terms), 255, np.uint8), np.full((1, 1, terms), -128, np.int8)
        params = np.array([[0, np.float32(0.25).view(np.int32)]], np.int32)
        attributes = MatMulAttributes(0, 127, 0, 0)
        assert_step(attributes, [a, b[0], params], live, DType.I32, (1, 2, 1), modes=MODES)


def test_plan_sums_given_long_sums_keeps_each_part_below_the_limit():
    magnitudes = np.random.default_rng(1).integers(0, 256, (5000, 7))
    plan = plan_sums(magnitudes, 255, "float32")
    sums = [int(magnitudes[part].sum(axis=0).max()) * 255 for part in plan.parts]
    assert len(plan.parts) > 5
    assert max(sums) < 2**24
    assert [part.start for part in plan.parts[1:]] == [part.stop for part in plan.parts[:-1]]
    assert plan.parts[-1].stop == 5000


def test_multiply_given_the_terms_in_another_order_gives_the_same_sums():
    rng = np.random.default_rng(2)
    a, b = rng.integers(-255, 256, (6, 3000)), rng.integers(-255, 256, (3000, 5))
    exact = a @ b
    for mode in MODES:
        for order in (np.arange(3000), np.arange(3000)[::-1], rng.permutation(3000)):
            plan = plan_sums(np.abs(b[order]), 255, mode)
            sums = multiply(plan, a[:, order].astype(plan.kind), b[order].astype(plan.kind))
            np.testing.assert_array_equal(np.asarray(sums, np.int64), exact)


@settings(max_examples=50, deadline=None)
@given(st.data(), SEEDS)
def test_pool_sum_given_any_window_equals_the_oracle(data, seed):
    rng, draw = np.random.default_rng(seed), data.draw
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    window, out_hw = draw(windows())
    if draw(st.booleans()):
        window, out_hw = [height, width, 1, 1, 0, 0, 1, 1], (1, 1)
    x_type, y_type = draw(st.sampled_from(list(DType))), draw(st.sampled_from(list(DType)))
    x = array_of(rng, x_type, (2, height, width, 3))
    if x_type is DType.I32:
        x //= 64  # the sums of at most 25 stay below 2^31
    multipliers = np.array([draw(MULTIPLIERS) for _ in range(window[0] * window[1])], np.float32).view(np.int32)
    zero_x = draw(zero_points(x_type)) if x_type is not DType.I32 else 3
    exact = y_type is DType.I32
    attributes = PoolSumAttributes(*window, zero_x, 0 if exact else draw(zero_points(y_type)), int(not exact))
    assert_step(attributes, [x] if exact else [x, multipliers], {0}, y_type, (2, *out_hw, 3))


@pytest.mark.parametrize("y_type", BYTES)
def test_requantisation_given_ties_and_the_ends_of_int32_equals_the_oracle(y_type):
    # One term of 0 leaves the bias alone as the sum, so that every row is one case.
    sums = [
        1,
        3,
        5,
        -1,
        -3,
        -5,
        253,
        255,
        257,
        -255,
        2**24 + 1,
        2**24 + 3,
        2**31 - 1,
        1 - 2**31,
        2**30 + 63,
        2**30 + 65,
        0,
    ]
    multipliers = [0.5, 1.0, 2.0**-24, 2.0**-23, 3.4e38, 1.2e-38]
    cases = np.array([(s, np.float32(m).view(np.int32)) for s in sums for m in multipliers], np.int32)
    x, w = np.zeros((1, 1, 1, 1), np.uint8), np.zeros((len(cases), 1, 1, 1), np.int8)
    for zero in (y_type.low, y_type.high, 1):
        attributes = ConvAttributes(1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, zero, 1)
        assert_step(attributes, [x, w, cases], {0}, y_type, (1, 1, 1, len(cases)), modes=MODES)


def test_requantisation_given_a_large_bias_and_a_small_sum_adds_before_it_rounds():
    # Single precision has every 128th integer here: 3 more than the bias is nearer to the next one, and above a tie.
    total = 201 * 2**23 + 65
    params = np.array([[total - 3, np.float32(2.0**-24).view(np.int32)]], np.int32)
    x, w = np.full((1, 1, 1, 1), 3, np.uint8), np.ones((1, 1, 1, 1), np.int8)
    attributes = ConvAttributes(1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1)
    assert_step(attributes, [x, w, params], {0}, DType.U8, (1, 1, 1, 1), modes=MODES)
