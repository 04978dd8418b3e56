"""Where each contract keeps its state, in words, so that a moved slot shows in the diff.

Part of scripts/export_snapshots.py. One line for each variable; below the variables, the structs that they hold,
however deep: a mapping's values are laid out like a struct that starts at its slot 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.standard_json import answer, question
from scripts.toolchain import ROOT

FOLDERS = ("contracts", "contracts/adapters", "contracts/governance")
"""Where the contracts are that are deployed: interfaces, types, libraries have no storage, mocks are not ours to keep."""

Types = Mapping[str, Mapping[str, Any]]


def deployed_files() -> list[Path]:
    """The files that define a contract which can be deployed."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).glob("*.sol")]
    return sorted(path for path in files if re.search(rf"^contract {path.stem}\b", path.read_text(), re.MULTILINE))


def _variables(members: list[Mapping[str, Any]], types: Types) -> list[str]:
    lines = []
    for member in members:
        kind = types[member["type"]]
        place = f"slot {member['slot']}, offset {member['offset']}, bytes {kind['numberOfBytes']}"
        lines.append(f"{place}: {kind['label']} {member['label']}")
    return lines


def _structs(name: str, types: Types, seen: set[str]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """The structs that a type holds, itself first. `seen` ends the walk of one that holds itself in a mapping."""
    if name in seen:
        return
    seen.add(name)
    kind = types[name]
    members = kind.get("members", [])
    if members:
        yield kind["label"], members
    inner = [kind.get("key"), kind.get("value"), kind.get("base"), *(member["type"] for member in members)]
    for part in filter(None, inner):
        yield from _structs(part, types, seen)


def describe(layout: Mapping[str, Any]) -> dict[str, list[str]]:
    """One contract's layout, as the compiler tells it, by heading: `storage`, then each struct's label."""
    types: Types = layout["types"] or {}
    described = {"storage": _variables(layout["storage"], types)}
    seen: set[str] = set()
    for variable in layout["storage"]:
        for label, members in _structs(variable["type"], types, seen):
            described[label] = _variables(members, types)
    return described


def storage_text() -> str:
    """What tests/snapshots/storage.json should hold. Takes about a second."""
    files = deployed_files()
    contracts = answer(question(files, ["storageLayout"]))["contracts"]
    layouts = {
        path.stem: describe(contracts[path.relative_to(ROOT).as_posix()][path.stem]["storageLayout"]) for path in files
    }
    return json.dumps(dict(sorted(layouts.items())), indent=1) + "\n"
