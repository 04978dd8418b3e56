"""Tensors as artifacts: one document for one content, and nothing that a circuit could not take."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tallystick.errors import ArtifactCorruptError, TensorError
from tallystick.hashing import FIELD, instance_root
from tallystick.tensors import MAX_ELEMENTS, QuantisedTensors, TensorSpec, dequantise, flatten, quantise

SPEC = TensorSpec(name="image", shape=(2, 2), scale=7, low="-1.0", high="16.0")
TWO = QuantisedTensors(shapes=((2,), (1, 3)), values=((1, -2), (3, 4, 5)))


def spec(**changed):
    return TensorSpec(**{"name": "x", "shape": (1,), "scale": 7, "low": "-1000.0", "high": "1000.0", **changed})


def document(**changed):
    plain = {"schema_version": 1, "shapes": [[2]], "values": [[1, 2]], **changed}
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


# ---- documents --------------------------------------------------------------------------------------------------------


def test_decode_undoes_encode():
    assert QuantisedTensors.decode(TWO.encode()) == TWO


def test_root_is_over_all_values_in_order_as_field_elements():
    assert TWO.root() == instance_root([1, FIELD - 2, 3, 4, 5])


@pytest.mark.parametrize(
    "data",
    [
        document(values=[[1]]),
        document(values=[[1, 2], []]),
        document(shapes=[[2], [1]]),
        document(shapes=[[0, 2]], values=[[]]),
        document(shapes=[[-1, -2]]),
        document(values=[["1", 2]]),
        document(values=[[True, 2]]),
        document(values=[[1, FIELD // 2 + 1]]),
        document(values=[[-FIELD, 1]]),
        document(schema_version=2),
        document(extra=1),
        b'{"shapes":[[2]],"values":[[1,2]]}',
        b"[]",
        b"",
        b"\x00\x01",
    ],
    ids=[
        "too few values",
        "a tensor too many",
        "a shape too many",
        "no elements",
        "negative dimensions",
        "text for a number",
        "bool for a number",
        "above the field",
        "below the field",
        "another schema",
        "another field",
        "a default left out",
        "no object",
        "empty",
        "no text",
    ],
)
def test_decode_given_another_form_is_refused(data):
    with pytest.raises(ArtifactCorruptError):
        QuantisedTensors.decode(data)


def test_decode_given_values_that_share_a_root_with_others_takes_only_the_least():
    """q and q + FIELD are one field element: whoever could choose would have two outputs for one proof."""
    shifted = document(values=[[1 + FIELD, 2]])
    with pytest.raises(ArtifactCorruptError):
        QuantisedTensors.decode(shifted)


def test_decode_given_more_elements_than_any_circuit_has_is_refused():
    size = MAX_ELEMENTS // 2 + 1
    data = document(shapes=[[size], [size]], values=[[0] * size] * 2)
    with pytest.raises(ArtifactCorruptError, match="more than"):
        QuantisedTensors.decode(data)


def test_decode_given_a_million_wrong_values_says_so_in_one_sentence():
    data = document(shapes=[[100_000]], values=[["x"] * 100_000])
    with pytest.raises(ArtifactCorruptError) as caught:
        QuantisedTensors.decode(data)
    assert len(str(caught.value)) < 2_000


@pytest.mark.parametrize(
    "changed",
    [
        {"low": "nan"},
        {"high": "inf"},
        {"low": "2000.0"},
        {"low": "cheap"},
        {"shape": (0,)},
        {"shape": (-1,)},
        {"shape": (2048, 2048)},
        {"scale": -1},
        {"scale": 65},
    ],
    ids=str,
)
def test_tensor_spec_given_what_no_circuit_has_is_refused(changed):
    with pytest.raises(ValidationError):
        spec(**changed)


# ---- flatten ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nested", "values", "shape"),
    [
        ([[1, 2], [3, 4]], [1, 2, 3, 4], (2, 2)),
        (((1.5,), (2,)), [1.5, 2], (2, 1)),
        (7, [7], ()),
        (np.arange(6, dtype=np.float32).reshape(1, 2, 3), [0, 1, 2, 3, 4, 5], (1, 2, 3)),
        ([np.float32(0.5), np.int8(-3)], [0.5, -3], (2,)),
        (np.array(2.5), [2.5], ()),
    ],
    ids=["lists", "tuples", "number", "array", "numpy scalars", "array without dimensions"],
)
def test_flatten_given_numbers_returns_them_row_major(nested, values, shape):
    assert flatten(nested) == (values, shape)


@pytest.mark.parametrize(
    ("nested", "said"),
    [
        ([], "empty"),
        ([[1], []], "empty"),
        ([[1, 2], [3]], "ragged"),
        ([1, [2]], "ragged"),
        (["1"], "type str"),
        ([None], "type NoneType"),
        ([True], "type bool"),
        (np.array([1j]), "type complex"),
        ([10**400], "no float can hold"),
    ],
    ids=["empty", "empty row", "ragged", "mixed depth", "text", "none", "bool", "complex", "huge"],
)
def test_flatten_given_anything_else_says_what_it_holds(nested, said):
    with pytest.raises(TensorError, match=said):
        flatten(nested)


# ---- quantise ---------------------------------------------------------------------------------------------------------


def test_quantise_given_an_input_returns_fixed_point_integers():
    assert quantise([[0, 0.5], [-1, 16]], SPEC) == (0, 64, -128, 2048)


@pytest.mark.parametrize(
    ("value", "integer"),
    [(0.5, 1), (-0.5, -1), (1.5, 2), (2.5, 3), (-2.5, -3), (0.49999999999999994, 0), (0.4, 0), (-0.4, 0), (-0.0, 0)],
)
def test_quantise_rounds_halves_away_from_zero(value, integer):
    assert quantise([value], spec(scale=0)) == (integer,)


@given(st.floats(min_value=-1000, max_value=1000), st.integers(min_value=0, max_value=20))
def test_quantise_is_never_off_by_more_than_half_a_step(value, scale):
    [integer] = quantise([value], spec(scale=scale))
    assert abs(integer / 2**scale - value) <= 0.5 / 2**scale


@given(st.lists(st.integers(min_value=-(2**40), max_value=2**40), min_size=1))
def test_quantise_undoes_dequantise(integers):
    wide = spec(shape=(len(integers),), low="-1e300", high="1e300", scale=13)
    assert quantise(dequantise(integers, 13), wide) == tuple(integers)


def test_quantise_given_another_shape_says_both():
    with pytest.raises(TensorError, match=r"has shape \[4\]; the model takes \[2, 2\]"):
        quantise([0, 0, 0, 0], SPEC)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_quantise_given_no_finite_number_says_where(value):
    with pytest.raises(TensorError, match=r"at \(1, 0\)"):
        quantise([[0, 0], [value, 0]], SPEC)


@pytest.mark.parametrize("value", [16.000001, -1.0000001, 1e308])
def test_quantise_given_a_value_outside_the_calibrated_range_says_where_and_the_range(value):
    with pytest.raises(TensorError, match=r"at \(0, 1\), outside the circuit's range -1.0 to 16.0"):
        quantise([[0, value], [0, 0]], SPEC)
