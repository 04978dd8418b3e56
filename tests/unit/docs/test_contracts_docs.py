"""docs/contracts/ says of each contract what its ABI, its layout and its source say: no more, no less."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from contract_words import (
    DEPLOYED,
    PAGES,
    WORD,
    constants,
    entries,
    guarded_numbers,
    invariant_numbers,
    known_words,
    layout,
    named,
    reasons,
    signatures,
    source_files,
)
from documents import ROOT, fences, links, shown, spans, table, without_fences

from scripts.deploy import ECONOMY, ENTRY_RULES
from tallystick.chain.abi import snake_case

README = PAGES / "README.md"
SECTIONS = ["Files", "State", "Functions", "Money", "Invariants", "Absent on purpose"]
MOST_LINES = 140
MOST_COLUMNS = 120
"""Of prose, without where its links lead. A table's row cannot be broken."""

NEVER_SEEN = {
    "EIP712DomainChanged": "declared by OpenZeppelin for contracts whose domain can change; ours cannot",
    "InvalidShortString": "of OpenZeppelin's short strings, for a name or version too long for a word; ours are constants",
    "StringTooLong": "the same",
    "SafeCastOverflowedUintDowncast": "of a delay inside AccessManager, past 136 years of clock",
    "Timelock.RoleAdminChanged": "declared by AccessControl; the timelock never changes which role grants which",
    "onERC721Received": "a token's handshake with the timelock, which the protocol sends no tokens to",
    "onERC1155Received": "the same",
    "onERC1155BatchReceived": "the same",
}
"""Inherited names that a page may leave out, and why."""

UNITS = {"": 1, "units": 1, "days": 24 * 3600}


def page(contract: str) -> Path:
    return PAGES / f"{contract}.md"


def pages() -> list[Path]:
    return sorted(PAGES.glob("*.md"))


def as_shown(line: str) -> str:
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line)


def left_out(contract: str, names: Iterable[str], written: set[str]) -> set[str]:
    missing = set(names) - written
    return {name for name in missing if name not in NEVER_SEEN and f"{contract}.{name}" not in NEVER_SEEN}


def span_words(path: Path) -> set[str]:
    """Every word in inline code, except in paths, commands' names included."""
    kept = (span for span in spans(path.read_text()) if not (ROOT / span).exists())
    return {word for span in kept for word in WORD.findall(span)}


def block_words(path: Path) -> set[str]:
    """Words in fenced or indented code that can only be names: `jobIdOf`, `BURN_ADDRESS`. English ones are not."""
    text = path.read_text()
    indented = re.findall(r"^ {4}(?! *\|)(.*)$", without_fences(text), re.MULTILINE)
    return {
        word
        for line in [*fences(text), *indented]
        for word in WORD.findall(line)
        if re.search(r"[a-z][A-Z]|_", word) and word not in DEPLOYED
    }


def first_cells(path: Path, heading: str) -> list[str]:
    """The code in the first column of a table."""
    return [cell for row in table(path, heading) for cell in spans(row[heading])]


def test_pages_are_those_of_the_deployed_contracts() -> None:
    assert [path.stem for path in pages()] == sorted(["README", *DEPLOYED])


@pytest.mark.parametrize("contract", DEPLOYED)
def test_page_has_the_sections_in_order(contract: str) -> None:
    found = re.findall(r"^## (.+)$", page(contract).read_text(), re.MULTILINE)

    assert [heading for heading in found if heading in SECTIONS] == SECTIONS


@pytest.mark.parametrize("path", pages(), ids=shown)
def test_page_stays_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    prose = (line for line in lines if not line.startswith("|"))
    too_wide = [line for line in prose if len(as_shown(line)) > MOST_COLUMNS]

    assert (too_wide, len(lines) <= MOST_LINES) == ([], True)


@pytest.mark.parametrize("contract", DEPLOYED)
def test_functions_table_shows_only_functions_of_the_contract(contract: str) -> None:
    assert set(first_cells(page(contract), "function")) - signatures(contract) == set()


@pytest.mark.parametrize("contract", DEPLOYED)
def test_functions_table_shows_every_function(contract: str) -> None:
    shown_names = {cell.partition("(")[0] for cell in first_cells(page(contract), "function")}

    assert left_out(contract, named(contract, "function"), shown_names) == set()


@pytest.mark.parametrize("contract", DEPLOYED)
def test_functions_table_shows_no_function_twice(contract: str) -> None:
    cells = first_cells(page(contract), "function")

    assert len(cells) == len(set(cells))


@pytest.mark.parametrize("contract", DEPLOYED)
def test_views_are_called_so(contract: str) -> None:
    mutability = {entry.get("name"): entry.get("stateMutability") for entry in entries(contract)}
    said = {
        cell.partition("(")[0]: row["who may call"].startswith("view")
        for row in table(page(contract), "function")
        for cell in spans(row["function"])
    }

    assert said == {name: mutability[name] in ("view", "pure") for name in said}


@pytest.mark.parametrize("contract", DEPLOYED)
def test_page_names_every_event(contract: str) -> None:
    in_table = {word for row in table(page(contract), "function") for word in WORD.findall(row["events"])}

    assert left_out(contract, named(contract, "event"), in_table) == set()


@pytest.mark.parametrize("contract", DEPLOYED)
def test_page_names_every_error(contract: str) -> None:
    assert left_out(contract, named(contract, "error"), span_words(page(contract))) == set()


@pytest.mark.parametrize("contract", DEPLOYED)
def test_state_table_is_the_layout(contract: str) -> None:
    expected = layout(contract)
    rows = table(page(contract), "variable") if expected else []

    assert {(row["variable"].strip("`"), row["place"], row["type"].strip("`")) for row in rows} == expected


@pytest.mark.parametrize("path", pages(), ids=shown)
def test_page_names_nothing_that_is_not_there(path: Path) -> None:
    assert (span_words(path) | block_words(path)) - known_words() - _named_elsewhere() == set()


@pytest.mark.parametrize("path", pages(), ids=shown)
def test_calls_on_a_named_contract_are_functions_of_it(path: Path) -> None:
    calls = re.findall(rf"\b({'|'.join(DEPLOYED)})\.([a-z]\w*)", path.read_text())
    wrong = [(contract, name) for contract, name in calls if name not in {"md", "sol", *named(contract, "function")}]

    assert wrong == []


def test_never_seen_names_are_in_some_abi() -> None:
    kinds = ("function", "event", "error")
    there = {name for contract in DEPLOYED for kind in kinds for name in named(contract, kind)}

    assert {name.rpartition(".")[2] for name in NEVER_SEEN} - there == set()


def test_files_tables_have_every_source_file() -> None:
    linked = {
        (PAGES / link).resolve()
        for contract in DEPLOYED
        for row in table(page(contract), "file")
        for link in links(row["file"])
    }
    not_deployed = {
        (PAGES / link).resolve()
        for row in table(README, "file of the judge")
        for link in links(row["file of the judge"])
    }

    assert linked | not_deployed == set(source_files())
    assert linked & not_deployed == set()


@pytest.mark.parametrize("contract", DEPLOYED)
def test_invariants_of_a_page_exist(contract: str) -> None:
    assert _numbers(contract) - invariant_numbers() == set()


@pytest.mark.parametrize("contract", DEPLOYED)
def test_invariants_beside_its_guards_are_on_the_page(contract: str) -> None:
    files = [(PAGES / link).resolve() for row in table(page(contract), "file") for link in links(row["file"])]
    guarded = {number for path in files for number in guarded_numbers(path)}

    assert guarded - _numbers(contract) == set()


def test_every_invariant_is_on_some_page() -> None:
    assert invariant_numbers() - {number for contract in DEPLOYED for number in _numbers(contract)} == set()


def test_parameters_table_has_every_parameter_with_its_default() -> None:
    defaults = {
        row["parameter"].strip("`"): _number(row["default"]) for row in table(page("ProtocolParameters"), "parameter")
    }
    deployed = {**ECONOMY.model_dump(), **ENTRY_RULES.model_dump()}

    assert {snake_case(name): default for name, default in defaults.items()} == deployed


def test_bounds_table_has_every_constant_with_its_value() -> None:
    rows = table(page("ProtocolParameters"), "bound")

    assert {row["bound"].strip("`"): row["value"] for row in rows} == constants("ProtocolParameters")


def test_reasons_table_has_every_reason_of_bad_terms() -> None:
    assert sorted(first_cells(page("ProtocolParameters"), "reasons")) == sorted(reasons())


def test_readme_has_a_row_for_each_contract_and_says_which_are_governed() -> None:
    governed = {links(row["contract"])[0]: row["governed"] for row in table(README, "contract")}
    asking = {name for name in DEPLOYED if "authority" in named(name, "function")}

    assert {link: word == "yes" for link, word in governed.items()} == {
        f"{name}.md": name in asking for name in DEPLOYED
    }


def _numbers(contract: str) -> set[int]:
    return {int(row["#"]) for row in table(page(contract), "#")}


def _number(text: str) -> int:
    """`5,000`, `10^18 units`, `7 days`."""
    figure, _, unit = text.partition(" ")
    base, _, power = figure.replace(",", "").partition("^")
    return int(pow(int(base), int(power or 1))) * UNITS[unit]


def _named_elsewhere() -> set[str]:
    """Not of the contracts: files and targets of the checkout that the pages point at."""
    return {"scripts", "deploy", "make", "check"}
