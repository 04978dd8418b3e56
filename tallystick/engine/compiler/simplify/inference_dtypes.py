"""Dtypes of what a node gives, by ONNX's definition of its operator: which dtypes go together, and which one follows."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import onnx

from tallystick.engine.compiler.refusal import shown
from tallystick.engine.compiler.simplify.operands import Operands
from tallystick.engine.compiler.simplify.types import dtype_of, name_of

_OPTION = onnx.defs.OpSchema.FormalParameterOption
_SPELLINGS = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    **{f"tensor({name})": name for name in ("float16", "bool", "int8", "int16", "int32", "int64")},
    **{f"tensor({name})": name for name in ("uint8", "uint16", "uint32", "uint64")},
}
"""How ONNX's definitions spell dtypes that the compiler handles."""
_SPELLED = {np.dtype(name): spelling for spelling, name in _SPELLINGS.items()}


@dataclasses.dataclass(frozen=True)
class _Formal:
    """An input or an output by an operator's definition.

    Attributes:
        variable: What must be the same for all that share it.
        spellings: The dtypes it may have.
        required: Whether it may not be left out.
    """

    name: str
    variable: str
    spellings: frozenset[str]
    required: bool


@functools.cache  # of ONNX's definitions only, of which there are as many as there are
def _formals(op: str, version: int) -> tuple[tuple[_Formal, ...], tuple[_Formal, ...]]:
    """Of inputs and of outputs. The last stands for all that follow it."""
    schema = onnx.defs.get_schema(op, version, "")
    inputs, outputs = (
        tuple(
            _Formal(each.name, each.type_str, frozenset(each.types), each.option == _OPTION.Single) for each in formals
        )
        for formals in (schema.inputs, schema.outputs)
    )
    return inputs, outputs


def result_dtypes(operands: Operands, schema: Any) -> list[np.dtype[Any]]:
    """Of each output of the node.

    Raises:
        ModelError: A required input that is left out, dtypes that the operator does not take or not together, an output of a
            dtype that the compiler does not handle.
    """
    inputs, outputs = _formals(schema.name, schema.since_version)
    bound = _bound(operands, inputs)
    found = []
    for place in range(len(operands.node.output)):
        formal = outputs[min(place, len(outputs) - 1)]
        dtype = _told(operands) if place == 0 else None
        dtype = bound.get(formal.variable) if dtype is None else dtype
        if dtype is None:
            # What is left is of one dtype by definition, or a statistic, which is float32 unless bfloat16.
            only = next(iter(formal.spellings)) if len(formal.spellings) == 1 else "tensor(float)"
            dtype = np.dtype(_SPELLINGS[only])
        found.append(dtype)
    return found


def _bound(operands: Operands, formals: tuple[_Formal, ...]) -> dict[str, np.dtype[Any]]:
    bound: dict[str, np.dtype[Any]] = {}
    for place, value in enumerate(operands.inputs):
        formal = formals[min(place, len(formals) - 1)]
        if value is None:
            if formal.required:
                raise operands.refusal(f"it lacks its input {formal.name!r}")
            continue
        what = f"it reads {shown(operands.node.input[place])} of {_name(value.dtype)} as its {formal.name!r}"
        if _SPELLED.get(value.dtype) not in formal.spellings:
            raise operands.refusal(f"{what}, which is not supported", "Use float32, 8-bit or 32-bit integers.")
        first = bound.setdefault(formal.variable, value.dtype)
        if first != value.dtype:
            raise operands.refusal(f"{what}, beside another of {_name(first)}", "Put a Cast before one of them.")
    return bound


def _name(dtype: np.dtype[Any]) -> str:
    return {"float32": "FLOAT", "float64": "DOUBLE"}.get(dtype.name, dtype.name.upper())


_ATTRIBUTE = {"Cast": "to", "EyeLike": "dtype", "QuantizeLinear": "output_dtype", "DequantizeLinear": "output_dtype"}
"""The attribute that says which dtype the result has."""


def _told(operands: Operands) -> np.dtype[Any] | None:
    """The first output's dtype, where something else than the operands' dtypes decides it."""
    op, attributes = operands.node.op_type, operands.attributes
    if op == "ConstantOfShape":
        return np.dtype(attributes["value"].dtype if "value" in attributes else np.float32)
    element_type = attributes.get(_ATTRIBUTE.get(op, ""))
    if element_type or (op == "Cast" and element_type is not None):
        dtype = dtype_of(element_type)
        if dtype is None:
            raise operands.refusal(
                f"it gives numbers of {name_of(element_type)}", "Use float32, 8-bit or 32-bit integers."
            )
        if op == "QuantizeLinear" and operands.has(2) and operands.value(2).dtype != dtype:
            raise operands.refusal(f"it gives {_name(dtype)} and has a zero point of {_name(operands.value(2).dtype)}")
        return dtype
    if op == "EyeLike":
        return operands.value(0).dtype
    if op == "DequantizeLinear":
        return operands.value(1).dtype
    if op == "QuantizeLinear":
        return operands.value(2).dtype if operands.has(2) else np.dtype(np.uint8)
    return None
