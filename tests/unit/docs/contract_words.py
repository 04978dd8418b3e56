"""Names of the contracts, as their ABIs, their layouts and their sources have them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from documents import ROOT

from tallystick.chain.abi import CONTRACTS

SOURCES = ROOT / "contracts"
PAGES = ROOT / "docs" / "contracts"
INVARIANTS = ROOT / "tests" / "contracts" / "invariant" / "INVARIANTS.md"

NOT_DEPLOYED_BY_US = {"EzklVerifier", "StepChecker", "MockToken"}
"""EZKL's own code, the seam of the step checkers, and a token for local chains."""
DEPLOYED = sorted(set(CONTRACTS) - NOT_DEPLOYED_BY_US)

WORD = re.compile(r"[A-Za-z_$][\w$]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PLACE = re.compile(r"slot (\d+), offset (\d+), bytes \d+: (.*) (\w+)")
_CONSTANT = re.compile(r"constant ([A-Z_]+) = ([^;]+);")
_REASON = re.compile(r"""(?:_refuse|JobEscrow_BadTerms)\("([^"]+)"\)""")


@cache
def entries(contract: str) -> list[dict[str, Any]]:
    """One contract's ABI."""
    path = ROOT / "tallystick" / "chain" / "abi" / f"{contract}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())
    return found


def named(contract: str, kind: str) -> set[str]:
    """Names of its functions, events or errors."""
    return {entry["name"] for entry in entries(contract) if entry["type"] == kind}


def signatures(contract: str) -> set[str]:
    """Its functions as a page shows them: `accept(terms, operator)`."""
    functions = (entry for entry in entries(contract) if entry["type"] == "function")
    return {f"{one['name']}({', '.join(given['name'] for given in one['inputs'])})" for one in functions}


def layout(contract: str) -> set[tuple[str, str, str]]:
    """Its variables and the members of the structs in them: name, place, type."""
    headings: dict[str, list[str]] = json.loads((ROOT / "tests/snapshots/storage.json").read_text())[contract]
    return {_place(heading, line) for heading, lines in headings.items() for line in lines}


def _place(heading: str, line: str) -> tuple[str, str, str]:
    found = _PLACE.fullmatch(line)
    assert found, f"the layout snapshot has another shape: {line}"
    slot, offset, kind, name = found.groups()
    owner = "" if heading == "storage" else re.split(r"[. ]", heading)[-1] + "."
    return owner + name, f"slot {slot}, byte {offset}", re.sub(r"\b(?:struct|enum) (?:\w+\.)?", "", kind)


def source_files() -> list[Path]:
    """Everything in contracts/ except mocks."""
    return sorted(path for path in SOURCES.rglob("*.sol") if "mocks" not in path.parts)


def code(path: Path) -> str:
    return _COMMENT.sub("", path.read_text())


def constants(contract: str) -> dict[str, str]:
    """As a page writes them: `1,000`, `30 days`."""
    found = _CONSTANT.findall(code(SOURCES / f"{contract}.sol"))
    return {name: value.replace("_", ",") for name, value in found}


def reasons() -> set[str]:
    """What JobEscrow_BadTerms can say."""
    return {reason for path in source_files() for reason in _REASON.findall(code(path))}


@cache
def known_words() -> frozenset[str]:
    """Every word that Solidity, an ABI or a layout uses. Comments do not count."""
    texts = [code(path) for path in source_files()]
    texts += [json.dumps(entries(name)) for name in CONTRACTS]
    texts.append((ROOT / "tests/snapshots/storage.json").read_text())
    return frozenset(word for text in texts for word in WORD.findall(text))


def invariant_numbers() -> set[int]:
    """Those of INVARIANTS.md."""
    return {int(number) for number in re.findall(r"^\| (\d+) \|", INVARIANTS.read_text(), re.MULTILINE)}


def guarded_numbers(path: Path) -> set[int]:
    """Those that stand beside a guard in one source file."""
    return {int(number) for number in re.findall(r"INVARIANT (\d+):", path.read_text())}
