"""As much of the protocol-buffers wire format as UnixFS needs: varints and length-delimited fields.

Source: https://protobuf.dev/programming-guides/encoding/. Written out because the bytes are hashed: a library may order or
omit fields as it likes, and a CID may not.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _BYTES = 0, 2
_LARGEST = (1 << 64) - 1


def encode_varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; `value` in 0..2**64-1."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def varint_field(number: int, value: int) -> bytes:
    return encode_varint(number << 3 | _VARINT) + encode_varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    return encode_varint(number << 3 | _BYTES) + encode_varint(len(value)) + value


def read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers with their values, in order. Raises ValueError for a truncated message or another wire type."""
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        number, kind = key >> 3, key & 7
        value, place = _read_varint(message, place)
        if kind == _VARINT:
            yield number, value
        elif kind == _BYTES:
            if place + value > len(message):
                raise ValueError(f"field {number} says {value} bytes where {len(message) - place} are left")
            yield number, message[place : place + value]
            place += value
        else:
            raise ValueError(f"field {number} has wire type {kind}, which nothing here uses")


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("the message ends inside a number")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _LARGEST:
                break
            return value, place
    raise ValueError("a number is longer than 64 bits")
