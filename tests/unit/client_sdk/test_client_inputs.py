"""Arrays into milestones: every accepted form, and every wrong one with the sentence that helps."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from client_sdk._inputs import equal_shares, quantise_milestones
from tallystick.errors import TensorError
from tallystick.tensors import TensorSpec

ROW = TensorSpec(name="x", shape=(1, 2), scale=4, low="-1", high="1")
BATCH = TensorSpec(name="x", shape=(2, 2), scale=4, low="-1", high="1")
OTHER = TensorSpec(name="mask", shape=(3,), scale=0, low="0", high="1")


def values_of(inputs: Any, *specs: TensorSpec, milestones: int | None = None) -> list[tuple[tuple[int, ...], ...]]:
    return [one.values for one in quantise_milestones(inputs, specs or (ROW,), milestones)]


def test_quantise_milestones_given_the_input_shape_makes_one() -> None:
    assert values_of([[0.5, -0.25]]) == [((8, -4),)]


def test_quantise_milestones_given_a_stack_makes_one_for_each_entry() -> None:
    assert values_of([[[0.5, 0]], [[0, 0.5]]]) == [((8, 0),), ((0, 8),)]


def test_quantise_milestones_given_a_batch_cuts_it_in_order() -> None:
    assert values_of([[0.5, 0], [0, 0], [0, 0.5], [0, 0]], BATCH) == [((8, 0, 0, 0),), ((0, 8, 0, 0),)]


def test_quantise_milestones_given_an_array_equals_the_same_lists() -> None:
    rows = numpy.array([[0.5, 0], [0, 0.5]], dtype=numpy.float32)

    assert values_of(rows) == values_of(rows.tolist())


def test_quantise_milestones_given_a_list_of_arrays_stacks_them() -> None:
    assert values_of([numpy.array([[0.5, 0]]), numpy.array([[0, 0.5]])]) == [((8, 0),), ((0, 8),)]


def test_quantise_milestones_given_integers_takes_them() -> None:
    assert values_of(numpy.array([[1, 0]], dtype=numpy.int64)) == [((16, 0),)]


def test_quantise_milestones_given_several_inputs_pairs_them_by_name() -> None:
    inputs = {"mask": [[1, 0, 1], [0, 0, 0]], "x": [[0.5, 0], [0, 0.5]]}

    assert values_of(inputs, ROW, OTHER) == [((8, 0), (1, 0, 1)), ((0, 8), (0, 0, 0))]


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([[1, 2, 3]], r"shape \[1, 3\]; the model takes \[1, 2\]"),
        (0.5, r"shape \[\]; the model takes"),
        ([], "The input is empty"),
        ([[]], "The input is empty"),
        ([[0.5, 0], [0.5]], "ragged"),
        ([[0.5, float("nan")]], r"is nan at \(0, 1\)"),
        ([[float("inf"), 0]], r"is inf at \(0, 0\)"),
        ([[0.5, 40]], r"is 40.0 at \(0, 1\), outside the circuit's range -1.0 to 1.0"),
        ([["0.5", 0]], "'0.5' of type str"),
        ([[True, 0]], "True of type bool"),
        (numpy.array([[1 + 2j, 0]]), "of type complex"),
        (numpy.array([[True, False]]), "True of type bool"),
        ({"y": [[0, 0]]}, "no input 'y'"),
        ({}, "Input 'x' is missing"),
    ],
)
def test_quantise_milestones_given_a_wrong_input_says_what_is_wrong(inputs: Any, sentence: str) -> None:
    with pytest.raises(TensorError, match=sentence):
        quantise_milestones(inputs, (ROW,))


def test_quantise_milestones_given_a_fault_in_one_of_many_names_the_milestone() -> None:
    with pytest.raises(TensorError, match=r"^Milestone 1: Input 'x' is nan"):
        quantise_milestones([[[0, 0]], [[0, float("nan")]]], (ROW,))


def test_quantise_milestones_given_rows_that_do_not_fill_a_batch_says_how_many_are_missing() -> None:
    with pytest.raises(TensorError, match=r"has 3 rows; the model takes 2 at a time\. Pad the input to 4 rows"):
        quantise_milestones([[0, 0]] * 3, (BATCH,))


def test_quantise_milestones_given_another_number_than_asked_for_is_refused() -> None:
    with pytest.raises(TensorError, match="make 2 milestones, not 3"):
        quantise_milestones([[[0, 0]]] * 2, (ROW,), 3)


def test_quantise_milestones_given_more_than_a_job_may_have_is_refused() -> None:
    with pytest.raises(TensorError, match="257 milestones; a job has at most 256"):
        quantise_milestones([[[0, 0]]] * 257, (ROW,))


def test_quantise_milestones_given_one_array_for_two_inputs_asks_for_names() -> None:
    with pytest.raises(TensorError, match="2 inputs: 'x', 'mask'"):
        quantise_milestones([[0, 0]], (ROW, OTHER))


def test_quantise_milestones_given_inputs_of_different_length_is_refused() -> None:
    with pytest.raises(TensorError, match=r"different numbers of milestones: \{'x': 2, 'mask': 1\}"):
        quantise_milestones({"x": [[0, 0], [0, 0]], "mask": [0, 0, 0]}, (ROW, OTHER))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 255, 256])
def test_equal_shares_given_any_count_adds_up_and_differs_by_one_at_most(count: int) -> None:
    shares = equal_shares(count)

    assert (len(shares), sum(shares)) == (count, 10_000)
    assert max(shares) - min(shares) <= 1
