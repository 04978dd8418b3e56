"""From text to requirements, with errors that point at the place."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from tallystick.errors import RequirementError
from tallystick.wire.requirements.clause import OPERATORS, Clause, Operator, Requirements
from tallystick.wire.requirements.keys import KEYS, Key
from tallystick.wire.requirements.kinds import Value

MAX_TEXT = 1000
"""Longest text, as in a job's manifest."""

_ELSEWHERE = {
    "price": "The price is part of the job's terms: set its lowest and highest price there.",
    "stake": "The stake is part of the job's terms: set the lock there.",
    "deadline": "Times are part of the job's terms: set each milestone's seconds there.",
}


def parse_requirements(text: str) -> Requirements:
    """The requirements that `text` states; none where it is empty.

    Raises:
        RequirementError: it does not parse; the error points at the place and says what to write there.
    """
    if len(text) > MAX_TEXT:
        raise RequirementError(
            f"The requirements are {len(text)} characters long.",
            text=f"{text[:60]}...",
            column=60,
            remedy=f"Write at most {MAX_TEXT}.",
        )
    # Every other white space counts as a space: the column stays right, and the error stays on one line.
    line = "".join(" " if letter.isspace() else letter for letter in text).rstrip()
    try:
        tree = _grammar().parse(line)
    except UnexpectedInput as error:
        raise _misplaced(error, line) from None
    terms = [cast("list[Token]", cast(Tree[Token], term).children) for term in tree.children]
    return Requirements(tuple(_clause(term, line) for term in terms))


@cache
def _grammar() -> Lark:
    # Contextual: what may be a key and what may be a value overlaps, and the place decides.
    return Lark((files(__package__) / "grammar.lark").read_text(), parser="lalr", lexer="contextual")


def _clause(parts: list[Token], line: str) -> Clause:
    name, operator, *values = parts
    key = _key(name, line)
    if not key.kind.ordered and operator not in ("=", "!="):
        raise RequirementError(
            f"{key.name} cannot be compared by {operator}.",
            text=line,
            column=_start(operator),
            remedy=f"Write = or !=, such as {key.example}.",
        )
    if len(values) > 1 and operator not in ("=", "!="):
        raise RequirementError(
            f"Alternatives do not go with {operator}.",
            text=line,
            column=_start(values[1]) - 1,
            remedy=f"Give one value, or write {key.name}={values[0]}|{values[1]} for either.",
        )
    parsed = dict.fromkeys(_value(key, value, line) for value in values)
    return Clause(key.name, cast(Operator, str(operator)), tuple(parsed))


def _key(name: Token, line: str) -> Key:
    spelled = name.lower()
    if spelled in KEYS:
        return KEYS[spelled]
    near = get_close_matches(spelled, KEYS, n=1, cutoff=0.5)
    remedy = _ELSEWHERE.get(spelled) or (f"Did you mean {near[0]}? " if near else "") + f"Known are {', '.join(KEYS)}."
    raise RequirementError(
        f"{str(name)!r} is nothing that can be required.", text=line, column=_start(name), remedy=remedy
    )


def _value(key: Key, value: Token, line: str) -> Value:
    try:
        return key.kind.parse(str(value))
    except ValueError as error:
        reason = f": {error}" if str(error) else ""
        raise RequirementError(
            f"{key.name} takes {key.kind.about}, not {str(value)!r}{reason}.",
            text=line,
            column=_start(value),
            remedy=f"For example {key.example}.",
        ) from None


def _misplaced(error: UnexpectedInput, line: str) -> RequirementError:
    """What stands where something else should, told by what the grammar expected there."""
    column, found, expected = len(line), "", set[str]()
    if isinstance(error, UnexpectedCharacters):
        column, found, expected = error.pos_in_stream or 0, line[error.pos_in_stream or 0], set(error.allowed or ())
    elif isinstance(error, UnexpectedToken) and error.token.type != "$END":
        column, found, expected = _start(error.token), str(error.token), set(error.expected)
    elif isinstance(error, UnexpectedToken):
        expected = set(error.expected)
    what, remedy = _lesson(found, expected, line[:column])
    return RequirementError(what, text=line, column=column, remedy=remedy)


def _lesson(found: str, expected: set[str], before: str) -> tuple[str, str]:
    word = before.rpartition(" ")[2]
    if "OPERATOR" in expected:
        return (
            f"{word!r} needs an operator and a value.",
            f"Write one of {' '.join(OPERATORS)} right behind it: {_example(word)}.",
        )
    if "VALUE" in expected:
        what = f"A value is missing behind {word!r}."
        if found and found in "<>=!":
            return what, f"The operators are {' '.join(OPERATORS)}."
        return what, f"Write it without a space before it: {_example(word)}."
    if "KEY" in expected:
        return f"A requirement begins with what is required, not with {found!r}.", f"Known are {', '.join(KEYS)}."
    return f"{found!r} cannot follow {word!r}.", "Put a space between requirements, and | between alternatives."


def _example(word: str) -> str:
    name = re.split("[<>=!]", word)[0].lower()
    return KEYS[name].example if name in KEYS else "gpu>=1"


def _start(token: Token) -> int:
    return token.start_pos or 0
