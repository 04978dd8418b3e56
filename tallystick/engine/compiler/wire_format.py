"""A walk over a file's protobuf fields before anything is parsed: counts, depth and lengths, in constant memory.

Parsing turns two bytes into an object of a hundred, and follows nesting as deep as it goes; so the walk comes first.
"""

from __future__ import annotations

from typing import Any, NoReturn

import onnx

from tallystick.engine.compiler.limits import Limits
from tallystick.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_VARINT_BYTES = 10
_TEXT = "text"


def scan(data: bytes, limits: Limits) -> None:
    """Raises ModelError where the bytes are no complete protobuf of a model, or hold more fields or levels than allowed."""
    kinds: dict[str, dict[int, Any]] = {}
    frames: list[tuple[int, dict[int, Any]]] = [(len(data), _messages(onnx.ModelProto.DESCRIPTOR, kinds))]
    position, fields = 0, 0
    while frames:
        end, messages = frames[-1]
        if position == end:
            frames.pop()
            continue
        fields += 1
        if fields > limits.fields:
            raise ModelError(
                f"The file has more than {limits.fields:,} protobuf fields.",
                remedy="Write constants as initializers with raw data, and fewer nodes.",
            )
        key, position = _varint(data, position, end)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            _, position = _varint(data, position, end)
        elif wire == _BYTES:
            length, position = _varint(data, position, end)
            if position + length > end:
                _truncated(position, length, end)
            message = messages.get(number)
            if message is None or message is _TEXT:
                if message is _TEXT:
                    _check_text(data, position, length)
                position += length
                continue
            if len(frames) >= limits.depth:
                raise ModelError(f"The file nests messages more than {limits.depth} deep at byte {position}.")
            frames.append((position + length, _messages(message, kinds)))
        elif wire in _FIXED and number:
            position += _FIXED[wire]
            if position > end:
                _truncated(position, 0, end)
        else:
            raise ModelError(
                f"This is no ONNX file: byte {position - 1} is no field of a protobuf.",
                remedy="Give the .onnx file itself, not an archive or a text.",
            )


def _messages(descriptor: Any, kinds: dict[str, dict[int, Any]]) -> dict[int, Any]:
    """Which fields of a message are messages themselves, or text, by number."""
    found = kinds.get(descriptor.full_name)
    if found is None:
        found = {field.number: field.message_type for field in descriptor.fields if field.message_type is not None}
        found |= {field.number: _TEXT for field in descriptor.fields if field.type == field.TYPE_STRING}
        kinds[descriptor.full_name] = found
    return found


def _check_text(data: bytes, position: int, length: int) -> None:
    """The parser hands out names that are no text as bytes, or fails when they are read."""
    try:
        data[position : position + length].decode()
    except UnicodeDecodeError:
        raise ModelError(
            f"This is no ONNX file: the {length:,} bytes at byte {position} should be a name, and are no text.",
            remedy="Fetch or export the file again.",
        ) from None


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    for place in range(position, min(position + _VARINT_BYTES, end)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
    if end - position < _VARINT_BYTES:
        _truncated(position, 1, end)
    raise ModelError(f"This is no ONNX file: the number at byte {position} does not end.")


def _truncated(position: int, length: int, end: int) -> NoReturn:
    raise ModelError(
        f"The file is truncated, or no ONNX file: a field at byte {position} needs {length:,} bytes, "
        f"of which {max(end - position, 0):,} are there.",
        remedy="Fetch or export the file again.",
    )
