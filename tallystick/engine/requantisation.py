"""`requantize` from bits alone: what IEEE 754 says of one single-precision product, in integers, as a contract computes it.

A finite positive single is `m * 2^e` with `m < 2^24`. Three roundings, all to nearest and ties to even: the accumulator to
24 bits, the product of the two to 24 bits, that product to an integer. Products below 2^-126 have fewer than 24 bits in IEEE 754;
nothing is done about it here, because whatever they are rounded to, the integer is 0.
"""

from __future__ import annotations

from tallystick.engine.opcodes import DType
from tallystick.errors import ModelError

SIGNIFICAND_BITS = 24
LARGEST_MULTIPLIER = 0x7F7F_FFFF
"""The bits of the largest finite single. Those of a legal multiplier are 1..LARGEST_MULTIPLIER."""

_FAR = 64
"""An integer shifted left by this much is beyond every dtype, and the exponents of products of singles are not all small."""


def saturate(value: int, dtype: DType) -> int:
    return min(max(value, dtype.low), dtype.high)


def shift_to_even(value: int, bits: int) -> int:
    """`value / 2^bits` to the nearest integer, of two equally near the even one. `value` and `bits` are at least 0."""
    if bits == 0:
        return value
    whole, rest, half = value >> bits, value & ((1 << bits) - 1), 1 << (bits - 1)
    return whole + int(rest > half or (rest == half and whole & 1 == 1))


def to_significand(value: int) -> tuple[int, int]:
    """`(m, e)` where `m * 2^e` is the number of at most 24 significant bits that is nearest to `value >= 0`."""
    excess = max(value.bit_length() - SIGNIFICAND_BITS, 0)
    return shift_to_even(value, excess), excess


def multiplier_parts(bits: int) -> tuple[int, int]:
    """`(m, e)` of the single with these bits. Raises ModelError where it is not finite and above zero."""
    if not 1 <= bits <= LARGEST_MULTIPLIER:
        raise ModelError(f"{bits} are not the bits of a finite single-precision number above zero.")
    exponent, fraction = bits >> 23, bits & 0x7F_FFFF
    return (fraction, -149) if exponent == 0 else (fraction | 0x80_0000, exponent - 150)


def rounded_product(acc: int, bits: int) -> int:
    """`rne(f32(acc) * M)`, exact up to 2^64 and above that some integer as large: only its saturation is of use."""
    a, a_exponent = to_significand(abs(acc))
    m, m_exponent = multiplier_parts(bits)
    product, excess = to_significand(a * m)
    exponent = a_exponent + m_exponent + excess
    size = product << min(exponent, _FAR) if exponent >= 0 else shift_to_even(product, -exponent)
    return -size if acc < 0 else size


def requantize(acc: int, multiplier_bits: int, zero: int, dtype: DType) -> int:
    """`sat_T(rne(f32(acc) * M) + zero)`.

    Args:
        acc: Any integer; programs have -2^31..2^31.
        multiplier_bits: Of M, a finite single above zero.
        zero: Added after rounding.

    Raises:
        ModelError: M is not finite and above zero.
    """
    return saturate(rounded_product(acc, multiplier_bits) + zero, dtype)
