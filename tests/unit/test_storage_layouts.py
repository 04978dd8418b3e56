"""The compiler's layout, in words. What our contracts' layouts are is in tests/snapshots/storage.json."""

from __future__ import annotations

from scripts.storage_layouts import deployed_files, describe

UINT = {"encoding": "inplace", "label": "uint256", "numberOfBytes": "32"}
NODE = {
    "encoding": "inplace",
    "label": "struct Node",
    "numberOfBytes": "96",
    "members": [
        {"label": "flag", "slot": "0", "offset": 31, "type": "bool"},
        {"label": "children", "slot": "1", "offset": 0, "type": "nodes"},
        {"label": "marks", "slot": "2", "offset": 0, "type": "marks"},
    ],
}
MARK = {
    "label": "struct Mark",
    "numberOfBytes": "32",
    "members": [{"label": "at", "slot": "0", "offset": 0, "type": "uint"}],
}
TYPES = {
    "uint": UINT,
    "bool": {"label": "bool", "numberOfBytes": "1"},
    "node": NODE,
    "nodes": {"label": "mapping(uint256 => struct Node)", "numberOfBytes": "32", "key": "uint", "value": "node"},
    "mark": MARK,
    "marks": {"label": "struct Mark[]", "numberOfBytes": "32", "base": "mark"},
}


def test_describe_when_a_mapping_holds_structs_describes_them_to_the_last() -> None:
    layout = {"storage": [{"label": "roots", "slot": "4", "offset": 0, "type": "nodes"}], "types": TYPES}
    assert describe(layout) == {
        "storage": ["slot 4, offset 0, bytes 32: mapping(uint256 => struct Node) roots"],
        "struct Node": [
            "slot 0, offset 31, bytes 1: bool flag",
            "slot 1, offset 0, bytes 32: mapping(uint256 => struct Node) children",
            "slot 2, offset 0, bytes 32: struct Mark[] marks",
        ],
        "struct Mark": ["slot 0, offset 0, bytes 32: uint256 at"],
    }


def test_describe_when_a_contract_keeps_nothing_says_so() -> None:
    assert describe({"storage": [], "types": None}) == {"storage": []}


def test_deployed_files_when_listed_leave_out_what_cannot_be_deployed() -> None:
    names = {path.stem for path in deployed_files()}
    assert {"JobEscrow", "EzklVerifierAdapter"} <= names
    assert not [name for name in names if name.endswith("Lib") or name.startswith(("I", "Mock"))]
