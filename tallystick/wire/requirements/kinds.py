"""The kinds of values that requirements compare: how each is read, written, compared and brought nearer.

A found value is what a machine has, a wanted one what a text asks for; both have the same form within a kind.
"""

from __future__ import annotations

import re
from typing import Protocol, cast

from tallystick.errors import InputError
from tallystick.units import format_size, parse_size

Value = int | tuple[int, ...] | str

_SIZE_UNITS = {
    "TiB": 2**40,
    "TB": 10**12,
    "GiB": 2**30,
    "GB": 10**9,
    "MiB": 2**20,
    "MB": 10**6,
    "KiB": 2**10,
    "KB": 10**3,
    "B": 1,
}
_LARGEST = 1 << 63
_PATTERN_LENGTH = 64


class Kind(Protocol):
    """One kind of value.

    Attributes:
        ordered: Whether `>=`, `<=`, `>` and `<` make sense.
        about: What such a value is, to complete "takes ...".
    """

    ordered: bool
    about: str

    def parse(self, text: str) -> Value:
        """Raises ValueError, with what is wrong where `about` does not say it already."""
        ...

    def spell(self, value: Value) -> str:
        """The canonical text: `parse` gives the value back."""
        ...

    def show(self, value: Value) -> str:
        """A found value for people."""
        ...

    def order(self, found: Value, wanted: Value, /) -> int:
        """Negative, zero or positive as `found` is below, equal to or above `wanted`; of words, zero is a match."""
        ...

    def as_wanted(self, found: Value, wanted: Value, /) -> Value:
        """What to want in place of `wanted`, written alike, so that `found` is equal to it."""
        ...

    def measure(self, value: Value, /) -> float:
        """Something to tell far from near by; words have none and give 0."""
        ...


class Count:
    """A whole number."""

    ordered = True
    about = "a whole number"

    def parse(self, text: str) -> Value:
        if not re.fullmatch("[0-9]{1,9}", text):
            raise ValueError
        return int(text)

    def spell(self, value: Value) -> str:
        return str(value)

    def show(self, value: Value) -> str:
        return str(value)

    def order(self, found: Value, wanted: Value) -> int:
        return cast(int, found) - cast(int, wanted)

    def as_wanted(self, found: Value, _wanted: Value) -> Value:
        return found

    def measure(self, value: Value) -> float:
        return float(cast(int, value))


class Size(Count):
    """A number of bytes, written with a unit."""

    about = "a size such as 16GiB"

    def parse(self, text: str) -> Value:
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            raise ValueError(f"{text} has no unit: write {text}GiB")
        if not text.isascii() or len(text) > 40:
            raise ValueError
        try:
            value = parse_size(text)
        except InputError:
            raise ValueError from None
        if value >= _LARGEST:
            raise ValueError(f"{text} is more than any machine has")
        return value

    def spell(self, value: Value) -> str:
        """Exact, in the unit that makes the number smallest; of 1,000 or of 1,024 as it was most likely meant."""
        exact = [(cast(int, value) // size, unit) for unit, size in _SIZE_UNITS.items() if not cast(int, value) % size]
        number, unit = min(exact, key=lambda spelled: spelled[0]) if value else (0, "B")
        return f"{number}{unit}"

    def show(self, value: Value) -> str:
        return format_size(cast(int, value))


class Version:
    """Dotted numbers, compared in as many parts as are written: 23.0.5 is equal to 23, and above 22."""

    ordered = True

    def __init__(self, about: str, most_parts: int) -> None:
        self.about = about
        self._most_parts = most_parts

    def parse(self, text: str) -> Value:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})*", text) or text.count(".") >= self._most_parts:
            raise ValueError
        return tuple(int(part) for part in text.split("."))

    def spell(self, value: Value) -> str:
        return ".".join(str(part) for part in cast(tuple[int, ...], value))

    def show(self, value: Value) -> str:
        return self.spell(value)

    def order(self, found: Value, wanted: Value) -> int:
        like, asked = cast(tuple[int, ...], self.as_wanted(found, wanted)), cast(tuple[int, ...], wanted)
        return (like > asked) - (like < asked)

    def as_wanted(self, found: Value, wanted: Value) -> Value:
        parts = len(cast(tuple[int, ...], wanted))
        return (cast(tuple[int, ...], found) + (0,) * parts)[:parts]

    def measure(self, value: Value) -> float:
        return sum(part / 1000.0**place for place, part in enumerate(cast(tuple[int, ...], value)))


class Word:
    """Words joined by dashes, from wide to narrow: `eu-west` is in `eu`."""

    ordered = False
    about = "a word such as eu or eu-west"

    def parse(self, text: str) -> Value:
        if len(text) > 40 or not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", text.lower()):
            raise ValueError
        return text.lower()

    def spell(self, value: Value) -> str:
        return cast(str, value)

    def show(self, value: Value) -> str:
        return cast(str, value)

    def order(self, found: Value, wanted: Value) -> int:
        return 0 if f"{found}-".startswith(f"{wanted}-") else 1

    def as_wanted(self, found: Value, _wanted: Value) -> Value:
        return found

    def measure(self, _value: Value) -> float:
        return 0.0


class Pattern(Word):
    """Whole words anywhere in a name, `*` standing for any text: `H100` and `a100*80gb` match what drivers say."""

    about = "a model's name or a part of it such as H100, A100* or RTX-4090"

    def parse(self, text: str) -> Value:
        if len(text) > _PATTERN_LENGTH or not re.fullmatch(
            r"[a-z0-9._*+/()-]*[a-z0-9*][a-z0-9._*+/()-]*", text.lower()
        ):
            raise ValueError
        return re.sub(r"\*+", "*", text.lower())

    def order(self, found: Value, wanted: Value) -> int:
        # Piece by piece from the left, which finds a match wherever there is one and cannot be made slow.
        name = f"-{dashed(cast(str, found))}-"
        place = 0
        for piece in f"-{dashed(cast(str, wanted))}-".split("*"):
            place = name.find(piece, place)
            if place < 0:
                return 1
            place += len(piece)
        return 0

    def as_wanted(self, found: Value, _wanted: Value) -> Value:
        pattern = re.sub(r"[^a-z0-9._+()-]+", "*", dashed(cast(str, found)))
        if len(pattern) > _PATTERN_LENGTH:
            pattern = f"{pattern[: _PATTERN_LENGTH - 1]}*".replace("**", "*")
        return pattern if re.search("[a-z0-9]", pattern) else "*"


def dashed(name: str) -> str:
    """A model's name in lower case with dashes for what separates its words."""
    return re.sub(r"[\s_/-]+", "-", name.lower()).strip("-")
