"""Softmax in integers, against the real one: rows of any length up to where it is refused, any scale, any output."""

import numpy as np
import pytest
from staged_programs import program_of, result_of

from tallystick.engine.compiler.fixed_point import PROBABILITY
from tallystick.engine.compiler.graph import Quantisation
from tallystick.engine.compiler.softmax import MAX_CLASSES, softmax
from tallystick.engine.opcodes import DType
from tallystick.errors import ModelError

OUTPUTS = [
    PROBABILITY,
    Quantisation(np.float32(1 / 256), -128, DType.I8),
    Quantisation(np.float32(1 / 250), 3, DType.U8),
]
SCALES = [0.004, 0.1, 1.5]


def real_softmax(x, *, log=False):
    x = x - x.max(-1, keepdims=True)
    logs = x - np.log(np.exp(x).sum(-1, keepdims=True))
    return logs if log else np.exp(logs)


def rows_of(seed, classes, dtype, scale):
    """Random rows; all equal; one far above the rest; the rest where exponentials round worst."""
    rng, info = np.random.default_rng(seed), np.iinfo(dtype)
    x = rng.integers(info.min, info.max + 1, (24, classes))
    x[12:] = np.clip(rng.normal((info.min + info.max) / 2, 25, (12, classes)), info.min, info.max)
    x[0], x[1], x[2] = info.max, info.min, info.max - int(np.clip(15 / scale, 1, 255))
    x[1:3, 0] = info.max
    return x.astype(dtype)


def steps_off(x, scale, out, **options):
    """The largest error, in steps of the output."""
    got = result_of(lambda b, ref: softmax(b, ref, scale, out, **options), x).astype(np.int64)
    return int(np.abs(got - out.quantise(real_softmax(x * float(scale), **options))).max())


@pytest.mark.parametrize("classes", [1, 2, 10, 97, 1000])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_softmax_of_random_rows_is_within_one_step_of_the_real_one(classes, dtype):
    for scale in SCALES:
        x = rows_of(classes, classes, dtype, scale)
        assert max(steps_off(x, scale, out) for out in OUTPUTS) <= 1


@pytest.mark.parametrize("classes", [1025, 5000])
def test_softmax_of_rows_in_blocks_is_within_one_step(classes):
    x = rows_of(3, classes, np.uint8, 0.1)
    assert steps_off(x, 0.1, PROBABILITY) <= 1


def test_softmax_of_a_byte_difference_over_127_saturates_nothing():
    x = np.array([[-128, 127, -128]], np.int8)
    assert (
        result_of(lambda b, ref: softmax(b, ref, 0.01, PROBABILITY), x).tolist()
        == PROBABILITY.quantise(real_softmax(x * 0.01)).tolist()
    )


def test_softmax_of_an_image_works_along_the_last_axis():
    x = np.random.default_rng(5).integers(0, 256, (2, 3, 4, 7)).astype(np.uint8)
    whole = result_of(lambda b, ref: softmax(b, ref, 0.05, PROBABILITY), x)
    parts = [result_of(lambda b, ref: softmax(b, ref, 0.05, PROBABILITY), row[None]) for row in x.reshape(-1, 7)]
    assert whole.reshape(-1, 7).tolist() == np.concatenate(parts).tolist()


@pytest.mark.parametrize("classes", [1, 10, 1000])
def test_softmax_of_fixed_point_is_within_one_step(classes):
    rng = np.random.default_rng(7)
    x = (rng.normal(0, 4, (16, classes)) * 2**20).astype(np.int32)
    x[0] = 2**31 - 1
    x[0, ::2] = -(2**31)
    assert steps_off(x, 2.0**-20, PROBABILITY) <= 1


@pytest.mark.parametrize("classes", [1, 10, 1000, 5000])
def test_softmax_of_logarithms_is_within_one_step(classes):
    for scale in SCALES:
        held = Quantisation(np.float32(max(12.0, 255 * scale) / 255), 255, DType.U8)
        assert steps_off(rows_of(classes, classes, np.uint8, scale), scale, held, log=True) <= 1


def test_softmax_into_fixed_point_keeps_its_bits():
    x = rows_of(11, 50, np.uint8, 0.1)
    held = Quantisation(np.float32(2.0**-20), 0, DType.I32)
    got = result_of(lambda b, ref: softmax(b, ref, 0.1, held), x)
    assert np.abs(held.dequantise(got) - real_softmax(x * 0.1)).max() < 2e-6


def test_softmax_of_a_thousand_classes_takes_eight_steps():
    x = np.zeros((1, 1000), np.uint8)
    program = program_of(lambda b, ref: softmax(b, ref, 0.1, OUTPUTS[1]), x)
    assert len(program.steps) == 8


def test_softmax_of_too_many_classes_says_what_to_do():
    x = np.zeros((1, MAX_CLASSES + 1), np.uint8)
    with pytest.raises(ModelError, match="65537 classes"):
        program_of(lambda b, ref: softmax(b, ref, 0.1, PROBABILITY), x)
