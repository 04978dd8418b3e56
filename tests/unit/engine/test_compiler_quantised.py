"""Imported files against onnxruntime, bit for bit: through the plainest interpreter, and through the program that they become.

Weights of u8 x s8 products stay within 7 bits here: beyond, onnxruntime saturates on processors without VNNI, and is wrong.
"""

from __future__ import annotations

import copy

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType
from quantised_models import graph_of, images, model_of, quantise, run_bytes, run_onnxruntime, small_cnn
from quantised_runs import run_all, run_graph

from tallystick.engine.compiler.graph import Graph, Quantisation
from tallystick.engine.compiler.lower import finish_lowering, start_lowering
from tallystick.engine.compiler.quantised import import_quantised, is_quantised
from tallystick.engine.compiler.quantised_tables import add_table
from tallystick.engine.executor import run
from tallystick.engine.opcodes import DType
from tallystick.errors import ModelError

U8, S8 = np.uint8, np.int8
QUANTISING = ("QuantizeLinear", "DequantizeLinear")
MS = "com.microsoft"


def integers(rng: np.random.Generator, kind: type, shape: tuple[int, ...], *, bits: int = 8) -> np.ndarray:
    info = np.iinfo(kind)
    middle, half = (info.min + info.max + 1) // 2, 2 ** (bits - 1)
    return rng.integers(middle - half, middle + half, shape).astype(kind)


class Case:
    """One model with one input `x`, whose constants it names as they come."""

    def __init__(self, seed: int, kind: type, shape: tuple[int, ...]) -> None:
        self.rng, self.kind = np.random.default_rng(seed), kind
        self.x = integers(self.rng, kind, shape)
        self.constants: dict[str, np.ndarray] = {}
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, value: object, kind: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, kind)
        return name

    def held(self, scale: object = None, zero: int | None = None) -> list[str]:
        """Names of a scale and a zero point; drawn where not given."""
        scale = float(np.exp(self.rng.uniform(-5, -2))) if scale is None else scale
        zero = int(integers(self.rng, self.kind, ())) if zero is None else zero
        return [self.constant(scale), self.constant(zero, self.kind)]

    def add(self, op: str, inputs: list[str], output: str = "y", domain: str = "", **attributes: object) -> None:
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))

    def check(self, inputs: dict[str, np.ndarray] | None = None, *, alike: bool = False) -> Graph:
        """Gives the imported graph."""
        inputs = inputs or {"x": self.x}
        model = model_of(self.nodes, inputs, self.constants, {"y": self.kind})
        made = import_quantised(graph_of(model, inputs))
        assert_same(made, inputs, run_onnxruntime(model, inputs), alike=alike)
        return made


def assert_same(made: Graph, inputs: dict[str, np.ndarray], wanted: np.ndarray, *, alike: bool = False) -> None:
    """`alike` allows outputs that are all the same byte."""
    assert_plain(made)
    assert np.array_equal(run_graph(made, inputs), wanted)
    program = finish_lowering(start_lowering(copy.deepcopy(made)))
    got = run(program, [inputs[name] for name in made.inputs], trace=False).output
    assert np.array_equal(got, wanted)
    assert alike or np.unique(wanted).size > 2, "a case whose outputs are all alike shows nothing"


def assert_plain(made: Graph) -> None:
    assert not is_quantised(made)
    assert not [node for node in made.nodes if node.op in QUANTISING or node.op.startswith("QLinear")]
    assert all(node.domain in ("", "tallystick") for node in made.nodes)


# ---- sums of products -------------------------------------------------------------------------------------------------

DTYPES = {"u8u8": (U8, U8, 8), "u8s8": (U8, S8, 7), "s8s8": (S8, S8, 8)}
CONVS = {"dense": (6, 10, 3, 1), "pointwise": (7, 5, 1, 1), "depthwise": (8, 8, 3, 8), "grouped": (8, 12, 3, 4)}


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("conv", CONVS)
@pytest.mark.parametrize("dtypes", DTYPES)
def test_qlinear_conv_random_layers_are_onnxruntimes(dtypes: str, conv: str, per_channel: bool) -> None:
    kind, w_kind, bits = DTYPES[dtypes]
    channels, outputs, kernel, groups = CONVS[conv]
    for seed in range(3):
        case = Case(seed, kind, (1, channels, 9, 8))
        w = integers(case.rng, w_kind, (outputs, channels // groups, kernel, kernel), bits=bits)
        scales = case.rng.uniform(0.002, 0.02, outputs if per_channel else ())
        zeros = np.full(scales.shape, 0 if w_kind is S8 else 128)
        weights = [case.constant(w, w_kind), case.constant(scales), case.constant(zeros, w_kind)]
        bias = case.constant(case.rng.integers(-9000, 9000, outputs), np.int32)
        spread = 40 * 0.02 * 0.01 * (channels // groups * kernel**2) ** 0.5
        inputs = ["x", *case.held(0.02), *weights, *case.held(spread), bias]
        stride, pad = 1 + seed % 2, kernel // 2
        sizes = {"kernel_shape": [kernel] * 2, "pads": [pad] * 4, "strides": [stride] * 2}
        case.add("QLinearConv", inputs, group=groups, **sizes)
        case.check()


@pytest.mark.parametrize("dtypes", DTYPES)
@pytest.mark.parametrize("transposed", [False, True])
def test_qgemm_with_bias_by_channel_is_onnxruntimes(dtypes: str, transposed: bool) -> None:
    kind, w_kind, bits = DTYPES[dtypes]
    case = Case(3, kind, (3, 40))
    w = integers(case.rng, w_kind, (40, 9), bits=bits)
    zeros = np.full(9, 0 if w_kind is S8 else 128)
    weights = [case.constant(w.T if transposed else w, w_kind), case.constant(case.rng.uniform(0.01, 0.02, 9))]
    bias = case.constant(case.rng.integers(-9000, 9000, 9), np.int32)
    inputs = ["x", *case.held(0.02), *weights, case.constant(zeros, w_kind), bias, *case.held(0.2)]
    case.add("QGemm", inputs, domain=MS, transB=int(transposed))
    made = case.check()
    (gemm,) = made.nodes
    assert gemm.op == "Gemm" and gemm.attributes == {"transB": 1}
    assert made.values[gemm.inputs[1]].shape == (9, 40)


@pytest.mark.parametrize("dtypes", DTYPES)
def test_qlinear_matmul_constant_by_column_is_onnxruntimes(dtypes: str) -> None:
    kind, w_kind, bits = DTYPES[dtypes]
    case = Case(4, kind, (2, 5, 24))
    zeros = np.full(7, 0 if w_kind is S8 else 128)
    b = [case.constant(integers(case.rng, w_kind, (24, 7), bits=bits), w_kind)]
    b += [case.constant(case.rng.uniform(0.01, 0.02, 7)), case.constant(zeros, w_kind)]
    case.add("QLinearMatMul", ["x", *case.held(0.02), *b, *case.held(0.2)])
    case.check()


@pytest.mark.parametrize("kind", [U8, S8])
def test_qlinear_matmul_of_two_activations_is_onnxruntimes(kind: type) -> None:
    case = Case(5, kind, (2, 5, 24))
    other = integers(case.rng, kind, (2, 24, 6))
    case.add("QLinearMatMul", ["x", *case.held(0.02), "z", *case.held(0.01), *case.held(0.2)])
    case.check({"x": case.x, "z": other})


def test_matmul_integer_stays_and_keeps_its_zeros() -> None:
    case = Case(6, U8, (3, 20))
    w = case.constant(integers(case.rng, S8, (20, 4), bits=7), S8)
    case.add("MatMulInteger", ["x", w, case.constant(7, U8), case.constant(-3, S8)])
    model = model_of(case.nodes, {"x": case.x}, case.constants, {"y": np.float32})
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT32
    made = import_quantised(graph_of(model, {"x": case.x}))
    (node,) = made.nodes
    assert node.op == "MatMulInteger" and node.attributes["zeros"] == [7, -3]
    assert np.array_equal(run_graph(made, {"x": case.x}), run_onnxruntime(model, {"x": case.x}))


# ---- tables -----------------------------------------------------------------------------------------------------------

SHAPES = {
    "same": ((1, 6, 5, 7), (1, 6, 5, 7)),
    "right repeats": ((1, 6, 5, 7), (1, 6, 1, 1)),
    "left repeats": ((1, 6, 1, 1), (1, 6, 5, 7)),
    "rows repeat": ((4, 9), (1, 9)),
    "crossed": ((4, 1), (1, 9)),
    "one number each": ((1, 1), (1, 1)),
    "left is one": ((1, 1), (8, 9)),
    "right is one": ((8, 9), (1, 1)),
}


def telling_scales(seed: int, kind: type) -> tuple[list[Quantisation], np.ndarray]:
    """Three quantisations with many pairs of bytes on which the order of the operands of an addition matters, and those
    pairs, as indices of a table of two."""
    low_high = DType.U8 if kind is U8 else DType.I8
    rng = np.random.default_rng(seed)
    while True:
        unit = np.exp(rng.uniform(-7, 0))
        scales = unit * np.array([*rng.integers(1, 9, 2), 2 * rng.integers(1, 5)])
        zeros = rng.integers(low_high.low, low_high.high + 1, 3)
        held = [Quantisation(np.float32(s), int(z), low_high) for s, z in zip(scales, zeros, strict=True)]
        differ = add_table(*held, a_repeats=True) != add_table(*held, a_repeats=False)
        if np.count_nonzero(differ) > 200:
            return held, np.flatnonzero(differ)


@pytest.mark.parametrize("kind", [U8, S8])
@pytest.mark.parametrize("shapes", SHAPES)
def test_qlinear_add_any_broadcast_is_onnxruntimes(shapes: str, kind: type) -> None:
    left, right = SHAPES[shapes]
    telling = 0
    for seed in range(8):
        held, pairs = telling_scales(seed, kind)
        rng = np.random.default_rng(seed)
        one, other = pairs // 256, pairs % 256
        a = rng.choice(one, left)
        # Of the bytes that tell the two orders apart, those that do so beside a byte that is there.
        b = rng.choice(other[np.isin(one, a)], right)
        if np.size(b) == 1:
            a = rng.choice(one[other == b.flat[0]], left)
        case = Case(seed, kind, left)
        operands = {"x": a.astype(U8).view(kind), "z": b.astype(U8).view(kind)}
        names = [case.held(q.scale, q.zero) for q in held]
        case.add("QLinearAdd", ["x", *names[0], "z", *names[1], *names[2]], domain=MS)
        made = case.check(operands, alike=True)
        assert [node.op for node in made.nodes] == ["Lookup2"]
        telling += np.count_nonzero(np.isin(256 * a.astype(np.int64) + b, pairs))
    assert telling > 0, "operands the other way round would pass as well"


@pytest.mark.parametrize("kind", [U8, S8])
@pytest.mark.parametrize("shapes", SHAPES)
def test_qlinear_mul_any_broadcast_is_onnxruntimes(shapes: str, kind: type) -> None:
    left, right = SHAPES[shapes]
    for seed in range(4):
        case = Case(seed, kind, left)
        other = integers(case.rng, kind, right)
        case.add("QLinearMul", ["x", *case.held(0.1), "z", *case.held(0.3), *case.held(1.5)], domain=MS)
        made = case.check({"x": case.x, "z": other}, alike=True)
        assert [node.op for node in made.nodes] == ["Lookup2"]


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_qlinear_binary_with_a_constant_is_onnxruntimes(op: str, place: int) -> None:
    for shape, table in (((), "Lookup"), ((1, 6, 1, 1), "Lookup2")):
        case = Case(8, U8, (1, 6, 5, 7))
        constant = case.constant(integers(case.rng, U8, shape), U8)
        operands = [["x", *case.held(0.1)], [constant, *case.held(0.3)]]
        ordered = operands if place else operands[::-1]
        case.add(op, [*ordered[0], *ordered[1], *case.held(0.2 if op == "QLinearAdd" else 1.5)], domain=MS)
        assert [node.op for node in case.check().nodes] == [table]


def test_qlinear_add_of_a_tensor_to_itself_is_one_table() -> None:
    case = Case(9, S8, (4, 200))
    held = case.held(0.1)
    case.add("QLinearAdd", ["x", *held, "x", *held, *case.held(0.4)], domain=MS)
    assert [node.op for node in case.check().nodes] == ["Lookup"]


@pytest.mark.parametrize("kind", [U8, S8])
def test_qlinear_concat_and_where_requantise_their_operands(kind: type) -> None:
    case = Case(10, kind, (3, 50))
    other = integers(case.rng, kind, (3, 40))
    first, second, target = case.held(0.02), case.held(0.03), case.held(0.02)
    case.add("QLinearConcat", [*target, "x", *first, "z", *second], domain=MS, axis=1)
    made = case.check({"x": case.x, "z": other})
    assert [node.op for node in made.nodes] == ["Lookup", "Lookup", "Concat"]

    case = Case(11, kind, (3, 50))
    other, chosen = integers(case.rng, kind, (3, 50)), case.rng.random((3, 50)) < 0.5
    condition = case.constant(chosen, np.bool_)
    case.add("QLinearWhere", [condition, "x", *case.held(), "z", *case.held(), *case.held(0.05)], domain=MS)
    case.check({"x": case.x, "z": other})


@pytest.mark.parametrize("kind", [U8, S8])
def test_average_pools_whole_images_are_onnxruntimes(kind: type) -> None:
    for seed in range(6):
        case = Case(seed, kind, (1, 40, 4, 4))
        x_scale, middle = float(np.float32(case.rng.choice([0.1, 0.02]))), 0 if kind is S8 else 128
        case.add(
            "QLinearGlobalAveragePool", ["x", *case.held(x_scale, middle), *case.held(x_scale / 8, middle)], domain=MS
        )
        model = model_of(case.nodes, {"x": case.x}, case.constants, {"y": kind})
        made = import_quantised(graph_of(model, {"x": case.x}))
        assert_same(made, {"x": case.x}, run_onnxruntime(model, {"x": case.x}))
        case.nodes[0] = helper.make_node(
            "QLinearAveragePool", list(case.nodes[0].input), ["y"], domain=MS, kernel_shape=[4, 4]
        )
        case.check()


def test_average_pool_windows_differ_from_onnxruntime_at_ties_only() -> None:
    """It adds an odd zero point before it rounds halves to even; a program after."""
    case = Case(0, U8, (1, 16, 12, 12))
    x_zero, y_zero = 100, 101
    inputs = ["x", *case.held(0.5, x_zero), *case.held(0.5, y_zero)]
    case.add("QLinearAveragePool", inputs, domain=MS, kernel_shape=[2, 2])
    model = model_of(case.nodes, {"x": case.x}, case.constants, {"y": U8})
    got = run_graph(import_quantised(graph_of(model, {"x": case.x})), {"x": case.x})
    wanted = run_onnxruntime(model, {"x": case.x}).astype(np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(case.x.astype(np.int64) - x_zero, (2, 2), (2, 3))
    ties = windows.sum((-2, -1)) % 4 == 2
    assert np.array_equal(got[~ties], wanted[~ties])
    assert np.array_equal(np.abs(got - wanted)[ties], np.ones(ties.sum()))


# ---- bytes that only move ---------------------------------------------------------------------------------------------


def test_moves_of_bytes_before_any_scale_is_known_take_it_backwards() -> None:
    case = Case(12, U8, (1, 6, 8, 8))
    case.add("MaxPool", ["x"], "m", kernel_shape=[2, 2], strides=[2, 2])
    case.add("Transpose", ["m"], "t", perm=[0, 2, 3, 1])
    case.add("Reshape", ["t", case.constant([1, 96], np.int64)], "r")
    sigmoid = ["r", *case.held(0.03), *case.held(1 / 256, 0)]
    case.add("QLinearSigmoid", sigmoid, domain=MS)
    made = case.check()
    scale, zero = (case.constants[name] for name in sigmoid[1:3])
    assert made.values["x"].quantisation == Quantisation(
        np.float32(scale), int(zero), made.values["x"].quantisation.dtype
    )  # type: ignore[union-attr]


def test_pad_of_bytes_fills_with_the_byte_of_the_file() -> None:
    case = Case(13, U8, (2, 7))
    case.add("Pad", ["x", case.constant([0, 1, 0, 2], np.int64), case.constant(9, U8)], "p")
    case.add("QLinearLeakyRelu", ["p", *case.held(0.03, 100), *case.held(0.02)], domain=MS, alpha=0.1)
    made = case.check()
    pad = next(node for node in made.nodes if node.op == "Pad")
    assert pad.attributes["value"] == pytest.approx((9 - 100) * 0.03)


def test_bytes_read_under_another_scale_go_through_a_table_and_stay_bytes() -> None:
    case = Case(14, U8, (2, 300))
    case.add("QLinearLeakyRelu", ["x", *case.held(0.03, 128), *case.held(0.03, 90)], "a", domain=MS, alpha=0.1)
    case.add("QLinearLeakyRelu", ["a", *case.held(0.05, 120), *case.held(0.06, 80)], "y", domain=MS, alpha=0.1)
    assert [node.op for node in case.check().nodes] == ["Lookup"] * 3


# ---- QDQ --------------------------------------------------------------------------------------------------------------


def test_dequantize_then_quantize_is_one_table() -> None:
    case = Case(15, U8, (2, 300))
    case.add("DequantizeLinear", ["x", *case.held(0.03)], "r")
    case.add("QuantizeLinear", ["r", *case.held(0.07)])
    assert [node.op for node in case.check().nodes] == ["Lookup"]


def test_float_input_and_output_are_taken_and_given_as_integers() -> None:
    case = Case(16, U8, (1, 6, 5, 5))
    held = case.held(0.03, 100)
    case.add("QuantizeLinear", ["x", *held], "q")
    case.add("DequantizeLinear", ["q", *held], "d")
    case.add("Relu", ["d"], "s")
    out = case.held(0.02, 0)
    case.add("QuantizeLinear", ["s", *out], "sq")
    case.add("DequantizeLinear", ["sq", *out], "y")
    reals = {"x": case.rng.normal(0, 1, case.x.shape).astype(np.float32)}
    model = model_of(case.nodes, reals, case.constants, {"y": np.float32})
    made = import_quantised(graph_of(model, reals))
    x_held, y_held = made.values["x"].quantisation, made.values["y"].quantisation
    assert x_held is not None and y_held is not None and made.outputs == ["y"]
    got = run_graph(made, {"x": x_held.quantise(reals["x"])})
    assert np.array_equal((got - y_held.zero).astype(np.float32) * y_held.scale, run_onnxruntime(model, reals))


def test_clamp_that_saturation_does_disappears_and_another_one_stays() -> None:
    for zero, left in ((0, ["Lookup2"]), (40, ["Add", "Relu"])):
        case = Case(17, U8, (2, 300))
        other = integers(case.rng, U8, (2, 300))
        case.add("DequantizeLinear", ["x", *case.held(0.03)], "a")
        case.add("DequantizeLinear", ["z", *case.held(0.05)], "b")
        case.add("Add", ["a", "b"], "s")
        case.add("Relu", ["s"], "c")
        case.add("QuantizeLinear", ["c", *case.held(0.07, zero)])
        assert [node.op for node in case.check({"x": case.x, "z": other}).nodes] == left


def test_bias_of_another_scale_is_made_again_from_its_reals() -> None:
    case = Case(18, S8, (3, 12))
    w = integers(case.rng, S8, (4, 12))
    bias = np.array([10, -20, 30, 40], np.int32)
    case.add("DequantizeLinear", ["x", *case.held(0.02, 0)], "a")
    case.add("DequantizeLinear", [case.constant(w, S8), *case.held(0.01, 0)], "w")
    case.add("DequantizeLinear", [case.constant(bias, np.int32), case.constant(0.5)], "b")
    case.add("Gemm", ["a", "w", "b"], "g", transB=1)
    case.add("QuantizeLinear", ["g", *case.held(0.2)])
    model = model_of(case.nodes, {"x": case.x}, case.constants, {"y": S8})
    made = import_quantised(graph_of(model, {"x": case.x}))
    held = made.values[made.nodes[0].inputs[2]]
    assert held.held is None and np.array_equal(held.constant, bias * np.float32(0.5))  # type: ignore[arg-type]
    program = finish_lowering(start_lowering(made))
    wanted = run_onnxruntime(model, {"x": case.x}, optimised=False)
    assert np.array_equal(run(program, [case.x], trace=False).output, wanted)


FILES = {
    "QOperator u8s8": {"qdq": False, "reduce_range": True},
    "QOperator s8s8 by channel": {"qdq": False, "activations": QuantType.QInt8, "per_channel": True},
    "QOperator u8u8": {"qdq": False, "weights": QuantType.QUInt8},
    "QDQ u8s8 by channel": {"qdq": True, "reduce_range": True, "per_channel": True},
    "QDQ s8s8": {"qdq": True, "activations": QuantType.QInt8},
    "QDQ u8u8 by channel": {"qdq": True, "weights": QuantType.QUInt8, "per_channel": True},
}


@pytest.mark.parametrize("file", FILES)
def test_small_cnn_as_quantize_static_makes_it_is_onnxruntimes(file: str) -> None:
    """Every tensor of bytes inside, and the result. Optimisation is off: it turns s8 into u8, which saturates."""
    model = quantise(small_cnn(), **FILES[file])  # type: ignore[arg-type]
    samples = images(4, seed=5)
    made = import_quantised(graph_of(model, samples[0]))
    assert_plain(made)
    x_held, y_held = made.values["x"].quantisation, made.values["y"].quantisation
    assert x_held is not None and y_held is not None
    program = finish_lowering(start_lowering(copy.deepcopy(made)))
    kind = np.uint8 if x_held.dtype.low == 0 else np.int8
    for sample in samples:
        x = x_held.quantise(sample["x"])
        ours, theirs = run_all(made, {"x": x}), run_bytes(model, sample)
        compared = [name for name in theirs if name in ours]
        assert len(compared) > 15
        for name in compared:
            assert np.array_equal(ours[name], theirs[name]), name
        wanted = y_held.quantise(run_onnxruntime(model, sample, optimised=False))
        assert np.array_equal(ours["y"], wanted)
        assert np.array_equal(run(program, [x.astype(kind)], trace=False).output, wanted)


# ---- refusals ---------------------------------------------------------------------------------------------------------


def test_import_quantised_float_graph_is_the_graph_itself() -> None:
    graph = graph_of(small_cnn(), images(1)[0])
    assert not is_quantised(graph)
    assert import_quantised(graph) is graph


def test_import_quantised_does_not_change_what_it_is_given() -> None:
    graph = graph_of(quantise(small_cnn(), qdq=True), images(1)[0])
    before = copy.deepcopy(graph)
    import_quantised(graph)
    assert [(node.op, node.inputs, node.outputs) for node in graph.nodes] == [
        (node.op, node.inputs, node.outputs) for node in before.nodes
    ]
    assert {name: (v.dtype, v.quantisation) for name, v in graph.values.items()} == {
        name: (v.dtype, v.quantisation) for name, v in before.values.items()
    }


def refused(case: Case, words: str, kind: type = U8) -> None:
    model = model_of(case.nodes, {"x": case.x}, case.constants, {"y": kind})
    with pytest.raises(ModelError, match=words):
        import_quantised(graph_of(model, {"x": case.x}))


def test_import_quantised_scale_of_zero_is_refused() -> None:
    case = Case(20, U8, (2, 3))
    case.add("DequantizeLinear", ["x", *case.held(0.0)])
    refused(case, "not above zero", np.float32)


def test_import_quantised_activation_along_an_axis_is_refused() -> None:
    case = Case(21, U8, (2, 3))
    case.add("DequantizeLinear", ["x", case.constant([0.1, 0.2]), case.constant([0, 0], U8)], axis=0)
    refused(case, "along an axis", np.float32)


def test_import_quantised_scale_that_is_computed_is_refused() -> None:
    case = Case(22, U8, (2, 3))
    case.add("ReduceMax", ["f"], "scale", keepdims=0)
    case.add("DequantizeLinear", ["x", "scale", case.constant(0, U8)])
    inputs = {"x": case.x, "f": np.ones(3, np.float32)}
    with pytest.raises(ModelError, match="computed at run time"):
        import_quantised(graph_of(model_of(case.nodes, inputs, case.constants, {"y": np.float32}), inputs))


def test_import_quantised_dynamic_quantisation_is_refused() -> None:
    case = Case(23, U8, (2, 3))
    case.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"]))
    inputs = {"x": np.ones((2, 3), np.float32)}
    with pytest.raises(ModelError, match="by the data of each run"):
        import_quantised(graph_of(model_of(case.nodes, inputs, case.constants, {"y": U8}), inputs))


def test_import_quantised_arithmetic_on_bytes_is_refused() -> None:
    case = Case(24, U8, (2, 3))
    case.add("Add", ["x", "x"], "s")
    case.add("DequantizeLinear", ["s", *case.held(0.1)])
    refused(case, "computes with 8-bit integers", np.float32)


def test_import_quantised_channels_of_different_zeros_are_moved_or_refused() -> None:
    for spread, fits in ((60, True), (255, False)):
        case = Case(25, U8, (3, 8))
        w = case.rng.integers(0, spread + 1, (8, 3)).astype(U8)
        w[0] = [0, spread, spread // 2]
        zeros = case.constant([spread // 2, spread // 3, spread // 4], U8)
        b = [case.constant(w, U8), case.constant([0.1, 0.2, 0.3]), zeros]
        case.add("QLinearMatMul", ["x", *case.held(0.02), *b, *case.held(1.0)])
        if fits:
            case.check()
        else:
            refused(case, "different zero points")
