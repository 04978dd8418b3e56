"""Amounts, sizes and times: one spelling in, one spelling out."""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation

from tallystick.errors import InputError

BPS = 10_000
"""Basis points in a whole."""

MAX_DIGITS = 100
"""Of an amount: more than 256 bits hold, and few enough that no text can make the arithmetic slow."""

# The default context rounds to 28 digits, and a uint96 has 29.
_EXACT = Context(prec=4 * MAX_DIGITS)

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)", re.IGNORECASE)
_FACTORS = {
    "b": 1,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}
_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_amount(text: str, decimals: int) -> int:
    """`"12.5"` tokens in the token's smallest unit.

    Raises:
        InputError: not a number, negative, too large, or finer than the token's smallest unit.
    """
    try:
        value = Decimal(text.strip().replace("_", ""))
    except InvalidOperation:
        raise InputError(f"{text!r} is not an amount.", remedy="Write a number such as 12.5.") from None
    if not value.is_finite() or value < 0:
        raise InputError(f"{text!r} is not an amount.", remedy="Write a number of zero or more.")
    if (value and not -MAX_DIGITS < value.adjusted() < MAX_DIGITS) or len(value.as_tuple().digits) > MAX_DIGITS:
        raise InputError(f"{text[:40]!r} is not an amount that any token could have.")
    scaled = value.scaleb(decimals, context=_EXACT)
    if scaled != scaled.to_integral_value():
        raise InputError(f"{text} has more than {decimals} decimals.", remedy="Round it to the token's smallest unit.")
    return int(scaled)


def format_amount(amount: int, decimals: int, symbol: str = "") -> str:
    """The exact amount without trailing zeros, for example `12.5 tUSD`."""
    shown = f"{Decimal(amount).scaleb(-decimals, context=_EXACT):,f}"
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return f"{shown} {symbol}".rstrip()


def parse_size(text: str) -> int:
    """`"16GiB"` in bytes; units of 1,024 (KiB ...) and of 1,000 (KB ...). Raises InputError."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise InputError(f"{text!r} is not a size.", remedy="Write a number and a unit, such as 16GiB.")
    return int(Decimal(match[1]) * _FACTORS[match[2].lower()])


def format_size(size_bytes: int) -> str:
    """The largest binary unit that leaves at least 1, with one decimal where it is not whole."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        factor = _FACTORS[unit.lower()]
        if size_bytes >= factor:
            value = size_bytes / factor
            return f"{value:.0f} {unit}" if value == int(value) else f"{value:.1f} {unit}"
    return f"{size_bytes} B"


def parse_seconds(text: str) -> int:
    """`"90s"`, `"15m"`, `"2h"`, `"1d"` or plain seconds. Raises InputError."""
    stripped = text.strip()
    if stripped.isdecimal():
        return int(stripped)
    match = _DURATION.fullmatch(stripped)
    if not match:
        raise InputError(f"{text!r} is not a duration.", remedy="Write a number and s, m, h or d, such as 15m.")
    return int(match[1]) * _SECONDS[match[2]]


def share_of(amount: int, bps: int) -> int:
    """`amount * bps / 10,000`, rounded down as the contracts do."""
    return amount * bps // BPS
