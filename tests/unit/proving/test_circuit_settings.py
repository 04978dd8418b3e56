"""Settings of the one accepted form, and none other."""

import json

import pytest

from tallystick.errors import ModelError
from tallystick.proving.circuit_settings import MAX_SETTINGS_BYTES, check_specs, read_settings
from tallystick.tensors import TensorSpec

RUN_ARGUMENTS = {
    "logrows": 10,
    "input_visibility": "Public",
    "output_visibility": "Public",
    "param_visibility": "Fixed",
    "decomp_base": 256,
    "decomp_legs": 4,
}
SETTINGS = {
    "run_args": RUN_ARGUMENTS,
    "num_rows": 555,
    "model_instance_shapes": [[1, 4], [1, 3]],
    "model_input_scales": [7],
    "model_output_scales": [8],
    "version": "23.0.5",
    "timestamp": 1,
}


def spell(**changes):
    return json.dumps({**SETTINGS, **changes}).encode()


def spec(shape, scale=7):
    return TensorSpec(name="t", shape=shape, scale=scale, low="0.0", high="1.0")


def test_read_settings_gives_rows_and_instances():
    settings = read_settings(spell())

    assert (settings.logrows, settings.num_rows, settings.instance_count) == (10, 555, 7)


@pytest.mark.parametrize(
    "change",
    [{"param_visibility": "Private"}, {"input_visibility": {"Hashed": {}}}, {"output_visibility": "Private"}],
    ids=["private weights", "hashed input", "private output"],
)
def test_read_settings_given_another_visibility_is_refused(change):
    with pytest.raises(ModelError):
        read_settings(spell(run_args={**RUN_ARGUMENTS, **change}))


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"\xff"])
def test_read_settings_given_another_form_is_refused(data):
    with pytest.raises(ModelError, match="wrong form"):
        read_settings(data)


def test_read_settings_given_more_rows_than_the_field_has_is_refused():
    with pytest.raises(ModelError, match="logrows"):
        read_settings(spell(run_args={**RUN_ARGUMENTS, "logrows": 29}))


def test_read_settings_given_too_many_bytes_is_refused_unread():
    with pytest.raises(ModelError, match="at most"):
        read_settings(b" " * (MAX_SETTINGS_BYTES + 1))


def test_check_specs_given_the_circuits_tensors_passes():
    check_specs(read_settings(spell()), [spec((4,))], [spec((1, 3), scale=8)])


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([spec((5,))], [spec((3,), 8)]),
        ([spec((4,), 8)], [spec((3,), 8)]),
        ([spec((4,))], [spec((3,))]),
        ([spec((4,))], []),
        ([spec((4,)), spec((1,))], [spec((3,), 8)]),
    ],
    ids=["input size", "input scale", "output scale", "no output", "another input"],
)
def test_check_specs_given_other_tensors_is_refused(inputs, outputs):
    with pytest.raises(ModelError, match="do not belong together"):
        check_specs(read_settings(spell()), inputs, outputs)
