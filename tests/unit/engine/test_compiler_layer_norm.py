"""Layer normalisation in integers, against the real one on the same bytes, also where nearly nothing varies."""

import numpy as np
import pytest
from staged_programs import program_of, result_of

from tallystick.engine.compiler.graph import Quantisation
from tallystick.engine.compiler.layer_norm import MAX_WIDTH, layer_norm
from tallystick.engine.opcodes import DType
from tallystick.errors import ModelError

KINDS = {DType.U8: np.uint8, DType.I8: np.int8}
SCALES = [(0.02, 1e-5), (0.5, 1e-5), (1e-3, 1e-5), (1e-4, 1e-5), (0.02, 0.0), (0.1, 1.0)]


def real_norm(x, gamma, beta, epsilon, *, rms):
    if not rms:
        x = x - x.mean(-1, keepdims=True)
    # Without epsilon a row of nothing is 0 / 0: it counts as 0, like everywhere here.
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + (epsilon or 1e-30)) * gamma + beta


def rows_of(rng, width, dtype):
    """Wide, narrow, uniform, constant, all but one, two neighbouring values (rarely, half), both ends, an outlier."""
    info = np.iinfo(KINDS[dtype])
    middle = (info.min + info.max + 1) // 2
    rows = [
        rng.normal(middle, 40, width),
        rng.normal(middle + 50, 3, width),
        rng.integers(info.min, info.max + 1, width),
        np.full(width, middle + 7),
        np.where(np.arange(width) == 0, info.max - 1, info.max),
        middle + (rng.random(width) < 0.05),
        middle + (rng.random(width) < 0.5),
        np.where(rng.random(width) < 0.5, info.max, info.min),
        np.where(np.arange(width) == width - 1, info.max, info.min),
        rng.normal(middle, 0.6, width),
    ]
    return np.clip(np.rint(rows), info.min, info.max).astype(KINDS[dtype])


def worst(width, dtype, *, rms=False):
    """The largest error in output steps over all scales, the output's scale calibrated on the rows that vary."""
    rng, errors = np.random.default_rng(width), []
    x = rows_of(rng, width, dtype)
    gamma, beta = rng.normal(0, 1, (2, width)).astype(np.float32)
    for scale, epsilon in SCALES:
        held = Quantisation(np.float32(scale), 131 if dtype is DType.U8 else 5, dtype)
        want = real_norm(held.dequantise(x), gamma.astype(float), beta.astype(float), epsilon, rms=rms)
        out = Quantisation(np.float32(max(np.abs(want[:3]).max() / 120, 1e-3)), 3, DType.I8)
        got = result_of(lambda b, ref, h=held, e=epsilon, o=out: layer_norm(b, ref, h, gamma, beta, e, o, rms=rms), x)
        errors.append(int(np.abs(got.astype(np.int64) - out.quantise(want)).max()))
    return max(errors)


@pytest.mark.parametrize("width", [1, 2, 3, 7, 32, 33, 64, 65, 256, 768, 1024])
@pytest.mark.parametrize("dtype", list(KINDS))
def test_layer_norm_of_any_row_is_within_two_steps_of_the_real_one(width, dtype):
    assert worst(width, dtype) <= 2


@pytest.mark.parametrize("width", [1, 2, 33, 64, 768, 1024])
@pytest.mark.parametrize("dtype", list(KINDS))
def test_layer_norm_without_mean_is_within_one_step_of_the_real_one(width, dtype):
    assert worst(width, dtype, rms=True) <= 1


@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 1.0])
def test_layer_norm_of_a_constant_row_is_beta(epsilon):
    held, out = Quantisation(np.float32(0.02), 9, DType.U8), Quantisation(np.float32(0.05), -3, DType.I8)
    beta = np.linspace(-2, 2, 48).astype(np.float32)
    x = np.full((1, 48), 200, np.uint8)
    got = result_of(lambda b, ref: layer_norm(b, ref, held, np.ones(48, np.float32), beta, epsilon, out), x)
    assert np.abs(got[0] - out.quantise(beta)).max() <= 1


def test_layer_norm_of_several_axes_works_along_the_last():
    held, out = Quantisation(np.float32(0.02), 9, DType.U8), Quantisation(np.float32(0.05), 0, DType.I8)
    x = np.random.default_rng(1).integers(0, 256, (2, 5, 24)).astype(np.uint8)
    gamma = np.ones(24, np.float32)
    whole = result_of(lambda b, ref: layer_norm(b, ref, held, gamma, None, 1e-5, out), x)
    rows = result_of(lambda b, ref: layer_norm(b, ref, held, gamma, None, 1e-5, out), x.reshape(10, 24))
    assert whole.reshape(10, 24).tolist() == rows.tolist()


def test_layer_norm_of_768_elements_takes_fifteen_steps():
    held, out = Quantisation(np.float32(0.02), 9, DType.U8), Quantisation(np.float32(0.05), 0, DType.I8)
    ones = np.ones(768, np.float32)
    program = program_of(lambda b, ref: layer_norm(b, ref, held, ones, ones, 1e-5, out), np.zeros((1, 768), np.uint8))
    assert len(program.steps) == 15


@pytest.mark.parametrize(
    ("width", "scale", "gamma", "epsilon", "reason"),
    [
        (MAX_WIDTH + 1, 0.02, 1.0, 1e-5, "over 16385 elements"),
        (64, 0.02, 1.0, float("nan"), "epsilon of nan"),
        (64, 0.02, 1.0, -1.0, "epsilon of -1"),
        (64, 1e-20, 1.0, 1e-5, "beyond all variance"),
        (64, 0.02, 1e9, 1e-5, "2\\^18 steps"),
        (64, 0.02, float("nan"), 1e-5, "2\\^18 steps"),
    ],
)
def test_layer_norm_out_of_proportion_is_refused(width, scale, gamma, epsilon, reason):
    held, out = Quantisation(np.float32(scale), 9, DType.U8), Quantisation(np.float32(0.05), 0, DType.I8)
    x = np.zeros((1, width), np.uint8)
    with pytest.raises(ModelError, match=reason):
        program_of(lambda b, ref: layer_norm(b, ref, held, np.array([gamma]), None, epsilon, out), x)


def test_layer_norm_with_as_many_factors_as_nothing_has_is_refused():
    held = Quantisation(np.float32(0.02), 9, DType.U8)
    with pytest.raises(ModelError, match="has 5 factors"):
        program_of(lambda b, ref: layer_norm(b, ref, held, np.ones(5), None, 1e-5, held), np.zeros((1, 64), np.uint8))
