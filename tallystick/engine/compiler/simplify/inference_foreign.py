"""Shapes and dtypes of what operators of other domains give: com.microsoft's quantised ones, forests of decision trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tallystick.engine.compiler.simplify.inference_axes import without
from tallystick.engine.compiler.simplify.inference_products import affine, product
from tallystick.engine.compiler.simplify.operands import Operands, Shape
from tallystick.engine.compiler.simplify.pools import pooled_shape

_Result = tuple[Shape, np.dtype[Any]]
_Rule = Callable[[Operands], list[_Result]]
_FLOAT, _INTEGER = np.dtype(np.float32), np.dtype(np.int64)


def _same(operands: Operands) -> list[_Result]:
    first = operands.value(0)
    return [(first.shape, first.dtype)]


def _biased(operands: Operands) -> list[_Result]:
    operands.fits(1, operands.shape())
    return _same(operands)


def _joined(*places: int) -> _Rule:
    """Of an operator whose operands are broadcast; the last place gives the dtype."""

    def rule(operands: Operands) -> list[_Result]:
        shape = operands.broadcast(*(operands.shape(place) for place in places))
        return [(shape, operands.value(places[-1]).dtype)]

    return rule


def _quantised(operands: Operands) -> list[_Result]:
    return [(operands.shape(), operands.value(2).dtype)]


def _dequantised(operands: Operands) -> list[_Result]:
    return [(operands.shape(), operands.value(1).dtype)]


def _gemm(operands: Operands) -> list[_Result]:
    shape = affine(operands, 0, 3)
    operands.fits(6, shape)
    return [(shape, operands.value(0).dtype if operands.has(7) else _FLOAT)]


def _concat(operands: Operands) -> list[_Result]:
    parts = [operands.value(place) for place in range(2, len(operands.inputs), 3)]
    if not parts:
        raise operands.refusal("it joins nothing")
    first = parts[0].shape
    axis = operands.axis(operands.attributes.get("axis", 0), len(first))
    around = (*first[:axis], *first[axis + 1 :])
    if any(len(part.shape) != len(first) or (*part.shape[:axis], *part.shape[axis + 1 :]) != around for part in parts):
        shapes = [part.shape for part in parts][:4]
        raise operands.refusal(f"it joins tensors of the shapes {shapes} along axis {axis}")
    return [((*first[:axis], sum(part.shape[axis] for part in parts), *first[axis + 1 :]), parts[0].dtype)]


def _reduced(operands: Operands) -> list[_Result]:
    first = operands.value(0)
    rank = len(first.shape)
    axes = {operands.axis(axis, rank) for axis in operands.attributes.get("axes", range(rank))}
    return [(without(first.shape, axes, operands.attributes.get("keepdims", 1)), first.dtype)]


def _product(operands: Operands) -> list[_Result]:
    if min(len(operands.shape(0)), len(operands.shape(1))) < 2:
        raise operands.refusal(f"it multiplies {operands.shape(0)} by {operands.shape(1)}")
    return [(product(operands, 0, 1), _FLOAT)]


def _pooled(operands: Operands) -> list[_Result]:
    first = operands.value(0)
    return [(pooled_shape(operands.node, first.shape, operands.attributes), first.dtype)]


def _tree_classes(operands: Operands) -> list[_Result]:
    rows, attributes = _rows(operands), operands.attributes
    labels = attributes.get("classlabels_int64s") or attributes.get("classlabels_strings") or ()
    return [((rows,), _INTEGER), ((rows, max(len(labels), 1)), _FLOAT)]


def _tree_targets(operands: Operands) -> list[_Result]:
    return [((_rows(operands), int(operands.attributes.get("n_targets", 1))), _FLOAT)]


def _trees(operands: Operands) -> list[_Result]:
    return [((_rows(operands), int(operands.attributes.get("n_targets", 1))), operands.value(0).dtype)]


def _rows(operands: Operands) -> int:
    shape = operands.shape()
    if len(shape) not in (1, 2):
        raise operands.refusal(f"it reads a tensor of shape {shape}; it takes rows of features")
    return shape[0] if len(shape) == 2 else 1


FOREIGN: dict[tuple[str, str], _Rule] = {
    ("ai.onnx.ml", "TreeEnsembleClassifier"): _tree_classes,
    ("ai.onnx.ml", "TreeEnsembleRegressor"): _tree_targets,
    ("ai.onnx.ml", "TreeEnsemble"): _trees,
    ("com.microsoft", "QuantizeLinear"): _quantised,
    ("com.microsoft", "DequantizeLinear"): _dequantised,
    ("com.microsoft", "QLinearAdd"): _joined(0, 3),
    ("com.microsoft", "QLinearMul"): _joined(0, 3),
    ("com.microsoft", "QLinearWhere"): _joined(0, 1, 4),
    ("com.microsoft", "QLinearSigmoid"): _same,
    ("com.microsoft", "QLinearLeakyRelu"): _same,
    ("com.microsoft", "QLinearSoftmax"): _same,
    ("com.microsoft", "QLinearAveragePool"): _pooled,
    ("com.microsoft", "QLinearGlobalAveragePool"): _pooled,
    ("com.microsoft", "QLinearConcat"): _concat,
    ("com.microsoft", "QLinearReduceMean"): _reduced,
    ("com.microsoft", "QGemm"): _gemm,
    ("com.microsoft", "MatMulIntegerToFloat"): _product,
    ("com.microsoft", "Gelu"): _same,
    ("com.microsoft", "FastGelu"): _biased,
}
