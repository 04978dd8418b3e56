"""Tree ensembles of ai.onnx.ml in integers, against onnxruntime: comparisons exact, also where inputs lie on thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from staged_programs import program_of, result_of
from tree_ensembles import EXTREMES, RandomTrees, as_leaf_lists, fitted_trees, float_results, tree_node

from tallystick.engine.compiler.trees import lower_trees
from tallystick.engine.compiler.trees_ensemble import MODES
from tallystick.engine.order import from_order_image, order_image
from tallystick.errors import ModelError, TensorError

singles = st.floats(width=32, allow_nan=False)
CLASSIFIER, REGRESSOR = "TreeEnsembleClassifier", "TreeEnsembleRegressor"


def integer_results(op, attributes, x):
    """Labels (None but for a classifier) and real scores of rows x, and the scores' quantisation."""
    node, held = tree_node(op, attributes), []

    def scores(builder, ref):
        result = lower_trees(builder, node, ref)
        held.append(result)
        return result.scores

    real = result_of(scores, order_image(x))
    quantisation, has_labels = held[0].quantisation, held[0].labels is not None
    labels = result_of(lambda b, ref: lower_trees(b, node, ref).labels, order_image(x)) if has_labels else None
    return labels, quantisation.dequantise(real), quantisation


# ---- order images -----------------------------------------------------------------------------------------------------


@given(singles, singles)
def test_order_image_of_two_numbers_orders_them_alike(a, b):
    a, b = np.float32(a), np.float32(b)
    image = order_image(np.array([a, b], np.float32)).astype(np.int64)
    assert (image[0] < image[1], image[0] == image[1]) == (bool(a < b), bool(a == b))


@given(st.lists(singles, min_size=1))
def test_from_order_image_of_images_gives_the_numbers(numbers):
    numbers = np.array(numbers, np.float32)
    assert np.array_equal(from_order_image(order_image(numbers)), numbers)


def test_order_image_of_extremes_keeps_their_order():
    assert np.array_equal(np.sign(order_image(EXTREMES)), np.sign(EXTREMES))
    assert order_image(np.sort(EXTREMES)).tolist() == sorted(order_image(EXTREMES).tolist())
    assert order_image(np.array([-np.inf], np.float32))[0] > -(2**31) + 1


@pytest.mark.parametrize(
    ("values", "reason"), [(np.array([1.0, np.nan], np.float32), "NaN"), (np.array([1.0]), "Only float32")]
)
def test_order_image_of_what_has_no_order_is_refused(values, reason):
    with pytest.raises(TensorError, match=reason):
        order_image(values)


# ---- against onnxruntime ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modes", [*((mode,) for mode in MODES[:6]), MODES[:4], MODES[:6]], ids="-".join)
def test_lower_trees_of_a_regressor_takes_every_branch_as_onnxruntime_does(modes):
    for seed, aggregate in enumerate(("SUM", "AVERAGE")):
        trees = RandomTrees(seed, modes=modes)
        # Each leaf votes a number of its own, so that one wrong branch shows.
        votes = trees.votes("target", 2)
        attributes = {
            **trees.nodes,
            **votes,
            "n_targets": 2,
            "aggregate_function": aggregate,
            "base_values": [0.5, -3.0],
        }
        x = trees.inputs(500)
        _, scores, _ = integer_results(REGRESSOR, attributes, x)
        assert np.abs(scores - float_results(REGRESSOR, attributes, x)[0]).max() < 1e-5


def test_lower_trees_of_hundreds_of_trees_sums_them_in_blocks():
    trees = RandomTrees(8, trees=300, depth=2)
    attributes = {**trees.nodes, **trees.votes("target", 3, every=False), "n_targets": 3}
    x = trees.inputs(100)
    _, scores, _ = integer_results(REGRESSOR, attributes, x)
    assert np.abs(scores - float_results(REGRESSOR, attributes, x)[0]).max() < 1e-4


@pytest.mark.parametrize("names", [[0, 1, 2], [7, -3, 9, 1]], ids=str)
@pytest.mark.parametrize("transform", ["NONE", "SOFTMAX", "LOGISTIC"])
def test_lower_trees_of_a_classifier_gives_the_labels_of_onnxruntime(names, transform):
    trees = RandomTrees(3)
    votes = trees.votes("class", len(names))
    attributes = {**trees.nodes, **votes, "classlabels_int64s": names, "post_transform": transform}
    x = trees.inputs(500)
    labels, scores, _ = integer_results(CLASSIFIER, attributes, x)
    want = float_results(CLASSIFIER, attributes, x)
    assert labels.tolist() == want[0].tolist()
    exact = transform == "NONE"
    assert np.abs(scores - (want[1] if exact else np.minimum(want[1], 255 / 256))).max() < (
        1e-5 if exact else 1.5 / 256
    )


@pytest.mark.parametrize("class_id", [0, 1])
@pytest.mark.parametrize("low", [-1.0, 0.0], ids=["signed", "positive"])
@pytest.mark.parametrize("transform", ["NONE", "SOFTMAX", "LOGISTIC"])
def test_lower_trees_of_two_classes_with_votes_on_one_follows_onnxruntime(class_id, low, transform):
    trees = RandomTrees(4)
    votes = trees.votes("class", 1, low=low)
    votes["class_ids"] = [class_id] * len(votes["class_ids"])
    attributes = {**trees.nodes, **votes, "classlabels_int64s": [5, 3], "post_transform": transform}
    if class_id == 0:
        attributes["base_values"] = [0.25]
    x = trees.inputs(300)
    labels, scores, held = integer_results(CLASSIFIER, attributes, x)
    want = float_results(CLASSIFIER, attributes, x)
    assert labels.tolist() == want[0].tolist()
    top = held.dequantise(np.array(held.dtype.high))
    assert np.abs(scores - np.minimum(want[1], top)).max() < max(1e-5, 1.5 * float(held.scale))


def test_lower_trees_of_two_classes_with_votes_on_both_follows_onnxruntime():
    trees = RandomTrees(5)
    attributes = {**trees.nodes, **trees.votes("class", 2), "classlabels_int64s": [0, 1]}
    x = trees.inputs(300)
    labels, scores, _ = integer_results(CLASSIFIER, attributes, x)
    want = float_results(CLASSIFIER, attributes, x)
    assert labels.tolist() == want[0].tolist()
    assert np.abs(scores - want[1]).max() < 1e-5
    attributes["classlabels_int64s"] = [3, 4]
    assert integer_results(CLASSIFIER, attributes, x)[0] is None


@pytest.mark.parametrize("modes", [MODES[:4], MODES[:6]], ids="-".join)
def test_lower_trees_of_the_newer_operator_agrees_with_onnxruntime(modes):
    trees = RandomTrees(6, modes=modes, least=1)  # the newer operator has no trees of one leaf
    weights = [(int(trees.rng.integers(3)), float(trees.rng.uniform(-1, 1))) for _ in trees.leaves]
    attributes = {**as_leaf_lists(trees, weights), "n_targets": 3, "aggregate_function": 1, "post_transform": 0}
    x = trees.inputs(300)
    _, scores, _ = integer_results("TreeEnsemble", attributes, x)
    assert np.abs(scores - float_results("TreeEnsemble", attributes, x, version=5)[0]).max() < 1e-5


# ---- against scikit-learn ---------------------------------------------------------------------------------------------


def test_lower_trees_of_a_fitted_forest_gives_its_classes():
    rng = np.random.default_rng(9)
    x = rng.normal(0, 1, (600, 5)).astype(np.float32)
    y = (x[:, 0] > 0.3).astype(int) + (x[:, 1] * x[:, 2] > 0)
    model = RandomForestClassifier(n_estimators=12, max_depth=6, random_state=0).fit(x[:300], y[:300])
    trees, values = fitted_trees(model)
    pairs = [(leaf, target) for leaf in range(len(values)) for target in range(3)]
    votes = {
        "class_treeids": [trees.leaves[leaf][0] for leaf, _ in pairs],
        "class_nodeids": [trees.leaves[leaf][1] for leaf, _ in pairs],
        "class_ids": [target for _, target in pairs],
        "class_weights": (values / values.sum(1, keepdims=True) / 12).astype(np.float32).ravel().tolist(),
    }
    labels, scores, _ = integer_results(CLASSIFIER, {**trees.nodes, **votes, "classlabels_int64s": [0, 1, 2]}, x)
    assert labels.tolist() == model.predict(x).tolist()
    assert np.abs(scores - model.predict_proba(x)).max() < 1e-5


def test_lower_trees_of_fitted_boosting_gives_its_targets():
    rng = np.random.default_rng(10)
    x = rng.normal(0, 1, (400, 4)).astype(np.float32)
    y = 40 * np.sin(2 * x[:, 0]) + x[:, 1] ** 2
    model = GradientBoostingRegressor(n_estimators=40, max_depth=3, random_state=0).fit(x[:300], y[:300])
    trees, values = fitted_trees(model)
    attributes = {
        **trees.nodes,
        "target_treeids": [tree for tree, _ in trees.leaves],
        "target_nodeids": [node for _, node in trees.leaves],
        "target_ids": [0] * len(values),
        "target_weights": (values[:, 0] * model.learning_rate).astype(np.float32).tolist(),
        "base_values": [float(np.ravel(model.init_.constant_)[0])],
    }
    _, scores, _ = integer_results(REGRESSOR, attributes, x)
    assert np.abs(scores[:, 0] - model.predict(x)).max() < 1e-4


# ---- sizes and faults -------------------------------------------------------------------------------------------------


def stump(**changes):
    """One split, two leaves."""
    return {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [1, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, -1.0],
        **changes,
    }


def chain(depth):
    """A tree that goes one node deeper for each of `depth` comparisons."""
    inner, leaves = range(depth), range(depth, 2 * depth + 1)
    return stump(
        nodes_treeids=[0] * (2 * depth + 1),
        nodes_nodeids=[*inner, *leaves],
        nodes_featureids=[0] * (2 * depth + 1),
        nodes_modes=["BRANCH_LEQ"] * depth + ["LEAF"] * (depth + 1),
        nodes_values=[float(value) for value in range(2 * depth + 1)],
        nodes_truenodeids=[depth + node for node in inner] + [0] * (depth + 1),
        nodes_falsenodeids=[node + 1 if node + 1 < depth else 2 * depth for node in inner] + [0] * (depth + 1),
        target_treeids=[0] * (depth + 1),
        target_nodeids=list(leaves),
        target_ids=[0] * (depth + 1),
        target_weights=[float(value) for value in range(depth + 1)],
    )


def scores_program(attributes, rows=1, op=REGRESSOR):
    x = np.zeros((rows, 2), np.int32)
    return program_of(lambda b, ref: lower_trees(b, tree_node(op, attributes), ref).scores, x)


def test_lower_trees_of_depth_64_reaches_every_leaf():
    x = np.stack([np.arange(-0.5, 64.5), np.zeros(65)], 1).astype(np.float32)
    assert integer_results(REGRESSOR, chain(64), x)[1][:, 0].tolist() == list(range(65))


def test_lower_trees_takes_three_steps_for_the_first_level_and_six_for_others():
    steps = [len(scores_program(chain(depth)).steps) for depth in (1, 2, 3, 10)]
    assert np.diff(steps).tolist() == [6, 6, 42]
    assert steps[0] == 1 + 3 + 4  # the row as a list; the level; votes as an image, their sum, and as [1, 1]


def test_lower_trees_of_a_lone_leaf_gives_its_vote():
    lone = {name: values[1:2] for name, values in stump().items() if name.startswith("nodes")}
    attributes = {
        **stump(),
        **lone,
        **{f"target_{name}": [value] for name, value in zip(["treeids", "nodeids", "ids"], [0, 1, 0], strict=True)},
    }
    attributes["target_weights"] = [0.75]
    assert integer_results(REGRESSOR, attributes, np.zeros((2, 2), np.float32))[1].tolist() == [[0.75], [0.75]]


def test_lower_trees_of_a_node_that_two_branches_share_follows_both():
    shared = stump(
        nodes_treeids=[0] * 4,
        nodes_nodeids=[0, 1, 2, 3],
        nodes_featureids=[0, 1, 0, 0],
        nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[0.0] * 4,
        nodes_truenodeids=[2, 2, 0, 0],
        nodes_falsenodeids=[1, 3, 0, 0],
        target_nodeids=[2, 3],
    )
    x = np.array([[-1, 1], [1, -1], [1, 1]], np.float32)
    assert integer_results(REGRESSOR, shared, x)[1].ravel().tolist() == [1.0, 1.0, -1.0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"], "target_nodeids": [2, 2]}, "comes back to a node above"),
        ({"nodes_truenodeids": [0, 0, 0]}, "comes back to a node above"),
        ({"nodes_truenodeids": [9, 0, 0]}, "no node 9 in tree 0"),
        ({"nodes_nodeids": [0, 1, 1]}, "node 1 of tree 0 twice"),
        ({"nodes_values": [0.5]}, "must be as many"),
        ({"target_ids": [0]}, "must be as many"),
        ({"target_ids": [0, 4]}, "votes on targets 0 to 4 of 1"),
        ({"target_nodeids": [0, 1]}, "which is no leaf"),
        ({"nodes_featureids": [2, 0, 0]}, "features 2 to 2 of 2"),
        ({"nodes_featureids": [-1, 0, 0]}, "features -1 to -1 of 2"),
        ({"nodes_featureids": [2**40, 0, 0]}, "no 32-bit integer"),
        ({"nodes_modes": ["BRANCH_MEMBER", "LEAF", "LEAF"]}, "compares by BRANCH_MEMBER"),
        ({"nodes_values": [float("nan"), 0.0, 0.0]}, "NaN"),
        ({"nodes_values_as_tensor": np.zeros(3)}, "of float64"),
        ({"target_weights": [float("inf"), 0.0]}, "infinite"),
        ({"target_weights": [2.0**30, 0.0]}, "beyond 32 bits"),
        ({"n_targets": 0}, "0 targets"),
        ({"n_targets": 1 << 40}, "votes"),
        ({"base_values": [1.0, 2.0]}, "2 base values"),
        ({"aggregate_function": "MAX"}, "by MAX"),
        ({"post_transform": "PROBIT"}, "by PROBIT"),
        ({name: [] for name in stump()}, "no trees"),
    ],
    ids=str,
)
def test_lower_trees_of_a_faulty_ensemble_names_the_fault(changes, reason):
    with pytest.raises(ModelError, match=reason):
        scores_program(stump(**changes))


@pytest.mark.parametrize("depth", [65, 20_000])
def test_lower_trees_of_too_deep_a_tree_is_refused(depth):
    with pytest.raises(ModelError, match=r"over 64|deeper than 64"):
        scores_program(chain(depth))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"classlabels_strings": ["yes", "no"]}, "labels as text"),
        ({"classlabels_int64s": [1]}, "1 labels"),
        ({"classlabels_int64s": [1, 2**40]}, "beyond 32 bits"),
        ({"classlabels_int64s": [0, 1], "base_values": [1.0, 2.0]}, "two classes and 2 base values"),
    ],
    ids=str,
)
def test_lower_trees_of_a_classifier_without_counterpart_is_refused(changes, reason):
    attributes = {name.replace("target_", "class_"): values for name, values in stump(**changes).items()}
    with pytest.raises(ModelError, match=reason):
        scores_program(attributes, op=CLASSIFIER)
