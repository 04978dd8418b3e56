"""Files that are nearly valid: each is simplified or refused, and nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from changed_models import changed
from onnx import AttributeProto, helper, numpy_helper
from onnx_models import model_of, node
from quantised_models import small_cnn
from random_models import Nodes
from transformer_block import transformer_block

from tallystick.engine.compiler.limits import DEFAULT_LIMITS, Limits
from tallystick.engine.compiler.load import load_model
from tallystick.engine.compiler.simplify import simplify
from tallystick.errors import ModelError

F = np.float32
SMALL = Limits(file_bytes=2**24, fields=100_000, nodes=2_000, elements=2**20, folded=2**20, work=2**24)


# ---- models that are changed ------------------------------------------------------------------------------------------


def moving() -> onnx.ModelProto:
    """Every shape comes from a constant: what a hostile file would change first."""
    nodes = [
        node("Slice", "x starts ends axes", "a"),
        node("Pad", "a pads", "b"),
        node("Reshape", "b shape", "c"),
        node("Tile", "c repeats", "d"),
        node("Split", "d parts", "e f", axis=0),
        node("Concat", "e f", "g", axis=0),
        node("Resize", "h _ scales", "i", mode="nearest"),
        node("Unsqueeze", "g axes", "h"),
        node("Gather", "i indices", "j", axis=1),
        node("Expand", "j wide", "k"),
        node("ConstantOfShape", "wide", "l", value=numpy_helper.from_array(np.ones(1, F))),
        node("Range", "from to by", "m"),
        node("Add", "k l", "n"),
        node("TopK", "m count", "o p"),
        node("OneHot", "p depth values", "q"),
        node("ReduceSum", "q axes", "r", keepdims=0),
        node("Transpose", "n", "s", perm=[2, 1, 0]),
        node("MaxPool", "t", "u", kernel_shape=[1, 2], strides=[1, 1], pads=[0, 0, 0, 1], ceil_mode=1),
        node("Unsqueeze", "s axes", "t"),
        node("DepthToSpace", "u", "v", blocksize=1),
        node("Flatten", "v", "w", axis=2),
        node("Squeeze", "first", "y"),
        node("GatherElements", "w picks", "first", axis=1),
    ]
    integers = {
        "starts": [0],
        "ends": [2],
        "axes": [0],
        "pads": [0, 0, 1, 1],
        "shape": [3, -1],
        "repeats": [2, 1],
        "parts": [2, 4],
        "indices": [0, 1],
        "wide": [1, 2, 4],
        "count": [2],
        "depth": [4],
        "picks": [[0, 0]],
    }
    reals = {"scales": [1, 2, 1], "values": [0, 1]}
    constants: dict[str, Any] = {name: np.array(values) for name, values in integers.items()}
    constants |= {name: np.array(values, F) for name, values in reals.items()}
    constants |= {"from": np.int64(0), "to": np.int64(5), "by": np.int64(1)}
    return model_of(nodes, {"x": (3, 3)}, ["y", "r"], constants)


def conditional() -> onnx.ModelProto:
    """Functions that call one another, with attributes handed on, around a branch."""
    branches = {
        name: helper.make_graph(
            [node(op, "x", "t"), node("Mul", "t w", "r")], name, [], [onnx.ValueInfoProto(name="r")]
        )
        for name, op in (("then_branch", "Neg"), ("else_branch", "Abs"))
    }
    elu = helper.make_node("Elu", ["a"], ["b"])
    elu.attribute.append(AttributeProto(name="alpha", ref_attr_name="slope", type=AttributeProto.FLOAT))
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    inner = helper.make_function("own", "Inner", ["a"], ["b"], [elu], imports, ["slope"])
    call = helper.make_node("Inner", ["x"], ["m"], domain="own", slope=0.5)
    outer = helper.make_function("own", "Outer", ["x"], ["y"], [call, node("Sigmoid", "m", "y")], imports)
    nodes = [helper.make_node("If", ["c"], ["z"], **branches), helper.make_node("Outer", ["z"], ["y"], domain="own")]
    constants = {"c": np.array(True), "w": np.ones(4, F)}
    model = model_of(nodes, {"x": (1, 4)}, "y", constants, domains={"own": 1})
    model.functions.extend([inner, outer])
    return model


def bytewise() -> onnx.ModelProto:
    """Integers in both domains, as quantised files hold them."""
    ms = {"domain": "com.microsoft"}
    nodes = [
        node("QuantizeLinear", "x s z", "a"),
        node("QLinearConv", "a s z w s i s z", "b", kernel_shape=[2, 2]),
        node("QLinearAdd", "b s z b s z s z", "c", **ms),
        node("QLinearConcat", "s z b s z c s z", "d", axis=1, **ms),
        node("QLinearGlobalAveragePool", "d s z s z", "e", channels_last=0, **ms),
        node("QLinearReduceMean", "d s z s z", "f", axes=[2, 3], keepdims=1, **ms),
        node("QLinearMul", "e s z f s z s z", "g", **ms),
        node("Flatten", "g", "h"),
        node("QGemm", "h s z v s i b32 s z", "k", transB=1, alpha=1.0, **ms),
        node("DequantizeLinear", "k s z", "y"),
    ]
    constants = {"s": F(0.1), "z": np.uint8(3), "i": np.int8(0), "b32": np.zeros(2, np.int32)}
    constants |= {"w": np.ones((2, 3, 2, 2), np.int8), "v": np.ones((2, 4), np.int8)}
    return model_of(nodes, {"x": (1, 3, 4, 4)}, "y", constants, domains={"com.microsoft": 1})


SOURCES: dict[str, Callable[[], onnx.ModelProto]] = {
    "moving": moving,
    "conditional": conditional,
    "bytewise": bytewise,
    "small_cnn": small_cnn,
    "transformer_block": transformer_block,
}


def outcome(data: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    """The refusal, or nothing where the model was simplified. Raises whatever else happens."""
    try:
        simplify(load_model(data, limits=limits), limits=limits)
    except ModelError as error:
        return str(error)
    return ""


# ---- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_simplify_given_the_models_to_be_changed_takes_them(source: str) -> None:
    assert outcome(SOURCES[source]().SerializeToString(), SMALL) == ""


@pytest.mark.parametrize("source", SOURCES)
def test_simplify_given_changed_models_takes_or_refuses_them(source: str) -> None:
    data = SOURCES[source]().SerializeToString()
    outcomes = [outcome(changed(data, seed), SMALL) for seed in range(60)]
    assert all(len(refusal) < 2_000 for refusal in outcomes)
    # Neither are all changes harmless, nor does the first check refuse every file.
    assert 5 <= sum(map(bool, outcomes)) <= 58
    assert len(set(outcomes)) > 10


def test_simplify_given_random_nodes_takes_or_refuses_them() -> None:
    outcomes = [outcome(Nodes(seed).model().SerializeToString(), SMALL) for seed in range(200)]
    assert all(len(refusal) < 2_000 for refusal in outcomes)
    assert outcomes.count("") > 20
    assert len(set(outcomes)) > 80
