"""Every table against onnxruntime, over all bytes and all pairs of bytes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from onnx import helper
from quantised_models import model_of, run_onnxruntime

from tallystick.engine.compiler.graph import Quantisation
from tallystick.engine.compiler.quantised_tables import (
    add_table,
    fused,
    leaky_relu_table,
    multiply_table,
    requantising_table,
    sigmoid_table,
    single_reals,
)
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES

SEEDS = range(12)
KINDS = [DType.U8, DType.I8]
PAIRS = {"equal": ((256, 256), (256, 256)), "b repeats": ((256, 256), (256, 1)), "a repeats": ((256, 1), (256, 256))}


def drawn(rng: np.random.Generator, kind: DType, unit: float) -> Quantisation:
    """Small multiples of one unit make ties, where formulas differ; half of the time anything else."""
    factor = rng.integers(1, 9) if rng.random() < 0.5 else np.exp(rng.uniform(-1, 2))
    return Quantisation(np.float32(unit * factor), int(rng.integers(kind.low, kind.high + 1)), kind)


def all_bytes(kind: DType) -> np.ndarray:
    return np.arange(256, dtype=np.uint8).view(NUMPY_DTYPES[kind])


def constants(**held: Quantisation) -> dict[str, np.ndarray]:
    found = {}
    for name, q in held.items():
        found[f"{name}_scale"], found[f"{name}_zero"] = np.float32(q.scale), np.array(q.zero, NUMPY_DTYPES[q.dtype])
    return found


def three(name: str) -> list[str]:
    return [name, f"{name}_scale", f"{name}_zero"]


def binary(op: str, a: np.ndarray, b: np.ndarray, held: tuple[Quantisation, Quantisation, Quantisation]) -> np.ndarray:
    node = helper.make_node(op, [*three("a"), *three("b"), "y_scale", "y_zero"], ["y"], domain="com.microsoft")
    values = constants(a=held[0], b=held[1], y=held[2])
    return run_onnxruntime(model_of([node], {"a": a, "b": b}, values, {"y": a.dtype}), {"a": a, "b": b})


def unary(nodes: list, x: np.ndarray, held: tuple[Quantisation, Quantisation]) -> np.ndarray:  # type: ignore[type-arg]
    model = model_of(nodes, {"x": x}, constants(x=held[0], y=held[1]), {"y": NUMPY_DTYPES[held[1].dtype]})
    return run_onnxruntime(model, {"x": x})


def pair_grid(kind: DType, shapes: str) -> tuple[np.ndarray, np.ndarray]:
    """Operands that bring every pair of bytes, in shapes that broadcast along the innermost axis or not."""
    first, second = all_bytes(kind)[:, None], all_bytes(kind)[None, :]
    if shapes == "equal":
        return np.broadcast_to(first, (256, 256)).copy(), np.broadcast_to(second, (256, 256)).copy()
    if shapes == "a repeats":
        return first, np.broadcast_to(second, (256, 256)).copy()
    # Transposed: b's byte then goes with the row.
    return np.broadcast_to(second, (256, 256)).copy(), first


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shapes", PAIRS)
def test_add_table_every_pair_is_onnxruntimes(kind: DType, shapes: str) -> None:
    a, b = pair_grid(kind, shapes)
    assert (a.shape, b.shape) == PAIRS[shapes]
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        unit = float(np.exp(rng.uniform(-6, 0)))
        held = (drawn(rng, kind, unit), drawn(rng, kind, unit), drawn(rng, kind, 2 * unit))
        table = add_table(*held, a_repeats=shapes == "a repeats")
        rows, columns = (each.view(np.uint8) for each in np.broadcast_arrays(a, b))
        assert np.array_equal(table[rows, columns], binary("QLinearAdd", a, b, held)), (seed, held)


def test_add_table_operands_exchanged_can_differ() -> None:
    """What makes `a_repeats` an argument: were this to fail, it could go."""
    differing = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        held = (drawn(rng, DType.U8, 0.1), drawn(rng, DType.U8, 0.1), drawn(rng, DType.U8, 0.2))
        differing += np.count_nonzero(add_table(*held, a_repeats=True) != add_table(*held, a_repeats=False))
    assert differing > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shapes", PAIRS)
def test_multiply_table_every_pair_is_onnxruntimes(kind: DType, shapes: str) -> None:
    a, b = pair_grid(kind, shapes)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        unit_a, unit_b = rng.choice([0.1, 0.01, 0.05, 2.0**-5, 0.3, 0.07], 2)
        y_unit = unit_a * unit_b * rng.choice([2, 50, 200])
        held = (drawn(rng, kind, unit_a), drawn(rng, kind, unit_b), drawn(rng, kind, y_unit))
        rows, columns = (each.view(np.uint8) for each in np.broadcast_arrays(a, b))
        assert np.array_equal(multiply_table(*held)[rows, columns], binary("QLinearMul", a, b, held)), (seed, held)


@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_binary_table_lengths_of_any_tail_agree(op: str) -> None:
    """Vectorised bodies and what is left over after them do the same."""
    rng = np.random.default_rng(5)
    held = (drawn(rng, DType.U8, 0.1), drawn(rng, DType.U8, 0.1), drawn(rng, DType.U8, 0.2))
    table = multiply_table(*held) if op == "QLinearMul" else add_table(*held, a_repeats=False)
    for length in (*range(2, 70), 1000):
        a, b = (rng.integers(0, 256, length).astype(np.uint8) for _ in range(2))
        assert np.array_equal(binary(op, a, b, held), table[a, b]), length


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", KINDS)
def test_requantising_table_dequantize_then_quantize_is_onnxruntimes(kind: DType, target: DType) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", three("x"), ["reals"]),
        helper.make_node("QuantizeLinear", ["reals", "y_scale", "y_zero"], ["y"]),
    ]
    telling = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        unit = float(rng.choice([0.1, 0.01, 0.3, 0.07]))
        held = (drawn(rng, kind, unit), drawn(rng, target, 2 * unit))
        table = requantising_table(*held)
        assert np.array_equal(table, unary(nodes, all_bytes(kind), held)), (seed, held)
        telling += np.count_nonzero(table != held[1].quantise(held[0].reals()))
    assert telling > 20, "double precision would pass as well"


@pytest.mark.parametrize("kind", KINDS)
def test_leaky_relu_table_every_byte_is_onnxruntimes(kind: DType) -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        held, alpha = (drawn(rng, kind, 0.01), drawn(rng, kind, 0.02)), float(np.float32(rng.choice([0.01, 0.1, 0.5])))
        inputs = [*three("x"), "y_scale", "y_zero"]
        node = helper.make_node("QLinearLeakyRelu", inputs, ["y"], domain="com.microsoft", alpha=alpha)
        assert np.array_equal(leaky_relu_table(*held, alpha), unary([node], all_bytes(kind), held)), (seed, held)


def plain_sigmoid(x: Quantisation) -> np.ndarray:
    """The function itself, in double precision."""
    return np.asarray(1 / (1 + np.exp(-single_reals(x).astype(np.float64))))


@pytest.mark.parametrize("kind", KINDS)
def test_sigmoid_table_every_byte_is_onnxruntimes(kind: DType) -> None:
    """Scales that put an entry halfway between two bytes, where the last bit of the approximation decides."""
    node = helper.make_node("QLinearSigmoid", [*three("x"), "y_scale", "y_zero"], ["y"], domain="com.microsoft")
    telling = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        x = Quantisation(np.float32(np.exp(rng.uniform(-5, -2))), int(rng.integers(kind.low, kind.high + 1)), kind)
        reals = plain_sigmoid(x)
        halfway = reals[rng.integers(0, 256)] / (int(rng.integers(20, 250)) + 0.5)
        y = Quantisation(np.float32(max(halfway, 1e-4)), kind.low, kind)
        table = sigmoid_table(x, y)
        assert np.array_equal(table, unary([node], all_bytes(kind), (x, y))), (seed, x, y)
        telling += np.count_nonzero(table != y.quantise(reals))
    assert telling > 20, "the exact function would pass as well"


def test_fused_random_operands_is_the_exact_sum_rounded_once() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-255, 256, 3000).astype(np.float32), rng.normal(0, 1, 3000).astype(np.float32)
    # Sums that nearly cancel, and addends far below and above the product.
    c = (-a * b * (1 + rng.choice([0, 1e-7, 1e-3], 3000)) * 2.0 ** rng.integers(-30, 30, 3000)).astype(np.float32)
    for one, other, addend, got in zip(a, b, c, fused(a, b, c), strict=True):
        exact = Fraction(float(one)) * Fraction(float(other)) + Fraction(float(addend))
        error = abs(Fraction(float(got)) - exact)
        beside = [Fraction(float(np.nextafter(got, np.float32(way)))) for way in (-np.inf, np.inf)]
        assert all(error <= abs(each - exact) for each in beside)


def test_fused_sum_just_beside_a_tie_is_not_rounded_twice() -> None:
    """Double precision rounds these onto the tie, from where single precision would go to the even side."""
    factor = np.float32(1 + 2.0**-12)
    below, above = np.float32(1 + 2.0**-11), np.float32(1 + 2.0**-11 + 2.0**-23)
    tiny = np.array([2.0**-80, 0, -(2.0**-80)], np.float32)
    assert np.array_equal(fused(factor, factor, tiny), [above, below, below])
