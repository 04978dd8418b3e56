"""Tree ensembles in integers: all trees walked at once, level by level, then the votes of their leaves summed.

Features are order images (docs/determinism.md), so comparisons are those of single precision, exactly. Votes are fixed-point
numbers. A level is a feature of each tree's node, a comparison and a step to one of two neighbouring entries (trees_layout.py).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.fixed_point import PROBABILITY, fixed_point, fraction_bits, held_fixed, sigmoid
from tallystick.engine.compiler.graph import Node, Quantisation
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.softmax import softmax
from tallystick.engine.compiler.trees_ensemble import Ensemble, read_ensemble
from tallystick.engine.compiler.trees_layout import Layout, lay_out
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.order import order_image
from tallystick.engine.program import Ref

__all__ = ["TREE_OPS", "TreeResult", "lower_trees", "order_image"]

TREE_OPS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
POST_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
SUMMED_AT_ONCE, BLOCK = 256, 64
"""More trees than that are summed in blocks: each term of a sum adds to what it costs to show that the sum is wrong."""


@dataclasses.dataclass(frozen=True)
class TreeResult:
    """What an ensemble's node gives.

    Attributes:
        labels: i32 [N]; None but for a classifier, and for one with two classes, votes on both, and labels that are not 0 and 1:
            onnxruntime then gives 0 and 1 all the same.
        scores: [N, targets].
        quantisation: Of the scores: fixed point, or PROBABILITY after a post_transform.
    """

    labels: Ref | None
    scores: Ref
    quantisation: Quantisation


def lower_trees(builder: ProgramBuilder, node: Node, x: Ref) -> TreeResult:
    """A TreeEnsembleClassifier, TreeEnsembleRegressor or TreeEnsemble of the domain ai.onnx.ml.

    Scores and labels are those of onnxruntime, with two labels as well, but for the rounding of its sums; a class that no leaf of a
    row votes for counts with its base value, or 0, like the others.

    Args:
        builder: Takes 6 steps a level (3 for the first; one more each where there are several rows), and about 5 more.
        node: With its attributes as numbers, sequences and arrays.
        x: i32 [N, features] or [features]: order images.

    Raises:
        ModelError: an ensemble with a fault, or one that has no exact counterpart.
    """
    builder.scope = node.name or node.outputs[0]
    dims = builder.dims(x)
    rows, features = (1, *dims) if len(dims) == 1 else dims
    if node.op == "TreeEnsembleClassifier":
        return _classify(builder, node, builder.reshape(x, (rows, features)))
    targets = int(node.attributes.get("n_targets", 1))
    ensemble = read_ensemble(node, targets)
    base = _base_values(node, targets)
    scores = _scores(builder, node, ensemble, base, builder.reshape(x, (rows, features)))
    return _transformed(builder, node, scores, None)


# ---- the walk ---------------------------------------------------------------------------------------------------------


def _scores(
    builder: ProgramBuilder, node: Node, ensemble: Ensemble, base: npt.NDArray[np.float64], x: Ref
) -> tuple[Ref, int]:
    """Sums [N, targets] with so many bits below the point."""
    rows, features = builder.dims(x)
    layout = lay_out(node, ensemble, features)
    votes = ensemble.votes / (layout.trees if _averages(node) else 1)
    targets = votes.shape[1]
    blocks = 1 if layout.trees <= SUMMED_AT_ONCE else -(-layout.trees // BLOCK)
    terms = layout.trees if blocks == 1 else blocks * BLOCK
    # A target's sum is at most terms * largest vote, and |base| is added to that: all of it stays below 2^30.
    bound = terms * float(np.abs(votes).max(initial=0.0)) + float(np.abs(base).max(initial=0.0))
    bits = fraction_bits(bound)
    table = held_fixed(np.where(layout.leaves[:, None] >= 0, votes[layout.leaves] if votes.size else 0.0, 0.0), bits)
    reached = _walk(builder, layout, x)
    found = builder.gather(builder.constant(np.ascontiguousarray(table)), reached)
    image = builder.reshape(found, (rows, layout.trees, 1, targets))
    if blocks > 1:
        image = builder.pool_sum(image, Window(BLOCK, 1, stride_h=BLOCK), (blocks, 1))
    sums = builder.pool_sum(image, Window(builder.dims(image)[1], 1), (1, 1))
    sums = builder.reshape(sums, (rows, targets))
    if np.any(base):
        sums = builder.arith(ArithKind.ADD, sums, builder.constant(held_fixed(base, bits)))
    return sums, bits


def _walk(builder: ProgramBuilder, layout: Layout, x: Ref) -> Ref:
    """The entry that each tree ends at, i32 [N, trees]."""
    rows, features = builder.dims(x)
    flat = builder.reshape(x, (rows * features,))
    first_of_row = np.arange(rows, dtype=np.int32)[:, None] * features
    reached = builder.constant(np.broadcast_to(np.arange(layout.trees, dtype=np.int32), (rows, layout.trees)).copy())
    for _ in range(layout.depth):
        place = _entry(builder, layout.features, reached)
        if rows > 1:
            place = _sum(builder, place, builder.constant(first_of_row.astype(np.int32)))
        asked = builder.gather(flat, place)
        above = builder.arith(ArithKind.LESS, _entry(builder, layout.thresholds, reached), asked)
        reached = builder.arith(ArithKind.ADD, _entry(builder, layout.below, reached), above)
    return reached


def _entry(builder: ProgramBuilder, table: npt.NDArray[np.int32], reached: Ref) -> Ref:
    """A table's entries; for the roots, which are known, no step."""
    known = builder.value(reached)
    return builder.gather(builder.constant(table), reached) if known is None else builder.constant(table[known])


def _sum(builder: ProgramBuilder, a: Ref, b: Ref) -> Ref:
    known = builder.value(a), builder.value(b)
    if known[0] is None or known[1] is None:
        return builder.arith(ArithKind.ADD, a, b)
    return builder.constant((known[0].astype(np.int64) + known[1].astype(np.int64)).astype(np.int32))


# ---- attributes -------------------------------------------------------------------------------------------------------


def _averages(node: Node) -> bool:
    value = node.attributes.get("aggregate_function", "SUM")
    name = AGGREGATES[value] if isinstance(value, int) and 0 <= value < len(AGGREGATES) else _text(value)
    if name not in ("SUM", "AVERAGE"):
        raise refuse(node, f"it aggregates leaves by {name[:80]}", "Only SUM and AVERAGE are supported.")
    return name == "AVERAGE"


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _post_transform(node: Node) -> str:
    value = node.attributes.get("post_transform", "NONE")
    name = POST_TRANSFORMS[value] if isinstance(value, int) and 0 <= value < len(POST_TRANSFORMS) else _text(value)
    if name not in ("NONE", "SOFTMAX", "LOGISTIC"):
        raise refuse(node, f"it transforms its scores by {name[:80]}", "Only NONE, SOFTMAX and LOGISTIC are supported.")
    return name


def _base_values(node: Node, targets: int) -> npt.NDArray[np.float64]:
    """[targets]; zeros where there are none."""
    tensor = node.attributes.get("base_values_as_tensor")
    base = np.asarray(node.attributes.get("base_values", ()) if tensor is None else tensor, np.float32).astype(
        np.float64
    )
    if base.size not in (0, targets) or not np.isfinite(base).all():
        raise refuse(
            node, f"it has {base.size} base values for {targets} targets, or infinite ones", "Export the model again."
        )
    return base.reshape(-1) if base.size else np.zeros(targets)


def _transformed(builder: ProgramBuilder, node: Node, scores: tuple[Ref, int], labels: Ref | None) -> TreeResult:
    """The scores after `post_transform`."""
    ref, bits = scores
    held, transform = fixed_point(bits), _post_transform(node)
    if transform == "SOFTMAX":
        return TreeResult(labels, softmax(builder, ref, float(held.scale), PROBABILITY), PROBABILITY)
    if transform == "LOGISTIC":
        return TreeResult(labels, sigmoid(builder, ref, float(held.scale)), PROBABILITY)
    return TreeResult(labels, ref, held)


# ---- classifiers ------------------------------------------------------------------------------------------------------


def _classify(builder: ProgramBuilder, node: Node, x: Ref) -> TreeResult:
    if node.attributes.get("classlabels_strings"):
        raise refuse(node, "it gives its labels as text", "Export with integer labels (classlabels_int64s).")
    names = [int(name) for name in node.attributes.get("classlabels_int64s") or ()]
    if len(names) < 2 or any(not DType.I32.low <= name <= DType.I32.high for name in names):
        raise refuse(
            node, f"it has {len(names)} labels, or one beyond 32 bits", "A classifier has two 32-bit labels or more."
        )
    ensemble = read_ensemble(node, len(names))
    if len(names) == 2:
        return _classify_in_two(builder, node, ensemble, names, x)
    scores = _scores(builder, node, ensemble, _base_values(node, len(names)), x)
    return _transformed(builder, node, scores, _labelled(builder, builder.arg_max_last(scores[0]), names))


def _labelled(builder: ProgramBuilder, place: Ref, names: list[int]) -> Ref:
    """Labels [N] by their place [N, 1]."""
    place = builder.reshape(place, builder.dims(place)[:1])
    if names == list(range(len(names))):
        return place
    return builder.gather(builder.constant(np.array(names, np.int32)), place)


def _classify_in_two(builder: ProgramBuilder, node: Node, ensemble: Ensemble, names: list[int], x: Ref) -> TreeResult:
    """Two labels, which runtimes treat in a way of their own.

    With votes s on one class only, the second label is given where s is above 0, or above 1/2 where no vote is negative; votes on
    class 0 then count for the second label, whose score is s, and the first has -s, or 1 - s. With votes on both the second
    label is given where its own score is above 0.
    """
    both = bool(ensemble.voted.all())
    base = np.asarray(node.attributes.get("base_values", ()), np.float64).reshape(-1)
    if base.size > 1 or (base.size and (both or ensemble.voted[1])):
        raise refuse(
            node, f"it has two classes and {base.size} base values", "Add them to the votes of one tree's leaves."
        )
    if both:
        scores = _scores(builder, node, ensemble, np.zeros(2), x)
        ref, bits = scores
        second = builder.view(ref, (builder.dims(ref)[0], 1), start=(0, 1))
        above = builder.arith(ArithKind.LESS, 0, second)
        plain = names == [0, 1]
        return _transformed(builder, node, scores, _labelled(builder, above, names) if plain else None)
    column = int(ensemble.voted[1])
    alone = dataclasses.replace(ensemble, votes=ensemble.votes[:, column : column + 1])
    ref, bits = _scores(builder, node, alone, base if base.size else np.zeros(1), x)
    one = 1 << bits
    above = builder.arith(ArithKind.LESS, 0 if ensemble.negative else one // 2, ref)
    labels = _labelled(builder, above, names)
    transform = _post_transform(node)
    if column == 1:
        other = builder.arith(ArithKind.MUL, ref, 0)
    else:
        whole = 0 if ensemble.negative or transform == "LOGISTIC" else one
        other = builder.arith(ArithKind.SUB, whole, ref)
        if transform == "SOFTMAX":
            # Runtimes leave two scores that they made of one as they are.
            return TreeResult(labels, builder.concat([other, ref], 1), fixed_point(bits))
    return _transformed(builder, node, (builder.concat([other, ref], 1), bits), labels)
