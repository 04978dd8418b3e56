import numpy as np
import pytest
from engine_steps import BYTES, array_of, assert_step
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.kernels.taps import taps
from tallystick.engine.opcodes import (
    ArgMaxAttributes,
    DType,
    Lookup2Attributes,
    LookupAttributes,
    MaxPoolAttributes,
    Window,
)

SMALL = st.integers(1, 3)
BYTE = st.sampled_from(BYTES)
ANY = st.sampled_from(list(DType))
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=30, deadline=None)
@given(BYTE, ANY, st.lists(SMALL, max_size=4), st.booleans(), SEEDS)
def test_lookup_given_any_dtypes_equals_the_oracle(x_type, y_type, dims, per_channel, seed):
    rng = np.random.default_rng(seed)
    x = array_of(rng, x_type, tuple(dims))
    table = array_of(rng, y_type, (dims[-1], 256) if per_channel and dims else (256,))
    assert_step(LookupAttributes(), [x, table], {0}, y_type, dims)


def test_lookup_given_a_negative_byte_reads_the_upper_half():
    table = np.arange(256, dtype=np.int32)
    assert_step(LookupAttributes(), [np.array([-1, -128, 127, 0], np.int8), table], {0}, DType.I32, (4,))


@st.composite
def broadcast_dims(draw):
    """Output dims, and the dims of two operands that broadcast to them."""
    dims = draw(st.lists(SMALL, max_size=4))
    left = [dim if draw(st.booleans()) else 1 for dim in dims]
    right = [dim if one == 1 else draw(st.sampled_from([dim, 1])) for dim, one in zip(dims, left, strict=True)]
    drop = draw(st.integers(0, len(dims)))
    right = right[drop:]
    return tuple(np.broadcast_shapes(tuple(left), tuple(right))), tuple(left), tuple(right)


@settings(max_examples=40, deadline=None)
@given(st.tuples(BYTE, BYTE, ANY), broadcast_dims(), st.sampled_from([{0}, {1}, {0, 1}]), SEEDS)
def test_lookup2_given_operands_that_broadcast_equals_the_oracle(types, dims, live, seed):
    (a_type, b_type, y_type), rng = types, np.random.default_rng(seed)
    out, left, right = dims
    operands = [array_of(rng, a_type, left), array_of(rng, b_type, right), array_of(rng, y_type, (65536,))]
    assert_step(Lookup2Attributes(), operands, live, y_type, out)


@st.composite
def pools(draw):
    """A window's eight numbers, output and input height and width; now and then the window is the whole image."""
    in_hw = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    if draw(st.booleans()):
        return [*in_hw, draw(SMALL), draw(SMALL), 0, 0, 1, 1], (1, 1), in_hw
    window = (
        [draw(SMALL) for _ in range(4)] + [draw(st.integers(0, 3)) for _ in range(2)] + [draw(SMALL) for _ in range(2)]
    )
    return window, (draw(st.integers(1, 4)), draw(st.integers(1, 4))), in_hw


@pytest.mark.parametrize("kind", [MaxPoolAttributes, ArgMaxAttributes])
@settings(max_examples=40, deadline=None)
@given(ANY, pools(), st.integers(1, 3), SEEDS)
def test_pools_given_any_window_equal_the_oracle(kind, x_type, pool, channels, seed):
    window, out_hw, in_hw = pool
    # Few different elements, so that the first of equals is asked for often.
    x = array_of(np.random.default_rng(seed), x_type, (2, *in_hw, channels), edges=0.8)
    dtype = x_type if kind is MaxPoolAttributes else DType.I32
    assert_step(kind(*window), [x], {0}, dtype, (2, *out_hw, channels))


@pytest.mark.parametrize("kind", [MaxPoolAttributes, ArgMaxAttributes])
@pytest.mark.parametrize("x_type", list(DType))
def test_pools_given_nothing_but_the_lowest_value_take_the_first_tap_inside(kind, x_type):
    x = np.full((1, 3, 3, 2), x_type.low, array_of(np.random.default_rng(0), x_type, ()).dtype)
    dtype = x_type if kind is MaxPoolAttributes else DType.I32
    assert_step(kind(2, 2, 2, 2, 1, 1, 1, 1), [x], {0}, dtype, (1, 2, 3, 2))


def test_taps_given_a_window_far_larger_than_the_image_are_only_those_inside():
    found = list(taps(Window(2**31 - 1, 1, pad_top=4), (3, 1), (2, 1)))
    assert [tap for tap, _, _ in found] == [3, 4, 5, 6]
