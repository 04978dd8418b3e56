"""ONNX's own tests of single operators, as models that can be compiled: what says shapes is a constant, the rest are inputs."""

from __future__ import annotations

import dataclasses
import importlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

_MODULES = """
    abs add and_ argmax argmin averagepool batch_normalization cast ceil celu clip concat conv cos depthtospace
    dequantizelinear div dropout elu equal erf exp expand flatten floor gather gatherelements gelu gemm globalaveragepool
    globalmaxpool greater greater_or_equal groupnormalization hardsigmoid hardswish identity instance_normalization
    layernormalization leakyrelu less less_or_equal log logsoftmax matmul max maxpool mean min mish mul neg not_ or_ pad pow
    prelu qlinearconv qlinearmatmul quantizelinear reciprocal reducel1 reducel2 reduce_log_sum reduce_log_sum_exp reducemax
    reducemean reducemin reducesum reducesumsquare relu reshape resize round selu sigmoid sign sin slice softmax softplus
    softsign spacetodepth split sqrt squeeze sub sum swish tanh thresholdedrelu tile transpose trilu unsqueeze where xor
"""
OLDEST, NEWEST, IR_VERSION = 13, 24, 10
_FIRST_IS_DATA = frozenset(
    """
    BatchNormalization Clip Conv Dropout Expand Gemm GroupNormalization InstanceNormalization LayerNormalization Pad Reshape
    Resize Slice Split Squeeze Tile Trilu Unsqueeze ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
    ReduceMin ReduceSum ReduceSumSquare
    """.split()  # noqa: SIM905  (a list of a hundred quoted words reads worse)
)
"""Operators of which every input but the first is a constant in models."""
_QUANTISED = {"QLinearConv": (0,), "QLinearMatMul": (0,), "QuantizeLinear": (0,), "DequantizeLinear": (0,)}


@dataclasses.dataclass(frozen=True)
class NodeCase:
    """One test.

    Attributes:
        op: The operator.
        model: A model with that one node.
        feeds: Its inputs.
        expected: What its first output must be.
    """

    name: str
    op: str
    model: onnx.ModelProto
    feeds: Mapping[str, np.ndarray]
    expected: np.ndarray


def collect() -> Iterator[tuple[str, NodeCase | str]]:
    """Each test's name with the test, or with why it is none for a program."""
    # Imported here: the package makes its tests, a thousand of them, while it is imported.
    cases = importlib.import_module("onnx.backend.test.case.node")
    # Written out as onnx's function bodies they are tests of other operators, and take most of the time.
    cases.function_testcase_helper = lambda *_, **__: ([], 1)  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in _MODULES.split():
            importlib.import_module(f"onnx.backend.test.case.node.{module}")
    for case in sorted(cases._NodeTestCases, key=lambda each: str(each.name)):
        yield case.name, _case(case)


def _case(case: Any) -> NodeCase | str:
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    inputs, outputs = case.data_sets[0]
    op = model.graph.node[0].op_type
    try:
        arrays = [numpy_helper.to_array(each) if isinstance(each, onnx.TensorProto) else each for each in inputs]
        expected = outputs[0]
        arrays.append(numpy_helper.to_array(expected) if isinstance(expected, onnx.TensorProto) else expected)
    except (TypeError, ValueError, KeyError):
        return "not all of its tensors are numpy's"
    _settle_opset(model)
    if not all(isinstance(each, np.ndarray | np.generic) for each in arrays):
        return "not all of its tensors are numpy's"
    if not model.graph.node[0].output[0]:
        return "it asks for another output than the first"
    data = range(1) if op in _FIRST_IS_DATA else _QUANTISED.get(op, range(len(inputs)))
    feeds = {}
    declared = list(model.graph.input)
    for place, (value, array) in enumerate(zip(declared, arrays[:-1], strict=True)):
        if place in data:
            feeds[value.name] = np.asarray(array)
        else:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
            model.graph.input.remove(value)
    return NodeCase(case.name, op, model, feeds, np.asarray(arrays[-1]))


def _settle_opset(model: onnx.ModelProto) -> None:
    """The same operator at an opset that compiler and onnxruntime both take, where it has not changed on the way there."""
    (opset,) = model.opset_import
    op = model.graph.node[0].op_type
    since = onnx.defs.get_schema(op, opset.version, opset.domain).since_version
    if opset.version < OLDEST and onnx.defs.get_schema(op, OLDEST, "").since_version == since:
        opset.version = OLDEST
    # What came later for operators that are supported is more dtypes, and a mode of SpaceToDepth.
    opset.version = min(opset.version, NEWEST)
    model.ir_version = min(model.ir_version, IR_VERSION)
