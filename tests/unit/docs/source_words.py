"""Names that the code hands out as text: codes, errors, log events. Read from its syntax, not from a run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from documents import ROOT


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def first_words(packages: tuple[str, ...], *callees: str) -> list[str]:
    """The first argument, where it is a text, of every call of functions or methods of these names."""
    return [
        call.args[0].value
        for call in _calls(packages, callees)
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    ]


def keyword_words(packages: tuple[str, ...], callee: str, keyword: str) -> set[str]:
    """Every text that such a call may give for a keyword, one of two alternatives included."""
    values = [word.value for call in _calls(packages, (callee,)) for word in call.keywords if word.arg == keyword]
    return {
        part.value
        for value in values
        for part in _alternatives(value)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def keyword_pairs(packages: tuple[str, ...], callee: str, first: str, second: str) -> dict[str, int]:
    """The number that such a call gives for one keyword, by the text that it gives for another."""
    given = [{word.arg: word.value for word in call.keywords} for call in _calls(packages, (callee,))]
    pairs = [(words.get(first), words.get(second)) for words in given]
    return {
        str(one.value): int(str(other.value))
        for one, other in pairs
        if isinstance(one, ast.Constant) and isinstance(other, ast.Constant)
    }


def words_in(function_source: str, *callees: str) -> list[str]:
    """As `first_words`, in the source of one function and in its order."""
    pattern = rf"\b(?:{'|'.join(callees)})\(\s*\"([a-z_]+)\""
    return re.findall(pattern, function_source)


def _alternatives(value: ast.expr) -> tuple[ast.expr, ...]:
    return (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)


def _calls(packages: tuple[str, ...], callees: tuple[str, ...]) -> Iterator[ast.Call]:
    for path in sources(*packages):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) in callees:
                yield node


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
