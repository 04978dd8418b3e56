"""Tree models that were exported as tensors: labels equal to onnxruntime's on every input, thresholds among them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from tree_ensembles import EXTREMES, RandomTrees

from tallystick.engine.compiler.load import load_model
from tallystick.engine.compiler.simplify import simplify
from tallystick.engine.compiler.tree_mode import is_tree_graph
from tallystick.engine.compiler.tree_models import lower_tree_model
from tallystick.engine.executor import run
from tallystick.engine.order import order_image
from tallystick.engine.validate import validate
from tallystick.errors import ModelError

XGBOOST = Path(__file__).parents[4] / "shared/data/models/xgboost.onnx"
FEATURES, TREES = 5, 7


def model_of(nodes, constants, outputs, *, rows=None, width=FEATURES):
    """A model of rows x; `outputs` are names with ONNX's types."""
    graph = helper.make_graph(
        [helper.make_node(op, inputs, result, **attributes) for op, inputs, result, attributes in nodes],
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, width])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def float_result(source, x, output):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return session.run([output], {session.get_inputs()[0].name: x})[0]


def graph_of(source, rows, output=None):
    return simplify(load_model(source), batch=rows, output=output)


def integer_result(source, x, output):
    """The program's result for rows x, as reals where it is one, and its value in the graph."""
    graph = graph_of(source, len(x), output)
    assert is_tree_graph(graph)
    program = lower_tree_model(graph)
    validate(program)
    value = graph.values[graph.outputs[0]]
    result = run(program, [order_image(x)], trace=False).output
    return (value.quantisation.dequantise(result) if value.is_float else result), value


# ---- xgboost ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def xgboost_rows():
    """10,000 random rows, and 6,000 whose numbers are thresholds of the model or right beside them."""
    if not XGBOOST.exists():
        pytest.skip("the example models are not there")
    rng = np.random.default_rng(0)
    initializers = {each.name: numpy_helper.to_array(each).ravel() for each in onnx.load(XGBOOST).graph.initializer}
    thresholds = np.concatenate([array for name, array in initializers.items() if "biases" in name] + [EXTREMES])
    edges = rng.choice(thresholds, (6000, 4))
    toward = rng.choice(np.array([-np.inf, np.inf], np.float32), edges.shape)
    edges = np.where(rng.random(edges.shape) < 0.6, np.nextafter(edges, toward), edges)
    return np.concatenate([rng.random((10_000, 4)) * 8, edges]).astype(np.float32)


def test_lower_tree_graph_of_xgboost_gives_every_label_of_onnxruntime(xgboost_rows):
    labels, _ = integer_result(XGBOOST, xgboost_rows, "output")
    assert np.array_equal(labels, float_result(str(XGBOOST), xgboost_rows, "output"))


def test_lower_tree_graph_of_xgboost_gives_probabilities_within_a_step(xgboost_rows):
    name = "onnx::ArgMax_73"
    found, _ = integer_result(XGBOOST, xgboost_rows, name)
    want = np.minimum(float_result(str(XGBOOST), xgboost_rows, name), 255 / 256)
    assert np.abs(found - want).max() < 1 / 256


@pytest.mark.parametrize(("rows", "steps"), [(1, 50), (8, 54)])
def test_lower_tree_graph_of_xgboost_takes_fifty_steps(xgboost_rows, rows, steps):
    assert len(lower_tree_model(graph_of(XGBOOST, rows)).steps) == steps


# ---- other exports ----------------------------------------------------------------------------------------------------


def walking_model(rows, comparison="LessOrEqual"):
    """Trees of depth 3 walked by Where, then sigmoid and two columns: how converters write binary classifiers."""
    rng = np.random.default_rng(2)
    inner, every = 7 * TREES, 15 * TREES
    first = np.arange(every)
    in_tree, tree = first % 15, first // 15
    leaf = in_tree >= 7
    constants = {
        "feature": np.where(leaf, 0, rng.integers(0, FEATURES, every)),
        "threshold": np.where(leaf, 0, rng.choice([0.0, 0.5, -0.25], every)).astype(np.float32),
        "left": np.where(leaf, first, tree * 15 + 2 * in_tree + 1),
        "right": np.where(leaf, first, tree * 15 + 2 * in_tree + 2),
        "value": rng.normal(0, 1, every).astype(np.float32)[:, None],
        "roots": np.broadcast_to(np.arange(TREES) * 15, (rows, TREES)).copy(),
        "one": np.float32(1),
        "half": np.float32(0.5),
        "offset": np.float32(0.125),
        "trees": np.array([rows, TREES]),
        "axis": np.array([1]),
    }
    assert inner == (~leaf).sum()
    nodes, at = [], "roots"
    for level in range(3):
        asked, names = f"at{level + 1}", {name: f"{name}{level}" for name in ("feature", "threshold", "left", "right")}
        nodes += [("Gather", [name, at], [names[name]], {"axis": 0}) for name in names]
        nodes += [
            ("GatherElements", ["x", names["feature"]], [f"asked{level}"], {"axis": 1}),
            (comparison, [f"asked{level}", names["threshold"]], [f"low{level}"], {}),
            ("Where", [f"low{level}", names["left"], names["right"]], [asked], {}),
        ]
        at = asked
    nodes += [
        ("Gather", ["value", at], ["votes"], {"axis": 0}),
        ("Reshape", ["votes", "trees"], ["flat"], {}),
        ("ReduceSum", ["flat", "axis"], ["sum"], {"keepdims": 1}),
        ("Mul", ["sum", "half"], ["scaled"], {}),
        ("Sub", ["scaled", "offset"], ["score"], {}),
        ("Sigmoid", ["score"], ["p"], {}),
        ("Sub", ["one", "p"], ["q"], {}),
        ("Concat", ["q", "p"], ["both"], {"axis": 1}),
        ("ArgMax", ["both"], ["label"], {"axis": 1, "keepdims": 0}),
    ]
    outputs = {
        "label": TensorProto.INT64,
        "both": TensorProto.FLOAT,
        "p": TensorProto.FLOAT,
        "score": TensorProto.FLOAT,
    }
    return model_of(nodes, constants, outputs, rows=rows)


def rows_of(count, width=FEATURES):
    rng = np.random.default_rng(8)
    numbers = np.array([0.0, -0.0, 0.5, -0.25, 1e-45, -1e-45, np.inf, -np.inf], np.float32)
    x = rng.normal(0, 1, (count, width)).astype(np.float32)
    return np.where(rng.random(x.shape) < 0.5, rng.choice(numbers, x.shape), x)


@pytest.mark.parametrize("comparison", ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])
@pytest.mark.parametrize("rows", [1, 200])
def test_lower_tree_graph_of_a_walk_by_where_agrees_with_onnxruntime(comparison, rows):
    source, x = walking_model(rows, comparison), rows_of(rows)
    label, _ = integer_result(source, x, "label")
    assert np.array_equal(label, float_result(source, x, "label"))
    for output, most in (("score", 1e-6), ("both", 1e-6), ("p", 1 / 256)):
        found, _ = integer_result(source, x, output)
        assert np.abs(found - float_result(source, x, output)).max() <= most


def test_lower_tree_graph_with_an_ensemble_as_one_node_agrees_with_onnxruntime():
    trees = RandomTrees(4, features=FEATURES)
    attributes = {**trees.nodes, **trees.votes("class", 3), "classlabels_int64s": [4, 0, 2], "domain": "ai.onnx.ml"}
    nodes = [
        ("TreeEnsembleClassifier", ["x"], ["label", "scores"], attributes),
        ("Softmax", ["scores"], ["p"], {"axis": 1}),
    ]
    source = model_of(nodes, {}, {"label": TensorProto.INT64, "p": TensorProto.FLOAT})
    x = trees.inputs(200)
    assert np.array_equal(integer_result(source, x, "label")[0], float_result(source, x, "label"))
    assert np.abs(integer_result(source, x, "p")[0] - float_result(source, x, "p")).max() < 1 / 256


@pytest.mark.parametrize("axis", [0, 1])
def test_lower_tree_graph_of_indices_from_the_end_picks_what_onnxruntime_picks(axis):
    """Truth values choose among indices of either sign."""
    nodes = [
        ("Less", ["x", "threshold"], ["low"], {}),
        ("Where", ["low", "ahead", "behind"], ["places"], {}),
        ("GatherElements", ["x", "places"], ["picked"], {"axis": axis}),
        ("Less", ["picked", "threshold"], ["again"], {}),
        ("Cast", ["again"], ["count"], {"to": TensorProto.INT64}),
    ]
    constants = {
        "threshold": np.float32(0.1),
        "ahead": np.array([0, 1, 2, 3, 0]),
        "behind": np.array([-1, -2, -3, -4, -1]),
    }
    x = rows_of(4)
    source = model_of(nodes, constants, {"count": TensorProto.INT64}, rows=4)
    assert np.array_equal(integer_result(source, x, "count")[0], float_result(source, x, "count"))


@pytest.mark.parametrize(
    "nodes",
    [
        [("Mul", ["x", "two"], ["y"], {})],
        [("Less", ["x", "two"], ["low"], {}), ("Where", ["low", "x", "two"], ["y"], {})],
        [("Mul", ["x", "two"], ["z"], {}), ("Less", ["z", "two"], ["y"], {})],
        [("Softmax", ["x"], ["z"], {}), ("Less", ["x", "z"], ["y"], {})],
    ],
    ids=["computes", "gives its input", "computes first", "compares with what it computed"],
)
def test_is_tree_graph_of_a_model_that_computes_with_its_inputs_is_false(nodes):
    kind = TensorProto.BOOL if nodes[-1][0] == "Less" else TensorProto.FLOAT
    assert not is_tree_graph(graph_of(model_of(nodes, {"two": np.float32(2)}, {"y": kind}), 1))


def test_lower_tree_graph_with_an_operator_that_trees_do_not_have_names_it():
    nodes = [
        ("Less", ["x", "two"], ["low"], {}),
        ("Cast", ["low"], ["number"], {"to": TensorProto.FLOAT}),
        ("Tanh", ["number"], ["y"], {"name": "the squash"}),
    ]
    graph = graph_of(model_of(nodes, {"two": np.float32(2)}, {"y": TensorProto.FLOAT}), 1)
    with pytest.raises(ModelError, match=r"the squash.*not supported"):
        lower_tree_model(graph)
