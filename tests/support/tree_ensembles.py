"""Random tree ensembles of ai.onnx.ml, for onnxruntime and for the compiler, and inputs that lie on their thresholds."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.trees_ensemble import MODES

EXTREMES = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 3.4e38, -3.4e38, np.inf, -np.inf, 1.0, -1.0], np.float32)


class RandomTrees:
    """`nodes` are the nodes_... attributes of random trees, `leaves` the (tree, node) of every leaf.

    Trees have a depth of `least` to `depth`; the first has all of it. Thresholds are drawn from few numbers, EXTREMES among them, so that inputs drawn from the same ones often equal them.
    """

    def __init__(self, seed, *, trees=8, depth=5, features=6, modes=MODES[:4], least=0):
        self.rng, self.features, self.modes = np.random.default_rng(seed), features, modes
        self.thresholds = np.concatenate([EXTREMES, self.rng.normal(0, 1, 12).astype(np.float32)])
        names = ["treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids"]
        self.nodes = {f"nodes_{name}": [] for name in names}
        self.leaves = []
        for tree in range(trees):
            self._grow(tree, int(self.rng.integers(least, depth + 1)) if tree else depth)

    def _grow(self, tree, depth):
        waiting, given = [(0, depth)], 1
        while waiting:
            node, left = waiting.pop(0)
            if left == 0 or (node and self.rng.random() < 0.15):
                self._add(tree, node, 0, "LEAF", 0.0, 0, 0)
                self.leaves.append((tree, node))
                continue
            children = given, given + 1
            given += 2
            feature, mode = int(self.rng.integers(self.features)), str(self.rng.choice(self.modes))
            self._add(tree, node, feature, mode, float(self.rng.choice(self.thresholds)), *children)
            waiting += [(child, left - 1) for child in children]

    def _add(self, *entry):
        for values, value in zip(self.nodes.values(), entry, strict=True):
            values.append(value)

    def votes(self, kind, targets, *, low=-1.0, every=True):
        """Votes of each leaf on every target, or on a random one."""
        pairs = [(leaf, target) for leaf in self.leaves for target in range(targets)]
        if not every:
            pairs = [(leaf, int(self.rng.integers(targets))) for leaf in self.leaves]
        return {
            f"{kind}_treeids": [tree for (tree, _), _ in pairs],
            f"{kind}_nodeids": [node for (_, node), _ in pairs],
            f"{kind}_ids": [target for _, target in pairs],
            f"{kind}_weights": self.rng.uniform(low, 1, len(pairs)).astype(np.float32).tolist(),
        }

    def inputs(self, rows):
        """Half of the numbers lie on thresholds or right beside them."""
        shape = (rows, self.features)
        on = self.rng.choice(self.thresholds, shape)
        beside = np.nextafter(on, self.rng.choice(np.array([-np.inf, np.inf], np.float32), shape))
        choice = self.rng.random(shape)
        normal = self.rng.normal(0, 1, shape).astype(np.float32)
        return np.where(choice < 0.25, on, np.where(choice < 0.5, beside, normal)).astype(np.float32)


def float_results(op, attributes, x, *, version=3):
    """What onnxruntime gives."""
    names = ["label", "scores"] if op == "TreeEnsembleClassifier" else ["scores"]
    arrays = {
        name: numpy_helper.from_array(value) for name, value in attributes.items() if isinstance(value, np.ndarray)
    }
    node = helper.make_node(op, ["x"], names, domain="ai.onnx.ml", **{**attributes, **arrays})
    kinds = {"label": TensorProto.INT64, "scores": TensorProto.FLOAT}
    outputs = [helper.make_tensor_value_info(name, kinds[name], None) for name in names]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, x.shape[1]])]
    graph = helper.make_graph([node], "trees", given, outputs)
    opsets = [helper.make_opsetid("ai.onnx.ml", version), helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


def tree_node(op, attributes):
    """The node as the compiler's own graph has it."""
    outputs = ["label", "scores"] if op == "TreeEnsembleClassifier" else ["scores"]
    return Node(op, ["x"], outputs, attributes, "trees", "ai.onnx.ml")


def as_leaf_lists(trees, weights):
    """Random trees as the attributes of the newer TreeEnsemble: `weights` is one (target, weight) for each leaf."""
    modes = trees.nodes["nodes_modes"]
    keys = list(zip(trees.nodes["nodes_treeids"], trees.nodes["nodes_nodeids"], strict=True))
    inner = [entry for entry, mode in enumerate(modes) if mode != "LEAF"]
    index = {keys[entry]: place for place, entry in enumerate(inner)}
    leaf = {key: place for place, key in enumerate(trees.leaves)}
    lists = {name: [] for name in ("true", "false")}
    for side, places in lists.items():
        for entry in inner:
            key = (keys[entry][0], trees.nodes[f"nodes_{side}nodeids"][entry])
            places.append((index.get(key, leaf.get(key)), int(key in leaf)))
    pick = {
        name: [trees.nodes[f"nodes_{name}"][entry] for entry in inner] for name in ("featureids", "values", "modes")
    }
    return {
        "tree_roots": [index[tree, 0] for tree in dict.fromkeys(key[0] for key in keys)],
        "nodes_featureids": pick["featureids"],
        "nodes_modes": np.array([MODES.index(mode) for mode in pick["modes"]], np.uint8),
        "nodes_splits": np.array(pick["values"], np.float32),
        **{f"nodes_{side}nodeids": [place for place, _ in places] for side, places in lists.items()},
        **{f"nodes_{side}leafs": [is_leaf for _, is_leaf in places] for side, places in lists.items()},
        "leaf_targetids": [target for target, _ in weights],
        "leaf_weights": np.array([weight for _, weight in weights], np.float32),
    }


def fitted_trees(model):
    """The nodes_... attributes and the leaves' values of the trees that scikit-learn fitted.

    Its thresholds are doubles and its inputs singles: `x <= t` asks the same as with the largest single that is at most t.
    """
    trees = RandomTrees(0, trees=0)
    values = []
    for number, estimator in enumerate(np.ravel(model.estimators_)):
        fitted = estimator.tree_
        for node in range(fitted.node_count):
            single = np.float32(fitted.threshold[node])
            if float(single) > fitted.threshold[node]:
                single = np.nextafter(single, np.float32(-np.inf))
            children = int(fitted.children_left[node]), int(fitted.children_right[node])
            leaf = children[0] < 0
            mode = "LEAF" if leaf else "BRANCH_LEQ"
            split = (0, mode, 0.0, 0, 0) if leaf else (int(fitted.feature[node]), mode, float(single), *children)
            trees._add(number, node, *split)
            if leaf:
                trees.leaves.append((number, node))
                values.append(fitted.value[node][0])
    return trees, np.array(values)
