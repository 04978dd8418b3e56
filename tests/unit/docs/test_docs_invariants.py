"""INVARIANTS.md, the numbers in the contracts, and the tests that hold them, held to one another."""

from __future__ import annotations

import re

import pytest
from contract_words import INVARIANTS
from documents import ROOT

FORGE = ROOT / "tests" / "forge"
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \| (yes|) ?\|$", INVARIANTS.read_text(), re.MULTILINE)
NUMBERS = {int(row[0]) for row in ROWS}


def claimed_numbers() -> set[int]:
    """Those that a claim in the campaign begins with, or a comment of its model names."""
    text = "\n".join(path.read_text() for path in FORGE.rglob("*.sol"))
    claims = re.findall(r'"((?:\d\d )*\d\d): ', text)
    return {int(number) for claim in claims for number in claim.split()} | numbers_named_in(text)


def numbers_named_in(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"INVARIANT (\d+)", text)}


def test_invariants_when_listed_have_no_gap() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))


def test_invariants_when_named_beside_a_guard_are_listed() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "contracts").rglob("*.sol"))
    assert numbers_named_in(sources) <= NUMBERS


def test_campaign_when_all_its_claims_are_read_claims_every_invariant() -> None:
    assert claimed_numbers() == NUMBERS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_campaign_when_an_invariant_names_a_place_has_it(row: tuple[str, ...]) -> None:
    for place in re.findall(r"`([\w.]+)`", row[3]):
        contract, _, function = place.partition(".")
        sources = [path.read_text() for path in FORGE.rglob(f"{contract}.sol")]
        assert len(sources) == 1, place
        assert not function or f"function {function}(" in sources[0], place


def test_walk_when_an_invariant_says_yes_has_a_test() -> None:
    tests = (INVARIANTS.parent / "test_invariants.py").read_text()
    names = " ".join(re.findall(r"def test_(invariants?_\w+)", tests))
    walked = {int(number) for number in re.findall(r"(?<=_)\d+(?=_)", names)}
    assert walked == {int(row[0]) for row in ROWS if row[4] == "yes"}


def test_invariants_when_taken_together_make_up_the_seven_rules() -> None:
    _, _, rules = INVARIANTS.read_text().partition("## What must never happen")
    cells = re.findall(r"^\| .+ \| ([\d, ]+) \|$", rules, re.MULTILINE)
    assert len(cells) == 7
    assert {int(number) for cell in cells for number in cell.split(", ")} == NUMBERS
