"""onnxruntime behind the seam: the contract's bits, and how little of a network leaves it."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.engine.backends.linear_tables import fused_sum
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.backends.onnxruntime_backend import OnnxRuntimeBackend
from tallystick.engine.backends.onnxruntime_dots import Signed, as_stored, pairs_fit
from tallystick.engine.backends.onnxruntime_probe import signed_weights
from tallystick.engine.backends.onnxruntime_tables import matching_operator
from tallystick.engine.backends.segments import Segment, segments
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.conformance import Case, conformance
from tallystick.engine.conformance.catalogue import CATALOGUE
from tallystick.engine.conformance.dots import convolutions, products
from tallystick.engine.conformance.networks import residual_network
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType, Opcode

U8, I8, I32 = DType.U8, DType.I8, DType.I32


@pytest.fixture(scope="module")
def backend() -> OnnxRuntimeBackend:
    return OnnxRuntimeBackend()


def network(dtype: DType) -> Case:
    return residual_network(dtype)(np.random.default_rng(7))


def test_conformance_given_onnxruntime_passes(backend: OnnxRuntimeBackend) -> None:
    assert conformance(backend, catalogue=CATALOGUE[::2]).failures == ()


def test_conformance_given_unsigned_weights_only_passes() -> None:
    assert conformance(OnnxRuntimeBackend(signed=Signed()), catalogue=[convolutions(U8, I8, U8)]).passed


@pytest.mark.parametrize("make", [convolutions(U8, I8, U8), products(U8, I8, U8)], ids=["conv", "matmul"])
def test_conformance_given_signed_weights_where_pairs_saturate_fails(make: object) -> None:
    if signed_weights().full:
        pytest.skip("this processor's kernels for signed weights are exact")

    assert not conformance(OnnxRuntimeBackend(signed=Signed(full=True)), catalogue=[make]).passed  # type: ignore[list-item]


@pytest.mark.parametrize("dtype", [U8, I8])
def test_prepare_given_a_network_leaves_only_large_odd_tables_to_kernels(
    backend: OnnxRuntimeBackend, dtype: DType
) -> None:
    case = network(dtype)
    plan = backend.prepare(case.program)

    left = {case.program.steps[index].opcode for index in plan.left_to_kernels(keep=False)}

    # The case ends in an Arith that joins branches; everything before it has an operator or is small enough to gather.
    assert left <= {Opcode.ARITH, Opcode.RESHAPE, Opcode.LOOKUP}


def test_run_given_threads_gives_the_same_bits() -> None:
    case = network(U8)
    expected = NumpyBackend().prepare(case.program).run(case.inputs, keep=True)

    got = OnnxRuntimeBackend(threads=2).prepare(case.program).run(case.inputs, keep=True)

    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))  # type: ignore[arg-type]


def test_run_given_another_input_leaves_earlier_outputs_alone(backend: OnnxRuntimeBackend) -> None:
    case = network(U8)
    plan = backend.prepare(case.program)
    first = plan.run(case.inputs, keep=True)
    copies = [np.array(output) for output in first]

    plan.run([array[::-1] for array in case.inputs], keep=True)

    assert all(np.array_equal(a, b) for a, b in zip(first, copies, strict=True))  # type: ignore[arg-type]


def test_run_given_a_scalar_step_gives_it() -> None:
    builder = ProgramBuilder()
    x = builder.input(TensorHeader(U8, (1, 4)), "x")
    weights, params = builder.constant(np.ones((1, 4), np.int8)), builder.constant(np.array([[5, 0]], np.int32))
    total = builder.reshape(builder.matmul(x, weights, params), ())
    plan = OnnxRuntimeBackend().prepare(builder.build(total))

    assert plan.run([np.array([[[1, 2, 3, 4]], [[0, 0, 0, 1]]], np.uint8)], keep=False)[-1].tolist() == [15, 6]  # type: ignore[union-attr]


# ---- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ([127, 1, 127, 1], True),
        ([127, 2], False),
        ([1, 127, 127, 1], True),
        ([0, 127, 127, 0], True),
        ([127, -128], True),
        ([-128, -1], False),
        ([-128, 0, -64, -64], True),
        ([64, 64, 127], True),
        ([64, 65], False),
    ],
)
def test_pairs_fit_given_neighbours_tells_whether_sixteen_bits_hold_them(row: list[int], fits: bool) -> None:
    assert pairs_fit(np.array([[0] * len(row), row], np.int8)) is fits


def test_as_stored_given_weights_that_may_not_be_signed_keeps_the_integers() -> None:
    weights = np.array([-128, -1, 0, 127], np.int8)

    stored, zero = as_stored(weights, -3, signed=False)

    assert stored.dtype == np.uint8
    assert (stored.astype(int) - int(zero)).tolist() == (weights.astype(int) + 3).tolist()


# ---- tables -----------------------------------------------------------------------------------------------------------

A, B = np.divmod(np.arange(65536), 256)


def sum_table(scales: tuple[float, float], zeros: tuple[int, int, int]) -> np.ndarray:  # type: ignore[type-arg]
    ra, rb = (np.float32(scale) for scale in scales)
    values = np.rint(fused_sum(A.astype(np.float64), B.astype(np.float64), (ra, rb), zeros))
    return np.clip(values, 0, 255).astype(np.uint8).reshape(256, 256)


def product_table(scale: float, zeros: tuple[int, int, int]) -> np.ndarray:  # type: ignore[type-arg]
    values = ((A - zeros[0]) * (B - zeros[1])).astype(np.float32) * np.float32(scale) + np.float32(zeros[2])
    return np.clip(np.rint(values), 0, 255).astype(np.uint8).reshape(256, 256)


@pytest.mark.parametrize(
    ("scales", "zeros"),
    [
        ((0.7123457, 0.9312345), (128, 121, 130)),
        ((0.4012345, 0.4123457), (0, 0, 0)),
        ((1.3017231, 0.2013579), (3, 250, 0)),
        ((1.0, 1.0), (128, 128, 128)),
        ((0.5, 1.0), (128, 128, 128)),
    ],
)
def test_matching_operator_given_a_weighted_sum_finds_qlinearadd(
    scales: tuple[float, float], zeros: tuple[int, int, int]
) -> None:
    found = matching_operator(sum_table(scales, zeros))

    assert found is not None
    assert found.op == "QLinearAdd"


@pytest.mark.parametrize(
    ("scale", "zeros"), [(0.0101234, (128, 120, 128)), (0.0041234, (0, 0, 0)), (0.0039123, (0, 131, 131))]
)
def test_matching_operator_given_a_product_finds_qlinearmul(scale: float, zeros: tuple[int, int, int]) -> None:
    found = matching_operator(product_table(scale, zeros))

    assert found is not None
    assert found.op == "QLinearMul"


@pytest.mark.parametrize("place", [0, 40_000, 65_535])
def test_matching_operator_given_one_other_entry_finds_none(place: int) -> None:
    table = sum_table((0.7123457, 0.9312345), (128, 121, 130))
    table.reshape(-1)[place] ^= 1

    assert matching_operator(table) is None


# ---- segments ---------------------------------------------------------------------------------------------------------


def test_segments_given_steps_that_do_not_wait_runs_them_together() -> None:
    reads = {0: [], 1: [0], 2: [1], 3: [0], 4: [2, 3]}

    schedule, fast = segments(reads, frozenset({0, 1, 3, 4}), frozenset({0, 4}))

    assert schedule == [Segment(True, (0, 1, 3)), Segment(False, (2,)), Segment(True, (4,))]
    assert fast == {0, 1, 3, 4}


def test_segments_given_a_visit_without_weight_leaves_it_to_kernels() -> None:
    reads = {0: [], 1: [0], 2: [1]}

    schedule, fast = segments(reads, frozenset({0, 2}), frozenset({0}))

    assert schedule == [Segment(True, (0,)), Segment(False, (1, 2))]
    assert fast == {0}
