"""A simplified graph gives what its file gives, in the plain operators that later stages know."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_models import assert_same, feeds_of, model_of, node, ops, run_file, run_graph, simplified

from tallystick.engine.compiler.graph import Graph
from tallystick.engine.compiler.load import load_model
from tallystick.engine.compiler.simplify import simplify

MODELS = Path(__file__).parents[4] / "shared" / "data" / "models"
NEWEST = 26
"""onnxruntime's; what onnx alone knows is in the node tests."""
RANDOM = np.random.default_rng(7)


def weights(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def attributes_of(graph: Graph, op: str) -> dict[str, Any]:
    (found,) = [each for each in graph.nodes if each.op == op]
    return found.attributes


def axes_as(opset: int, since: int, *axes: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Axes as an opset has them: the operand's name, attributes, constants."""
    if opset < since:
        return "", {"axes": list(axes)}, {}
    return " axes", {}, {"axes": np.array(axes)}


# ---- whole models -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["conv_fc_4l", "lenet_5", "xgboost"])
def test_simplify_given_a_published_model_gives_the_same(name: str) -> None:
    path = MODELS / f"{name}.onnx"
    if not path.exists():
        pytest.skip("the published models are not here")
    graph = simplify(load_model(path))
    for seed in range(3):
        feeds = feeds_of(graph, seed)
        expected = run_file(path.read_bytes(), feeds, graph.outputs[0])
        np.testing.assert_allclose(run_graph(graph, feeds), expected, rtol=1e-5, atol=1e-6)


def image_model(opset: int) -> onnx.ModelProto:
    operand, attributes, constants = axes_as(opset, 13, 2, 3)
    nodes = [
        node("Conv", "x w", "c", auto_pad="SAME_UPPER", strides=[2, 2]),
        node("BatchNormalization", "c scale bias mean variance", "n"),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "m", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1),
        node("Conv", "m depthwise b", "d", group=4, pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        node("Add", "d m", "s"),
        node("GlobalAveragePool", "s", "g"),
        node("Squeeze", f"g{operand}", "q", **attributes),
        node("Gemm", "q dense offset", "y", alpha=0.5, beta=2.0),
    ]
    constants |= {"w": weights(4, 3, 3, 3), "depthwise": weights(4, 1, 3, 3), "b": weights(4)}
    constants |= {"scale": weights(4), "bias": weights(4), "mean": weights(4), "variance": np.abs(weights(4))}
    constants |= {"dense": weights(4, 10), "offset": weights(10)}
    return model_of(nodes, {"x": ("batch", 3, 33, 33)}, "y", constants, opset=opset)


@pytest.mark.parametrize("opset", [10, 11, 13, 17, NEWEST])
def test_simplify_given_an_image_model_of_any_opset_gives_the_same(opset: int) -> None:
    graph = assert_same(image_model(opset), tolerance=1e-4)
    plain = ["Conv", "Relu", "MaxPool", "Conv", "Add", "AveragePool", "Reshape", "Gemm"]
    assert ops(graph) == plain
    assert graph.values["y"].shape == (1, 10)


def attention_model(opset: int) -> onnx.ModelProto:
    """One head as exporters write it: LayerNormalization and Gelu in pieces, shapes computed from shapes."""
    operand, axis, axes = axes_as(opset, 13, 0)
    mean_operand, mean_axis, mean_axes = axes_as(opset, 18, -1)
    mean_operand = mean_operand.replace("axes", "last")
    nodes = [
        node("ReduceMean", f"x{mean_operand}", "mean", **mean_axis),
        node("Sub", "x mean", "d"),
        node("Sub", "x mean", "e"),  # torch writes it twice
        node("Pow", "e two", "p"),
        node("ReduceMean", f"p{mean_operand}", "v", **mean_axis),
        node("Add", "v tiny", "vt"),
        node("Sqrt", "vt", "root"),
        node("Div", "d root", "n"),
        node("Mul", "n gain", "ng"),
        node("Add", "ng offset", "ln"),
        node("MatMul", "ln w", "h"),
        node("Add", "b h", "hb"),
        node("Div", "hb root2", "e1"),
        node("Erf", "e1", "e2"),
        node("Add", "e2 one", "e3"),
        node("Mul", "hb e3", "e4"),
        node("Mul", "e4 half", "gelu"),
        node("Shape", "gelu", "shape"),
        node("Gather", "shape zero", "n0"),
        node("Unsqueeze", f"n0{operand}", "n1", **axis),
        node("Concat", "n1 rest", "split", axis=0),
        node("Reshape", "gelu split", "heads"),
        node("Transpose", "heads", "q", perm=[0, 2, 1, 3]),
        node("Transpose", "heads", "k", perm=[0, 2, 3, 1]),
        node("MatMul", "q k", "scores"),
        node("Softmax", "scores", "y", axis=3),
    ]
    number = {name: np.float32(value) for name, value in (("two", 2), ("tiny", 1e-5), ("one", 1), ("half", 0.5))}
    constants: dict[str, Any] = {**number, "root2": np.float32(math.sqrt(2)), "zero": np.int64(0), **axes}
    constants |= {"last": mean_axes["axes"]} if mean_axes else {}
    constants |= {"gain": weights(8), "offset": weights(8), "w": weights(8, 12), "b": weights(12)}
    constants["rest"] = np.array([5, 3, 4])
    return model_of(nodes, {"x": ("batch", 5, 8)}, "y", constants, opset=opset)


@pytest.mark.parametrize("opset", [10, 11, 13, 17, NEWEST])
def test_simplify_given_attention_of_any_opset_finds_its_patterns(opset: int) -> None:
    graph = assert_same(attention_model(opset), tolerance=1e-4, batch=2)
    expected = ["LayerNormalization", "Gemm", "Gelu", "Reshape", "Transpose", "Transpose", "MatMul", "Softmax"]
    assert ops(graph) == expected
    assert len(graph.nodes[0].inputs) == len(graph.nodes[1].inputs) == 3


def test_simplify_given_a_row_model_works_on_images() -> None:
    nodes = [
        node("Conv", "x w b", "c", pads=[2, 1], dilations=[2]),
        node("BatchNormalization", "c scale bias mean variance", "n"),
        node("LeakyRelu", "n", "r"),
        node("MaxPool", "r", "m", kernel_shape=[2], strides=[2]),
        node("Add", "m m", "s"),
        node("AveragePool", "s", "a", kernel_shape=[3], pads=[1, 1], count_include_pad=1),
        node("Flatten", "a", "y"),
    ]
    constants = {"w": weights(4, 3, 3), "b": weights(4), "scale": weights(4), "bias": weights(4)}
    constants |= {"mean": weights(4), "variance": np.abs(weights(4))}
    graph = assert_same(model_of(nodes, {"x": (1, 3, 33)}, "y", constants, opset=11), tolerance=1e-4)
    assert ops(graph) == ["Reshape", "Conv", "LeakyRelu", "MaxPool", "Add", "AveragePool", "Reshape"]


# ---- one operator -----------------------------------------------------------------------------------------------------

X4 = (1, 4, 6, 6)
ONE_OPERATOR: dict[str, tuple[onnx.NodeProto, tuple[int, ...], dict[str, Any], int, list[str]]] = {
    "Clip as attributes": (node("Clip", "x", "y", min=-0.5, max=0.5), (3, 4), {}, 10, ["Clip"]),
    "Clip as operands": (node("Clip", "x _ c", "y"), (3, 4), {"c": np.float32(0.5)}, 13, ["Clip"]),
    "Softmax flat": (node("Softmax", "x", "y", axis=1), (2, 3, 4), {}, 11, ["Reshape", "Softmax", "Reshape"]),
    "Softmax inside": (node("Softmax", "x", "y", axis=1), (2, 3, 4), {}, 13, ["Transpose", "Softmax", "Transpose"]),
    "LogSoftmax": (node("LogSoftmax", "x", "y"), (2, 3), {}, 13, ["Softmax", "Log"]),
    "Slice as operands": (
        node("Slice", "x s e a t", "y"),
        (5, 7),
        {"s": np.array([-1, 5]), "e": np.array([-100, 1]), "a": np.array([0, 1]), "t": np.array([-2, -1])},
        10,
        ["Slice"],
    ),
    "Split as attribute": (node("Split", "x", "z y", axis=1, split=[1, 3]), (2, 4), {}, 11, ["Slice"]),
    "Split as operand": (node("Split", "x s", "z y", axis=-1), (2, 4), {"s": np.array([1, 3])}, 13, ["Slice"]),
    "Split uneven": (node("Split", "x", "z w y", axis=1, num_outputs=3), (2, 7), {}, 18, ["Slice"]),
    "Pad as attribute": (node("Pad", "x", "y", pads=[0, 1, 2, 3], value=1.5), (2, 3), {}, 10, ["Pad"]),
    "Pad that cuts": (node("Pad", "x p", "y"), (4, 5), {"p": np.array([-1, 2, 0, -1])}, 13, ["Slice", "Pad"]),
    "Pad of axes": (node("Pad", "x p _ a", "y"), (4, 5), {"p": np.array([1, 2]), "a": np.array([-1])}, 18, ["Pad"]),
    "Tile": (node("Tile", "x r", "y"), (2, 3), {"r": np.array([2, 3])}, 13, ["Reshape", "Expand", "Reshape"]),
    "Expand": (node("Expand", "x s", "y"), (3, 1), {"s": np.array([2, 3, 4])}, 13, ["Reshape", "Expand"]),
    "Gather in steps": (node("Gather", "x i", "y", axis=1), (2, 9), {"i": np.array([1, 3, -4])}, 13, ["Slice"]),
    "Gather one": (node("Gather", "x i", "y", axis=1), (2, 9), {"i": np.array(-1)}, 13, ["Slice", "Reshape"]),
    "Gather any": (node("Gather", "x i", "y", axis=0), (9, 2), {"i": np.array([1, 1, 5])}, 13, ["Gather"]),
    "Resize twice": (
        node("Resize", "x _ f", "y", mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric"),
        (1, 2, 3, 4),
        {"f": np.array([1, 1, 2, 3], np.float32)},
        13,
        ["Reshape", "Expand", "Reshape"],
    ),
    "Resize of 10": (
        node("Resize", "x f", "y", mode="nearest"),
        (1, 1, 4, 4),
        {"f": np.array([1, 1, 2, 2], np.float32)},
        10,
        ["Reshape", "Expand", "Reshape"],
    ),
    "Resize to a size": (
        node("Resize", "x _ _ s", "y", mode="nearest"),
        (1, 1, 4, 4),
        {"s": np.array([1, 1, 3, 6])},
        13,
        ["Gather", "Gather"],
    ),
    "DepthToSpace": (
        node("DepthToSpace", "x", "y", blocksize=2, mode="CRD"),
        X4,
        {},
        13,
        ["Reshape", "Transpose", "Reshape"],
    ),
    "SpaceToDepth": (node("SpaceToDepth", "x", "y", blocksize=3), X4, {}, 13, ["Reshape", "Transpose", "Reshape"]),
    "ReduceMean of images": (
        node("ReduceMean", "x", "y", axes=[2, 3], keepdims=0),
        X4,
        {},
        13,
        ["AveragePool", "Reshape"],
    ),
    "ReduceMax of images": (node("ReduceMax", "x", "y", axes=[-1, -2]), X4, {}, 13, ["MaxPool"]),
    "ReduceSum as operand": (
        node("ReduceSum", "x a", "y", keepdims=0),
        (2, 3, 4),
        {"a": np.array([1])},
        13,
        ["ReduceSum", "Reshape"],
    ),
    "ReduceL2": (node("ReduceL2", "x", "y", axes=[1]), (2, 3), {}, 13, ["Mul", "ReduceSum", "Sqrt"]),
    "ReduceLogSumExp": (
        node("ReduceLogSumExp", "x", "y", axes=[1]),
        (2, 3),
        {},
        13,
        ["ReduceMax", "Sub", "Exp", "ReduceSum", "Log", "Add"],
    ),
    "ReduceMin": (node("ReduceMin", "x", "y", axes=[1]), (2, 3), {}, 13, ["Neg", "ReduceMax", "Neg"]),
    "GlobalMaxPool": (node("GlobalMaxPool", "x", "y"), X4, {}, 13, ["MaxPool"]),
    "AveragePool that rounds up and counts": (
        node(
            "AveragePool",
            "x",
            "y",
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
            ceil_mode=1,
            count_include_pad=1,
        ),
        X4,
        {},
        19,
        ["Pad", "AveragePool"],
    ),
    "MaxPool with dilations": (
        node("MaxPool", "x", "y", kernel_shape=[2, 2], dilations=[2, 3], auto_pad="VALID"),
        X4,
        {},
        12,
        ["MaxPool"],
    ),
    "Conv SAME_LOWER": (
        node("Conv", "x c", "y", auto_pad="SAME_LOWER", strides=[2, 1]),
        X4,
        {"c": weights(2, 4, 2, 4)},
        13,
        ["Conv"],
    ),
    "Gemm of everything": (
        node("Gemm", "x c d", "y", transA=1, alpha=0.5, beta=3.0),
        (3, 2),
        {"c": weights(3, 5), "d": weights(2, 1)},
        13,
        ["Transpose", "Gemm", "Mul", "Add"],
    ),
    "MatMul by a vector": (node("MatMul", "x c", "y"), (2, 3, 4), {"c": weights(4)}, 13, ["Gemm", "Reshape"]),
    "MatMul of a vector": (node("MatMul", "x c", "y"), (4,), {"c": weights(4, 5)}, 13, ["Reshape", "Gemm", "Reshape"]),
    "MatMul by stacks": (
        node("MatMul", "x c", "y"),
        (3, 4),
        {"c": weights(2, 4, 5)},
        13,
        ["Reshape", "Expand", "MatMul"],
    ),
    "InstanceNormalization": (
        node("InstanceNormalization", "x c d", "y"),
        X4,
        {"c": weights(4), "d": weights(4)},
        13,
        ["Reshape", "LayerNormalization", "Reshape", "Mul", "Add"],
    ),
    "LayerNormalization of two axes": (
        node("LayerNormalization", "x c d", "y", axis=1),
        (2, 3, 4),
        {"c": weights(3, 4), "d": weights(4)},
        17,
        ["Reshape", "LayerNormalization", "Reshape"],
    ),
    "BatchNormalization alone": (
        node("BatchNormalization", "x c d e f", "y"),
        X4,
        {"c": weights(4), "d": weights(4), "e": weights(4), "f": np.abs(weights(4))},
        15,
        ["Mul", "Add"],
    ),
    "Mean of three": (node("Mean", "x c x", "y"), (2, 3), {"c": weights(3)}, 13, ["Add", "Add", "Mul"]),
    "Trilu": (node("Trilu", "x k", "y", upper=0), (4, 4), {"k": np.int64(1)}, 14, ["Where"]),
    "ArgMax": (node("ArgMax", "x", "y", axis=-1, keepdims=0), (2, 5), {}, 13, ["ArgMax", "Reshape"]),
    "Swish": (node("Swish", "x", "y", alpha=1.5), (2, 5), {}, 24, ["Mul", "Sigmoid", "Mul"]),
    "GroupNormalization": (
        node("GroupNormalization", "x c d", "y", num_groups=2),
        X4,
        {"c": weights(4), "d": weights(4)},
        21,
        ["Reshape", "LayerNormalization", "Reshape", "Mul", "Add"],
    ),
}


@pytest.mark.parametrize("case", ONE_OPERATOR)
def test_simplify_given_one_operator_gives_the_same_in_plain_ones(case: str) -> None:
    operator, shape, constants, opset, plain = ONE_OPERATOR[case]
    model = model_of([operator], {"x": shape}, ["y"], constants, opset=opset)
    assert ops(assert_same(model, output="y")) == plain


@pytest.mark.parametrize("op", ["Dropout", "Identity", "Flatten"])
def test_simplify_given_a_node_that_changes_nothing_leaves_it_out(op: str) -> None:
    graph = assert_same(model_of([node(op, "x", "a"), node("Relu", "a", "y")], {"x": (2, 3)}, "y"))
    assert ops(graph) == ["Relu"]


def test_simplify_given_an_output_that_is_an_alias_keeps_its_name() -> None:
    graph = assert_same(model_of([node("Relu", "x", "a"), node("Identity", "a", "y")], {"x": (2, 3)}, "y"))
    assert graph.outputs == ["y"] == graph.nodes[0].outputs


def test_simplify_given_an_output_that_is_an_input_gives_it() -> None:
    assert ops(assert_same(model_of([node("Identity", "x", "y")], {"x": (2, 3)}, "y"))) == ["Reshape"]


def test_simplify_given_argmax_of_softmax_drops_the_softmax() -> None:
    nodes = [node("Softmax", "x", "a", axis=1), node("ArgMax", "a", "y", axis=1)]
    assert ops(assert_same(model_of(nodes, {"x": (2, 5)}, "y"))) == ["ArgMax"]


def test_simplify_given_argmax_along_another_axis_keeps_the_softmax() -> None:
    nodes = [node("Softmax", "x", "a", axis=1), node("ArgMax", "a", "y", axis=0)]
    assert "Softmax" in ops(assert_same(model_of(nodes, {"x": (2, 5)}, "y")))


def test_simplify_given_a_factor_on_a_product_read_twice_leaves_the_product() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Mul", "a s", "b"), node("Add", "a b", "y")]
    graph = assert_same(model_of(nodes, {"x": (2, 5)}, "y", {"w": weights(5, 3), "s": weights(3)}))
    assert ops(graph) == ["Gemm", "Mul", "Add"]


@pytest.mark.parametrize("tanh", [False, True])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_simplify_given_gelu_in_any_order_finds_it(tanh: bool, order: int) -> None:
    inner = [node("Div", "x r", "e1"), node("Erf", "e1", "e2")]
    if tanh:
        inner = [
            node("Pow", "x three", "c"),
            node("Mul", "c k", "ck"),
            node("Add", "x ck", "s"),
            node("Mul", "s q", "t"),
        ]
        inner += [node("Tanh", "t", "e2")]
    outer = [
        [node("Mul", "x g", "a"), node("Mul", "a half", "y")],
        [node("Mul", "half x", "a"), node("Mul", "a g", "y")],
        [node("Mul", "g half", "a"), node("Mul", "x a", "y")],
    ][order]
    numbers = {"r": math.sqrt(2), "three": 3, "k": 0.044715, "q": math.sqrt(2 / math.pi), "half": 0.5, "one": 1}
    constants = {name: np.float32(value) for name, value in numbers.items()}
    graph = assert_same(model_of([*inner, node("Add", "e2 one", "g"), *outer], {"x": (2, 5)}, "y", constants))
    assert ops(graph) == ["Gelu"]
    assert attributes_of(graph, "Gelu")["approximate"] == ("tanh" if tanh else "none")


def test_simplify_given_quantised_weights_keeps_their_integers() -> None:
    nodes = [
        node("DequantizeLinear", "w s z", "wf", axis=1),
        node("Gemm", "x wf b", "y"),
    ]
    integers = RANDOM.integers(-128, 127, (4, 3)).astype(np.int8)
    scales = np.abs(weights(3)) + np.float32(0.1)
    constants = {"w": integers, "s": scales, "z": np.zeros(3, np.int8), "b": weights(3)}
    # onnxruntime multiplies by 8-bit weights directly, and less exactly.
    graph = assert_same(model_of(nodes, {"x": (2, 4)}, "y", constants), tolerance=2e-2)
    assert ops(graph) == ["DequantizeLinear", "Gemm"]
    held = graph.constant(graph.nodes[0].inputs[0])
    assert held is not None
    np.testing.assert_array_equal(held, integers.T)
    assert graph.nodes[0].attributes["axis"] == 0


def test_simplify_given_open_dims_takes_their_sizes() -> None:
    model = model_of([node("Relu", "x", "y")], {"x": ("batch", "length", 3)}, "y")
    assert simplified(model, batch=2, dims={"length": 5}).values["y"].shape == (2, 5, 3)


def test_simplify_given_an_output_by_name_leaves_out_what_others_need() -> None:
    nodes = [node("Relu", "x", "a"), helper.make_node("TfIdfVectorizer", ["x"], ["b"])]
    model = model_of(nodes, {"x": (1, 3)}, ["b", "a"])
    assert ops(simplified(model, output="a")) == ["Relu"]


def test_simplify_given_labels_and_scores_of_a_forest_gives_the_scores() -> None:
    trees = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_strings=["a", "b"],
        nodes_modes=["LEAF"],
    )
    model = model_of([trees], {"x": (3, 4)}, ["label", "scores"], domains={"ai.onnx.ml": 3})
    graph = simplified(model, output="scores")
    assert graph.values["scores"].shape == (3, 2)
    assert graph.nodes[0].outputs == ["", "scores"]
    assert graph.nodes[0].attributes["nodes_modes"] == ("LEAF",)


def test_simplify_given_integers_computes_shapes_from_them() -> None:
    nodes = [node("Cast", "x", "a", to=TensorProto.INT64), node("Size", "a", "n"), node("Add", "a n", "y")]
    graph = assert_same(model_of(nodes, {"x": (2, 3)}, "y"))
    assert ops(graph) == ["Cast", "Add"]


@pytest.mark.parametrize("dtype", [TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32])
def test_simplify_given_the_least_of_integers_holds_at_the_dtype_s_ends(dtype: int) -> None:
    graph = simplified(model_of([node("ReduceMin", "x", "y", axes=[0])], {"x": (3,)}, "y", dtype=dtype))
    kind = graph.values["x"].dtype
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    assert run_graph(graph, {"x": np.array([high, low, high], kind)}).tolist() == [low]


def test_simplify_given_a_clip_of_integers_makes_it_max_and_min() -> None:
    constants = {"a": np.int32(-1), "b": np.int32(1)}
    graph = assert_same(model_of([node("Clip", "x a b", "y")], {"x": (2, 3)}, "y", constants, dtype=TensorProto.INT32))
    assert ops(graph) == ["Max", "Min"]


@pytest.mark.parametrize(("rows", "expected"), [(1, ["Reshape"]), (2, ["Reshape", "Expand", "Reshape", "Gather"])])
def test_simplify_given_a_resize_to_as_many_places_reads_where_runtimes_do(rows: int, expected: list[str]) -> None:
    factors = np.array([1, 1, rows, 1.2], np.float32)
    resize = node("Resize", "x _ f", "y", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    assert ops(assert_same(model_of([resize], {"x": (1, 1, 2, 4)}, "y", {"f": factors}))) == expected


@pytest.mark.parametrize("name", ["keepdims", "noop_with_empty_axes"])
def test_simplify_given_a_flag_that_is_neither_0_nor_1_reads_it_as_runtimes_do(name: str) -> None:
    assert_same(model_of([node("ReduceSum", "x", "y", **{name: 2})], {"x": (2, 3)}, "y"))
