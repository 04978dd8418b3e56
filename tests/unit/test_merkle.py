"""The tree over milestone inputs: the right path leads to the root, and no other."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError
from tallystick.hashing import sha256
from tallystick.merkle import depth_of, milestone_leaf, milestone_path, milestones_root, path_leads_to

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "merkle.json").read_text())["cases"]


def roots_of(case):
    return [bytes.fromhex(root[2:]) for root in case["inputRoots"]]


def inputs(count):
    return [sha256(index.to_bytes(2, "big")) for index in range(count)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["count"]))
def test_milestones_root_agrees_with_the_vectors(case):
    assert "0x" + milestones_root(roots_of(case)).hex() == case["root"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["count"]))
def test_milestone_path_agrees_with_the_vectors(case):
    found = [["0x" + node.hex() for node in milestone_path(roots_of(case), path["index"])] for path in case["paths"]]
    assert found == [path["path"] for path in case["paths"]]


@given(st.integers(min_value=1, max_value=40), st.data())
def test_path_leads_to_given_the_milestones_own_path_holds(count, data):
    roots, index = inputs(count), data.draw(st.integers(min_value=0, max_value=count - 1))
    assert path_leads_to(milestones_root(roots), roots[index], index, count, milestone_path(roots, index))


@given(st.integers(min_value=2, max_value=40), st.data())
def test_path_leads_to_given_another_index_does_not_hold(count, data):
    roots, index = inputs(count), data.draw(st.integers(min_value=0, max_value=count - 1))
    other = data.draw(st.integers(min_value=0, max_value=count - 1).filter(lambda drawn: drawn != index))
    assert not path_leads_to(milestones_root(roots), roots[index], other, count, milestone_path(roots, index))


def test_path_leads_to_given_one_input_twice_tells_the_milestones_apart():
    roots = [sha256(b"same")] * 4
    assert not path_leads_to(milestones_root(roots), roots[0], 1, 4, milestone_path(roots, 0))


@pytest.mark.parametrize("index", [-1, 5, 8, 2**64])
def test_path_leads_to_given_an_index_that_is_not_there_does_not_hold(index):
    roots = inputs(5)
    assert not path_leads_to(milestones_root(roots), roots[4], index, 5, milestone_path(roots, 4))


@pytest.mark.parametrize("change", [lambda path: path[:-1], lambda path: [*path, bytes(32)], lambda path: path[::-1]])
def test_path_leads_to_given_a_changed_path_does_not_hold(change):
    roots = inputs(5)
    assert not path_leads_to(milestones_root(roots), roots[2], 2, 5, change(milestone_path(roots, 2)))


def test_path_leads_to_given_an_inner_node_as_leaf_does_not_hold():
    roots = inputs(4)
    node = sha256(b"\x01", milestone_leaf(0, roots[0]), milestone_leaf(1, roots[1]))
    assert not path_leads_to(milestones_root(roots), node, 0, 2, milestone_path(roots, 0)[1:])


def test_milestones_root_given_one_input_is_its_leaf():
    assert milestones_root([bytes(32)]) == milestone_leaf(0, bytes(32))


@pytest.mark.parametrize("count", [0, 257])
def test_milestones_root_given_no_or_too_many_inputs_is_refused(count):
    with pytest.raises(InputError, match="1 to 256 milestones"):
        milestones_root(inputs(count))


def test_milestones_root_given_a_root_of_another_length_names_the_milestone():
    with pytest.raises(InputError, match="milestone 1 has 31 bytes"):
        milestones_root([bytes(32), bytes(31)])


@pytest.mark.parametrize("index", [-1, 3])
def test_milestone_path_given_an_index_that_is_not_there_is_refused(index):
    with pytest.raises(InputError, match="no milestone"):
        milestone_path(inputs(3), index)


@pytest.mark.parametrize(("count", "depth"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (256, 8)])
def test_depth_of_is_the_length_of_every_path(count, depth):
    assert (depth_of(count), len(milestone_path(inputs(count), count - 1))) == (depth, depth)
