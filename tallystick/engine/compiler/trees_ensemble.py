"""Tree ensembles as ai.onnx.ml spells them, read into one shape, with every fault that a file can have found in linear time.

A place in a tree is a number: an inner node's index where it is 0 or more, else leaf `-1 - place`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
LEAF = "LEAF"
MAX_NODES = 1 << 22
MAX_VOTES = 1 << 24
"""Leaves times targets: the table of votes is a constant of the program."""


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """Trees over rows of features. n inner nodes, m leaves.

    Attributes:
        roots: Places, one for each tree.
        features: int64 [n].
        modes: One of the first six of MODES for each inner node.
        splits: float32 [n].
        when_true, when_false: Places, int64 [n].
        votes: float64 [m, targets]: what a leaf adds to each target.
        voted: bool [targets]: whether any leaf votes on it.
        negative: Whether any vote is below 0.
    """

    roots: tuple[int, ...]
    features: npt.NDArray[np.int64]
    modes: tuple[str, ...]
    splits: npt.NDArray[np.float32]
    when_true: npt.NDArray[np.int64]
    when_false: npt.NDArray[np.int64]
    votes: npt.NDArray[np.float64]
    voted: npt.NDArray[np.bool_]
    negative: bool


def read_ensemble(node: Node, targets: int) -> Ensemble:
    """Of a TreeEnsembleClassifier ("class_..."), a TreeEnsembleRegressor ("target_...") or a TreeEnsemble.

    Raises:
        ModelError: lists of different lengths, children that do not exist, NaN, doubles, set membership, or too much of it.
    """
    if targets < 1:
        raise refuse(node, f"it has {targets} targets")
    return _read_leaf_lists(node, targets) if node.op == "TreeEnsemble" else _read_node_lists(node, targets)


# ---- lists ------------------------------------------------------------------------------------------------------------


def _listed(node: Node, name: str) -> list[Any]:
    value = node.attributes.get(name)
    return [] if value is None else list(value.reshape(-1).tolist() if isinstance(value, np.ndarray) else value)


def _lists(node: Node, *names: str) -> list[list[Any]]:
    """Raises ModelError where their lengths differ."""
    found = [_listed(node, name) for name in names]
    if len({len(values) for values in found}) > 1:
        lengths = ", ".join(f"{len(values)} {name}" for name, values in zip(names, found, strict=True))
        raise refuse(node, f"it has {lengths}, which must be as many", "Export the model again.")
    if len(found[0]) > MAX_NODES:
        raise refuse(
            node, f"it has {len(found[0])} entries in {names[0]}, over {MAX_NODES}", "Use fewer or smaller trees."
        )
    return found


def _integers(node: Node, name: str, values: Sequence[Any]) -> npt.NDArray[np.int64]:
    if any(not isinstance(value, int) or abs(value) >= 2**31 for value in values):
        raise refuse(node, f"it has an entry in {name} that is no 32-bit integer")
    return np.array(values, np.int64)


def _numbers(node: Node, name: str, values: Sequence[Any] | npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        numbers = np.asarray(values, np.float32)
    if np.isnan(numbers).any():
        raise refuse(node, f"it has a NaN in {name}", "Export a model whose numbers are numbers.")
    return numbers


def _no_doubles(node: Node, *names: str) -> None:
    for name in names:
        value = node.attributes.get(name)
        if isinstance(value, np.ndarray) and value.dtype != np.float32 and value.size:
            raise refuse(node, f"it has {name} of {value.dtype}", "Export the model in single precision.")


def _votes(
    node: Node,
    leaves: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
    shape: tuple[int, int],
) -> npt.NDArray[np.float64]:
    if shape[0] * shape[1] > MAX_VOTES:
        raise refuse(
            node,
            f"it has {shape[0]} leaves for {shape[1]} targets, over {MAX_VOTES} votes",
            "Use fewer or smaller trees.",
        )
    if not np.isfinite(weights).all():
        raise refuse(node, "it has a leaf whose weight is infinite", "Export a model whose weights are finite.")
    if ids.size and not 0 <= ids.min() <= ids.max() < shape[1]:
        raise refuse(node, f"it votes on targets {ids.min()} to {ids.max()} of {shape[1]}", "Export the model again.")
    votes = np.zeros(shape)
    np.add.at(votes, (leaves, ids), weights.astype(np.float64))
    return votes


# ---- TreeEnsembleClassifier, TreeEnsembleRegressor --------------------------------------------------------------------

_NODE_LISTS = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")


def _read_node_lists(node: Node, targets: int) -> Ensemble:
    """One list entry for each node, leaves among them; a tree's first entry is its root, as runtimes have it."""
    kind = "class" if node.op == "TreeEnsembleClassifier" else "target"
    _no_doubles(node, "nodes_values_as_tensor", f"{kind}_weights_as_tensor", "base_values_as_tensor")
    trees, ids, features, modes, values, true, false = _lists(node, *(f"nodes_{name}" for name in _NODE_LISTS))
    modes = [mode.decode() if isinstance(mode, bytes) else str(mode) for mode in modes]
    keys = list(zip(trees, ids, strict=True))
    places, roots = _numbered(node, keys, modes)
    inner = [entry for entry, mode in enumerate(modes) if mode != LEAF]
    splits = _numbers(node, "nodes_values", [values[entry] for entry in inner])

    def children(name: str, nodes: list[Any]) -> npt.NDArray[np.int64]:
        found = [places.get((trees[entry], nodes[entry])) for entry in inner]
        if None in found:
            entry = inner[found.index(None)]
            raise refuse(
                node,
                f"it has no node {nodes[entry]} in tree {trees[entry]}, which {name} names",
                "Export the model again.",
            )
        return np.array(found, np.int64)

    votes, ids_of_votes, negative = _node_votes(node, kind, places, (len(modes) - len(inner), targets))
    return Ensemble(
        roots=roots,
        features=_integers(node, "nodes_featureids", [features[entry] for entry in inner]),
        modes=_known(node, [modes[entry] for entry in inner]),
        splits=splits,
        when_true=children("nodes_truenodeids", true),
        when_false=children("nodes_falsenodeids", false),
        votes=votes,
        voted=np.isin(np.arange(targets), ids_of_votes),
        negative=negative,
    )


def _numbered(
    node: Node, keys: list[tuple[Any, Any]], modes: list[str]
) -> tuple[dict[tuple[Any, Any], int], tuple[int, ...]]:
    """The place of each (tree, node), and the roots."""
    places: dict[tuple[Any, Any], int] = {}
    roots: dict[Any, int] = {}
    counts = [0, 0]
    for key, mode in zip(keys, modes, strict=True):
        leaf = mode == LEAF
        place = -1 - counts[1] if leaf else counts[0]
        counts[leaf] += 1
        if places.setdefault(key, place) != place:
            raise refuse(node, f"it has node {key[1]} of tree {key[0]} twice", "Export the model again.")
        roots.setdefault(key[0], place)
    if not roots:
        raise refuse(node, "it has no trees")
    return places, tuple(roots.values())


def _node_votes(
    node: Node, kind: str, places: dict[tuple[Any, Any], int], shape: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], bool]:
    trees, nodes, ids, weights = _lists(node, *(f"{kind}_{name}" for name in ("treeids", "nodeids", "ids", "weights")))
    leaves = [places.get(key, 0) for key in zip(trees, nodes, strict=True)]
    if leaves and max(leaves) >= 0:
        entry = next(entry for entry, place in enumerate(leaves) if place >= 0)
        raise refuse(
            node, f"it votes at node {nodes[entry]} of tree {trees[entry]}, which is no leaf", "Export the model again."
        )
    numbers, targets = _numbers(node, f"{kind}_weights", weights), _integers(node, f"{kind}_ids", ids)
    votes = _votes(node, -1 - np.array(leaves, np.int64), targets, numbers, shape)
    return votes, targets, bool((numbers < 0).any())


def _known(node: Node, modes: Sequence[str]) -> tuple[str, ...]:
    for mode in set(modes):
        if mode not in MODES[:6]:
            raise refuse(
                node,
                f"it compares by {mode[:80]}",
                f"Known are {', '.join(MODES[:6])}; write a set as a chain of BRANCH_EQ.",
            )
    return tuple(modes)


# ---- TreeEnsemble -----------------------------------------------------------------------------------------------------


def _read_leaf_lists(node: Node, targets: int) -> Ensemble:
    """Inner nodes and leaves in lists of their own; each leaf votes on one target."""
    _no_doubles(node, "nodes_splits", "leaf_weights")
    names = ("nodes_featureids", "nodes_modes", "nodes_splits", "nodes_truenodeids", "nodes_falsenodeids")
    features, modes, splits, true, false = _lists(node, *names)
    ids, weights = _lists(node, "leaf_targetids", "leaf_weights")
    if any(not isinstance(mode, int) or not 0 <= mode < len(MODES) for mode in modes):
        raise refuse(node, "it has an entry in nodes_modes that stands for no comparison")
    counts = (len(features), len(ids))
    roots = _integers(node, "tree_roots", _listed(node, "tree_roots"))
    if not roots.size or roots.min() < 0 or roots.max() >= counts[0] or roots.size > MAX_NODES:
        raise refuse(
            node, f"it has no trees, or a root that is none of its {counts[0]} nodes", "Export the model again."
        )
    numbers = _numbers(node, "leaf_weights", weights)
    return Ensemble(
        roots=tuple(roots.tolist()),
        features=_integers(node, "nodes_featureids", features),
        modes=_known(node, [MODES[mode] for mode in modes]),
        splits=_numbers(node, "nodes_splits", splits),
        when_true=_places(node, "true", true, counts),
        when_false=_places(node, "false", false, counts),
        votes=_votes(node, np.arange(counts[1]), _integers(node, "leaf_targetids", ids), numbers, (counts[1], targets)),
        voted=np.isin(np.arange(targets), ids),
        negative=bool((numbers < 0).any()),
    )


def _places(node: Node, side: str, children: list[Any], counts: tuple[int, int]) -> npt.NDArray[np.int64]:
    leafs = _listed(node, f"nodes_{side}leafs")
    if len(leafs) != len(children):
        raise refuse(
            node, f"it has {len(leafs)} nodes_{side}leafs for {len(children)} nodes", "Export the model again."
        )
    index, is_leaf = _integers(node, f"nodes_{side}nodeids", children), np.array(leafs, np.int64) != 0
    outside = (index < 0) | (index >= np.where(is_leaf, counts[1], counts[0]))
    if outside.any():
        what = "leaf" if is_leaf[outside][0] else "node"
        raise refuse(
            node, f"it has no {what} {index[outside][0]}, which nodes_{side}nodeids names", "Export the model again."
        )
    return np.where(is_leaf, -1 - index, index)
