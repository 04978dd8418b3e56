"""ONNX's own tests of single operators, compiled and run: integers exactly, reals within a few steps of their quantisation."""

from __future__ import annotations

import functools
import sys
from collections import Counter

import numpy as np
from node_cases import NodeCase, collect

from tallystick.engine.compiler.agreement import integers_of
from tallystick.engine.compiler.compile import compile_model
from tallystick.engine.compiler.graph import Value
from tallystick.engine.compiler.report import TensorSpec
from tallystick.engine.executor import run
from tallystick.engine.order import order_image
from tallystick.engine.program import NUMPY_DTYPES
from tallystick.errors import TallystickError

STEPS = 3.0
"""Of the output's scale: half a step for the output, and what half a step of each operand makes of it."""

TOO_COARSE = {
    "test_log": "steep near 0, where the operand's 8 bits are coarse",
    "test_logsoftmax_large_number": "its operand spans 10,000, in steps of 40",
    "test_softmax_large_number": "its operand spans 10,000, in steps of 40",
    "test_reduce_min_default_axes_keepdims_example": "one element of many, held in 15 steps of the result's own range",
    "test_round": "jumps at halves that the operand's 8 bits do not hold",
    "test_thresholdedrelu_example": "jumps at a number that the operand's 8 bits do not hold",
}
"""Tests of reals that 8 bits cannot pass, and why."""

REFUSALS = {
    "of a dtype that programs do not have": (
        "holds numbers as",
        " of BFLOAT16",
        " of FLOAT",
        " of INT",
        " of UINT",
        " of STRING",
        "which is not supported",
        "unsupported type",
    ),
    "of what onnxruntime does not have": ("onnxruntime does not run the model", "an attribute 'mode', which"),
    "of a tensor without elements": ("has a dim of 0", "Leave at least one element"),
    "with NaN or infinity": ("holds NaN or infinity",),
    "over volumes": ("one or two spatial axes",),
    "in training mode": ("training mode",),
    "of the last of equals": ("the last of equals",),
    "by interpolation": ("interpolates in the mode",),
    "of padding that copies": ("pads in the mode",),
    "quantised in blocks or along an axis": ("in blocks", "along an axis"),
    "of powers of integers": ("Pow has no exact form on integers",),
}
"""Why a test is not one for programs: what its refusal says."""

EXPECTED_REFUSALS = {
    "of a dtype that programs do not have": 78,
    "by interpolation": 24,
    "of the last of equals": 16,
    "of a tensor without elements": 16,
    "over volumes": 10,
    "in training mode": 8,
    "with NaN or infinity": 6,
    "of powers of integers": 6,
    "quantised in blocks or along an axis": 5,
    "of what onnxruntime does not have": 4,
    "of padding that copies": 3,
}


def encoded(spec: TensorSpec, array: np.ndarray) -> np.ndarray:
    """An input as the program takes it."""
    if spec.held == "integers" or array.dtype in (np.uint8, np.int8):
        return array.astype(NUMPY_DTYPES[spec.header.dtype])
    if spec.held == "order":
        return order_image(array)
    return integers_of(Value(array.shape, array.dtype, quantisation=spec.quantisation), array)


def fault_of(case: NodeCase) -> str:
    """What is wrong with the program's result; empty where it is right. Raises where the model is refused."""
    reals = any(np.issubdtype(array.dtype, np.floating) for array in case.feeds.values())
    calibration = {name: array[None] for name, array in case.feeds.items()} if reals else None
    compiled = compile_model(case.model.SerializeToString(), calibration)
    inputs = [encoded(spec, case.feeds[spec.name]) for spec in compiled.report.inputs]
    found = run(compiled.program, inputs, trace=False).output
    if found.shape != case.expected.shape:
        return f"{case.name} gives {found.shape}, not {case.expected.shape}"
    quantisation = compiled.report.output.quantisation
    if quantisation is None or not np.issubdtype(case.expected.dtype, np.floating):
        same = np.array_equal(found.astype(np.float64), case.expected.astype(np.float64))
        return "" if same else f"{case.name} is not exact"
    error = np.abs(quantisation.dequantise(found) - case.expected.astype(np.float64)).max() / float(quantisation.scale)
    return "" if error <= STEPS or case.name in TOO_COARSE else f"{case.name} is {error:.1f} steps off"


@functools.cache
def outcomes() -> tuple[list[str], dict[str, str], int]:
    """Faults, refusals by test, and how many tests passed."""
    faults, refusals, passed = [], {}, 0
    for name, case in collect():
        if isinstance(case, str):
            continue
        try:
            fault = fault_of(case)
        except TallystickError as error:  # of the model, or of the calibration data: the test's own inputs
            refusals[name] = str(error)
        else:
            faults += [fault] if fault else []
            passed += not fault
    return faults, refusals, passed


def reason_of(refusal: str) -> str:
    for reason, said in REFUSALS.items():
        if any(each in refusal for each in said):
            return reason
    return refusal


def test_compile_model_given_onnx_node_tests_passes_those_it_takes() -> None:
    faults, _, passed = outcomes()
    assert faults == []
    assert passed >= 520


def test_compile_model_given_onnx_node_tests_refuses_the_rest_for_known_reasons() -> None:
    counts = Counter(reason_of(refusal) for refusal in outcomes()[1].values())
    sys.stdout.writelines(f"{count:4} {reason}\n" for reason, count in counts.most_common())
    assert dict(counts) == EXPECTED_REFUSALS
