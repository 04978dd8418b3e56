"""Small held graphs, lowered and run, against the same graph in floating point."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime
import pytest

from tallystick.engine.compiler.agreement import integers_of, reals_of
from tallystick.engine.compiler.calibrate import calibrate
from tallystick.engine.compiler.export import to_onnx
from tallystick.engine.compiler.graph import Graph, Node, Value
from tallystick.engine.compiler.lower import finish_lowering, held_values, start_lowering
from tallystick.engine.executor import run
from tallystick.engine.opcodes import DType, Opcode
from tallystick.engine.program import Program
from tallystick.engine.validate import validate
from tallystick.errors import ModelError

F32 = np.dtype(np.float32)
RNG = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def graph_of(
    nodes: list[Node],
    shapes: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, np.ndarray] | None = None,
    dtypes: Mapping[str, type] | None = None,
) -> Graph:
    kinds = {name: np.dtype(kind) for name, kind in (dtypes or {}).items()}
    values = {name: Value(shape, kinds.get(name, F32)) for name, shape in shapes.items()}
    values |= {name: Value(array.shape, array.dtype, array) for name, array in (constants or {}).items()}
    made = {name for node in nodes for name in node.outputs}
    return Graph(nodes, values, [name for name in shapes if name not in made], [nodes[-1].outputs[0]])


def node(op: str, inputs: str, output: str, **attributes: object) -> Node:
    return Node(op, inputs.split(), [output], attributes, name=output)


def lowered(graph: Graph, samples: list[dict[str, np.ndarray]], **options: int) -> Program:
    lowering = start_lowering(graph, **options)
    calibrate(graph, held_values(lowering), samples)
    program = finish_lowering(lowering)
    validate(program)
    return program


def samples_for(graph: Graph, count: int = 12) -> list[dict[str, np.ndarray]]:
    return [{name: normal(*graph.values[name].shape) for name in graph.inputs} for _ in range(count)]


def assert_agrees(graph: Graph, steps: float = 3.0, samples: list[dict[str, np.ndarray]] | None = None) -> Program:
    """The program's result is within `steps` of its own output's scale of the float graph's, on every sample."""
    samples = samples or samples_for(graph)
    (name,) = graph.outputs
    session = onnxruntime.InferenceSession(to_onnx(graph, [name]).SerializeToString())
    expected = [session.run([name], sample)[0] for sample in samples]
    program = lowered(graph, samples)
    value = graph.values[name]
    for sample, reals in zip(samples, expected, strict=True):
        inputs = [integers_of(graph.values[each], sample[each]) for each in graph.inputs]
        got = reals_of(value, run(program, inputs, trace=False).output)
        if value.quantisation is None:
            np.testing.assert_array_equal(got, reals)
        else:
            np.testing.assert_allclose(got, reals, atol=steps * float(value.quantisation.scale))
    return program


def opcodes(program: Program) -> list[str]:
    return [step.opcode.name for step in program.steps]


def test_lower_of_a_small_network_agrees_with_floating_point() -> None:
    nodes = [
        node("Conv", "x w1 b1", "c1", pads=(1, 1, 1, 1), strides=(1, 1), dilations=(1, 1), group=1),
        node("Relu", "c1", "r1"),
        node("MaxPool", "r1", "p1", kernel_shape=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0)),
        node("Reshape", "p1", "f"),
        node("Gemm", "f w2 b2", "y", transB=1),
    ]
    shapes = {"x": (1, 2, 6, 6), "c1": (1, 4, 6, 6), "r1": (1, 4, 6, 6), "p1": (1, 4, 3, 3), "f": (1, 36), "y": (1, 5)}
    constants = {"w1": normal(4, 2, 3, 3), "b1": normal(4), "w2": normal(5, 36), "b2": normal(5)}
    program = assert_agrees(graph_of(nodes, shapes, constants), steps=4)
    # The Relu is the convolution's own saturation; images are turned once at the beginning and once before the dense layer.
    assert opcodes(program) == ["VIEW", "CONV", "MAX_POOL", "VIEW", "RESHAPE", "MATMUL"]


@pytest.mark.parametrize("group", [1, 2, 4])
def test_lower_of_a_convolution_with_groups_agrees(group: int) -> None:
    attributes = {"pads": (1, 0, 1, 0), "strides": (2, 1), "dilations": (1, 2), "group": group}
    graph = graph_of(
        [node("Conv", "x w b", "y", **attributes)],
        {"x": (1, 4, 7, 9), "y": (1, 8, 4, 5)},
        {"w": normal(8, 4 // group, 3, 3), "b": normal(8)},
    )
    assert_agrees(graph)


def test_lower_of_a_long_convolution_adds_parts_up() -> None:
    graph = graph_of(
        [node("Conv", "x w", "y", pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1), group=1)],
        {"x": (1, 2000, 3, 3), "y": (1, 2, 1, 1)},
        {"w": normal(2, 2000, 3, 3) / 100},
    )
    program = assert_agrees(graph)
    assert opcodes(program).count("CONV") == 2


def test_lower_of_a_long_product_adds_parts_up() -> None:
    graph = graph_of([node("MatMul", "x w", "y")], {"x": (1, 20_000), "y": (1, 3)}, {"w": normal(20_000, 3) / 100})
    program = assert_agrees(graph, steps=5)
    assert opcodes(program).count("MATMUL") == 2


def test_lower_of_a_clip_wider_than_the_range_needs_no_table() -> None:
    nodes = [
        node("Conv", "x w", "c", pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1), group=1),
        node("Clip", "c low high", "y"),
    ]
    shapes = {"x": (1, 3, 4, 4), "c": (1, 3, 4, 4), "y": (1, 3, 4, 4)}
    constants = {"w": normal(3, 3, 1, 1), "low": np.float32(0).reshape(()), "high": np.float32(6).reshape(())}
    program = assert_agrees(graph_of(nodes, shapes, constants))
    assert "LOOKUP" not in opcodes(program)


def test_lower_of_a_global_average_sums_by_rows_first() -> None:
    attributes = {"kernel_shape": (7, 7), "strides": (1, 1), "pads": (0, 0, 0, 0)}
    graph = graph_of([node("AveragePool", "x", "y", **attributes)], {"x": (1, 8, 7, 7), "y": (1, 8, 1, 1)})
    program = assert_agrees(graph)
    assert opcodes(program)[:3] == ["VIEW", "POOL_SUM", "POOL_SUM"]


@pytest.mark.parametrize("include", [0, 1])
def test_lower_of_a_padded_average_counts_as_onnx_does(include: int) -> None:
    attributes = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1), "count_include_pad": include}
    graph = graph_of([node("AveragePool", "x", "y", **attributes)], {"x": (1, 2, 7, 7), "y": (1, 2, 4, 4)})
    assert_agrees(graph)


def test_lower_of_squeeze_and_excitation_agrees() -> None:
    whole = {"kernel_shape": (4, 4), "strides": (1, 1), "pads": (0, 0, 0, 0)}
    flat = {"pads": (0, 0, 0, 0), "strides": (1, 1), "dilations": (1, 1), "group": 1}
    nodes = [
        node("Conv", "x w", "c", **flat),
        node("HardSwish", "c", "h"),
        node("AveragePool", "h", "p", **whole),
        node("Conv", "p v", "q", **flat),
        node("HardSigmoid", "q", "g"),
        node("Mul", "h g", "y"),
    ]
    image, one = (1, 6, 4, 4), (1, 6, 1, 1)
    shapes = {"x": (1, 3, 4, 4), "c": image, "h": image, "p": one, "q": one, "g": one, "y": image}
    program = assert_agrees(graph_of(nodes, shapes, {"w": normal(6, 3, 1, 1), "v": normal(6, 6, 1, 1)}), steps=4)
    assert opcodes(program).count("LOOKUP2") == 1


def test_lower_of_attention_agrees() -> None:
    """Both operands of both products are computed; scaling and mask are one table with a constant operand."""
    mask = np.where(np.tri(5, dtype=bool), 0, -1e9).astype(np.float32).reshape(1, 1, 5, 5)
    nodes = [
        node("MatMul", "x wq", "q"),
        node("MatMul", "x wk", "k"),
        node("MatMul", "x wv", "v"),
        node("Transpose", "k", "t", perm=(0, 1, 3, 2)),
        node("MatMul", "q t", "s"),
        node("Mul", "s root", "u"),
        node("Add", "u mask", "m"),
        node("Softmax", "m", "p", axis=-1),
        node("MatMul", "p v", "y"),
    ]
    square, rows = (1, 2, 5, 5), (1, 2, 5, 8)
    shapes = (
        {"x": rows, "q": rows, "k": rows, "v": rows, "t": (1, 2, 8, 5)} | dict.fromkeys("sump", square) | {"y": rows}
    )
    constants = {name: normal(8, 8) / 3 for name in ("wq", "wk", "wv")}
    constants |= {"root": np.float32(8**-0.5).reshape(()), "mask": mask}
    program = assert_agrees(graph_of(nodes, shapes, constants), steps=8)
    assert opcodes(program).count("MATMUL") == 5


def test_lower_of_layer_normalisation_agrees() -> None:
    nodes = [node("LayerNormalization", "x gain offset", "y", axis=-1, epsilon=1e-5)]
    constants = {"gain": normal(16) + 1, "offset": normal(16)}
    assert_agrees(graph_of(nodes, {"x": (1, 4, 16), "y": (1, 4, 16)}, constants), steps=3)


def test_lower_of_token_ids_gathers_embeddings_and_computes_positions() -> None:
    nodes = [
        node("Add", "ids one", "next"),
        node("Gather", "table next", "e", axis=0),
        node("MatMul", "e w", "y"),
    ]
    shapes = {"ids": (1, 6), "next": (1, 6), "e": (1, 6, 8), "y": (1, 6, 4)}
    constants = {"table": normal(11, 8), "w": normal(8, 4), "one": np.array(1, np.int64)}
    graph = graph_of(nodes, shapes, constants, {"ids": np.int64, "next": np.int64})
    samples = [{"ids": RNG.integers(0, 10, (1, 6))} for _ in range(20)]
    program = assert_agrees(graph, steps=3, samples=samples)
    assert program.inputs[0].dtype is DType.I32


def test_lower_of_moves_keeps_one_scale_and_adds_no_table() -> None:
    nodes = [
        node("Transpose", "x", "t", perm=(0, 2, 1)),
        node("Slice", "t", "s", starts=(0, 1, 3), steps=(1, 1, -1)),
        node("Pad", "s", "p", pads=(0, 0, 1, 0, 0, 2), value=0.0),
        node("Concat", "p p", "c", axis=2),
        node("Expand", "c", "y"),
    ]
    shapes = {"x": (1, 4, 5), "t": (1, 5, 4), "s": (1, 4, 3), "p": (1, 4, 6), "c": (1, 4, 12), "y": (3, 4, 12)}
    program = assert_agrees(graph_of(nodes, shapes), steps=0.51)
    assert set(opcodes(program)) == {"VIEW", "CONCAT"}


def test_lower_of_moves_on_images_is_by_onnx_axes() -> None:
    flat = {"pads": (0, 0, 0, 0), "strides": (1, 1), "dilations": (1, 1), "group": 1}
    nodes = [
        node("Conv", "x w", "c", **flat),
        node("Slice", "c", "s", starts=(0, 1, 0, 1), steps=(1, 2, 1, 1)),
        node("Pad", "s", "p", pads=(0, 0, 1, 2, 0, 0, 0, 0), value=1.0),
        node("Concat", "p p", "y", axis=1),
    ]
    shapes = {"x": (1, 2, 3, 4), "c": (1, 6, 3, 4), "s": (1, 3, 3, 3), "p": (1, 3, 4, 5), "y": (1, 6, 4, 5)}
    assert_agrees(graph_of(nodes, shapes, {"w": normal(6, 2, 1, 1)}), steps=2)


def test_lower_of_reductions_agrees() -> None:
    for op, steps in (("ReduceMean", 2.0), ("ReduceSum", 3.0), ("ReduceMax", 1.0)):
        nodes = [node(op, "x", "y", axes=(1,), keepdims=0)]
        assert_agrees(graph_of(nodes, {"x": (2, 5, 3), "y": (2, 3)}), steps=steps)


def test_lower_of_arg_max_agrees_on_the_held_values() -> None:
    nodes = [node("ArgMax", "x", "y", axis=1, keepdims=0)]
    graph = graph_of(nodes, {"x": (2, 5), "y": (2,)}, dtypes={"y": np.int64})
    samples = [{"x": RNG.permuted(np.arange(10.0)).reshape(2, 5).astype(np.float32)} for _ in range(20)]
    assert_agrees(graph, samples=samples)


def test_lower_of_a_choice_between_three_tensors_agrees() -> None:
    nodes = [node("Less", "a b", "l"), node("Tanh", "c", "t"), node("Where", "l a t", "y")]
    graph = graph_of(nodes, dict.fromkeys("abcly", (2, 6)) | {"t": (2, 6)}, dtypes={"l": np.bool_})
    samples = [{name: np.rint(4 * normal(2, 6)) / 2 for name in "abc"} for _ in range(20)]
    for sample in samples:  # where a and b are nearly equal, a rounding may choose the other
        sample["b"] = np.where(np.abs(sample["a"] - sample["b"]) < 0.4, sample["a"] + 1, sample["b"]).astype(np.float32)
    assert_agrees(graph, steps=2, samples=samples)


def test_lower_of_weights_of_seven_bits_stays_within_them() -> None:
    graph = graph_of([node("MatMul", "x w", "y")], {"x": (1, 8), "y": (1, 3)}, {"w": normal(8, 3)})
    program = lowered(graph, samples_for(graph), weight_bits=7)
    (step,) = (step for step in program.steps if step.opcode is Opcode.MATMUL)
    assert np.abs(program.constants[step.operands[1].index].astype(int)).max() == 63


def test_lower_of_an_unknown_operator_names_node_and_remedy() -> None:
    graph = graph_of([node("GridSample", "x", "y")], {"x": (1, 4), "y": (1, 4)})
    with pytest.raises(ModelError, match=r"GridSample 'y': the operator GridSample is not supported"):
        finish_lowering(start_lowering(graph))


def test_lower_without_quantisation_says_which_tensor() -> None:
    graph = graph_of([node("MatMul", "x w", "y")], {"x": (1, 8), "y": (1, 3)}, {"w": normal(8, 3)})
    with pytest.raises(ModelError, match="Give calibration data"):
        finish_lowering(start_lowering(graph))


def test_lower_of_exact_sums_is_exact() -> None:
    """ConvInteger and MatMulInteger give the sums themselves, so the program's result is onnxruntime's, not near it."""
    x, w = RNG.integers(0, 256, (1, 3, 5, 5)).astype(np.uint8), RNG.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8)
    nodes = [
        node("ConvInteger", "x w", "c", pads=(1, 1, 1, 1), strides=(1, 1), dilations=(1, 1), group=1, zeros=[7, 120]),
    ]
    kinds = {"x": np.uint8, "c": np.int32}
    graph = graph_of(nodes, {"x": (1, 3, 5, 5), "c": (1, 4, 5, 5)}, {"w": w}, kinds)
    program = finish_lowering(start_lowering(graph))
    validate(program)
    padded = np.pad(x.astype(np.int64) - 7, ((0, 0), (0, 0), (1, 1), (1, 1)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    expected = np.einsum("nchwij,ocij->nohw", patches, w.astype(np.int64) - 120)
    np.testing.assert_array_equal(run(program, [x]).output, expected)


@pytest.mark.parametrize("constant", [True, False])
def test_lower_of_an_exact_product_is_exact(constant: bool) -> None:
    a, b = (RNG.integers(-128, 128, shape).astype(np.int8) for shape in ((2, 3, 6), (6, 4) if constant else (2, 6, 4)))
    kinds = {"a": np.int8, "b": np.int8, "y": np.int32}
    shapes = {"a": a.shape, "y": (2, 3, 4)} | ({} if constant else {"b": b.shape})
    nodes = [node("MatMulInteger", "a b", "y", zeros=[3, -5])]
    graph = graph_of(nodes, shapes, {"b": b} if constant else {}, kinds)
    program = finish_lowering(start_lowering(graph))
    validate(program)
    expected = (a.astype(np.int64) - 3) @ (b.astype(np.int64) + 5)
    np.testing.assert_array_equal(run(program, [a] if constant else [a, b]).output, expected)


def test_lower_of_a_maximum_of_plain_bytes_needs_no_quantisation() -> None:
    kinds = {"x": np.uint8, "y": np.uint8}
    nodes = [node("MaxPool", "x", "y", kernel_shape=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0))]
    program = finish_lowering(start_lowering(graph_of(nodes, {"x": (1, 2, 4, 4), "y": (1, 2, 2, 2)}, {}, kinds)))
    x = RNG.integers(0, 256, (1, 2, 4, 4)).astype(np.uint8)
    expected = x.reshape(1, 2, 2, 2, 2, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(run(program, [x]).output, expected)


def test_lower_of_weights_keeps_neighbours_of_one_sign_from_saturating() -> None:
    """What onnxruntime's pairs of products need on processors without VNNI."""
    constants = {"w": normal(6, 5, 3, 3)}
    attributes = {"pads": (1, 1, 1, 1), "strides": (1, 1), "dilations": (1, 1), "group": 1}
    graph = graph_of([node("Conv", "x w", "y", **attributes)], {"x": (1, 5, 4, 4), "y": (1, 6, 4, 4)}, constants)
    program = lowered(graph, samples_for(graph))
    (step,) = (step for step in program.steps if step.opcode is Opcode.CONV)
    rows = program.constants[step.operands[1].index].reshape(6, -1).astype(int)
    pairs = np.pad(rows, ((0, 0), (0, 1))).reshape(6, -1, 2)
    assert np.maximum(pairs, 0).sum(axis=2).max() <= 128
    assert np.minimum(pairs, 0).sum(axis=2).min() >= -128
    assert np.abs(rows).max() > 63
