from __future__ import annotations

import re

import pytest
from documents import OPERATING, Row, fences, spans, table

from tallystick.errors import RequirementError
from tallystick.wire.capability import Capability
from tallystick.wire.requirements import KEYS, parse_requirements, unmet
from tallystick.wire.requirements.clause import OPERATORS
from tallystick.wire.requirements.parsing import MAX_TEXT

DOCUMENT = OPERATING / "requirements.md"
TEXT = DOCUMENT.read_text()
UNORDERED = {"=", "!="}
ASKED = re.compile(r'\$ tallystick job quote --requirements "([^"]*)"\n(.*)', re.DOTALL)
ERRORS = [found for body in fences(TEXT) if (found := ASKED.fullmatch(body))]


def key_rows() -> dict[str, Row]:
    return {row["key"].strip("`"): row for row in table(DOCUMENT, "key")}


def code(cell: str) -> str:
    return cell.strip("`").replace("\\|", "|")


def machine() -> Capability:
    [described] = fences(TEXT, "json")
    return Capability.model_validate_json(described)


def test_keys_table_has_every_key_and_no_other() -> None:
    assert list(key_rows()) == list(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_keys_table_gives_an_example_of_the_key_that_parses(key: str) -> None:
    [clause] = parse_requirements(code(key_rows()[key]["for example"])).clauses

    assert clause.key == key


@pytest.mark.parametrize("key", KEYS)
def test_keys_table_gives_the_operators_that_the_key_takes(key: str) -> None:
    said = key_rows()[key]["operators"]
    named = set(OPERATORS) if said == "all" else set(re.findall("`([^`]+)`", said))

    assert named == (set(OPERATORS) if KEYS[key].kind.ordered else UNORDERED)


def test_grammar_names_every_operator() -> None:
    [grammar] = [body for body in fences(TEXT) if body.startswith("requirements =")]

    assert set(re.findall('"([<>=!]+)"', grammar)) == set(OPERATORS)


def test_document_gives_the_longest_text() -> None:
    assert f"at most {MAX_TEXT:,} characters" in TEXT


def test_document_names_only_units_that_parse() -> None:
    units = [span for span in spans(TEXT) if re.fullmatch("[KMGT]?i?B", span)]

    assert len(units) == 9
    assert [len(parse_requirements(f"mem>=1{unit}").clauses) for unit in units] == [1] * 9


@pytest.mark.parametrize("row", table(DOCUMENT, "requirement"), ids=lambda row: code(row["requirement"]))
def test_machine_meets_what_the_document_says_it_meets(row: Row) -> None:
    found = unmet(parse_requirements(code(row["requirement"])), machine())

    assert (not found, "; ".join(one.found for one in found)) == (row["met"] == "yes", row["found instead"])


@pytest.mark.parametrize("shown", ERRORS, ids=lambda found: found[1])
def test_shown_error_is_the_one_that_the_text_gets(shown: re.Match[str]) -> None:
    with pytest.raises(RequirementError) as raised:
        parse_requirements(shown[1])

    assert shown[2] == f"Error: {raised.value.what}\n{raised.value.remedy.strip()}\n"


def test_document_shows_errors_with_their_place() -> None:
    assert len(ERRORS) >= 3
