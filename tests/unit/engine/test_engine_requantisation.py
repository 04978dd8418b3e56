"""Single-precision products in integers are the ones that the processor makes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.engine.opcodes import DType
from tallystick.engine.requantisation import LARGEST_MULTIPLIER, requantize, shift_to_even, to_significand
from tallystick.errors import ModelError

RNG = np.random.default_rng(20)


def by_processor(accs, bits, zero, dtype):
    with np.errstate(all="ignore"):
        products = accs.astype(np.float32) * bits.astype(np.int32).view(np.float32)
    # 2^40 is far outside every dtype, and inside what an int64 holds.
    rounded = np.clip(np.rint(products.astype(np.float64)), -(2.0**40), 2.0**40).astype(np.int64)
    return np.clip(rounded + zero, dtype.low, dtype.high)


def check(accs, bits, zero=0, dtype=DType.I32):
    accs, bits = np.asarray(accs, np.int64), np.asarray(bits, np.int64)
    made = [requantize(acc, m, zero, dtype) for acc, m in zip(accs.tolist(), bits.tolist(), strict=True)]
    wrong = np.flatnonzero(np.array(made) != by_processor(accs, bits, zero, dtype))
    assert not len(wrong), (accs[wrong[:3]], bits[wrong[:3]])


def random_accs(count):
    return RNG.integers(-(2**31), 2**31, count) >> RNG.integers(0, 31, count)


def bits_of(values):
    return np.asarray(values, np.float32).view(np.int32)


@pytest.mark.parametrize(("dtype", "zero"), [(DType.U8, 128), (DType.I8, -3), (DType.I32, 0), (DType.I32, -(2**31))])
def test_requantize_given_any_multiplier_is_the_processors(dtype, zero):
    check(random_accs(20_000), RNG.integers(1, LARGEST_MULTIPLIER + 1, 20_000), zero, dtype)


@pytest.mark.parametrize("dtype", DType)
def test_requantize_given_a_product_near_the_range_is_the_processors(dtype):
    accs = random_accs(60_000)
    exponents = np.clip(127 - np.log2(np.abs(accs) + 1.0).astype(int) + RNG.integers(-3, 34, len(accs)), 1, 254)
    check(accs, (exponents << 23) | RNG.integers(0, 1 << 23, len(accs)), 7, dtype)


def test_requantize_given_extremes_is_the_processors():
    accs = [0, 1, -1, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 2, 2**24 + 3, 2**31 - 1, -(2**31)]
    bits = [1, 2, 0x7FFFFF, 0x800000, 0x800001, LARGEST_MULTIPLIER, *bits_of([0.5, 1.0, 2.0**-31, 2.0**-24, 2.0**31])]
    check(*zip(*itertools.product(accs, bits), strict=True))


def test_requantize_given_ties_takes_the_even_integer():
    halves = np.arange(-4001, 4001, 2)
    check(halves, np.full(len(halves), bits_of([0.5])[0]))
    assert [requantize(acc, int(bits_of([0.5])[0]), 0, DType.I8) for acc in (-3, -1, 1, 3, 5)] == [-2, 0, 0, 2, 2]


def test_requantize_given_ties_of_the_accumulator_and_of_the_product_is_the_processors():
    accs = np.concatenate([(2**24 + RNG.integers(0, 2**24, 4000)) << s | 1 << (s - 1) for s in range(1, 7)])
    check(accs, RNG.choice(bits_of([1.0, 0.5, 2.0**-9, 3.0 * 2.0**-11, 2.0**-7]), len(accs)))
    # 2^12 + 1 squared is 2^24 + 2^13 + 1: one bit too long, and the bit is 1.
    check([4097, -4097, 4099, 4101], bits_of([4097, 4097, 4099, 4103]) - (20 << 23))


def test_requantize_rounds_the_product_before_the_integer():
    """16777217 / 2^25 is just above a half, as a single it is a half, and of 0 and 1 the even one is 0."""
    multiplier = int(bits_of([2.0**-25])[0])
    assert requantize(16_777_217, multiplier, 0, DType.I8) == 0
    assert requantize(16_777_219, multiplier, 0, DType.I8) == 1


@pytest.mark.parametrize("bits", [0, -1, -(2**31), 0x7F80_0000, 0x7FC0_0000])
def test_requantize_given_a_multiplier_not_finite_and_above_zero_refuses(bits):
    with pytest.raises(ModelError, match="not the bits"):
        requantize(1, bits, 0, DType.I8)


@given(st.integers(0, 2**60), st.integers(0, 70))
def test_shift_to_even_is_the_nearest_and_of_two_the_even(value, bits):
    whole = shift_to_even(value, bits)
    distance = abs((whole << bits) - value)
    assert 2 * distance < 1 << bits or (2 * distance == 1 << bits and whole % 2 == 0) or bits == 0


@given(st.integers(0, 2**70))
def test_to_significand_has_at_most_24_bits_and_is_the_processors(value):
    m, e = to_significand(value)
    # the carry of rounding up may reach 2^24, which one bit holds
    assert m <= 2**24
    assert float(np.float32(value)) == m * 2.0**e
