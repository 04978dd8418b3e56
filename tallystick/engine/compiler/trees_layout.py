"""Trees as tables that are walked level by level: entries in pairs, the second of a pair where a feature is above a threshold.

An entry has a feature, a threshold and the index of the pair below it; the next entry is `below + (x[feature] > threshold)`.
A leaf's threshold is the largest integer and `below` the leaf itself, so that whoever arrives early stays.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.trees_ensemble import Ensemble
from tallystick.engine.order import order_image

MAX_DEPTH = 64
NEVER_ABOVE = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Layout:
    """The tables; the first entries are the trees' roots, in order.

    Attributes:
        trees: How many.
        depth: Rounds until every tree is at a leaf.
        features, thresholds, below: int32 [entries]. Thresholds are order images.
        leaves: int64 [entries]: the ensemble's leaf, or -1.
    """

    trees: int
    depth: int
    features: npt.NDArray[np.int32]
    thresholds: npt.NDArray[np.int32]
    below: npt.NDArray[np.int32]
    leaves: npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class _Branches:
    """Inner nodes that all ask "is x above t": places as in `Ensemble`."""

    features: npt.NDArray[np.int64]
    thresholds: npt.NDArray[np.int64]
    not_above: npt.NDArray[np.int64]
    above: npt.NDArray[np.int64]


def lay_out(node: Node, ensemble: Ensemble, features: int) -> Layout:
    """Tables for rows of so many features.

    Raises:
        ModelError: a feature that rows do not have, a cycle, or a depth over 64.
    """
    if ensemble.features.size and not 0 <= ensemble.features.min() <= ensemble.features.max() < features:
        raise refuse(node, f"it reads features {ensemble.features.min()} to {ensemble.features.max()} of {features}")
    branches = _branches(ensemble)
    heights = _heights(node, ensemble.roots, branches)
    depth = max((heights[root] for root in ensemble.roots if root >= 0), default=0)
    places = _entries(ensemble.roots, branches)
    place = np.array([each for each, _ in places], np.int64)
    below = np.array([pair for _, pair in places], np.int64)
    inner, entries = place >= 0, np.arange(len(place))
    node_of = np.where(inner, place, 0)
    tables = (branches.features, branches.thresholds) if branches.features.size else (np.zeros(1, np.int64),) * 2
    return Layout(
        trees=len(ensemble.roots),
        depth=depth,
        features=np.where(inner, tables[0][node_of], 0).astype(np.int32),
        thresholds=np.where(inner, tables[1][node_of], NEVER_ABOVE).astype(np.int32),
        below=np.where(inner, below, entries).astype(np.int32),
        leaves=np.where(inner, -1, -1 - place),
    )


def _branches(ensemble: Ensemble) -> _Branches:
    """All six comparisons by "above": images are integers, so `x >= t` is `x > t - 1`, and equality is two questions.

    The image of -inf is above the lowest integer by more than one, so t - 1 always exists.
    """
    image, modes = order_image(ensemble.splits).astype(np.int64), np.array(ensemble.modes, dtype=object)
    strict = np.isin(modes, ["BRANCH_LT", "BRANCH_GTE", "BRANCH_EQ", "BRANCH_NEQ"])
    swapped = np.isin(modes, ["BRANCH_GTE", "BRANCH_GT"])
    not_above = np.where(swapped, ensemble.when_false, ensemble.when_true)
    above = np.where(swapped, ensemble.when_true, ensemble.when_false)
    # x == t: not above t - 1 is false; else not above t is true. For x != t with true and false exchanged.
    equal, unequal = modes == "BRANCH_EQ", modes == "BRANCH_NEQ"
    second = np.flatnonzero(equal | unequal)
    inside = np.where(equal, ensemble.when_true, ensemble.when_false)[second]
    outside = np.where(equal, ensemble.when_false, ensemble.when_true)[second]
    not_above[second], above[second] = outside, len(modes) + np.arange(len(second))
    return _Branches(
        np.concatenate([ensemble.features, ensemble.features[second]]),
        np.concatenate([image - strict, image[second]]),
        np.concatenate([not_above, inside]),
        np.concatenate([above, outside]),
    )


def _heights(node: Node, roots: tuple[int, ...], branches: _Branches) -> dict[int, int]:
    """Rounds to the deepest leaf, for every inner node that a root reaches; each node is opened once."""
    heights: dict[int, int] = {}
    open_: set[int] = set()
    pairs = list(zip(branches.not_above.tolist(), branches.above.tolist(), strict=True))
    for root in roots:
        path = [root] if root >= 0 else []
        while path:
            place = path[-1]
            waiting = [child for child in pairs[place] if child >= 0 and child not in heights]
            if place in heights or not waiting:
                heights.setdefault(place, 1 + max(heights.get(child, 0) for child in pairs[place]))
                open_.discard(path.pop())
                continue
            open_.add(place)
            if any(child in open_ for child in waiting):
                raise refuse(node, "it has a tree that comes back to a node above", "Export the model again.")
            if len(path) > MAX_DEPTH:
                raise refuse(node, f"it has a tree deeper than {MAX_DEPTH}", "Train with a smaller max_depth.")
            path.append(waiting[0])
    if max(heights.values(), default=0) > MAX_DEPTH:
        raise refuse(
            node, f"it has a tree of depth {max(heights.values())}, over {MAX_DEPTH}", "Train with a smaller max_depth."
        )
    return heights


def _entries(roots: tuple[int, ...], branches: _Branches) -> list[tuple[int, int]]:
    """(place, index of the pair below) of every entry. A node that two branches lead to has two entries and one pair."""
    entries = [(root, 0) for root in roots]
    pairs: dict[int, int] = {}
    done = 0
    while done < len(entries):
        place = entries[done][0]
        if place >= 0:
            if place not in pairs:
                pairs[place] = len(entries)
                entries += [(int(branches.not_above[place]), 0), (int(branches.above[place]), 0)]
            entries[done] = (place, pairs[place])
        done += 1
    return entries
