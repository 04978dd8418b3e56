"""Amounts, sizes and times: exact both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError
from tallystick.units import format_amount, format_size, parse_amount, parse_seconds, parse_size, share_of

UINT256 = 2**256 - 1


@pytest.mark.parametrize(
    ("text", "decimals", "amount"),
    [
        ("12.5", 6, 12_500_000),
        ("0", 18, 0),
        ("0.000001", 6, 1),
        (" 1_000 ", 0, 1000),
        ("1e3", 2, 100_000),
        ("340282366920938463463.374607431768211455", 18, 2**128 - 1),
        (str(UINT256), 0, UINT256),
        ("0.10", 1, 1),
    ],
)
def test_parse_amount_given_a_number_is_exact(text, decimals, amount):
    assert parse_amount(text, decimals) == amount


@pytest.mark.parametrize(
    "text", ["", "abc", "1,5", "-1", "-0.1", "NaN", "inf", "1e999999999", "9" * 200, "1e-999999999"]
)
def test_parse_amount_given_no_amount_is_refused(text):
    with pytest.raises(InputError):
        parse_amount(text, 18)


def test_parse_amount_given_finer_than_the_token_says_so():
    with pytest.raises(InputError, match="more than 6 decimals"):
        parse_amount("0.0000001", 6)


@pytest.mark.parametrize(
    ("amount", "decimals", "symbol", "shown"),
    [
        (12_500_000, 6, "tUSD", "12.5 tUSD"),
        (0, 18, "", "0"),
        (1, 18, "", "0.000000000000000001"),
        (1_234_567, 0, "X", "1,234,567 X"),
        (100, 2, "", "1"),
        (2**128 - 1, 18, "", "340,282,366,920,938,463,463.374607431768211455"),
    ],
)
def test_format_amount_is_exact_without_trailing_zeros(amount, decimals, symbol, shown):
    assert format_amount(amount, decimals, symbol) == shown


@given(st.integers(min_value=0, max_value=UINT256), st.integers(min_value=0, max_value=36))
def test_parse_amount_undoes_format_amount(amount, decimals):
    assert parse_amount(format_amount(amount, decimals).replace(",", ""), decimals) == amount


@pytest.mark.parametrize(
    ("text", "size"),
    [("16GiB", 16 * 2**30), ("1.5 KiB", 1536), ("1kb", 1000), ("7B", 7), ("2 TB", 2 * 10**12), (" 3mib ", 3 * 2**20)],
)
def test_parse_size_given_a_unit_counts_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "16", "GiB", "-1GiB", "1 GiBs", "1e3B", "1.GiB"])
def test_parse_size_given_anything_else_is_refused(text):
    with pytest.raises(InputError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (16 * 2**30, "16 GiB"), (2**50, "1024 TiB")],
)
def test_format_size_uses_the_largest_unit_that_fits(size, shown):
    assert format_size(size) == shown


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("2 h", 7200), ("1d", 86400), (" 42 ", 42)])
def test_parse_seconds_given_a_duration_counts_seconds(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "1w", "-1", "1.5h", "²", "m", "1 h 2 m"])
def test_parse_seconds_given_anything_else_is_refused(text):
    with pytest.raises(InputError, match="is not a duration"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("amount", "bps", "share"), [(10_000, 1, 1), (9_999, 1, 0), (7, 5_000, 3), (2**128, 10_000, 2**128)]
)
def test_share_of_rounds_down(amount, bps, share):
    assert share_of(amount, bps) == share
