"""Integers that a circuit was made for, and those that it would hang on."""

import pytest

from tallystick.errors import TensorError
from tallystick.proving.ranges import check_inputs, quantised_range
from tallystick.tensors import QuantisedTensors, TensorSpec, quantise

SPEC = TensorSpec(name="x", shape=(1, 2), scale=7, low="-0.1015625", high="1.1015625")


def inputs(values, shape=(1, 2)):
    return QuantisedTensors(shapes=(shape,), values=(values,))


def test_quantised_range_holds_what_quantise_gives_at_its_ends():
    assert quantised_range(SPEC) == quantise([[float(SPEC.low), float(SPEC.high)]], SPEC)


def test_check_inputs_given_both_ends_passes():
    check_inputs(inputs((-13, 141)), [SPEC])


@pytest.mark.parametrize("value", [-14, 142, 10**30, -(10**30)])
def test_check_inputs_given_a_value_outside_names_it_and_the_range(value):
    with pytest.raises(TensorError, match=f"integer {value} at element 1, outside -13 to 141"):
        check_inputs(inputs((0, value)), [SPEC])


@pytest.mark.parametrize(
    "wrong",
    [inputs((0, 1), shape=(2, 1)), inputs((0,), shape=(1, 1)), inputs((0,)), QuantisedTensors(shapes=(), values=())],
    ids=["shape", "size", "values", "none"],
)
def test_check_inputs_given_other_tensors_is_refused(wrong):
    with pytest.raises(TensorError, match="the model takes"):
        check_inputs(wrong, [SPEC])
