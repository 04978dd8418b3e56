"""Trees and their openings: what is under a root verifies, and nothing else does."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.fold import (
    LEAF_BYTES,
    leaf_hash,
    leaf_hashes,
    node_above,
    node_hash,
    nodes_at,
    proof_places,
    tensor_root,
    unused_hashes,
    uses_slots,
    verify_children,
    verify_data,
    verify_range,
)
from tallystick.engine.tree import byte_root, byte_roots, byte_tree, roots_root, roots_tree
from tallystick.errors import InputError, TensorError

NOISE = np.random.default_rng(81).integers(0, 256, 600_000, dtype=np.uint8).tobytes()


def digest(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def items(count):
    return [digest(index.to_bytes(4, "big")) for index in range(count)]


def a_range(draw, count):
    first = draw(st.integers(min_value=0, max_value=count - 1))
    return first, draw(st.integers(min_value=first, max_value=count - 1))


COUNTS = st.integers(min_value=1, max_value=300)


def test_byte_root_given_one_leaf_is_its_hash():
    assert byte_root(b"abc") == digest(b"\x00", b"abc", bytes(LEAF_BYTES - 3)) == leaf_hash(b"abc")


def test_byte_root_given_nothing_is_a_leaf_of_zeros():
    assert byte_root(b"") == digest(b"\x00", bytes(LEAF_BYTES))


def test_byte_root_given_three_leaves_pads_with_a_zero_slot():
    one, two, three = leaf_hashes(NOISE[: 3 * LEAF_BYTES])
    left, right = digest(b"\x01", one, two), digest(b"\x01", three, bytes(32))
    assert byte_root(NOISE[: 3 * LEAF_BYTES]) == digest(b"\x01", left, right)


def test_byte_root_given_the_same_bytes_in_another_form_is_the_same():
    data = NOISE[:7000]
    array = np.frombuffer(data, np.int8).reshape(7, 1000)
    assert {byte_root(form) for form in (data, bytearray(data), memoryview(data), array)} == {byte_tree(data).root}


@pytest.mark.parametrize("data", [np.zeros(8, np.int32), np.zeros((8, 8), np.uint8)[:, :4], np.zeros(8, np.uint8)[::2]])
def test_byte_root_given_wide_or_scattered_items_is_refused(data):
    with pytest.raises(TensorError, match="contiguous single bytes"):
        byte_root(data)


@pytest.mark.parametrize("threads", [1, 2, 3, 50])
def test_byte_roots_given_threads_keeps_the_order(threads):
    tensors = [NOISE[size : size + 37 * size] for size in (900, 0, 3, 250, 1, 64, 5000)]
    assert byte_roots(tensors, threads=threads) == [byte_root(tensor) for tensor in tensors]


def test_byte_roots_given_no_tensors_is_empty():
    assert byte_roots([], threads=4) == []


def test_tensor_root_given_a_header_hashes_it_before_the_root():
    assert tensor_root(b"\x07header", b"r" * 32) == digest(b"\x02\x07header", b"r" * 32)


def test_leaf_hash_given_more_than_a_leaf_is_refused():
    with pytest.raises(InputError, match=f"{LEAF_BYTES + 1}"):
        leaf_hash(bytes(LEAF_BYTES + 1))


def test_unused_hashes_given_a_height_are_those_of_empty_subtrees():
    assert unused_hashes()[:3] == (bytes(32), node_hash(bytes(32), bytes(32)), node_hash(*[unused_hashes()[1]] * 2))


def test_byte_tree_given_five_leaves_shows_its_levels():
    tree = byte_tree(NOISE[: 5 * LEAF_BYTES])
    assert [tree.n_leaves, tree.depth, tree.level(3).shape] == [5, 3, (1, 32)]
    assert [bytes(row) for row in tree.level(0)] == leaf_hashes(NOISE[: 5 * LEAF_BYTES])
    assert bytes(tree.level(2)[1]) == node_hash(
        node_hash(leaf_hash(NOISE[4 * LEAF_BYTES : 5 * LEAF_BYTES]), bytes(32)), unused_hashes()[1]
    )


def test_prove_given_a_range_lists_left_then_right_neighbours_from_the_bottom():
    tree = roots_tree(items(11))
    # leaves 3 to 6 begin odd and end even; their parents 1 to 3 begin odd; above are 0 to 1, then 0 alone
    assert list(proof_places(11, 3, 6)) == [(0, 2), (0, 7), (1, 0), (3, 1)]
    assert tree.prove(3, 6) == [tree.node(*place) for place in [(0, 2), (0, 7), (1, 0), (3, 1)]]


@settings(max_examples=60)
@given(COUNTS, st.data())
def test_verify_range_given_the_trees_own_proof_holds(count, data):
    first, last = a_range(data.draw, count)
    tree, leaves = roots_tree(items(count)), items(count)[first : last + 1]
    assert verify_range(tree.root, count, first, leaves, tree.prove(first, last))


@settings(max_examples=60)
@given(COUNTS, st.data())
def test_verify_range_given_one_changed_hash_does_not_hold(count, data):
    first, last = a_range(data.draw, count)
    tree, leaves = roots_tree(items(count)), items(count)[first : last + 1]
    proof = tree.prove(first, last)
    shown = leaves + proof
    place = data.draw(st.integers(min_value=0, max_value=len(shown) - 1))
    shown[place] = digest(shown[place])
    assert not verify_range(tree.root, count, first, shown[: len(leaves)], shown[len(leaves) :])


@settings(max_examples=40)
@given(st.integers(min_value=2, max_value=300), st.data())
def test_verify_range_given_another_place_does_not_hold(count, data):
    first, last = a_range(data.draw, count)
    other = data.draw(st.integers(min_value=-2, max_value=count + 1).filter(lambda drawn: drawn != first))
    tree, leaves = roots_tree(items(count)), items(count)[first : last + 1]
    assert not verify_range(tree.root, count, other, leaves, tree.prove(first, last))


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof[:-1],
        lambda proof: [*proof, bytes(32)],
        lambda proof: [*proof[:-1], proof[-1][:31]],
        lambda proof: [proof[0] + b"\0", *proof[1:]],
        lambda proof: proof[::-1],
        lambda proof: [],
    ],
)
def test_verify_range_given_a_proof_of_another_shape_does_not_hold(change):
    tree = roots_tree(items(13))
    assert not verify_range(tree.root, 13, 3, items(13)[3:6], change(tree.prove(3, 5)))


@pytest.mark.parametrize("n_leaves", [-1, 0, 1, 4, 5, 8, 17, 64])
def test_verify_range_given_another_depth_or_too_few_leaves_does_not_hold(n_leaves):
    tree = roots_tree(items(13))
    assert not verify_range(tree.root, n_leaves, 5, items(13)[5:6], tree.prove(5))


def test_verify_range_given_an_unused_slot_does_not_hold():
    tree = roots_tree(items(5))
    path = [items(5)[4], unused_hashes()[1], tree.node(2, 0)]
    # the hashes do lead to the root: only the number of leaves says that there is nothing to open
    assert verify_range(tree.root, 6, 5, [bytes(32)], path)
    assert not verify_range(tree.root, 5, 5, [bytes(32)], path)


def test_verify_range_given_no_leaves_does_not_hold():
    tree = roots_tree(items(4))
    assert not verify_range(tree.root, 4, 0, [], [])
    assert not verify_range(tree.root, 4, 1, [], [tree.root])


def test_verify_range_given_a_node_for_a_leaf_does_not_hold():
    tree = roots_tree(items(8))
    assert not verify_range(tree.root, 8, 0, [tree.node(1, 0)], [tree.node(1, 1), tree.node(2, 1)])


def test_verify_range_given_one_root_is_equality():
    assert verify_range(items(1)[0], 1, 0, items(1), [])
    assert not verify_range(items(2)[1], 1, 0, items(1), [])


@settings(max_examples=40)
@given(st.integers(min_value=1, max_value=20_000), st.data())
def test_verify_data_given_a_byte_trees_range_holds_for_that_data_alone(length, data):
    tree = byte_tree(NOISE[:length])
    first, last = a_range(data.draw, tree.n_leaves)
    shown, proof = NOISE[:length][first * LEAF_BYTES : (last + 1) * LEAF_BYTES], tree.prove(first, last)
    assert verify_data(tree.root, tree.n_leaves, first, shown, proof)
    assert not verify_data(tree.root, tree.n_leaves, first, bytes([shown[0] ^ 1]) + shown[1:], proof)


@pytest.mark.parametrize(("first", "last"), [(-1, 0), (0, 5), (3, 2), (5, 5)])
def test_prove_given_leaves_that_are_not_there_is_refused(first, last):
    with pytest.raises(InputError, match=f"{first} to {last} among 5"):
        roots_tree(items(5)).prove(first, last)


@settings(max_examples=60)
@given(st.integers(min_value=1, max_value=2000), st.data())
def test_verify_children_given_the_trees_own_answer_holds(count, data):
    tree = roots_tree(items(count))
    height = data.draw(st.integers(min_value=0, max_value=tree.depth))
    index = data.draw(st.integers(min_value=0, max_value=nodes_at(count, height) - 1))
    children, path = tree.children(height, index)
    assert verify_children(tree.root, count, height, index, children=children, path=path)
    assert node_above(count, height, index, children) == tree.node(height, index)


@settings(max_examples=60)
@given(st.integers(min_value=2, max_value=2000), st.data())
def test_verify_children_given_one_changed_hash_does_not_hold(count, data):
    tree = roots_tree(items(count))
    height = data.draw(st.integers(min_value=0, max_value=tree.depth))
    index = data.draw(st.integers(min_value=0, max_value=nodes_at(count, height) - 1))
    children, path = tree.children(height, index)
    shown = children + path
    place = data.draw(st.integers(min_value=0, max_value=len(shown) - 1))
    shown[place] = digest(shown[place])
    changed = {"children": shown[: len(children)], "path": shown[len(children) :]}
    assert not verify_children(tree.root, count, height, index, **changed)


def test_children_given_the_root_of_a_large_tree_are_128_nodes_seven_levels_below():
    tree = roots_tree(items(1000))
    children, path = tree.children(10, 0)
    assert children == [bytes(row) for row in tree.level(3)] and len(children) == 125 and path == []
    assert len(roots_tree(items(1024)).children(10, 0)[0]) == 128


def test_children_given_a_leaf_are_itself():
    tree = roots_tree(items(9))
    assert tree.children(0, 8)[0] == [items(9)[8]]


@pytest.mark.parametrize(("height", "index"), [(-1, 0), (5, 0), (4, 1), (0, 9), (1, 5), (0, -1)])
def test_children_given_a_node_that_is_not_there_is_refused(height, index):
    tree = roots_tree(items(9))
    with pytest.raises(InputError, match=f"node {index} at height {height}"):
        tree.children(height, index)
    assert not verify_children(tree.root, 9, height, index, children=[tree.root], path=[])


@pytest.mark.parametrize(
    "change",
    [
        lambda children, path: (children[:-1], path),
        lambda children, path: ([*children, bytes(32)], path),
        lambda children, path: (children, path[:-1]),
        lambda children, path: (children, [*path, bytes(32)]),
        lambda children, path: (children, path[::-1]),
        lambda children, path: ([*children[:-1], children[-1] + b"\0"], path),
    ],
)
def test_verify_children_given_an_answer_of_another_shape_does_not_hold(change):
    tree = roots_tree(items(1000))
    children, path = change(*tree.children(8, 3))
    assert not verify_children(tree.root, 1000, 8, 3, children=children, path=path)


def test_roots_root_given_one_root_is_that_root():
    assert roots_root(items(1)) == items(1)[0]


@pytest.mark.parametrize(
    ("roots", "words"), [([], "no roots"), ([bytes(31)], "31 bytes"), ([bytes(32), b""], "Root 1")]
)
def test_roots_tree_given_none_or_no_hashes_is_refused(roots, words):
    with pytest.raises(InputError, match=words):
        roots_tree(roots)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 8, 11])
def test_uses_slots_given_an_honest_tree_says_no(count):
    tree = roots_tree([bytes([index]) * 32 for index in range(1, count + 1)])
    assert not any(uses_slots(count, first, tree.prove(first, count - 1)) for first in range(count))


@pytest.mark.parametrize(("count", "used"), [(3, 3), (5, 5), (5, 6), (5, 7), (6, 7), (9, 15)])
def test_uses_slots_given_something_behind_the_last_item_says_yes(count, used):
    items = [bytes([index]) * 32 for index in range(1, count + 1)] + [bytes(32)] * (used - count) + [b"\xff" * 32]
    tree = roots_tree(items)
    assert all(uses_slots(count, first, tree.prove(first, count - 1)) for first in range(count))
