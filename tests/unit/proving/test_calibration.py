"""Example data in, batches and ranges out."""

import json

import pytest

from tallystick.errors import TensorError
from tallystick.proving.calibration import read_calibration, spec_for
from tallystick.tensors import quantise

INPUTS = (("x", (1, 2)),)


def test_read_calibration_given_one_example_makes_one_batch():
    assert read_calibration([[[1, 2]]], INPUTS).batches == (((1.0, 2.0),),)


def test_read_calibration_given_stacked_examples_makes_a_batch_of_each():
    assert read_calibration([[[[1, 2]], [[3, 4]]]], INPUTS).batches == (((1.0, 2.0),), ((3.0, 4.0),))


def test_read_calibration_given_two_inputs_pairs_them_by_batch():
    data = read_calibration([[[[1]], [[2]]], [[[3]], [[4]]]], (("a", (1, 1)), ("b", (1, 1))))

    assert data.batches == (((1.0,), (3.0,)), ((2.0,), (4.0,)))


def test_encode_puts_the_batches_of_an_input_one_after_another():
    data = read_calibration([[[[1]], [[2]]], [[[3]], [[4]]]], (("a", (1, 1)), ("b", (1, 1))))

    assert json.loads(data.encode()) == {"input_data": [[1.0, 2.0], [3.0, 4.0]]}


def test_quantised_gives_what_a_job_would_bring():
    data = read_calibration([[[0.5, -0.25]]], INPUTS)

    assert data.quantised([spec_for("x", (1, 2), 7, data.values(0))]) == [[(64, -32)]]


@pytest.mark.parametrize(
    ("calibration", "said"),
    [
        ([], "the model has 1: x"),
        ([[[1, 2]], [[1, 2]]], "for 2 inputs"),
        ([[[1, 2, 3]]], r"shape \[1, 3\]; the model takes \[1, 2\]"),
        ([[1, 2]], r"shape \[2\]"),
        ([[]], "empty"),
        ([[[1, float("nan")]]], "holds nan"),
        ([[[1, float("inf")]]], "holds inf"),
        ([[[1, "2"]]], "'2'"),
        ([[[1], [1, 2]]], "ragged"),
    ],
    ids=["none", "too many", "too wide", "flat", "empty", "nan", "inf", "text", "ragged"],
)
def test_read_calibration_given_unusable_data_says_what_is_wrong(calibration, said):
    with pytest.raises(TensorError, match=said):
        read_calibration(calibration, INPUTS)


def test_read_calibration_given_different_numbers_of_batches_is_refused():
    with pytest.raises(TensorError, match="different numbers of batches"):
        read_calibration([[[[1]], [[2]]], [[[3]]]], (("a", (1, 1)), ("b", (1, 1))))


def test_spec_for_widens_the_range_by_a_tenth_on_either_side():
    spec = spec_for("x", (1, 2), 7, [0.0, 10.0])

    assert (spec.low, spec.high) == ("-1.0", "11.0")


def test_spec_for_rounds_outward_to_a_whole_quantum():
    spec = spec_for("x", (1, 2), 7, [0.0, 1.0])

    assert (float(spec.low), float(spec.high)) == (-13 / 128, 141 / 128)


def test_spec_for_accepts_what_it_was_made_from():
    values = [-0.3, 0.123456, 0.7]

    assert len(quantise(values, spec_for("x", (3,), 7, values))) == 3
