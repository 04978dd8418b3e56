"""The threat model names a test for every attack, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from documents import ROOT, spans, table

DOCUMENT = ROOT / "docs" / "threat-model.md"
ATTACKS = """
wrong output only
one wrong element deep in each family
off by one at ties and negative accumulators
other weights
rounding-cell forgery
shape confusion
padding malleability
inner node as leaf
operator reading forward
other input
creator lies about the input root
withheld trace
unopenable root
partial or wrong answer
answer one block late and exactly in time
demand in the last second
flood of 1,000 demands
executor floods itself
same demand twice
many challengers at once
copied transaction
slashing oneself through a second identity
denial of an agreed input
proof-time race
resolve early, twice, after resolution
reentrant and reverting receivers
garbage first claim
unprovable program (division by zero, index out of range, huge K)
step above the block's gas
accumulator overflow at its bound
witness replayed on another claim or chain
under-bonded claim at a fee spike
challenger censored for part of its time
reorg at every stage
artifacts gone from storage
10,000 random witnesses against honest claims
""".strip().splitlines()
PROPERTIES = """
an honest claim survives any call sequence
any single changed element is slashable in one transaction
finality never exceeds the bound for any number of Sybils
tokens are conserved
Python and Solidity agree on 100,000 random elements per family
""".strip().splitlines()
ROWS = table(DOCUMENT, "attack") + table(DOCUMENT, "property")


def named(cell: str) -> list[str]:
    return [span for span in spans(cell) if "::" in span]


@cache
def functions_in(path: Path) -> frozenset[str]:
    """Functions that a runner collects: of Python by their syntax, of Solidity by how they are declared."""
    text = path.read_text() if path.is_file() else ""
    if path.suffix == ".sol":
        return frozenset(re.findall(r"function ((?:test|invariant)\w*)\(", text))
    functions = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    return name in functions_in(ROOT / path)


def test_attacks_when_listed_have_a_row_each_in_their_order() -> None:
    assert [row["attack"] for row in table(DOCUMENT, "attack")] == ATTACKS
    assert [row["property"] for row in table(DOCUMENT, "property")] == PROPERTIES


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.get("attack") or row["property"])
def test_row_names_tests_that_exist(row: dict[str, str]) -> None:
    tests = named(row["tests"])
    assert tests, "no test is named"
    assert [test for test in tests if not is_there(test)] == []
    assert re.sub(r"`[^`]+`|<br>", "", row["tests"]).strip() == ""


def test_rows_of_attacks_have_an_outcome() -> None:
    assert all(row["outcome"] for row in table(DOCUMENT, "attack"))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("tests/unit/docs/test_threat_model.py::test_rows_of_attacks_have_an_outcome", True),
        ("tests/unit/docs/test_threat_model.py::test_that_nobody_wrote", False),
        ("tests/unit/docs/test_threat_model.py::is_there", False),
        ("tests/nowhere.py::test_rows_of_attacks_have_an_outcome", False),
        ("tests/forge/MarketTest.sol::invariant_market", True),
        ("tests/forge/MarketTest.sol::invariant", False),
    ],
)
def test_is_there_given_a_test_knows_whether_it_is(test: str, expected: bool) -> None:
    assert is_there(test) is expected
