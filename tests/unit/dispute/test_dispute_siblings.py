from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dispute.siblings import complete, nodes_of, shared_siblings
from tallystick.engine.fold import HASH_BYTES, node_hash
from tallystick.engine.tree import Tree, roots_tree
from tallystick.errors import WitnessError
from tallystick.merkle import depth_of


def roots(count: int) -> list[bytes]:
    return [hashlib.sha256(bytes([index])).digest() for index in range(count)]


def folded(count: int, items: dict[int, bytes], words: bytes) -> tuple[bytes, bytes]:
    """The root that a contract finds from known items and words of calldata, and the words that it did not take."""
    level = sorted(items.items())
    for _ in range(depth_of(count)):
        above: list[tuple[int, bytes]] = []
        while level:
            index, digest = level.pop(0)
            if index & 1:
                above.append((index >> 1, node_hash(words[:HASH_BYTES], digest)))
                words = words[HASH_BYTES:]
            elif level and level[0][0] == index + 1:
                above.append((index >> 1, node_hash(digest, level.pop(0)[1])))
            else:
                above.append((index >> 1, node_hash(digest, words[:HASH_BYTES])))
                words = words[HASH_BYTES:]
        level = above
    return level[0][1], words


def nodes_for(tree: Tree, ranges: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    nodes: dict[tuple[int, int], bytes] = {}
    for first, last in ranges:
        nodes.update(nodes_of(tree.n_leaves, first, last, tree.prove(first, last)))
    return nodes


@st.composite
def known_items(draw: st.DrawFn) -> tuple[int, set[int]]:
    count = draw(st.integers(1, 40))
    return count, draw(st.sets(st.integers(0, count - 1), min_size=1))


@given(known_items())
@settings(max_examples=200, deadline=None)
def test_shared_siblings_of_any_items_lead_to_the_root_and_are_all_taken(case: tuple[int, set[int]]) -> None:
    count, known = case
    tree = roots_tree(roots(count))
    words = shared_siblings(count, known, nodes_for(tree, [(index, index) for index in known]))
    assert folded(count, {index: roots(count)[index] for index in known}, words) == (tree.root, b"")


@given(known_items())
@settings(max_examples=100, deadline=None)
def test_shared_siblings_of_several_items_are_never_more_than_their_own_paths(case: tuple[int, set[int]]) -> None:
    count, known = case
    words = shared_siblings(count, known, nodes_for(roots_tree(roots(count)), [(index, index) for index in known]))
    assert len(words) // HASH_BYTES <= len(known) * depth_of(count)
    assert len(words) // HASH_BYTES >= (depth_of(count) if len(known) == 1 else 0)


@pytest.mark.parametrize("ranges", [[(2, 5)], [(0, 0), (3, 6)], [(1, 2), (4, 4), (8, 10)]])
def test_shared_siblings_of_ranges_need_nothing_but_their_proofs(ranges: list[tuple[int, int]]) -> None:
    tree = roots_tree(roots(11))
    known = [index for first, last in ranges for index in range(first, last + 1)]
    words = shared_siblings(11, known, nodes_for(tree, ranges))
    assert folded(11, {index: roots(11)[index] for index in known}, words) == (tree.root, b"")


def test_shared_siblings_of_all_items_are_the_empty_neighbours_alone() -> None:
    words = shared_siblings(5, range(5), nodes_for(roots_tree(roots(5)), [(0, 4)]))
    empty = bytes(HASH_BYTES)
    assert words == empty + node_hash(empty, empty)


def test_shared_siblings_of_an_item_that_nothing_leads_from_raises() -> None:
    nodes = nodes_for(roots_tree(roots(8)), [(0, 0)])
    with pytest.raises(WitnessError) as caught:
        shared_siblings(8, [0, 6], nodes)
    assert caught.value.reason == "Form"


def test_nodes_of_a_proof_of_another_length_raises() -> None:
    with pytest.raises(WitnessError) as caught:
        nodes_of(8, 0, 0, [bytes(HASH_BYTES)] * 2)
    assert caught.value.reason == "Form"


def test_complete_of_a_range_finds_every_node_up_to_the_root() -> None:
    tree = roots_tree(roots(11))
    nodes = {**nodes_for(tree, [(3, 7)]), **{(0, index): roots(11)[index] for index in range(3, 8)}}
    complete(11, nodes)
    assert nodes[tree.depth, 0] == tree.root
    assert nodes[2, 1] == tree.node(2, 1)
