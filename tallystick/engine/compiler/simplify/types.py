"""ONNX's element types and numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

_DTYPES: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
    TensorProto.INT8: "int8",
    TensorProto.INT16: "int16",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.UINT8: "uint8",
    TensorProto.UINT16: "uint16",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.BOOL: "bool",
}
_ELEMENT_TYPES = {np.dtype(name): number for number, name in _DTYPES.items()}


def dtype_of(element_type: int) -> np.dtype[Any] | None:
    """numpy's dtype, or None where the compiler does not handle the type: strings, complex numbers, 4 bits, bfloat16."""
    name = _DTYPES.get(element_type)
    return None if name is None else np.dtype(name)


def element_type_of(dtype: np.dtype[Any]) -> int:
    return _ELEMENT_TYPES[dtype]


def name_of(element_type: int) -> str:
    """ONNX's word for an element type."""
    known = TensorProto.DataType.values()
    return str(TensorProto.DataType.Name(element_type)) if element_type in known else f"type {element_type}"
