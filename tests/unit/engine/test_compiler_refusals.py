"""What the simplifier refuses: with the node, the values and a remedy, and before anything is allocated."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx_models import model_of, node, simplified

from tallystick.errors import ModelError

MEBIBYTE = 2**20


def refusal_of(model: onnx.ModelProto, **options: Any) -> str:
    with pytest.raises(ModelError) as caught:
        simplified(model, **options)
    return str(caught.value)


def one(operator: onnx.NodeProto, shape: tuple[Any, ...], opset: int = 13, **constants: Any) -> onnx.ModelProto:
    return model_of([operator], {"x": shape}, "y", constants, opset=opset)


F = np.float32
UNSUPPORTED = {
    "Det": (one(node("Det", "x", "y"), (2, 2)), "operator is not supported"),
    "a Conv over volumes": (
        one(node("Conv", "x w", "y"), (1, 1, 3, 3, 3), w=np.ones((1, 1, 2, 2, 2), F)),
        "one or two spatial axes",
    ),
    "a stride of 0": (one(node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[0, 1]), (1, 1, 4, 4)), "strides of"),
    "a huge stride": (
        one(node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2**40, 1]), (1, 1, 4, 4)),
        "strides of",
    ),
    "negative padding": (
        one(node("Conv", "x w", "y", pads=[-1, 0, 0, 0]), (1, 1, 4, 4), w=np.ones((1, 1, 2, 2), F)),
        "negative",
    ),
    "a window that does not fit": (one(node("MaxPool", "x", "y", kernel_shape=[5, 5]), (1, 1, 4, 4)), "window of 5"),
    "other channels": (
        one(node("Conv", "x w", "y"), (1, 3, 4, 4), w=np.ones((1, 2, 2, 2), F)),
        "weights of",
    ),
    "places of the largest": (
        model_of([node("MaxPool", "x", "z y", kernel_shape=[2, 2])], {"x": (1, 1, 4, 4)}, "y"),
        "where its largest elements were",
    ),
    "reflected padding": (one(node("Pad", "x p", "y", mode="reflect"), (4, 4), p=np.array([1, 1, 1, 1])), "'reflect'"),
    "interpolation": (
        one(node("Resize", "x _ f", "y", mode="linear"), (1, 1, 4, 4), f=np.array([1, 1, 2, 2], F)),
        "'linear'",
    ),
    "the last of equals": (one(node("ArgMax", "x", "y", select_last_index=1), (2, 3)), "last of equals"),
    "training": (
        one(node("BatchNormalization", "x c c c c", "y", training_mode=1), (2, 3), 15, c=np.ones(3, F)),
        "in training mode",
    ),
    "a negative variance": (
        one(node("BatchNormalization", "x c c c v", "y"), (2, 3), c=np.ones(3, F), v=-np.ones(3, F)),
        "variance of -1",
    ),
    "an index outside": (one(node("Gather", "x i", "y"), (2, 3), i=np.array([2])), "picks place 2 of 2"),
    "nothing left": (one(node("Slice", "x s s", "y"), (2, 3), s=np.array([1])), "at least one element"),
    "an unknown attribute": (one(node("Relu", "x", "y", alpha=1.0), (2, 3)), "'alpha'"),
    "an attribute of another type": (one(node("LeakyRelu", "x", "y", alpha=1), (2, 3)), "wrong type"),
    "a missing attribute": (one(node("MaxPool", "x", "y"), (1, 1, 4, 4)), "lacks the attribute 'kernel_shape'"),
    "a bad Reshape": (one(node("Reshape", "x s", "y"), (2, 3), s=np.array([4, 2])), "Reshape"),
    "operands that do not go together": (one(node("Add", "x w", "y"), (2, 3), w=np.ones(4, F)), "not valid"),
    "a shape from the input": (
        model_of([node("Cast", "x", "s", to=TensorProto.INT64), node("Reshape", "x s", "y")], {"x": (2,)}, "y"),
        "cannot be known before it runs",
    ),
    "no dependence": (one(node("Add", "w w", "y"), (2, 3), w=np.ones(3, F)), "does not depend on any input"),
    "more parts than there are": (
        model_of([node("Split", "x", "y z w", num_outputs=2)], {"x": (4,)}, "y", opset=18),
        "into 2 parts for 3 outputs",
    ),
    "too many outputs": (model_of([node("Relu", "x", "y z")], {"x": (4,)}, "y"), "1 inputs and 2 outputs"),
    "too few inputs": (model_of([node("Add", "x", "y")], {"x": (4,)}, "y"), "1 inputs and 1 outputs"),
    "a gain that does not fit": (
        one(node("LayerNormalization", "x c", "y"), (2, 3), 17, c=np.ones((2, 3), F)),
        "it is not valid",
    ),
    "text": (model_of([node("Identity", "x", "y")], {"x": (2,)}, "y", dtype=TensorProto.STRING), "'x' is of STRING"),
    "bfloat16": (one(node("Cast", "x", "y", to=TensorProto.BFLOAT16), (2,)), "of BFLOAT16"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_simplify_given_what_it_cannot_do_names_the_reason(case: str) -> None:
    model, reason = UNSUPPORTED[case]
    assert reason in refusal_of(model)


# ---- dims -------------------------------------------------------------------------------------------------------------


def test_simplify_given_an_open_dim_without_size_names_input_and_dim() -> None:
    text = refusal_of(one(node("Relu", "x", "y"), ("batch", "length")))
    assert "'x' has no size for dim 1, 'length'" in text


def test_simplify_given_a_size_for_no_dim_refuses() -> None:
    assert "No input has a dim called 'width'" in refusal_of(one(node("Relu", "x", "y"), (1, 2)), dims={"width": 3})


@pytest.mark.parametrize("options", [{"batch": 0}, {"dims": {"length": -1}}])
def test_simplify_given_a_size_below_one_refuses(options: dict[str, Any]) -> None:
    assert "a dim is 1 or more" in refusal_of(one(node("Relu", "x", "y"), ("batch", "length")), **options)


def test_simplify_given_a_huge_batch_refuses() -> None:
    assert "a tensor may have" in refusal_of(one(node("Relu", "x", "y"), ("batch", 4)), batch=2**40)


def test_simplify_given_an_unknown_output_refuses() -> None:
    assert "no output 'z'" in refusal_of(one(node("Relu", "x", "y"), (1, 2)), output="z")


# ---- constants that explode -------------------------------------------------------------------------------------------

HUGE = np.array([2**20, 2**20])
BOMBS = {
    "Tile": ([node("Tile", "w huge", "c")], {"w": np.ones((1, 1), F)}),
    "Expand": ([node("Expand", "w huge", "c")], {"w": np.ones(1, F)}),
    "ConstantOfShape": ([node("ConstantOfShape", "huge", "c")], {}),
    "Range": ([node("Range", "a b d", "c")], {"a": np.int64(0), "b": np.int64(2**40), "d": np.int64(1)}),
    "Pad": ([node("Pad", "w p", "c")], {"w": np.ones((1, 1), F), "p": np.array([2**20, 2**20, 0, 0])}),
    "Where": (
        [node("Where", "k w v", "c")],
        {"k": np.ones((1, 1), bool), "w": np.ones((2**14, 1), F), "v": np.ones(2**14, F)},
    ),
    "OneHot": (
        [node("OneHot", "i n v", "c")],
        {"i": np.zeros(2**10, np.int64), "n": np.int64(2**30), "v": np.array([0, 1], F)},
    ),
    "Tile in steps": (
        [
            node("Tile", "w t", "c0"),
            *(node("Tile", f"c{k} t", f"c{k + 1}") for k in range(5)),
            node("Identity", "c5", "c"),
        ],
        {"w": np.ones((1, 1), F), "t": np.array([64, 64])},
    ),
}


@pytest.mark.parametrize("case", BOMBS)
def test_simplify_given_a_constant_that_explodes_refuses_before_it_allocates(case: str) -> None:
    nodes, constants = BOMBS[case]
    model = model_of([*nodes, node("Add", "x c", "y")], {"x": (1,)}, "y", {"huge": HUGE, **constants}, opset=13)
    tracemalloc.start()
    try:
        refusal_of(model)
        assert tracemalloc.get_traced_memory()[1] < 96 * MEBIBYTE
    finally:
        tracemalloc.stop()


def test_simplify_given_many_large_constants_refuses_at_their_sum() -> None:
    nodes = [node("ConstantOfShape", "s", f"c{k}") for k in range(100)]
    nodes += [node("Add", "x c0", "t0"), *(node("Add", f"t{k - 1} c{k}", f"t{k}") for k in range(1, 100))]
    model = model_of(nodes, {"x": (1,)}, "t99", {"s": np.array([2**22])}, opset=13)
    assert "one constant too many" in refusal_of(model)


def test_simplify_given_a_result_that_explodes_refuses() -> None:
    model = one(node("Expand", "x s", "y"), (1, 1), s=HUGE)
    assert "a tensor may have" in refusal_of(model)


SQUARE = np.array([1, 1, 2**14, 2**14])
REWRITTEN = {
    "Trilu": (node("Trilu", "b", "y"), SQUARE),
    "InstanceNormalization": (node("InstanceNormalization", "b w w", "y"), SQUARE),
    "LayerNormalization": (node("LayerNormalization", "b w", "y", axis=0), SQUARE),
    "Resize": (node("Resize", "b _ _ sizes", "y", mode="nearest"), np.array([1, 1, 1, 3])),
}


@pytest.mark.parametrize("case", REWRITTEN)
def test_simplify_given_a_node_that_takes_a_huge_constant_to_rewrite_refuses_before_it_allocates(case: str) -> None:
    operator, shape = REWRITTEN[case]
    constants = {"shape": shape, "w": np.ones(1, F), "sizes": np.array([1, 1, 1, 2**27])}
    model = model_of([node("Expand", "x shape", "b"), operator], {"x": (1,)}, "y", constants)
    tracemalloc.start()
    try:
        assert "elements to rewrite" in refusal_of(model)
        assert tracemalloc.get_traced_memory()[1] < 16 * MEBIBYTE
    finally:
        tracemalloc.stop()


def test_simplify_given_many_products_with_one_matrix_makes_one_constant_of_it() -> None:
    products = [node("MatMul", f"t{k} w", f"t{k + 1}") for k in range(40)]
    graph = simplified(model_of(products, {"t0": (1, 512)}, "t40", {"w": np.ones((512, 512), F)}))
    assert len({each.inputs[1] for each in graph.nodes}) == 1


# ---- numbers that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_simplify_given_a_weight_that_is_no_number_names_it(number: float) -> None:
    assert "constant 'w' holds" in refusal_of(one(node("Add", "x w", "y"), (2, 3), w=np.array([1, number, 1], F)))


def test_simplify_given_an_infinite_bound_takes_it() -> None:
    graph = simplified(one(node("Max", "x w", "y"), (2, 3), w=np.array([-np.inf], F)))
    assert graph.nodes[0].op == "Max"


def test_simplify_given_nan_in_an_attribute_refuses() -> None:
    assert "NaN in its attribute 'alpha'" in refusal_of(one(node("LeakyRelu", "x", "y", alpha=float("nan")), (2, 3)))


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("op", ["QuantizeLinear", "DequantizeLinear"])
def test_simplify_given_a_scale_that_is_not_above_zero_names_it(op: str, scale: float) -> None:
    nodes = [node("QuantizeLinear", "x fine z", "q"), node("DequantizeLinear", "q fine z", "d"), node("Relu", "d", "y")]
    broken = nodes[0] if op == "QuantizeLinear" else nodes[1]
    broken.input[1] = "s"
    constants = {"fine": F(0.1), "z": np.uint8(0), "s": F(scale)}
    assert "'s' holds" in refusal_of(model_of(nodes, {"x": (2, 3)}, "y", constants))
