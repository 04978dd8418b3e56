"""The hashing libraries against the vectors that the Python side reads as well.

MerkleLib.verify
├── a shared path → holds
├── a shared path with another index, input, sibling, root or count → does not hold
├── a path too long or too short → does not hold
├── an index that is not there, with a padding leaf → does not hold
├── an inner node passed off as an input → does not hold
└── random trees and random damage → as Python says

MerkleLib.leaf, depth; InstanceLib.root
├── the shared vectors → their hashes
└── random lists → as Python says

JobTermsLib.hash, JobOrderLib.hash, AssignmentLib.hash, StatementLib.hash
└── the shared vectors → their struct hashes

JobOrderLib.witnessType
└── → what Permit2 is told of an order, as in the shared vectors
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from refusals import plain
from stage import NO_HASH, Stage, word

from tallystick.hashing import FIELD, instance_root
from tallystick.merkle import milestone_path, milestones_root, path_leads_to

FOLDER = Path(__file__).parents[1] / "vectors"
TREES = json.loads((FOLDER / "merkle.json").read_text())["cases"]
TERMS, ORDERS, CLAIMS = (json.loads((FOLDER / f"{name}.json").read_text()) for name in ("terms", "orders", "claims"))
INSTANCES = CLAIMS["instances"]
STRUCTS = {
    "hashTerms": [(case["terms"], case["structHash"]) for case in TERMS["cases"]],
    "hashAssignment": [(case["assignment"], case["structHash"]) for case in TERMS["assignments"]],
    "hashOrder": [(case["order"], case["structHash"]) for case in ORDERS["cases"]],
    "hashStatement": [(case["statement"], case["structHash"]) for case in CLAIMS["statements"]],
}
PATHS = [(tree, path) for tree in TREES for path in tree["paths"]]


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Not needed: nothing here sends a transaction."""


@pytest.fixture(scope="module")
def library(stage: Stage) -> Any:
    return stage.deploy("MockMerkle")


def names(case: Any) -> str | None:
    return f"{case[0]['count']}-{case[1]['index']}" if isinstance(case, tuple) else None


@pytest.mark.parametrize("case", PATHS, ids=names)
def test_verify_of_shared_paths_holds(library: Any, case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    tree, path = case
    index = path["index"]
    assert library.verify(tree["root"], index, tree["count"], tree["inputRoots"][index], path["path"])


@pytest.mark.parametrize("case", PATHS, ids=names)
def test_leaf_of_shared_inputs_is_the_shared_leaf(library: Any, case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    tree, path = case
    assert plain(library.leaf(path["index"], tree["inputRoots"][path["index"]])) == path["leaf"]


FIVE = next(tree for tree in TREES if tree["count"] == 5)
THIRD = FIVE["paths"][2]
RIGHT = {
    "root": FIVE["root"],
    "index": 2,
    "count": 5,
    "inputRoot": FIVE["inputRoots"][2],
    "path": THIRD["path"],
}
WRONG: dict[str, dict[str, Any]] = {
    "root": {"root": word("another")},
    "index": {"index": 3},
    "index beyond": {"index": 5},
    "fewer in the tree": {"count": 4},
    "more in the tree": {"count": 9},
    "input": {"inputRoot": FIVE["inputRoots"][1]},
    "sibling": {"path": [THIRD["path"][0], word("another"), THIRD["path"][2]]},
    "siblings swapped": {"path": THIRD["path"][::-1]},
    "path too short": {"path": THIRD["path"][:2]},
    "path too long": {"path": [*THIRD["path"], NO_HASH]},
    "leaf as input": {"inputRoot": THIRD["leaf"]},
    "no path": {"path": []},
}


@pytest.mark.parametrize("what", WRONG)
def test_verify_with_something_changed_does_not_hold(library: Any, what: str) -> None:
    assert library.verify(*RIGHT.values())
    assert not library.verify(*{**RIGHT, **WRONG[what]}.values())


def test_verify_of_a_padding_leaf_does_not_hold(library: Any) -> None:
    """Five leaves are padded to eight; the sixth is zero, and nothing can stand there."""
    assert not library.verify(FIVE["root"], 5, 8, NO_HASH, FIVE["paths"][4]["path"])


def test_verify_of_an_inner_node_as_the_root_of_a_smaller_tree_does_not_hold(library: Any) -> None:
    """A tree of one is its leaf; without prefixes a root could be passed off as an input."""
    assert not library.verify(FIVE["root"], 0, 1, FIVE["root"], [])


@pytest.mark.parametrize(("count", "depth"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (255, 8), (256, 8), (257, 9)])
def test_depth_of_a_tree_is_that_of_the_next_power_of_two(library: Any, count: int, depth: int) -> None:
    assert library.depth(count) == depth


@pytest.mark.parametrize("case", INSTANCES, ids=lambda case: str(len(case["words"])))
def test_instance_root_of_shared_lists_is_the_shared_root(library: Any, case: dict[str, Any]) -> None:
    words = [int(element, 16) for element in case["words"]]
    assert plain(library.instanceRoot(words)) == case["root"]


@pytest.mark.parametrize("seed", range(40))
def test_verify_of_a_random_tree_agrees_with_python(library: Any, seed: int) -> None:
    """Every other path is damaged in one place, which Python is asked about as well."""
    dice = random.Random(seed)
    count = dice.randint(1, 256)
    roots = [dice.randbytes(32) for _ in range(count)]
    index = dice.randrange(count)
    path = milestone_path(roots, index)
    root, leaf = milestones_root(roots), roots[index]
    if seed % 2:
        damage = dice.choice(["root", "leaf", "index", "count", "path"])
        root = dice.randbytes(32) if damage == "root" else root
        leaf = dice.choice(roots) if damage == "leaf" else leaf
        index = dice.randrange(300) if damage == "index" else index
        count = dice.randint(1, 256) if damage == "count" else count
        path = path[dice.randrange(2) :] if damage == "path" else path
    says = path_leads_to(root, leaf, index, count, path)
    assert library.verify(root, index, count, leaf, path) == says
    assert says or seed % 2


@pytest.mark.parametrize("seed", range(10))
def test_instance_root_of_a_random_list_agrees_with_python(library: Any, seed: int) -> None:
    dice = random.Random(seed)
    words = [dice.randrange(FIELD) for _ in range(dice.randrange(200))]
    assert plain(library.instanceRoot(words)) == plain(instance_root(words))


# ---- what is signed ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def typed_data(stage: Stage) -> Any:
    return stage.deploy("MockTypedData")


@pytest.mark.parametrize("function", STRUCTS)
def test_hash_of_shared_structs_is_the_shared_hash(typed_data: Any, function: str) -> None:
    hashes = [plain(getattr(typed_data, function)(struct)) for struct, _ in STRUCTS[function]]
    assert hashes == [expected for _, expected in STRUCTS[function]] != []


def test_witness_type_is_the_shared_one(typed_data: Any) -> None:
    assert typed_data.witnessType() == ORDERS["witnessType"]
