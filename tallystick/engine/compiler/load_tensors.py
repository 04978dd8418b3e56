"""Tensors of a model file: their dims, and whether the bytes are there that the dims promise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from onnx import TensorProto

from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.refusal import shown
from tallystick.errors import ModelError

MAX_CONSTANT_RANK = 16
"""Of a constant as the file holds it; what the program computes with is held to fewer."""

_BITS = {
    **dict.fromkeys(("FLOAT", "INT32", "UINT32"), 32),
    **dict.fromkeys(("DOUBLE", "INT64", "UINT64", "COMPLEX64"), 64),
    **dict.fromkeys(("FLOAT16", "BFLOAT16", "INT16", "UINT16"), 16),
    **dict.fromkeys(("INT8", "UINT8", "BOOL"), 8),
    "COMPLEX128": 128,
}
_TYPED_FIELDS = {
    "FLOAT": "float_data",
    "COMPLEX64": "float_data",
    "DOUBLE": "double_data",
    "COMPLEX128": "double_data",
    "INT64": "int64_data",
    "UINT64": "uint64_data",
    "UINT32": "uint64_data",
    "STRING": "string_data",
}
_DATA_FIELDS = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


class TensorChecks:
    """Checks the tensors of one file, and brings in those whose data lies beside it.

    Args:
        folder: Where external data may lie; None where the model came as bytes.
        limits: Of one tensor, and of all external data together.
    """

    def __init__(self, folder: Path | None, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._outside_bytes = 0

    def check(self, tensor: TensorProto, owner: str) -> None:
        """Raises ModelError; afterwards the tensor holds its own data, of the right length."""
        name = f"{owner} {shown(tensor.name)}" if tensor.name else owner
        elements = self._elements(tensor, name)
        kind = _kind(tensor, name)
        if tensor.HasField("segment"):
            raise ModelError(f"{name} is a segment of a tensor.", remedy="Save the model with whole tensors.")
        if tensor.data_location == TensorProto.EXTERNAL:
            tensor.raw_data = self._external(tensor, name, elements * _bits(kind, name) // 8)
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]
        held = [field for field in _DATA_FIELDS if len(getattr(tensor, field))]
        if tensor.HasField("raw_data"):
            wanted, found, unit = -(-elements * _bits(kind, name) // 8), len(tensor.raw_data), "bytes"
            if held:
                raise ModelError(f"{name} holds its data twice, as raw_data and as {held[0]}.")
        else:
            field = _TYPED_FIELDS.get(kind, "int32_data")
            wanted = elements * (2 if kind.startswith("COMPLEX") else 1)
            found, unit = len(getattr(tensor, field)), f"entries of {field}"
            if held not in ([], [field]):
                raise ModelError(f"{name} is {kind}, but its data is {held[0]}.")
        if wanted != found:
            raise ModelError(
                f"{name} has dims {list(tensor.dims)} of {kind}, which take {wanted:,} {unit}; the file has {found:,}.",
                remedy="Export the file again.",
            )

    def _elements(self, tensor: TensorProto, name: str) -> int:
        dims = list(tensor.dims)
        if len(dims) > MAX_CONSTANT_RANK:
            raise ModelError(f"{name} has {len(dims)} dims; at most {MAX_CONSTANT_RANK} are taken.")
        if any(dim < 0 for dim in dims):
            raise ModelError(f"{name} has a negative dim: {dims}.", remedy="Export the file again.")
        # Each dim is bounded too, so that a dim of 0 does not hide the others.
        elements: int = math.prod(dims)
        if max(elements, *dims, 0) > self._limits.elements:
            raise ModelError(f"{name} has dims {dims}; a tensor may have {self._limits.elements:,} elements.")
        return elements

    def _external(self, tensor: TensorProto, name: str, wanted: int) -> bytes:
        told = {entry.key: entry.value for entry in tensor.external_data}
        place = self._inside(told.get("location", ""), name)
        offset, length = _number(told, "offset", 0, name), _number(told, "length", wanted, name)
        if length != wanted:
            raise ModelError(f"{name} has dims {list(tensor.dims)}, which take {wanted:,} bytes, not {length:,}.")
        size = place.stat().st_size
        if offset + length > size:
            raise ModelError(f"{name} is bytes {offset:,} to {offset + length:,} of {place.name}, which has {size:,}.")
        self._outside_bytes += length
        if self._outside_bytes > self._limits.file_bytes:
            raise ModelError(f"The external data are more than {self._limits.file_bytes:,} bytes together.")
        with place.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def _inside(self, location: str, name: str) -> Path:
        """The file that an external tensor names. Only one below the model's own folder, links followed, is read."""
        if self._folder is None:
            raise ModelError(
                f"{name} lies in another file, {shown(location)}, and the model came as bytes.",
                remedy="Give the path of the .onnx file, or save it with its data inside.",
            )
        folder = self._folder.resolve()
        try:
            place = (folder / location).resolve()
            inside = bool(location) and place.is_relative_to(folder) and place.is_file()
        except (OSError, ValueError, RuntimeError):
            inside = False
        if not inside:
            raise ModelError(
                f"{name} lies in {shown(location)}, which is no file in the model's folder.",
                remedy="Put the file that the export wrote beside the .onnx file.",
            )
        return place


def _kind(tensor: TensorProto, name: str) -> str:
    try:
        kind = str(TensorProto.DataType.Name(tensor.data_type))
    except ValueError:
        raise ModelError(f"{name} has the data type {tensor.data_type}, which ONNX does not know.") from None
    return kind


def _bits(kind: str, name: str) -> int:
    if kind not in _BITS:
        raise ModelError(f"{name} is {kind}, which is not supported.", remedy="Export with float32 or 8-bit integers.")
    return _BITS[kind]


def _number(told: dict[str, str], key: str, default: int, name: str) -> int:
    text = told.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ModelError(f"{name} has the {key} {shown(text)} in its file.")
    return int(text)


def tensors(nodes: Iterable[onnx.NodeProto]) -> Iterator[tuple[TensorProto, str]]:
    """The tensors that are attributes of nodes, each with what to call its owner."""
    for node in nodes:
        for attribute in node.attribute:
            held = [attribute.t] if attribute.HasField("t") else []
            for tensor in (*held, *attribute.tensors):
                yield tensor, f"The attribute {shown(attribute.name)} of {node.op_type} {shown(node.name)}"


def check_input(value: onnx.ValueInfoProto, limits: Limits) -> None:
    """Raises ModelError for a dim that is not above zero, or for dims that make too many elements."""
    dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim if dim.HasField("dim_value")]
    if any(dim < 1 for dim in dims):
        raise ModelError(
            f"The input {shown(value.name)} has a dim of {min(dims)}.",
            remedy="Give a dim that varies a name instead, and its size when compiling.",
        )
    if len(dims) > MAX_CONSTANT_RANK or math.prod(dims) > limits.elements:
        dims = dims[:MAX_CONSTANT_RANK]
        raise ModelError(f"The input {shown(value.name)} has dims {dims}, over {limits.elements:,} elements.")
